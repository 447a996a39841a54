"""MAML in JAX, and what the diagnosis says of it."""

from __future__ import annotations

# --8<-- [start:maml]
import sys
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from . import diagnose


def loss(weights: Any, X: Any, Y: Any, activation: Any) -> Any:
    """The mean squared error of a multilayer perceptron."""
    for W, b in zip(weights[:-2:2], weights[1:-2:2], strict=True):
        X = activation(X @ W + b)
    return jnp.mean((X @ weights[-2] + weights[-1] - Y) ** 2)


def query_loss(
    weights: Any, task: Any, alpha: float, activation: Any, steps: int, stop_gradient: bool
) -> Any:
    """The query loss of a task after inner steps on its support set."""
    X_s, Y_s, X_q, Y_q = task
    for _ in range(steps):
        gradient = jax.grad(loss)(weights, X_s, Y_s, activation)
        if stop_gradient:
            gradient = jax.lax.stop_gradient(gradient)
        weights = [w - alpha * g for w, g in zip(weights, gradient, strict=True)]
    return loss(weights, X_q, Y_q, activation)


# --8<-- [end:maml]


# --8<-- [start:wrapper]
def meta_gradient(
    weights: Any, X_s: Any, Y_s: Any, X_q: Any, Y_q: Any, alpha: float,
    activation: Any = jax.nn.relu, steps: int = 1, stop_gradient: bool = False,
) -> Any:  # fmt: skip
    """What `diagnose` calls: numpy arrays in, arrays that numpy understands out."""

    def meta_loss(shared: Any) -> Any:
        how = alpha, activation, steps, stop_gradient
        each = jax.vmap(lambda *task: query_loss(shared, task, *how))
        return jnp.mean(each(X_s, Y_s, X_q, Y_q))

    return jax.jit(jax.grad(meta_loss))([jnp.asarray(w) for w in weights])


# --8<-- [end:wrapper]


# --8<-- [start:verdict]
def main() -> int:
    """Print the verdicts with and without ``stop_gradient``; exit status 1 if one is wrong."""
    full = diagnose(meta_gradient)
    stopped = diagnose(partial(meta_gradient, stop_gradient=True))
    print(f"as it stands\n\n{full}\n\nwith stop_gradient\n\n{stopped}")
    return 0 if full.right and not stopped.right else 1


if __name__ == "__main__":
    sys.exit(main())
# --8<-- [end:verdict]
