"""Check a model of your own: what its meta-gradient is, from values of its losses."""

from .function import check
from .verdict import Verdict

__all__ = ["Verdict", "check"]
