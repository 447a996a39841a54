"""Fine-tune on unseen sinusoids: ``python -m docs.sinusoid.evaluate``."""

from __future__ import annotations

import sys
from functools import partial

from ..experiment import evaluate
from .family import SINUSOIDS

main = partial(evaluate.main, SINUSOIDS)

if __name__ == "__main__":
    sys.exit(main())
