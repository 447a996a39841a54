"""A check for every function of a package, against an independent network and differences of it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from docs.experiment.gradcheck import central_difference, relative_error

if TYPE_CHECKING:
    from tests.conftest import Problem

ALPHA = 0.05

#: Central differences with a step of 1e-6: 1e-16 / 1e-6 of rounding, 1e-12 of truncation, and a
#: margin for gradients that are small against the loss.
STEP, TOLERANCE = 1e-6, 1e-6


def emitted(module: ModuleType) -> list[str]:
    """The functions that a module defines."""
    functions = inspect.getmembers(module, inspect.isfunction)
    return [name for name, function in functions if function.__module__ == module.__name__]


# --- an independent network, to hold values against ---


ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "relu": lambda z: z * (z > 0),
    "tanh": np.tanh,
    "softplus": lambda z: np.log(1 + np.exp(z)),
}


def plain_predict(net: Any, weights: Sequence[np.ndarray], X: np.ndarray) -> np.ndarray:
    activation = ACTIVATIONS[net.NETWORK.activation]
    named = dict(zip(net.Weights._fields, weights, strict=True))
    last = net.NETWORK.hidden + 1
    H = X
    for layer in range(1, last + 1):
        Z = np.einsum("nd,dl->nl", H, named[f"W{layer}"]) + named.get(f"b{layer}", 0)
        H = activation(Z) if layer < last else Z
    return np.asarray(H)


def plain_loss(net: Any, weights: Any, X: np.ndarray, Y: np.ndarray) -> float:
    return float(np.mean((plain_predict(net, weights, X) - Y) ** 2))


def numeric(loss: Callable[[Any], float], weights: Any) -> Any:
    return central_difference(loss, weights, STEP)


def plain_adapt(net: Any, weights: Any, X: np.ndarray, Y: np.ndarray, steps: int) -> Any:
    for _ in range(steps):
        gradient = net.loss_and_gradient(weights, X, Y)[1]
        weights = net.Weights(*(w - ALPHA * g for w, g in zip(weights, gradient, strict=True)))
    return weights


def plain_meta_loss(net: Any, weights: Any, p: Problem) -> float:
    losses = [
        plain_loss(net, plain_adapt(net, weights, X_s, Y_s, net.NETWORK.steps), X_q, Y_q)
        for X_s, Y_s, X_q, Y_q in zip(*p[1:], strict=True)
    ]
    return float(np.mean(losses))


# --- one check a function; a new function without one fails ---


def check_predict(net: Any, function: Callable[..., Any], p: Problem) -> None:
    expected = plain_predict(net, p.weights, p.X_s[0])
    np.testing.assert_allclose(function(p.weights, p.X_s[0]), expected, rtol=1e-12)


def check_loss(net: Any, function: Callable[..., Any], p: Problem) -> None:
    expected = plain_loss(net, p.weights, p.X_s[0], p.Y_s[0])
    assert function(p.weights, p.X_s[0], p.Y_s[0]) == pytest.approx(expected, rel=1e-12)


def check_loss_and_gradient(net: Any, function: Callable[..., Any], p: Problem) -> None:
    X, Y = p.X_s[0], p.Y_s[0]
    loss, gradient = function(p.weights, X, Y)
    assert loss == pytest.approx(plain_loss(net, p.weights, X, Y), rel=1e-12)
    agree(gradient, numeric(lambda w: plain_loss(net, w, X, Y), p.weights))


def check_hessian_product(net: Any, function: Callable[..., Any], p: Problem) -> None:
    X, Y, rng = p.X_s[0], p.Y_s[0], np.random.default_rng(len(p.X_s))
    direction = net.Weights(*(rng.normal(size=w.shape) for w in p.weights))

    def slope(weights: Any) -> float:
        gradient = net.loss_and_gradient(weights, X, Y)[1]
        return float(sum(np.vdot(g, v) for g, v in zip(gradient, direction, strict=True)))

    agree(function(p.weights, direction, X, Y), numeric(slope, p.weights))


def check_inner_step(net: Any, function: Callable[..., Any], p: Problem) -> None:
    X, Y = p.X_s[0], p.Y_s[0]
    gradient = numeric(lambda w: plain_loss(net, w, X, Y), p.weights)
    fast = function(p.weights, X, Y, ALPHA)
    agree([(w - f) / ALPHA for w, f in zip(p.weights, fast, strict=True)], gradient)


def check_adapt(net: Any, function: Callable[..., Any], p: Problem) -> None:
    X, Y = p.X_s[0], p.Y_s[0]
    check_inner_step(net, function, p)
    expected = plain_adapt(net, p.weights, X, Y, 3)
    for ours, theirs in zip(function(p.weights, X, Y, ALPHA, steps=3), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    same = function(p.weights, X, Y, ALPHA, steps=0)
    assert same is not p.weights
    assert all(map(np.array_equal, same, p.weights))


def check_meta_loss(net: Any, function: Callable[..., Any], p: Problem) -> None:
    expected = plain_meta_loss(net, p.weights, p)
    assert function(*p, ALPHA) == pytest.approx(expected, rel=1e-12)


def check_meta_loss_and_gradient(net: Any, function: Callable[..., Any], p: Problem) -> None:
    loss, gradient = function(*p, ALPHA)
    assert loss == pytest.approx(plain_meta_loss(net, p.weights, p), rel=1e-12)
    agree(gradient, numeric(lambda w: net.meta_loss(w, *p[1:], ALPHA), p.weights))


def check_first_order(net: Any, function: Callable[..., Any], p: Problem) -> None:
    loss, gradient = function(*p, ALPHA)
    assert loss == pytest.approx(plain_meta_loss(net, p.weights, p), rel=1e-12)
    adapted = [
        plain_adapt(net, p.weights, X, Y, net.NETWORK.steps)
        for X, Y in zip(p.X_s, p.Y_s, strict=True)
    ]

    def query_loss(shift: Any) -> float:
        losses = [
            plain_loss(net, [w + d for w, d in zip(weights, shift, strict=True)], X, Y)
            for weights, X, Y in zip(adapted, p.X_q, p.Y_q, strict=True)
        ]
        return float(np.mean(losses))

    agree(gradient, numeric(query_loss, net.Weights(*(np.zeros_like(w) for w in p.weights))))


CHECKS: dict[str, Callable[[Any, Callable[..., Any], Problem], None]] = {
    "predict": check_predict,
    "loss": check_loss,
    "loss_and_gradient": check_loss_and_gradient,
    "hessian_product": check_hessian_product,
    "inner_step": check_inner_step,
    "adapt": check_adapt,
    "meta_loss": check_meta_loss,
    "meta_loss_and_gradient": check_meta_loss_and_gradient,
    "first_order_meta_loss_and_gradient": check_first_order,
}


def agree(found: Sequence[np.ndarray], expected: Any) -> None:
    """Compare gradients, shapes first; the message has the parameter and both norms."""
    for name, ours, theirs in zip(expected._fields, found, expected, strict=True):
        error = relative_error(ours, theirs)
        assert error < TOLERANCE, (
            f"{name}: relative error {error:.1e}, norms {np.linalg.norm(ours):.6g} and "
            f"{np.linalg.norm(theirs):.6g}"
        )
