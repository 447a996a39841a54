"""What the figures show of a run: an unseen task, and predictions for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ...experiment.methods import METHODS
from ...experiment.plot.drawing import FAINT, INK, LOOKS, WIDTH
from ...experiment.randomness import stream
from .. import tasks
from ..family import SINUSOIDS
from ..tasks import GRID, INPUTS, PHASE, within

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import SubFigure

    from ...experiment.evaluate import Run
    from ...experiment.networks import Array

#: Of a shown task: with less the differences between methods would not show.
AMPLITUDE = (2.5, 4.5)

#: Predictions are cut off here, far outside of any panel: one that diverges cannot be drawn.
FAR = 100.0


#: By gradient steps, dashes and width: as in the papers. Where one method has a panel of its own,
#: dashes need not tell methods apart.
STEP_LINES = {0: (":", 1.4), 1: ("--", 1.4), 10: ("-", 2.0)}


class Example(NamedTuple):
    """An unseen task with support points.

    Attributes
    ----------
    amplitude, phase
        Of the sinusoid.
    X_s, Y_s
        Support points, (N, 1).
    X, Y
        Where predictions are compared with the sinusoid, (100, 1).
    """

    amplitude: float
    phase: float
    X_s: Array
    Y_s: Array
    X: Array
    Y: Array


def example(run: Run, seed: int, inputs: tuple[float, float] = INPUTS) -> Example:
    """Draw the task to show; sinusoid and draw are the same wherever the `inputs` lie."""
    rng = stream(seed, 3)
    amplitude, phase = rng.uniform(*AMPLITUDE), rng.uniform(*PHASE)
    X_s = within(inputs, rng.random((run.recipe.shots, 1))).astype(run.dtype)
    X = GRID.astype(run.dtype)
    Y_s, Y = (tasks.sinusoid(each, amplitude, phase).astype(run.dtype) for each in (X_s, X))
    return Example(amplitude, phase, X_s, Y_s, X, Y)


def shown(run: Run, most: int) -> list[str]:
    """Which starts have a panel: MAML, joint training, Reptile, random weights; the first `most`.

    Every other method that adapts stands where MAML does.

    Where there are three, one of them is what nothing has been learned for. The oracle needs
    other inputs than the rest.
    """
    adapting = [name for name, method in METHODS.items() if method.adapts]
    trained = [name for name in (*adapting, "joint", "reptile") if name in run.starts]
    return [*trained[: max(2, most - 1)], "random"][:most]


def predictions(run: Run, start: str, task: Example, steps: tuple[int, ...]) -> list[Array]:
    """What a start predicts for a task after so many gradient steps on its support points."""
    found = []
    with np.errstate(over="ignore", invalid="ignore"):
        for count in steps:
            adapted = run.fine_tuned(start, task.X_s, task.Y_s, count)
            found.append(np.clip(run.net.predict(adapted, task.X), -FAR, FAR))
    return found


def fit(axes: Axes, run: Run, start: str, task: Example) -> None:
    """What a start predicts for a task: before any step, after one, after ten."""
    axes.plot(task.X, task.Y, color=INK, lw=1)
    axes.plot(task.X_s, task.Y_s, "o", color=INK, ms=4)
    look = LOOKS[start]
    for Y, (line, width) in zip(
        predictions(run, start, task, tuple(STEP_LINES)), STEP_LINES.values(), strict=True
    ):
        axes.plot(task.X, Y, line, color=look.colour, lw=width)
    axes.set_title(run.title(start), color=look.ink)
    axes.set(xlabel="x", ylim=(-6, 6))


def key(figure: Figure | SubFigure, task: Example) -> None:
    """What the lines of `fit` mean, below the panels; in grey, as it is so in every colour."""
    meaning = {
        "true sinusoid": Line2D([], [], color=INK, lw=1),
        SINUSOIDS.amount(len(task.X_s)): Line2D([], [], color=INK, ls="", marker="o", ms=4),
    }
    for steps, (line, width) in STEP_LINES.items():
        name = {0: "before", 1: "1 step"}.get(steps, f"{steps} steps")
        meaning[name] = Line2D([], [], color=FAINT, ls=line, lw=width)
    place: Any = "outside lower center"
    figure.legend(meaning.values(), meaning, loc=place, ncols=5, frameon=False, handlelength=2.2)


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
