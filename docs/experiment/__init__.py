"""What every experiment on the generated code shares, whatever its tasks are.

Recipes, methods, training, checkpoints, evaluation, figures and sweeps. All of it takes a
`family.TaskFamily`, which says what is particular to one experiment, and imports none: of this
project only ``generated`` and itself.
"""

import os

# The matrices are small: threads would cost more than they give. Set before numpy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
