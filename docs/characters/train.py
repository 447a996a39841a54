"""Train the methods of a recipe on characters: ``python -m docs.characters.train``."""

from __future__ import annotations

import sys
from functools import partial

from ..experiment import train
from .family import CHARACTERS

main = partial(train.main, CHARACTERS)

if __name__ == "__main__":
    sys.exit(main())
