"""The sinusoid experiment: few-shot regression with generated gradients.

What is particular to sinusoids: their tasks, their recipes, figures of curves, the runs whose
results the site shows, and small modules that are its commands. Imports ``docs.experiment``,
which has everything else and must come before numpy.
"""

from .. import experiment  # noqa: F401
