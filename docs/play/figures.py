"""The figures that stand where no script runs: ``python -m docs.play.figures``.

They are drawn from the generated functions in Python.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from generated import linear, relu2
from generated.warm_up.scalar import meta_loss_and_gradient

from ..experiment.plot.drawing import BASELINES, FAINT, STYLE, WIDTH
from ..experiment.plot.files import save_as
from ..sinusoid.tasks import GRID, sinusoid

if TYPE_CHECKING:
    from ..experiment.networks import Array

FOLDER = Path(__file__).parent
SUPPORT, QUERY, STEP, FIRST_ORDER = "#17663f", "#86268a", "#0b5a9e", "#9c4300"


# --- chapter 2 ---


def scalar() -> Figure:
    """The losses over the weight, the step, and both slopes."""
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
    ends = (fast, support_loss(fast)), (w, support_loss(w))
    axes.annotate("", xy=ends[0], xytext=ends[1], arrowprops=arrow)
    axes.text(3.35, 1.0, "support loss", color=SUPPORT)
    axes.text(2.1, 3.6, "query loss\nafter the step", color=QUERY)
    return figure


# --- chapter 2b ---

#: As in ``bridge.js``: where the tasks have their minima, the curvatures there, and their axes.
CENTRES, CURVATURES, TURNS = ((-1.5, -1), (1.5, 1)), ((3, 0.5), (0.5, 0.8)), (0.3, -0.5)


def bowl(at: int) -> tuple[Array, Array]:
    """The inputs and targets of a task with these curvatures."""
    cos, sin = np.cos(TURNS[at]), np.sin(TURNS[at])
    X = np.sqrt(CURVATURES[at])[:, None] * np.array([[cos, sin], [-sin, cos]])
    return X, X @ np.array(CENTRES[at])[:, None]


def descent(alpha: float) -> Array:
    """The weights on the way of a gradient descent, (steps, 2); with 0 it is joint training."""
    X, Y = (np.stack(arrays) for arrays in zip(bowl(0), bowl(1), strict=True))
    at, path = np.array([[-2.0], [2.0]]), []
    for _ in range(2000):
        path.append(at[:, 0])
        _, gradient = linear.meta_loss_and_gradient(linear.Weights(at), X, Y, X, Y, alpha)
        at = at - 0.1 * gradient.W1
    return np.array(path)


def bridge() -> Figure:
    """Two tasks over two weights, and where joint training and MAML end."""
    figure = Figure(figsize=(WIDTH, 3.6), layout="constrained")
    axes = figure.subplots()
    axes.set(xlim=(-3, 3), ylim=(-3, 3), xlabel="first weight", ylabel="second weight")
    angle = np.linspace(0, 2 * np.pi, 200)
    for at, colour in enumerate((SUPPORT, FIRST_ORDER)):
        for radius in (0.4, 0.9, 1.4):
            round_ = radius * np.stack([np.cos(angle), np.sin(angle)])
            x, y = np.linalg.solve(bowl(at)[0], round_) + np.array(CENTRES[at])[:, None]
            axes.plot(x, y, color=colour, linewidth=1)
    for alpha, colour, style, name in ((0.3, QUERY, "-", "MAML"), (0.0, STEP, "--", "joint")):
        path = descent(alpha)
        axes.plot(*path.T, color=colour, linestyle=style)
        axes.plot(*path[-1], "o", color=colour)
        axes.text(path[-1, 0] - 0.15, path[-1, 1] - 0.4, name, color=colour)
    return figure


# --- the playground ---


def shipped(method: str) -> Any:
    """The weights of the playground."""
    text = (FOLDER / "weights.js").read_text(encoding="utf-8")
    code = re.search(rf'"{method}": numbers\("([^"]+)"\)', text)
    if code is None:
        raise ValueError(f"weights.js has no weights of {method}")
    vector, arrays = np.frombuffer(b64decode(code[1]), "<f4"), []
    for shape in ((1, 40), (1, 40), (40, 40), (1, 40), (40, 1), (1, 1)):
        size = shape[0] * shape[1]
        arrays.append(vector[:size].reshape(shape))
        vector = vector[size:]
    return relu2.Weights(*arrays)


def playground() -> Figure:
    """What MAML and joint training predict before and after a step on ten points."""
    X = np.array([-4.4, -3.6, -2.3, -1.6, -0.7, 0.4, 1.3, 2.2, 3.4, 4.3], "float32")[:, None]
    Y, x = sinusoid(X, 3, 1), GRID.astype("float32")
    figure = Figure(figsize=(WIDTH, 3.4), layout="constrained")
    axes = figure.subplots()
    axes.set(xlim=(-5, 5), ylim=(-6, 6), xlabel="x", ylabel="y")
    axes.plot(x, sinusoid(x, 3, 1), color=FAINT, linestyle=":")
    for method, title in (("maml", "MAML"), ("joint", "joint training")):
        weights, look = shipped(method), BASELINES[method]
        axes.plot(x, relu2.predict(weights, x), color=look.colour, linestyle="--", linewidth=1)
        after = relu2.predict(relu2.adapt(weights, X, Y, 0.01), x)
        axes.plot(x, after, color=look.colour, label=title)
    axes.plot(X, Y, "o", color=SUPPORT)
    axes.legend(frameon=False, loc="lower left")
    return figure


# --- chapter 7 ---


def orders() -> Figure:
    """The entries of the meta-gradient of the small task, and of its first order."""
    record = json.loads((Path(relu2.__file__).parent / "equations.json").read_text("utf-8"))
    found = {
        form: {line["name"]: line["example"] for line in record[form]}
        for form in ("derived", "first_order")
    }
    figure = Figure(figsize=(WIDTH, 2.8), layout="constrained")
    axes = figure.subplots()
    at, ticks = 0, {}
    for name in found["first_order"]:
        whole, first = (
            [float(each) for each in re.findall(r"[-\d.]+", found[form][name])]
            for form in ("derived", "first_order")
        )
        places = np.arange(at, at + len(whole))
        axes.bar(places - 0.2, whole, 0.4, color=QUERY, label="meta-gradient")
        axes.bar(places + 0.2, first, 0.4, color=FIRST_ORDER, label="first order")
        ticks[name.removesuffix("_bar")] = places.mean()
        at += len(whole) + 1
    axes.axhline(0, color=FAINT, linewidth=1)
    axes.set_xticks(list(ticks.values()), list(ticks))
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles[:2], labels[:2], frameon=False, loc="lower left")
    return figure


def main() -> None:
    """Draw them all."""
    with mpl.rc_context(STYLE):
        for draw in (scalar, bridge, orders, playground):
            save_as(draw(), FOLDER, draw.__name__, "svg", own=False)
            print(f"wrote docs/play/{draw.__name__}.svg")


if __name__ == "__main__":
    main()
