"""The parts of the meta-gradient along trainings: ``python -m docs.sinusoid.gauss_newton``."""

from __future__ import annotations

import sys
from functools import partial

from ..experiment import gauss_newton
from .family import SINUSOIDS

main = partial(gauss_newton.main, SINUSOIDS)

if __name__ == "__main__":
    sys.exit(main())
