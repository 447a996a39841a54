"""Draw the figures of a run."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from docs.sinusoid.animation import adaptation, filmstrip
from docs.sinusoid.command import (
    Refusal,
    parser,
    read_json,
    status,
    writable,
    write_text,
)
from docs.sinusoid.curves import angle, learning_curve
from docs.sinusoid.drawing import (
    LOOKS,
    STYLE,
    WIDTH,
    error_line,
    label_ends,
    save,
    save_as,
)
from docs.sinusoid.error_map import error_map
from docs.sinusoid.evaluate import STEPS, digest, load_run
from docs.sinusoid.examples import example, fit, key, shown
from docs.sinusoid.half_range import half_range
from docs.sinusoid.metrics import read_metrics
from docs.sinusoid.statistics import DIVERGED

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from matplotlib.axes import Axes

    from docs.sinusoid.evaluate import Run
    from docs.sinusoid.metrics import Curve
    from docs.sinusoid.statistics import Summary

__all__ = ["STYLE", "main", "run"]

#: Where the number of tasks, and what was measured, may be read from.
MADE_BY = "python -m docs.sinusoid.evaluate"


class Evaluation(NamedTuple):
    """What is drawn of ``evaluation.json``.

    Attributes
    ----------
    tasks
        How many unseen sinusoids.
    by_points
        By number of support points, the fewest first: by start, its errors.
    """

    tasks: int
    by_points: dict[int, dict[str, Summary]]


# --8<-- [start:fits]
def fits(run: Run, seed: int) -> Figure:
    """One unseen sinusoid: its support points, and predictions before and after fine-tuning."""
    task, starts = example(run, seed), shown(run, 3)
    figure = Figure(figsize=(WIDTH, 3), layout="constrained")
    panels = figure.subplots(1, len(starts), sharex=True, sharey=True, squeeze=False)[0]
    for panel, start in zip(panels, starts, strict=True):
        fit(panel, run, start, task)
    panels[0].set_ylabel("y")
    key(figure, task)
    return figure


# --8<-- [end:fits]


# --8<-- [start:error_by_step]
def error_by_step(run: Run, evaluation: Evaluation) -> Figure:
    """The error on unseen sinusoids against gradient steps, a panel a number of support points."""
    rows, columns = -(-len(evaluation.by_points) // 2), min(2, len(evaluation.by_points))
    figure = Figure(figsize=(WIDTH, 0.6 + 2.8 * rows), layout="constrained")
    panels = list(figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flat)
    for panel, (points, methods) in zip(panels, evaluation.by_points.items(), strict=False):
        for start, record in methods.items():
            if start == "oracle":
                # It is told the task: steps on support points can only lead it away.
                at, (colour, line, *_) = record["capped"][0], LOOKS["oracle"]
                panel.axhline(at, color=colour, ls=line, lw=1)
            else:
                error_line(panel, run.kind(start), record)
        panel.set_title(f"{points} support points")
    figure.supylabel(f"mean squared error\n(a task counts at most {DIVERGED:g})", fontsize=10)
    note = f"gradient steps on each of {evaluation.tasks:,} unseen sinusoids"
    figure.supxlabel(note + hollow(evaluation), fontsize=10)
    name_lines(run, panels, evaluation)
    return figure


# --8<-- [end:error_by_step]


def hollow(evaluation: Evaluation) -> str:
    """What a hollow marker means, where there is one."""
    some = any(
        start != "oracle" and any(record["diverged"])
        for methods in evaluation.by_points.values()
        for start, record in methods.items()
    )
    return f"\n(hollow: some of them diverged, with an error above {DIVERGED:g})" if some else ""


def name_lines(run: Run, panels: list[Axes], evaluation: Evaluation) -> None:
    """Name the lines at the right of the first row, and hide what has no data."""
    drawn = list(evaluation.by_points.values())
    top = max(panel.get_ylim()[1] for panel in panels)
    panels[0].set(ylim=(-0.03 * top, top), xticks=range(0, STEPS + 1, 2))
    last = min(2, len(drawn)) - 1
    ends, names = {}, {}
    for start, record in drawn[last].items():
        kind, at = run.kind(start), 0 if start == "oracle" else -1
        ends[kind] = float(record["capped"][at] or 0)
        names[kind] = run.title(start) + (", told the task" if start == "oracle" else "")
    label_ends(panels[last], ends, names)
    for panel in panels[len(drawn) :]:
        panel.axis("off")


def read_evaluation(path: Path, run: Run) -> Evaluation:
    """Read what was measured.

    Raises
    ------
    Refusal
        When the file is missing or malformed, or is of another run.
    """
    record = read_json(path, {"methods", "other_points", "points", "tasks", "weights"}, MADE_BY)
    if record["weights"] != digest(run):
        raise Refusal(f"{path} is of other weights; it must be made again by {MADE_BY}")
    try:
        by_points = {int(record["points"]): record["methods"]}
        by_points |= {int(points): found for points, found in record["other_points"].items()}
        for methods in by_points.values():
            if set(methods) != set(run.starts):
                raise Refusal(
                    f"{path} has not the methods of this run; it must be as {MADE_BY} makes it"
                )
            shapes = {
                np.array(found[name], float).shape
                for found in methods.values()
                for name in ("capped", "capped_ci95", "diverged")
            }
            if shapes != {(STEPS + 1,)}:
                raise ValueError
        return Evaluation(int(record["tasks"]), dict(sorted(by_points.items())))
    except (AttributeError, KeyError, TypeError, ValueError):
        raise Refusal(f"{path} is malformed; it must be as {MADE_BY} makes it") from None


def drawn(run: Run, evaluation: Evaluation, curves: dict[str, Curve], seed: int) -> dict[str, Any]:
    """The figures that a run has, by name."""
    figures = {
        "fits": fits(run, seed),
        "error_by_step": error_by_step(run, evaluation),
        "learning_curve": learning_curve(run, curves),
        "half_range": half_range(run, seed),
        "error_map": error_map(run, seed),
    }
    if "maml" in curves:
        figures["angle"] = angle(run, curves["maml"])
    return figures


def run(options: argparse.Namespace, seed: int) -> int:
    """Draw the figures of a run; the exit status."""
    loaded = load_run(options.run)
    curves = read_metrics(options.run / "metrics.csv")
    missing = set(loaded.starts) - set(curves) - {"random"}
    if missing:
        raise Refusal(f"{options.run / 'metrics.csv'} lacks {', '.join(sorted(missing))}")
    curves = {name: curve for name, curve in curves.items() if name in loaded.starts}
    evaluation = read_evaluation(options.run / "evaluation.json", loaded)
    folder = writable(options.run / "figures")
    with mpl.rc_context(STYLE):
        figures = drawn(loaded, evaluation, curves, seed)
        for name, figure in figures.items():
            save(figure, folder, name)
        save_as(filmstrip(loaded, seed), folder, "adaptation", "png")
    write_text(folder / "adaptation.svg", adaptation(loaded, seed))
    for suffix in ("png", "svg"):  # of an earlier run in this folder
        for name in {"angle"} - set(figures):
            (folder / f"{name}.{suffix}").unlink(missing_ok=True)
    print(f"wrote {folder}/: {', '.join([*figures, 'adaptation'])} (.png, .svg)")
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Run ``python -m docs.sinusoid.plot``."""
    options = parser(".plot", "Draw the figures of a run.")

    def command() -> int:
        read = options.parse_args(arguments)
        return run(read, read.seed)

    return status(command)


if __name__ == "__main__":
    sys.exit(main())
