"""A ``torch.nn.Module``, and a training that leaves the meta-gradient in its ``.grad``."""

from __future__ import annotations

# --8<-- [start:adapter]
import copy
from collections.abc import Callable
from typing import Any

import torch
from torch.func import functional_call


def weights_of(module: Any) -> dict[str, Any]:
    """The parameters by name."""
    return {name: parameter.detach() for name, parameter in module.named_parameters()}


def holding(module: Any, weights: dict[str, Any]) -> Any:
    """A copy of a module whose parameters are the weights themselves, in their precision."""
    (precision,) = {each.dtype for each in weights.values()}
    own = copy.deepcopy(module).to(precision)
    for name, weight in weights.items():
        folder, _, last = name.rpartition(".")
        own.get_submodule(folder)._parameters[last] = weight
    return own


def loss_of(module: Any, criterion: Callable[..., Any]) -> Callable[..., Any]:
    """The loss of a batch (X, Y), in the precision of the weights."""
    copies = {kind: copy.deepcopy(module).to(kind) for kind in (torch.float32, torch.float64)}

    def loss(weights: Any, batch: Any) -> Any:
        X, Y = batch
        own = copies[next(iter(weights.values())).dtype]
        return criterion(functional_call(own, weights, (X,)), Y)

    return loss


def adapted_by(loss: Callable[..., Any], alpha: float, steps: int = 1) -> Callable[..., Any]:
    """Gradient descent on the support loss."""

    def adapt(weights: Any, support: Any) -> Any:
        for _ in range(steps):
            own = list(weights.values())
            gradient = torch.autograd.grad(loss(weights, support), own, create_graph=True)
            moved = [w - alpha * g for w, g in zip(own, gradient, strict=True)]
            weights = dict(zip(weights, moved, strict=True))
        return weights

    return adapt


def gradient_in(module: Any, train: Callable[[Any, Any], object]) -> Callable[..., Any]:
    """What ``train(module, tasks)`` leaves in ``.grad``: all up to the optimiser's step."""

    def meta_gradient(weights: Any, tasks: Any) -> Any:
        train(holding(module, weights), tasks)
        return {name: weight.grad for name, weight in weights.items()}

    return meta_gradient


# --8<-- [end:adapter]
