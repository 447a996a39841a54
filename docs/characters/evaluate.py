"""Fine-tune on unseen characters: ``python -m docs.characters.evaluate``."""

from __future__ import annotations

import sys
from functools import partial

from ..experiment import evaluate
from .family import CHARACTERS

main = partial(evaluate.main, CHARACTERS)

if __name__ == "__main__":
    sys.exit(main())
