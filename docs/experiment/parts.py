"""The meta-gradient of one inner step in three parts: first order, Gauss-Newton, residual.

Only functions that a package has are called: rows of a Jacobian are inner gradients, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .angle import degrees
from .family import Batch

if TYPE_CHECKING:
    from .networks import Array, Network, WeightTuple

#: What is said of the meta-gradient and its parts: lengths, and angles in degrees.
LENGTHS = {
    "whole": "length of the meta-gradient",
    "first_order": "of its first order",
    "gauss_newton": "of its Gauss-Newton part",
    "residual": "of its residual part",
}
ANGLES = {
    "only_first_order": "angle to it of the first order alone",
    "without_gauss_newton": "of all but Gauss-Newton",
    "without_residual": "of all but the residual part",
    "between_orders": "angle between first and second order",
    "between_parts": "between Gauss-Newton and residual part",
}


class Parts(NamedTuple):
    """What the meta-gradient is the sum of, each part as one vector.

    With v the gradient of a task's query loss at its fast weights, and
    H = 2/(N O) J.T J + R the Hessian of its support loss, they are means over the tasks.

    Attributes
    ----------
    first_order
        Of v.
    gauss_newton
        Of -alpha 2/(N O) J.T J v: J is the Jacobian of the predictions.
    residual
        Of -alpha R v: R is the curvature of the predictions, weighted by their errors.
    """

    first_order: Array
    gauss_newton: Array
    residual: Array


# --8<-- [start:parts]
def jacobian(net: Network, weights: WeightTuple, X: Array) -> Array:
    """Differentiate each prediction by all weights.

    The gradient of the mean squared error is 2/(N O) J.T times the errors. Where a single
    prediction is too high, by N O / 2, it is a row of J.

    Parameters
    ----------
    net, weights
        Of the mean squared error.
    X
        Inputs (N, D).

    Returns
    -------
    Array
        A row a prediction, (N O, number of weights).
    """
    predictions = net.predict(weights, X)
    rows = []
    for index in np.ndindex(predictions.shape):
        targets = predictions.copy()
        targets[index] -= predictions.size / 2
        rows.append(vector(net.loss_and_gradient(weights, X, targets)[1]))
    return np.array(rows)


def parts(net: Network, weights: WeightTuple, batch: Batch, alpha: float) -> Parts:
    """Take the meta-gradient of a meta-batch apart; the network has one inner step."""
    whole = vector(net.meta_loss_and_gradient(weights, *batch, alpha)[1])
    first_order, gauss_newton = np.zeros_like(whole), np.zeros_like(whole)
    for task in range(len(batch.X_s)):
        alone = Batch(*(array[task : task + 1] for array in batch))
        v = vector(net.first_order_meta_loss_and_gradient(weights, *alone, alpha)[1])
        J = jacobian(net, weights, batch.X_s[task])
        first_order += v
        gauss_newton -= alpha * 2 / len(J) * J.T @ (J @ v)
    first_order /= len(batch.X_s)
    gauss_newton /= len(batch.X_s)
    return Parts(first_order, gauss_newton, whole - first_order - gauss_newton)


# --8<-- [end:parts]


def vector(gradient: WeightTuple) -> Array:
    """A gradient as one vector, layer by layer."""
    return np.concatenate([array.reshape(-1) for array in gradient])


def described(found: Parts) -> dict[str, float]:
    """The `LENGTHS` and the `ANGLES` of one meta-gradient."""
    first_order, gauss_newton, residual = found
    whole = first_order + gauss_newton + residual
    lengths = {"whole": whole, **found._asdict()}
    pairs = {
        "only_first_order": (first_order, whole),
        "without_gauss_newton": (first_order + residual, whole),
        "without_residual": (first_order + gauss_newton, whole),
        "between_orders": (first_order, gauss_newton + residual),
        "between_parts": (gauss_newton, residual),
    }
    return {
        **{name: float(np.linalg.norm(each)) for name, each in lengths.items()},
        **{name: degrees([one], [other]) for name, (one, other) in pairs.items()},
    }
