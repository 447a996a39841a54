"""What the figures of a run are drawn from, and the files that they become."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..command import Refusal
from ..evaluate import EVALUATION, load_run
from ..files import replacing
from ..metrics import read_metrics
from .errors import read_evaluation

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure

    from ..evaluate import Run
    from ..family import TaskFamily
    from ..metrics import Curve
    from .errors import Evaluation


class Material(NamedTuple):
    """A run, its evaluation, and by method what was recorded of its training."""

    run: Run
    evaluation: Evaluation
    curves: dict[str, Curve]


def material(family: TaskFamily, folder: Path) -> Material:
    """Read what the figures of a run are drawn from.

    Raises
    ------
    Refusal
        When a file is missing, malformed or of another run.
    """
    run, path = load_run(family, folder), folder / "metrics.csv"
    curves = read_metrics(path, run.metrics)
    missing = set(run.starts) - set(curves) - {"random"}
    if missing:
        raise Refusal(f"{path} lacks {', '.join(sorted(missing))}; it must be that of this run")
    curves = {name: curve for name, curve in curves.items() if name in run.starts}
    return Material(run, read_evaluation(folder / EVALUATION, run), curves)


def save(figure: Figure, folder: Path, name: str) -> None:
    """Write a figure as PNG and SVG, with one layout for both."""
    for suffix in ("png", "svg"):
        save_as(figure, folder, name, suffix)
        figure.set_layout_engine("none")


def save_as(figure: Figure, folder: Path, name: str, suffix: str, own: bool = True) -> None:
    """Write a figure in one format, without the date or the program that would change it."""
    with replacing(folder / f"{name}.{suffix}", own=own) as file:
        unsigned = {"png": {"Software": None}, "svg": {"Date": None}}[suffix]
        figure.savefig(file, format=suffix, dpi=160, metadata=unsigned)
