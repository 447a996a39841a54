"""The sinusoid experiment: few-shot regression with generated gradients."""

import os

# The matrices are small: threads would cost more than they give. Set before numpy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
