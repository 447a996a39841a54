"""Many runs on characters: ``python -m docs.characters.sweep``."""

from __future__ import annotations

import sys
from functools import partial

from ...experiment.sweep import runs
from ..family import CHARACTERS

main = partial(runs.main, CHARACTERS)

if __name__ == "__main__":
    sys.exit(main())
