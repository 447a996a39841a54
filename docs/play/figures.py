"""The figures that stand where no script runs: ``python -m docs.play.figures``.

They are drawn from the generated functions in Python.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from generated import anil, biases, boil, cavia, linear, meta_sgd, relu2
from generated.runtime.implicit import conjugate_gradients, implicit_meta_loss_and_gradient
from generated.warm_up.scalar import meta_loss_and_gradient

from ..experiment.plot.drawing import BASELINES, FAINT, STYLE, WIDTH
from ..experiment.plot.files import save_as
from ..sinusoid.tasks import GRID, sinusoid

if TYPE_CHECKING:
    from types import ModuleType

    from ..experiment.networks import Array

FOLDER = Path(__file__).parent
SUPPORT, QUERY, STEP, FIRST_ORDER = "#17663f", "#86268a", "#0b5a9e", "#9c4300"
LIVE, GREY = "#6a4c00", "#b9bdc1"


def examples(network: ModuleType) -> dict[str, dict[str, str]]:
    """The numbers of a package's example, by form and name."""
    record = json.loads((Path(str(network.__file__)).parent / "equations.json").read_text("utf-8"))
    return {
        form: {line["name"]: line["example"] for line in record[form]}
        for form in ("derived", "first_order")
    }


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


def samples(
    curvatures: tuple[float, float], turn: float, centre: tuple[float, float]
) -> tuple[Array, Array]:
    """Inputs and targets whose loss has these curvatures along turned axes."""
    cos, sin = np.cos(turn), np.sin(turn)
    X = np.sqrt(curvatures)[:, None] * np.array([[cos, sin], [-sin, cos]])
    return X, X @ np.array(centre)[:, None]


def bowl(at: int) -> tuple[Array, Array]:
    """The inputs and targets of a task with these curvatures."""
    return samples(CURVATURES[at], TURNS[at], CENTRES[at])


def curvature() -> Figure:
    """The chapter's first-order meta-gradient and its meta-gradient, on the support loss."""
    found = examples(linear)
    figure = Figure(figsize=(WIDTH, 3.4), layout="constrained")
    axes = figure.subplots()
    axes.set(xlim=(-8, 8), ylim=(-5, 5), xlabel="first weight", ylabel="second weight")
    angle = np.linspace(0, 2 * np.pi, 200)
    X, _ = samples((9, 1), np.pi / 4, (0, 0))
    for radius in (2, 4, 6):
        axes.plot(
            *np.linalg.solve(X, radius * np.stack([np.cos(angle), np.sin(angle)])),
            color=SUPPORT,
            linewidth=1,
        )
    for form, colour, name in (
        ("first_order", FIRST_ORDER, "first order"),
        ("derived", QUERY, "meta-gradient"),
    ):
        x, y = (float(Fraction(each)) for each in found[form]["W1_bar"].strip("[]").split(";"))
        arrow = {"arrowstyle": "-|>", "color": colour, "linewidth": 2}
        axes.annotate("", xy=(x, y), xytext=(0, 0), arrowprops=arrow)
        axes.text(x + 0.3, y, name, color=colour)
    return figure


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


# --- chapter 18 ---


def family() -> Figure:
    """How many equations the algorithms share with MAML, and how many are their own."""
    members = {
        "MAML": relu2, "ANIL": anil, "BOIL": boil, "biases": biases, "CAVIA": cavia,
        "Meta-SGD": meta_sgd,
    }  # fmt: skip
    lines = {title: code_of(package) for title, package in members.items()}
    common = lines["MAML"]
    figure = Figure(figsize=(WIDTH, 2.6), layout="constrained")
    axes = figure.subplots()
    left = np.zeros(len(members))
    for name, colour, counts in (
        ("as in MAML", GREY, [len(each & common) for each in lines.values()]),
        ("changed or its own", QUERY, [len(each - common) for each in lines.values()]),
    ):
        axes.barh(list(members), counts, left=left, color=colour, label=name)
        left += counts
    axes.invert_yaxis()
    axes.set_xlabel("equations for a task")
    axes.legend(frameon=False, loc="lower right")
    return figure


def code_of(package: Any) -> set[tuple[str, str]]:
    """The equations of a program as derived, each with its line."""
    text = (Path(package.__file__).parent / "equations.json").read_text("utf-8")
    return {(line["name"], line["code"]) for line in json.loads(text)["derived"]}


def directions() -> Figure:
    """Where MAML, first order, Reptile and implicit MAML go from one place."""
    X, Y = (np.stack(arrays) for arrays in zip(bowl(0), bowl(1), strict=True))
    theta, alpha = linear.Weights(np.array([[1.5], [-1.0]])), 0.3
    given = (X, Y, X, Y, alpha)
    fast = np.mean([linear.adapt(theta, *task, alpha).W1 for task in zip(X, Y, strict=True)], 0)
    _, second = linear.meta_loss_and_gradient(theta, *given)
    _, first = linear.first_order_meta_loss_and_gradient(theta, *given)
    _, at_rest = implicit_meta_loss_and_gradient(linear, theta, *given, lam=1.0, steps=400)
    found = {
        "MAML": (QUERY, second.W1),
        "first order": (FIRST_ORDER, first.W1),
        "Reptile": (STEP, theta.W1 - fast),
        "implicit MAML": (LIVE, at_rest.W1),
    }
    figure = Figure(figsize=(WIDTH, 3.6), layout="constrained")
    axes = figure.subplots()
    axes.set(xlim=(-3, 3), ylim=(-3, 3), xlabel="first weight", ylabel="second weight")
    places = np.linspace(-3, 3, 41)
    losses = [
        [linear.meta_loss(linear.Weights(np.array([[x], [y]])), *given) for x in places]
        for y in places
    ]
    axes.contour(places, places, losses, levels=10, colors=GREY, linewidths=1)
    for name, (colour, against) in found.items():
        (x, y), (dx, dy) = theta.W1[:, 0], against[:, 0] / np.hypot(*against[:, 0])
        arrow = {"arrowstyle": "-|>", "color": colour, "linewidth": 2}
        axes.annotate("", xy=(x - 1.5 * dx, y - 1.5 * dy), xytext=(x, y), arrowprops=arrow)
        axes.plot([], [], color=colour, label=name)
    axes.legend(frameon=False, loc="lower right")
    return figure


def implicit() -> Figure:
    """Where the inner loop rests for every weight of the distance."""
    X, Y = samples((2, 0.4), 0.6, (1.1, 0.9))
    theta = linear.Weights(np.array([[-1.9], [-1.2]]))
    _, slope = linear.loss_and_gradient(theta, X, Y)

    def rest(lam: float) -> Array:
        def system(v: Any) -> Any:
            product = linear.hessian_product(theta, v, X, Y)
            return linear.Weights(v.W1 + product.W1 / lam)

        moved: Array = conjugate_gradients(system, linear.Weights(slope.W1 / lam)).W1
        return (theta.W1 - moved)[:, 0]

    figure = Figure(figsize=(WIDTH, 3.6), layout="constrained")
    axes = figure.subplots()
    axes.set(xlim=(-3, 3), ylim=(-2, 2), xlabel="first weight", ylabel="second weight")
    angle = np.linspace(0, 2 * np.pi, 200)
    for radius in (0.4, 1, 1.6, 2.4, 3.2):
        ring = np.linalg.solve(X, radius * np.stack([np.cos(angle), np.sin(angle)]))
        axes.plot(*ring + np.array([[1.1], [0.9]]), color=GREY, linewidth=1)
    axes.plot(*np.transpose([rest(lam) for lam in np.logspace(3, -2, 40)]), ":", color=FAINT)
    for lam in (0.1, 1, 10):
        x, y = rest(lam)
        axes.plot(x, y, "o", color=STEP)
        axes.text(x + 0.1, y - 0.25, f"$\\lambda = {lam:g}$", color=STEP)
    axes.plot(*theta.W1[:, 0], "o", color=QUERY)
    axes.text(theta.W1[0, 0] - 0.2, theta.W1[1, 0] - 0.35, "$\\theta$", color=QUERY)
    return figure


# --- chapter 1 ---


def quiz() -> Figure:
    """A few points of a sinusoid, and what two networks make of them."""
    X = np.array([-4.6, -3.1, -1.2, 0.9, 4.4], "float32")[:, None]
    return fitted(X, 3.2, 2.1, 2.6)


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
    return fitted(X, 3, 1, 3.4)


def fitted(X: Array, amplitude: float, phase: float, height: float) -> Figure:
    """A sinusoid, points of it, and both networks before and after a step on them."""
    Y, x = sinusoid(X, amplitude, phase), GRID.astype("float32")
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    axes = figure.subplots()
    axes.set(xlim=(-5, 5), ylim=(-6, 6), xlabel="x", ylabel="y")
    axes.plot(x, sinusoid(x, amplitude, phase), color=FAINT, linestyle=":")
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
    found = examples(relu2)
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


FIGURES = (
    quiz, scalar, curvature, bridge, orders, family, directions, implicit, playground,
)  # fmt: skip


def main() -> None:
    """Draw them all."""
    with mpl.rc_context(STYLE):
        for draw in FIGURES:
            save_as(draw(), FOLDER, draw.__name__, "svg", own=False)
            print(f"wrote docs/play/{draw.__name__}.svg")


if __name__ == "__main__":
    main()
