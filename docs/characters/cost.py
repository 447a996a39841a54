"""Measure what the trainings on characters cost: ``python -m docs.characters.cost``."""

from __future__ import annotations

import sys
from functools import partial

from ..experiment import cost
from .family import CHARACTERS

main = partial(cost.main, CHARACTERS)

if __name__ == "__main__":
    sys.exit(main())
