"""Measure what the trainings on sinusoids cost: ``python -m docs.sinusoid.cost``."""

from __future__ import annotations

import sys
from functools import partial

from ..experiment import cost
from .family import SINUSOIDS

main = partial(cost.main, SINUSOIDS)

if __name__ == "__main__":
    sys.exit(main())
