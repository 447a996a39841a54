"""The figure of the meta-gradient's parts: their lengths, and what each is worth in angles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from .drawing import PARTS, WIDTH, label_ends

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: In either panel, what is drawn, as which part, and its name.
LENGTHS = {
    "whole": ("whole", "meta-gradient"),
    "first_order": ("first_order", "first order"),
    "gauss_newton": ("gauss_newton", "Gauss-Newton"),
    "residual": ("residual", "residual"),
}
ANGLES = {
    "only_first_order": ("first_order", "first order only"),
    "without_gauss_newton": ("gauss_newton", "without\nGauss-Newton"),
    "without_residual": ("residual", "without\nresidual"),
}


def figure(record: dict[str, Any]) -> Figure:
    """Means over the seeds, and bands from the least of them to the most."""
    drawn = Figure(figsize=(WIDTH, 5.6), layout="constrained")
    above, below = drawn.subplots(2, 1, sharex=True)
    lines(above, record, LENGTHS, gap=0.11)
    lines(below, record, ANGLES, gap=0.17)
    above.set_ylabel("length")
    below.set_ylabel("angle to the\nmeta-gradient")
    below.yaxis.set_major_formatter("{x:g}°")
    below.xaxis.set_major_formatter("{x:,.0f}")
    below.set_xlabel("meta-iteration")
    return drawn


def lines(
    axes: Axes, record: dict[str, Any], shown: dict[str, tuple[str, str]], gap: float
) -> None:
    """A line with its band for each of some quantities, named at its end."""
    iterations = record["iterations"]
    looks = {name: PARTS[part] for name, (part, _) in shown.items()}
    ends = {}
    for name, (colour, line, *_) in looks.items():
        values = np.array(record["by_seed"][name], float)
        mean = values.mean(axis=0)
        axes.fill_between(
            iterations, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.15, lw=0
        )
        axes.plot(iterations, mean, color=colour, ls=line, lw=1.8)
        ends[name] = float(mean[-1])
    # Names may stand above the line that they are names of.
    axes.set(xlim=(0, iterations[-1]), ylim=(0, 1.1 * axes.get_ylim()[1]))
    label_ends(axes, ends, {name: title for name, (_, title) in shown.items()}, gap, looks)
