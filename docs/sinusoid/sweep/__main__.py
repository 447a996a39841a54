"""Many runs on sinusoids: ``python -m docs.sinusoid.sweep``."""

from __future__ import annotations

import sys
from functools import partial

from ...experiment.sweep import runs
from ..family import SINUSOIDS

main = partial(runs.main, SINUSOIDS)

if __name__ == "__main__":
    sys.exit(main())
