"""Is it really second order? A diagnosis for anybody's MAML."""

from .function import diagnose
from .verdict import Verdict

__all__ = ["Verdict", "diagnose"]
