"""The losses of a case in fifty decimal digits: the same on every machine.

A product of float64 matrices is summed in an order that depends on the processor, and so are its
last digits. Decimal arithmetic rounds the same way everywhere, and with so many digits that the
float64 nearest to its result is the nearest to the true loss. What follows is written without
the generated code, and so checks it, too.
"""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from docs.diagnose.cases import Case
    from docs.experiment.networks import Array

#: Decimals in an array of objects, of which NumPy's types know nothing.
Exact: TypeAlias = Any

DIGITS = 50


def losses(case: Case) -> dict[str, float]:
    """Means over the tasks: the losses of either set before adaptation, and the meta-loss."""
    with localcontext(prec=DIGITS):
        weights = [exact(array) for array in case.weights]
        tasks = [tuple(map(exact, task)) for task in zip(*case.batch, strict=True)]
        alpha = Decimal(case.alpha)
        before_s = [loss(case, weights, X, Y) for X, Y, _, _ in tasks]
        before_q = [loss(case, weights, X, Y) for _, _, X, Y in tasks]
        after = []
        for X_s, Y_s, X_q, Y_q in tasks:
            fast = weights
            for _ in range(case.steps):
                inner = gradient(case, fast, X_s, Y_s)
                fast = [w - alpha * g for w, g in zip(fast, inner, strict=True)]
            after.append(loss(case, fast, X_q, Y_q))
        named = {"support_loss": before_s, "query_loss": before_q, "meta_loss": after}
        return {name: float(sum(values) / len(values)) for name, values in named.items()}


def exact(array: Array) -> Exact:
    """The same numbers as decimals, without rounding."""
    return np.array([Decimal(float(value)) for value in array.flat]).reshape(array.shape)


def activations(case: Case, weights: Sequence[Exact], X: Exact) -> list[Exact]:
    """The inputs, the activations of every hidden layer, the prediction."""
    values = [X]
    for W, b in zip(weights[::2], weights[1::2], strict=True):
        values.append(values[-1] @ W + b)
        if len(values) <= len(weights) // 2:
            values[-1] = _hidden(case.activation, values[-1])
    return values


def _hidden(activation: str, Z: Exact) -> Exact:
    if activation == "relu":
        return Z * (Z > 0)
    # tanh(z) = 1 - 2 / (exp(2 z) + 1)
    doubled = np.frompyfunc(lambda z: (2 * z).exp(), 1, 1)(Z)
    return 1 - 2 / (doubled + 1)


def loss(case: Case, weights: Sequence[Exact], X: Exact, Y: Exact) -> Decimal:
    """The mean of the squared errors over rows and outputs."""
    error = activations(case, weights, X)[-1] - Y
    total: Decimal = (error * error).sum()
    return total / int(error.size)


def gradient(case: Case, weights: Sequence[Exact], X: Exact, Y: Exact) -> list[Exact]:
    """Its gradient, layer by layer from the last."""
    *values, prediction = activations(case, weights, X)
    dZ = 2 * (prediction - Y) / int(Y.size)
    found: list[Exact] = []
    for H, W in zip(values[::-1], weights[-2::-2], strict=True):
        found = [H.T @ dZ, dZ.sum(0, keepdims=True), *found]
        slope = H > 0 if case.activation == "relu" else 1 - H * H
        dZ = dZ @ W.T * slope
    return found
