"""Figures of ``metrics.csv``: what happened while training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..methods import METHODS
from .drawing import LOOKS, WIDTH, label_ends

if TYPE_CHECKING:
    from ..evaluate import Run
    from ..metrics import Curve
    from ..networks import Array

#: Points of a learning curve.
WINDOWS = 100

#: Measurements of the angle to either side whose median is drawn: single ones jump.
ASIDE = 5


def windows(losses: list[float], size: int) -> tuple[Array, Array]:
    """The middles and the means of windows; what does not fill the last one is left out."""
    size = min(size, len(losses))
    whole = len(losses) // size * size
    means = np.reshape(losses[:whole], (-1, size)).mean(axis=1)
    return (np.arange(len(means)) + 0.5) * size, means


def named(run: Run, name: str) -> str:
    """A method, with what its loss is taken after, where it adapts."""
    title = run.title(name)
    if name == "reptile":
        return f"{title},\nbefore its last step"
    if not METHODS[name].adapts:
        return title
    return f"{title},\nafter the step{'s' * (run.net.NETWORK.steps > 1)}"


def learning_curve(run: Run, curves: dict[str, Curve]) -> Figure:
    """The training loss, averaged over windows so that the trend shows."""
    figure = Figure(figsize=(WIDTH, 3.2), layout="constrained")
    axes = figure.subplots()
    longest = max(len(curve.losses) for curve in curves.values())
    size = max(1, longest // WINDOWS)
    ends = {}
    for name, curve in curves.items():
        colour, line, *_ = LOOKS[name]
        middles, means = windows(curve.losses, size)
        lone = "o" if len(means) == 1 else ""  # it has no line
        axes.plot(middles, means, marker=lone, color=colour, ls=line, lw=1.6)
        ends[name] = float(means[-1])
    mean = f"\n(mean of {size:,} iterations)" if size > 1 else ""
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10], integer=True))
    axes.set(xlabel="meta-iteration", ylabel=f"training loss{mean}", xlim=(0, longest))
    axes.set_ylim(-0.03 * axes.get_ylim()[1], None)  # a loss near zero is above the axis
    axes.xaxis.set_major_formatter("{x:,.0f}")
    names = {name: named(run, name) for name in curves}
    label_ends(axes, ends, names, gap=0.14)
    return figure


def moving_median(values: list[float]) -> list[float]:
    """The median of each value and of those beside it."""
    return [
        float(np.median(values[max(0, place - ASIDE) : place + ASIDE + 1]))
        for place in range(len(values))
    ]


def angle(run: Run, name: str, curve: Curve) -> Figure:
    """How far the first-order meta-gradient points away from that of second order."""
    figure = Figure(figsize=(WIDTH, 2.8), layout="constrained")
    axes = figure.subplots()
    colour, line, marker, _ = LOOKS[name]
    axes.plot(curve.iterations, curve.angles, marker, color=colour, ms=3, alpha=0.4, mew=0)
    axes.plot(curve.iterations, moving_median(curve.angles), color=colour, ls=line, lw=1.8)
    axes.set(
        xlabel=f"meta-iteration of {run.title(name)} (line: moving median)",
        ylabel="angle between first- and\nsecond-order meta-gradient",
        ylim=(0, None),
    )
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.yaxis.set_major_formatter("{x:g}°")
    return figure
