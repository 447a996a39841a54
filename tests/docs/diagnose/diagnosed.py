"""What the tests of the diagnosis share: gradients as files, and verdicts on them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from docs.diagnose.cases import PLANS, Case, cases
from docs.diagnose.compare import judged
from docs.diagnose.hypotheses import HYPOTHESES
from docs.diagnose.reading import found

if TYPE_CHECKING:
    from docs.diagnose.verdict import Verdict

NAMES = [each.name for each in HYPOTHESES]
BY_NAME = dict(zip(NAMES, HYPOTHESES, strict=True))


def saved(folder: Path, gradient: Callable[[Case], Any], names: Any = PLANS, **only: Any) -> Path:
    """A file of gradients, as somebody would make it."""
    arrays = {
        f"{name}/{key}": array
        for name in names
        for key, array in gradient(cases()[name])._asdict().items()
    }
    np.savez(folder / "g.npz", allow_pickle=False, **{**arrays, **only})
    return folder / "g.npz"


def verdict_of(gradient: Callable[[Case], Any], *names: str) -> Verdict:
    """The verdict on what a function of the case returns: its arrays in the usual order."""
    chosen = [cases()[name] for name in names or PLANS]
    named = [dict(zip(c.net.Weights._fields, gradient(c), strict=True)) for c in chosen]
    return judged([found(*each, "") for each in zip(chosen, named, strict=True)])
