"""Is it really second order? A diagnosis for anybody's MAML."""

from docs.diagnose.function import diagnose
from docs.diagnose.verdict import Verdict

__all__ = ["Verdict", "diagnose"]
