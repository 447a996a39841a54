"""Is it really second order? A diagnosis for anybody's MAML."""

from docs.diagnose.verdict import Verdict, diagnose

__all__ = ["Verdict", "diagnose"]
