"""Train the methods of a recipe on sinusoids: ``python -m docs.sinusoid.train``."""

from __future__ import annotations

import sys
from functools import partial

from ..experiment import train
from .family import SINUSOIDS

main = partial(train.main, SINUSOIDS)

if __name__ == "__main__":
    sys.exit(main())
