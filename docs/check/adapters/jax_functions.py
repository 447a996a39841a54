"""MAML in JAX: pure functions of a pytree of weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax


def adapted_by(loss: Callable[..., Any], alpha: float, steps: int = 1) -> Callable[..., Any]:
    """Gradient descent on ``loss(weights, support)``, compiled: it is called hundreds of times."""

    def adapt(weights: Any, support: Any) -> Any:
        for _ in range(steps):
            gradient = jax.grad(loss)(weights, support)
            weights = jax.tree.map(lambda w, g: w - alpha * g, weights, gradient)
        return weights

    compiled: Callable[..., Any] = jax.jit(adapt)
    return compiled


def gradient_of(adapt: Callable[..., Any], loss: Callable[..., Any]) -> Callable[..., Any]:
    """The gradient of the mean query loss after adaptation."""

    def meta_loss(weights: Any, tasks: Any) -> Any:
        return sum(loss(adapt(weights, s), q) for s, q in tasks) / len(tasks)

    found: Callable[..., Any] = jax.grad(meta_loss)
    return found
