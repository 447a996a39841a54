"""The error on unseen tasks, as ``evaluation.json`` has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from matplotlib.figure import Figure

from ..command import Refusal
from ..evaluate import STEPS, digest
from ..files import record_of
from ..methods import told
from ..records import Evaluation as Record
from .drawing import (
    LOOKS,
    WIDTH,
    capped,
    error_line,
    hollow_note,
    label_ends,
)

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

    from ..evaluate import Run
    from ..statistics import Summary


class Evaluation(NamedTuple):
    """What is drawn of ``evaluation.json``.

    Attributes
    ----------
    tasks
        How many unseen ones.
    by_points
        By number of support points, the fewest first: by start, its errors.
    """

    tasks: int
    by_points: dict[int, dict[str, Summary]]


def read_evaluation(path: Path, run: Run) -> Evaluation:
    """Read what was measured.

    Raises
    ------
    Refusal
        When the file is missing or malformed, or is of another run.
    """
    made_by = run.family.command("evaluate")
    record = record_of(path, Record, made_by)
    if record.weights != digest(run):
        raise Refusal(f"{path} is of other weights; it must be made again by {made_by}")
    by_points = {record.points: record.methods}
    by_points |= {int(count): found for count, found in record.other_points.items()}
    if len(record.steps) != STEPS + 1 or any(set(m) != set(run.starts) for m in by_points.values()):
        raise Refusal(
            f"{path} has not the methods and steps of this run; it must be as {made_by} makes it"
        )
    return Evaluation(record.tasks, dict(sorted(by_points.items())))


def error_by_step(run: Run, evaluation: Evaluation) -> Figure:
    """The error on unseen tasks against gradient steps, a panel a number of support points."""
    score = run.family.score
    rows, columns = -(-len(evaluation.by_points) // 2), min(2, len(evaluation.by_points))
    figure = Figure(figsize=(WIDTH, 0.6 + 2.8 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for panel, (count, methods) in zip(panels.flat, evaluation.by_points.items(), strict=False):
        for start, record in methods.items():
            if told(start):
                # Steps on support points can only lead it away from what it knows.
                look = LOOKS[start]
                panel.axhline(record["capped"][0], color=look.colour, ls=look.line, lw=1)
            else:
                error_line(panel, start, record)
        panel.set_title(run.family.amount(count))
    for panel in panels[:, 0]:
        panel.set_ylabel(score.title + capped(score))
    adapted = [
        record
        for methods in evaluation.by_points.values()
        for start, record in methods.items()
        if not told(start)
    ]
    about = f"gradient steps on each of {evaluation.tasks:,} unseen {run.family.tasks}"
    figure.supxlabel(about + hollow_note(adapted, score), fontsize=10)
    name_lines(run, list(panels.flat), evaluation)
    return figure


def name_lines(run: Run, panels: list[Axes], evaluation: Evaluation) -> None:
    """Name the lines at the right of the first row, and take away the panel that has none."""
    drawn = list(evaluation.by_points.values())
    top = max(panel.get_ylim()[1] for panel in panels)
    # The oracle's error is next to nothing; its line stands above the axis.
    panels[0].set(ylim=(-0.03 * top, top), xticks=range(0, STEPS + 1, 2))
    last = min(2, len(drawn)) - 1
    ends, names = {}, {}
    for start, record in drawn[last].items():
        ends[start] = float(record["capped"][0 if told(start) else -1] or 0)
        names[start] = run.title(start) + (", told the task" if told(start) else "")
    label_ends(panels[last], ends, names)
    for empty in range(len(drawn), len(panels)):
        panels[empty].axis("off")
        panels[empty - 2].tick_params(labelbottom=True)
