"""A package that was derived with a command of its own, trained: ``python -m docs.own_network``.

python -m docs.own_network somewhere/    trains the package `mine` there, on classes of points
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from docs.experiment.adam import Adam
from docs.experiment.networks import initial_weights
from docs.experiment.randomness import stream

if TYPE_CHECKING:
    from collections.abc import Sequence


# --8<-- [start:tasks]
def tasks_of(rng: np.random.Generator, tasks: int, rows: int) -> tuple[Any, ...]:
    """Draw tasks: three centres in the plane each, and points around them with their numbers.

    Returns
    -------
    X_s, Y_s, X_q, Y_q
        Support and query points (T, N, 2), and the numbers of their classes (T, N).
    """
    centres = 2 * rng.normal(size=(tasks, 3, 2))
    drawn: list[Any] = []
    for _ in ("support", "query"):
        classes = np.tile(np.arange(3), (tasks, rows // 3))
        points = np.take_along_axis(centres, classes[..., None], 1)
        drawn += [points + 0.3 * rng.normal(size=points.shape), classes]
    return tuple(drawn)


# --8<-- [end:tasks]


def main(arguments: Sequence[str] | None = None) -> int:
    """Train the package `mine` in a folder, and print how often it names the right class."""
    (folder,) = sys.argv[1:] if arguments is None else arguments
    sys.path.insert(0, folder)

    # --8<-- [start:workspace]
    net: Any = importlib.import_module("mine")
    sizes, dtype = (2, 20, 3), np.dtype(np.float64)
    weights = net.Weights(*initial_weights(net, sizes, stream(0, 0), dtype))
    rates = net.initial_rates(weights, 0.1)
    print("rates", *(f"{name} {array.shape}" for name, array in rates._asdict().items()))

    ws = net.workspace(sizes, tasks=25, shots=6, queries=15, dtype=dtype)
    for own, array in zip((*ws.weights, *ws.rates), (*weights, *rates), strict=True):
        own[:] = array  # views of ws.parameters, one vector
    # --8<-- [end:workspace]

    # --8<-- [start:train]
    adam, rng = Adam(ws.parameters, beta=0.01), stream(0, 1)
    for iteration in range(301):
        X_s, Y_s, X_q, Y_q = tasks_of(rng, 25, 15)
        few = slice(0, 6)  # two points of each class
        loss, _, _ = ws.meta_loss_and_gradient(
            ws.weights, ws.rates, X_s[:, few], Y_s[:, few], X_q, Y_q
        )
        if iteration % 100 == 0:
            print(f"iteration {iteration}: meta-loss {loss:.2f}")
        adam.update(ws.gradient)
    # --8<-- [end:train]

    # --8<-- [start:adapt]
    X_s, Y_s, X_q, Y_q = tasks_of(stream(0, 2), 200, 15)
    right = []
    for task in range(200):
        adapted = net.adapt(ws.weights, ws.rates, X_s[task, few], Y_s[task, few])
        right.append(net.predict(adapted, X_q[task]).argmax(1) == Y_q[task])
    print(f"of unseen tasks, {np.mean(right):.0%} of the points are named right")
    # --8<-- [end:adapt]
    return 0


if __name__ == "__main__":
    sys.exit(main())
