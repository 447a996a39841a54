"""Implicit MAML: the meta-gradient at the end of adaptation, not through it.

Adaptation minimises ``loss_s(phi) + lam/2 |phi - weights|^2``. How its solution changes with the
weights follows from the Hessian H of the support loss there, whatever steps have led to it: the
meta-gradient is the v that solves ``(I + H / lam) v = gradient of loss_q``. Conjugate gradients
need nothing but products of H with a vector.

References
----------
.. [1] A. Rajeswaran, C. Finn, S. Kakade, S. Levine: Meta-Learning with Implicit Gradients. NeurIPS
       2019, arXiv:1909.04630, algorithm 2.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from .checks import check_alpha, check_penalty, check_steps
from .rows import Array


def _inner(left: Any, right: Any) -> float:
    return sum(float(np.vdot(a, b)) for a, b in zip(left, right, strict=True))


# --8<-- [start:implicit]
def implicit_meta_loss_and_gradient(
    net: Any,
    weights: Any,
    X_s: Array,
    Y_s: Array,
    X_q: Array,
    Y_q: Array,
    alpha: float,
    lam: float,
    steps: int,
) -> tuple[float, Any]:
    """Meta-loss after regularised adaptation, and its implicit gradient [1]_.

    Parameters
    ----------
    net
        A generated package: its `loss_and_gradient` and its `hessian_product`.
    weights
        The network's weights.
    X_s, Y_s
        Support inputs (T, N, D) and targets (T, N, O) of T tasks.
    X_q, Y_q
        Query inputs (T, M, D) and targets (T, M, O) of the same tasks.
    alpha
        Inner step size.
    lam
        Weight of the squared distance from the weights, larger than any negative curvature.
    steps
        Inner gradient steps: as many as adaptation needs to come to rest.

    Returns
    -------
    loss : float
        Mean over tasks of the query loss after adaptation.
    gradient : Weights
        Its gradient with respect to the weights before adaptation.

    Raises
    ------
    ValueError
        When an argument has a wrong shape, dtype or value, or `lam` is 0 or too small.
    """
    alpha, lam, steps = check_alpha(alpha), check_penalty(lam), check_steps(steps)
    if not lam:
        raise ValueError("lam is 0.0; without it, adaptation does not depend on the weights")
    kind, losses = type(weights), []
    total = [np.zeros_like(array) for array in weights]
    for x_s, y_s, x_q, y_q in zip(X_s, Y_s, X_q, Y_q, strict=True):
        phi = weights
        for _ in range(steps):
            _, gradient = net.loss_and_gradient(phi, x_s, y_s)
            parts = zip(phi, gradient, weights, strict=True)
            phi = kind(*(p - alpha * (g + lam * (p - w)) for p, g, w in parts))
        loss, right = net.loss_and_gradient(phi, x_q, y_q)

        def system(v: Any, phi: Any = phi, x: Array = x_s, y: Array = y_s) -> Any:
            product = net.hessian_product(phi, v, x, y)
            return kind(*(each + h / lam for each, h in zip(v, product, strict=True)))

        solution = conjugate_gradients(system, right)
        losses.append(loss)
        for array, part in zip(total, solution, strict=True):
            np.add(array, part / len(X_s), out=array)
    return float(np.mean(losses)), kind(*total)


def conjugate_gradients(system: Callable[[Any], Any], right: Any) -> Any:
    """Solve a symmetric positive definite system of which only products are known.

    Parameters
    ----------
    system
        Multiplies arrays, a NamedTuple, with the matrix.
    right
        The right side, a NamedTuple.

    Returns
    -------
    NamedTuple
        The solution, to as many digits as the arrays have.

    Raises
    ------
    ValueError
        When the system is not positive definite.
    """
    kind, x = type(right), [np.zeros_like(array) for array in right]
    left = [array.copy() for array in right]
    along, size = list(right), _inner(right, right)
    whole = size
    digits = np.finfo(right[0].dtype).eps ** 2
    for _ in range(2 * sum(array.size for array in right)):
        if size <= digits * whole:
            break
        product = system(kind(*along))
        curvature = _inner(along, product)
        if not curvature > 0:
            raise ValueError(
                f"lam is too small: the curvature along a direction is {curvature:.3g}; it must be "
                f"positive"
            )
        step = size / curvature
        for array, move in zip(x, along, strict=True):
            np.add(array, step * move, out=array)
        for array, move in zip(left, product, strict=True):
            np.subtract(array, step * move, out=array)
        after = _inner(left, left)
        along = [rest + after / size * move for rest, move in zip(left, along, strict=True)]
        size = after
    return kind(*x)


# --8<-- [end:implicit]
