"""The figures that stand for what can be moved, where no script runs: ``python -m docs.play.figures``.

They are drawn from the same generated functions.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from generated.warm_up.scalar import meta_loss_and_gradient

from ..experiment.plot.drawing import STYLE, WIDTH
from ..experiment.plot.files import save_as

FOLDER = Path(__file__).parent
SUPPORT, QUERY, STEP, FIRST_ORDER = "#17663f", "#86268a", "#0b5a9e", "#9c4300"


def scalar() -> Figure:
    """Chapter 2: the losses over the weight, the step, and both slopes."""
    w, alpha, support, query = 0.5, 0.1, (1.0, 2.0), (2.0, 3.0)
    weights = np.linspace(-1, 4, 201)

    def after_step(at: float) -> tuple[float, float]:
        return meta_loss_and_gradient(at, *support, *query, alpha)

    def support_loss(at: float) -> float:
        # After a step of length zero the query loss of a sample is its loss.
        return meta_loss_and_gradient(at, *support, *support, 0.0)[0]

    fast = w - alpha * meta_loss_and_gradient(w, *support, *support, 0.0)[1]
    loss, slope = after_step(w)
    first_order = meta_loss_and_gradient(fast, *query, *query, 0.0)[1]
    figure = Figure(figsize=(WIDTH, 3.2), layout="constrained")
    axes = figure.subplots()
    axes.set(xlim=(-1, 4), ylim=(0, 10), xlabel="weight", ylabel="loss")
    axes.plot(weights, [support_loss(each) for each in weights], color=SUPPORT)
    axes.plot(weights, [after_step(each)[0] for each in weights], color=QUERY)
    for each, colour, style in ((slope, QUERY, "-"), (first_order, FIRST_ORDER, "--")):
        axes.axline((w, loss), slope=each, color=colour, linestyle=style, linewidth=1)
    arrow = {"arrowstyle": "-|>", "color": STEP, "linewidth": 2}
    ends = {"xy": (fast, support_loss(fast)), "xytext": (w, support_loss(w))}
    axes.annotate("", arrowprops=arrow, **ends)
    axes.text(3.35, 1.0, "support loss", color=SUPPORT)
    axes.text(2.1, 3.6, "query loss\nafter the step", color=QUERY)
    return figure


def main() -> None:
    """Draw them all."""
    with mpl.rc_context(STYLE):
        for draw in (scalar,):
            save_as(draw(), FOLDER, draw.__name__, "svg")
            print(f"wrote docs/play/{draw.__name__}.svg")


if __name__ == "__main__":
    main()
