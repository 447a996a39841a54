"""Support points from one half of the inputs only: the other half has to be inferred."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from ...experiment.evaluate import errors_by_step
from ...experiment.methods import told
from ...experiment.plot.drawing import WIDTH, capped, error_line, hollow_note, label_ends
from ...experiment.statistics import summary
from .. import tasks
from .examples import example, fit, key, shown

if TYPE_CHECKING:
    from matplotlib.figure import SubFigure

    from ...experiment.evaluate import Run
    from ...experiment.statistics import Summary

#: Where the support points lie.
HALF = (tasks.INPUTS[0], 0.0)

#: Unseen tasks that the error is averaged over.
TASKS = 200


def other_half(run: Run, seed: int, count: int) -> dict[str, Summary]:
    """By start, the error by step where there are no support points."""
    X_s, Y_s, X, Y = tasks.unseen(seed, count, run.recipe.shots, run.dtype, inputs=HALF)
    other = tasks.GRID[:, 0] > HALF[1]
    drawn = list(zip(X_s, Y_s, X[:, other], Y[:, other], strict=True))
    found = {}
    with np.errstate(over="ignore", invalid="ignore"):
        for start in run.starts:
            if not told(start):  # that has nothing to infer
                errors = [errors_by_step(run, start, *task) for task in drawn]
                found[start] = summary(np.array(errors), run.family.score)
    return found


def half_range(run: Run, seed: int) -> Figure:
    """Two fits with all support points on the left, and the error on the right."""
    figure = Figure(figsize=(WIDTH, 6), layout="constrained")
    # Each has margins of its own: the names beside the lower panel do not squeeze the upper ones.
    above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=[1.1, 1])[:, 0]
    fits(above, run, seed)
    axes, records = below.subplots(), other_half(run, seed, TASKS)
    for start, record in records.items():
        error_line(axes, start, record)
    axes.set(
        xlabel=f"gradient steps on the shaded half, {TASKS} unseen sinusoids"
        + hollow_note(records.values(), run.family.score),
        ylabel="mean squared error, other half" + capped(run.family.score),
        ylim=(0, None),
    )
    ends = {start: float(record["capped"][-1] or 0) for start, record in records.items()}
    label_ends(axes, ends, {start: run.title(start) for start in records}, gap=0.1)
    return figure


def fits(figure: SubFigure, run: Run, seed: int) -> None:
    """A panel for each of two starts, with the supported half shaded."""
    starts, task = shown(run, 2), example(run, seed, HALF)
    panels = figure.subplots(1, len(starts), sharex=True, sharey=True, squeeze=False)[0]
    for panel, start in zip(panels, starts, strict=True):
        panel.axvspan(*HALF, color="black", alpha=0.08, lw=0)
        fit(panel, run, start, task)
    panels[0].set(ylabel="y", xlim=tasks.INPUTS)
    key(figure, task)
