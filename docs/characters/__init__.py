"""The character experiment: few-shot classification with generated gradients.

What is particular to characters: their images, how tasks are drawn from them, recipes, baselines
without gradients, figures of images, and small modules that are its commands. Imports
``docs.experiment``, which has everything else and must come before numpy.
"""

from .. import experiment  # noqa: F401
