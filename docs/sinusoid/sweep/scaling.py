"""Measure how sweeps scale: ``python -m docs.sinusoid.sweep.scaling``."""

from __future__ import annotations

import sys
from functools import partial

from ...experiment.sweep import scaling
from ..family import SINUSOIDS

main = partial(scaling.main, SINUSOIDS)

if __name__ == "__main__":
    sys.exit(main())
