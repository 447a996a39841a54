"""Where things are kept that can be made again: the user's cache folder."""

from __future__ import annotations

import os
import sys
from pathlib import Path

#: Of this project, in the cache folder of all programs.
NAME = "maml-derived"


def cache() -> Path:
    """The folder, which need not be there yet.

    ``$XDG_CACHE_HOME`` decides where it is set; elsewhere it is where the system has its caches.
    """
    if above := os.environ.get("XDG_CACHE_HOME"):
        return Path(above) / NAME
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / NAME
    return Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache") / NAME
