"""A model of one's own, checked: MAML of a small convolutional network, without create_graph."""

from __future__ import annotations

# --8<-- [start:model]
from typing import Any

import torch
from torch import nn
from torch.func import functional_call

torch.manual_seed(0)
model = nn.Sequential(nn.Conv1d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(24, 5)).double()
weights = dict(model.named_parameters())
tasks = [
    tuple((torch.randn(rows, 1, 8), torch.randint(5, (rows,))) for rows in (5, 7)) for _ in range(3)
]


def loss(weights: Any, batch: Any) -> Any:
    """The cross-entropy of a batch."""
    X, labels = batch
    return nn.functional.cross_entropy(functional_call(model, weights, (X,)), labels)


def adapt(weights: Any, support: Any) -> Any:
    """One inner step."""
    gradient = torch.autograd.grad(loss(weights, support), list(weights.values()))
    return {name: weights[name] - 0.1 * g for name, g in zip(weights, gradient, strict=True)}


def meta_gradient(weights: Any, tasks: Any) -> Any:
    """The gradient that is trained with."""
    total = sum(loss(adapt(weights, support), query) for support, query in tasks) / len(tasks)
    return dict(zip(weights, torch.autograd.grad(total, list(weights.values())), strict=True))


# --8<-- [end:model]
