"""Check the generated gradients: ``python -m docs.sinusoid.gradcheck``."""

from __future__ import annotations

import sys
from functools import partial

from ..experiment import gradcheck
from .family import SINUSOIDS

main = partial(gradcheck.main, SINUSOIDS)

if __name__ == "__main__":
    sys.exit(main())
