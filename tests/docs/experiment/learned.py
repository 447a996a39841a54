"""A package whose rates are learned, written from its definition: slow, and by differences.

A rate for every entry and each of two inner steps, and a multi-step loss, on the network of
`relu1`.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from docs.experiment.gradcheck import central_difference
from docs.experiment.parameters import Parameters
from generated import relu1

STEPS = 2


class Rates(NamedTuple):
    """Of each array, first the steps and then its shape."""

    W1: Any
    b1: Any
    W2: Any
    b2: Any


def initial_rates(weights: Any, alpha: float) -> Rates:
    return Rates(*(np.full((STEPS, *w.shape), alpha, w.dtype) for w in weights))


def way(weights: Any, rates: Any, X_s: Any, Y_s: Any, steps: int) -> list[Any]:
    """The weights before every step and after the last, and the gradients of the steps."""
    reached, gradients = [weights], []
    for step in range(steps):
        gradient = relu1.loss_and_gradient(reached[-1], X_s, Y_s)[1]
        each = (rate[min(step, STEPS - 1)] for rate in rates)
        moved = (w - r * g for w, r, g in zip(reached[-1], each, gradient, strict=True))
        reached.append(relu1.Weights(*moved))
        gradients.append(gradient)
    return [reached, gradients]


def adapt(weights: Any, rates: Any, X_s: Any, Y_s: Any, steps: int = 1) -> Any:
    return way(weights, rates, X_s, Y_s, steps)[0][-1]


def meta_loss(
    weights: Any, rates: Any, X_s: Any, Y_s: Any, X_q: Any, Y_q: Any, omegas: Sequence[float]
) -> float:
    losses = [
        omega * relu1.loss(adapt(weights, rates, x_s, y_s, steps=step), x_q, y_q)
        for x_s, y_s, x_q, y_q in zip(X_s, Y_s, X_q, Y_q, strict=True)
        for step, omega in enumerate(omegas, start=1)
    ]
    return sum(losses) / len(X_s)


def meta_loss_and_gradient(
    weights: Any, rates: Any, X_s: Any, Y_s: Any, X_q: Any, Y_q: Any, omegas: Sequence[float]
) -> tuple[float, Any, Any]:
    assert len(omegas) == STEPS
    data = (X_s, Y_s, X_q, Y_q, omegas)
    return (
        meta_loss(weights, rates, *data),
        central_difference(lambda w: meta_loss(w, rates, *data), weights),
        central_difference(lambda r: meta_loss(weights, r, *data), rates),
    )


def first_order_meta_loss_and_gradient(
    weights: Any, rates: Any, X_s: Any, Y_s: Any, X_q: Any, Y_q: Any, omegas: Sequence[float]
) -> tuple[float, Any, Any]:
    of_weights, of_rates = ([np.zeros_like(a) for a in each] for each in (weights, rates))
    for x_s, y_s, x_q, y_q in zip(X_s, Y_s, X_q, Y_q, strict=True):
        reached, gradients = way(weights, rates, x_s, y_s, STEPS)
        for step, omega in enumerate(omegas, start=1):
            v = relu1.loss_and_gradient(reached[step], x_q, y_q)[1]
            for place, each in enumerate(v):
                of_weights[place] += omega / len(X_s) * each
                for before in range(step):
                    of_rates[place][before] -= omega / len(X_s) * each * gradients[before][place]
    loss = meta_loss(weights, rates, X_s, Y_s, X_q, Y_q, omegas)
    return loss, relu1.Weights(*of_weights), Rates(*of_rates)


class Workspace:
    """One vector with all weights, and then all rates."""

    backend = "numpy"

    def __init__(self, sizes: Sequence[int], *_: int, dtype: Any) -> None:
        D, L1, O = sizes
        shapes = ((D, L1), (1, L1), (L1, O), (1, O))
        like: Any = relu1.Weights(*(np.zeros(shape, dtype) for shape in shapes))
        rates: Any = initial_rates(like, 0.0)
        both = Parameters(like, rates)
        size = sum(array.size for array in both.arrays)
        self.parameters, self.gradient = np.zeros(size, dtype), np.zeros(size, dtype)
        both = both.filled(self.parameters)
        self.weights: Any = both.weights
        self.rates: Any = both.rates
        assert all(np.shares_memory(array, self.parameters) for array in both.arrays)

    def meta_loss_and_gradient(self, weights: Any, rates: Any, *data: Any) -> Any:
        """As of the module; the gradient goes to the vector."""
        assert weights is self.weights
        assert rates is self.rates
        loss, *gradient = meta_loss_and_gradient(weights, rates, *data)
        self.gradient[:] = np.concatenate([a.ravel() for each in gradient for a in each])
        return loss, *gradient


def workspace(sizes: Sequence[int], tasks: int, shots: int, queries: int, dtype: Any) -> Workspace:
    return Workspace(sizes, tasks, shots, queries, dtype=dtype)


def package() -> Any:
    """All of it, as a module that can stand where `relu1` does."""
    made: Any = ModuleType("generated.relu1")
    made.NETWORK = relu1.NETWORK._replace(steps=STEPS, algorithm="recipe")
    for each in (
        *(relu1.predict, relu1.loss, relu1.loss_and_gradient, relu1.Weights),
        *(Rates, initial_rates, adapt, meta_loss, meta_loss_and_gradient),
        *(first_order_meta_loss_and_gradient, workspace),
    ):
        setattr(made, each.__name__, each)
    return made
