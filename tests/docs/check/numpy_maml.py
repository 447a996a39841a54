"""MAML of a small network in numpy, with the gradients of the generated package."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from docs.check import Verdict, check
from generated import tanh2 as net

ALPHA = 0.1
TASKS, SHOTS, QUERIES = 3, 5, 7


class Model(NamedTuple):
    """The three functions, the weights and the tasks."""

    meta_gradient: Callable[..., Any]
    adapt: Callable[..., Any]
    loss: Callable[..., Any]
    weights: Any
    tasks: Any


def adapt(weights: Any, support: Any) -> Any:
    X_s, Y_s = support
    return net.adapt(net.Weights(*weights), X_s, Y_s, ALPHA)


def loss(weights: Any, batch: Any) -> Any:
    X, Y = batch
    return net.loss(net.Weights(*weights), X, Y)


def stacked(tasks: Any) -> list[Any]:
    return [np.stack([task[role][at] for task in tasks]) for role in (0, 1) for at in (0, 1)]


def second_order(weights: Any, tasks: Any) -> Any:
    X_s, Y_s, X_q, Y_q = stacked(tasks)
    return net.meta_loss_and_gradient(net.Weights(*weights), X_s, Y_s, X_q, Y_q, ALPHA)[1]


def first_order(weights: Any, tasks: Any) -> Any:
    X_s, Y_s, X_q, Y_q = stacked(tasks)
    own = net.Weights(*weights)
    return net.first_order_meta_loss_and_gradient(own, X_s, Y_s, X_q, Y_q, ALPHA)[1]


def joint(weights: Any, tasks: Any, role: int = 1) -> Any:
    sets = [task[role] for task in tasks]
    own = [net.loss_and_gradient(net.Weights(*weights), X, Y)[1] for X, Y in sets]
    return net.Weights(*(np.mean(each, axis=0) for each in zip(*own, strict=True)))


def model(meta_gradient: Callable[..., Any] = second_order, dtype: Any = np.float64) -> Model:
    rng = np.random.default_rng(1)
    layers = ((3, 6), (6, 4), (4, 2))
    weights = []
    for above, below in layers:
        weights += [rng.standard_normal((above, below)) / above**0.5, np.zeros((1, below))]

    def batch(rows: int) -> Any:
        return tuple(rng.standard_normal((rows, width)).astype(dtype) for width in (3, 2))

    tasks = [(batch(SHOTS), batch(QUERIES)) for _ in range(TASKS)]
    return Model(
        meta_gradient, adapt, loss, net.Weights(*(w.astype(dtype) for w in weights)), tasks
    )


def checked(meta_gradient: Callable[..., Any], dtype: Any = np.float64) -> Verdict:
    return check(*model(meta_gradient, dtype))
