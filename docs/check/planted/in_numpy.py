"""Codes in numpy: those that are generated, and small faults around them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ...experiment.networks import load_network
from .model import Model, Planted

ALPHA = 0.05
TASKS, SHOTS, QUERIES = 3, 5, 7
LAYERS = {"relu1": (3, 8, 2), "relu2": (3, 8, 6, 2), "tanh2": (3, 8, 6, 2)}


def stacked(tasks: Any) -> list[Any]:
    """The tasks as X_s, Y_s, X_q, Y_q."""
    return [np.stack([task[role][at] for task in tasks]) for role in (0, 1) for at in (0, 1)]


def model(network: str, order: str = "", changed: Callable[..., Any] = lambda g: g) -> Model:
    """A generated network; `changed` is what happens to its meta-gradient."""
    net: Any = load_network(network)
    rng = np.random.default_rng(5)
    sizes = LAYERS[network]
    weights = []
    for above, below in itertools.pairwise(sizes):
        weights += [rng.standard_normal((above, below)) / above**0.5, np.zeros((1, below))]

    def batch(rows: int) -> Any:
        return rng.standard_normal((rows, sizes[0])), rng.standard_normal((rows, sizes[-1]))

    def meta_gradient(weights: Any, tasks: Any) -> Any:
        both = getattr(net, f"{order}meta_loss_and_gradient")
        return net.Weights(*map(changed, both(weights, *stacked(tasks), ALPHA)[1]))

    return Model(
        meta_gradient,
        lambda weights, support: net.adapt(weights, *support, ALPHA),
        lambda weights, b: net.loss(weights, *b),
        net.Weights(*weights),
        [(batch(SHOTS), batch(QUERIES)) for _ in range(TASKS)],
    )


def planted(network: str, code: str, expected: str, **how: Any) -> Planted:
    """A code of a network."""
    return Planted("numpy", network, code, partial(model, network, **how), expected)


RIGHT = [planted(network, "generated", "yes") for network in LAYERS]

FAULTS = [
    planted("relu2", "no second-order terms", "no: first order", order="first_order_"),
    planted("tanh2", "divided by tasks twice", "no: second order, times 1 / T",
            changed=lambda g: g / TASKS),
    planted("relu1", "rounded to half precision", "no: close to second order",
            changed=lambda g: g.astype(np.float16)),
]  # fmt: skip
