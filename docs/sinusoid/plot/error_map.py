"""The test error over all tasks there are: amplitude across, phase up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from ...experiment.plot.drawing import LOOKS, WIDTH
from ...experiment.randomness import stream
from .. import tasks
from .examples import shown

if TYPE_CHECKING:
    from ...experiment.evaluate import Run
    from ...experiment.networks import Array

#: Cells along each side, and draws of support points that a cell is averaged over.
CELLS, DRAWS = 14, 20


def centres(interval: tuple[float, float]) -> Array:
    """The middles of the cells that an interval is divided into."""
    return tasks.within(interval, (np.arange(CELLS) + 0.5) / CELLS)


def draws(run: Run, seed: int) -> Array:
    """The inputs of the support sets, (DRAWS, N, 1): the same for every cell and every start."""
    drawn = stream(seed, 3).random((DRAWS, run.recipe.shots, 1))
    return tasks.within(tasks.INPUTS, drawn)


def cell(run: Run, start: str, amplitude: float, phase: float, inputs: Array) -> float:
    """The error after the steps of the training, averaged over support sets.

    None counts more than `DIVERGED`.
    """
    errors, grid = [], tasks.GRID.astype(run.dtype)
    Y = tasks.sinusoid(grid, amplitude, phase).astype(run.dtype)
    for drawn in inputs:
        X_s = drawn.astype(run.dtype)
        Y_s = tasks.sinusoid(X_s, amplitude, phase).astype(run.dtype)
        adapted = run.fine_tuned(start, X_s, Y_s, run.net.NETWORK.steps)
        errors.append(run.net.loss(adapted, grid, Y))
    return float(np.fmin(errors, tasks.DIVERGED).mean())


def cells(run: Run, start: str, seed: int) -> Array:
    """The error over phases (rows) and amplitudes (columns)."""
    inputs = draws(run, seed)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.array(
            [
                [
                    cell(run, start, amplitude, phase, inputs)
                    for amplitude in centres(tasks.AMPLITUDE)
                ]
                for phase in centres(tasks.PHASE)
            ]
        )


def error_map(run: Run, seed: int) -> Figure:
    """A map for each of two starts, with one colour bar."""
    starts = shown(run, 2)
    maps = [cells(run, start, seed) for start in starts]
    low, high = min(found.min() for found in maps), max(found.max() for found in maps)
    scale = LogNorm(low, max(high, 1.1 * low))
    figure = Figure(figsize=(WIDTH, 3.4), layout="constrained")
    panels = figure.subplots(1, len(starts), sharex=True, sharey=True, squeeze=False)[0]
    for panel, start, found in zip(panels, starts, maps, strict=True):
        # An image of a pixel a cell: as paths, the cells would make the SVG four times as large.
        image = panel.imshow(
            found,
            norm=scale,
            cmap="cividis",
            interpolation="none",
            aspect="auto",
            origin="lower",
            extent=(*tasks.AMPLITUDE, *tasks.PHASE),
        )
        panel.set_title(run.title(start), color=LOOKS[start].ink)
        panel.set(xlabel="amplitude", xticks=[1, 2, 3, 4, 5])
        panel.set_yticks(np.pi * np.arange(5) / 4, ["0", "π/4", "π/2", "3π/4", "π"])
    panels[0].set_ylabel("phase")
    bar = figure.colorbar(image, ax=panels, format="{x:g}")
    steps = run.net.NETWORK.steps
    bar.set_label(f"mean squared error after {'one step' if steps == 1 else f'{steps} steps'}")
    return figure
