"""MAML in PyTorch, and what the diagnosis says of it."""

from __future__ import annotations

# --8<-- [start:maml]
import sys
from functools import partial
from typing import Any

import torch

from . import diagnose


def loss(weights: Any, X: Any, Y: Any, activation: Any) -> Any:
    """The mean squared error of a multilayer perceptron."""
    for W, b in zip(weights[:-2:2], weights[1:-2:2], strict=True):
        X = activation(X @ W + b)
    return torch.mean((X @ weights[-2] + weights[-1] - Y) ** 2)


def query_loss(
    weights: Any, task: Any, alpha: float, activation: Any, steps: int, create_graph: bool
) -> Any:
    """The query loss of a task after inner steps on its support set."""
    X_s, Y_s, X_q, Y_q = task
    for _ in range(steps):
        inner_loss = loss(weights, X_s, Y_s, activation)
        gradient = torch.autograd.grad(inner_loss, weights, create_graph=create_graph)
        weights = [w - alpha * g for w, g in zip(weights, gradient, strict=True)]
    return loss(weights, X_q, Y_q, activation)


# --8<-- [end:maml]


# --8<-- [start:wrapper]
def meta_gradient(
    weights: Any, X_s: Any, Y_s: Any, X_q: Any, Y_q: Any, alpha: float,
    activation: Any = torch.relu, steps: int = 1, create_graph: bool = True,
) -> Any:  # fmt: skip
    """What `diagnose` calls: numpy arrays in, numpy arrays out."""
    shared = [torch.tensor(w, requires_grad=True) for w in weights]
    tasks = zip(*map(torch.tensor, (X_s, Y_s, X_q, Y_q)), strict=True)
    how = alpha, activation, steps, create_graph
    meta_loss = torch.stack([query_loss(shared, task, *how) for task in tasks]).mean()
    return [g.numpy() for g in torch.autograd.grad(meta_loss, shared)]


# --8<-- [end:wrapper]


# --8<-- [start:verdict]
def main() -> int:
    """Print the verdicts with and without ``create_graph``; exit status 1 if one is wrong."""
    with_graph = diagnose(meta_gradient)
    without = diagnose(partial(meta_gradient, create_graph=False))
    print(f"create_graph=True\n\n{with_graph}\n\ncreate_graph=False\n\n{without}")
    return 0 if with_graph.right and not without.right else 1


if __name__ == "__main__":
    sys.exit(main())
# --8<-- [end:verdict]
