"""Check the generated gradients: ``python -m docs.characters.gradcheck``."""

from __future__ import annotations

import sys
from functools import partial

from ..experiment import gradcheck
from .family import CHARACTERS

main = partial(gradcheck.main, CHARACTERS)

if __name__ == "__main__":
    sys.exit(main())
