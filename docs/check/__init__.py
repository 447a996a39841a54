"""Check a model of your own: what its meta-gradient is, from values of its losses."""

from docs.check.function import check
from docs.check.verdict import Verdict

__all__ = ["Verdict", "check"]
