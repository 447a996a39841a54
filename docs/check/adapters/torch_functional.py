"""MAML by ``torch.func``: pure functions of a tree of weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.func import grad
from torch.utils import _pytree as pytree


def adapted_by(loss: Callable[..., Any], alpha: float, steps: int = 1) -> Callable[..., Any]:
    """Gradient descent on ``loss(weights, support)``."""

    def adapt(weights: Any, support: Any) -> Any:
        for _ in range(steps):
            gradient = grad(loss)(weights, support)
            weights = pytree.tree_map(lambda w, g: w - alpha * g, weights, gradient)
        return weights

    return adapt


def gradient_of(adapt: Callable[..., Any], loss: Callable[..., Any]) -> Callable[..., Any]:
    """The gradient of the mean query loss after adaptation."""

    def meta_loss(weights: Any, tasks: Any) -> Any:
        return torch.stack([loss(adapt(weights, s), q) for s, q in tasks]).mean()

    found: Callable[..., Any] = grad(meta_loss)
    return found
