"""MAML by learn2learn: a training for `docs.check.adapters.torch_module.gradient_in`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import learn2learn


def training(
    criterion: Callable[..., Any], alpha: float, steps: int = 1, first_order: bool = False
) -> Callable[[Any, Any], None]:
    """A meta-batch up to ``.grad``."""

    def train(module: Any, tasks: Any) -> None:
        maml = learn2learn.algorithms.MAML(module, lr=alpha, first_order=first_order)
        for (X_s, Y_s), (X_q, Y_q) in tasks:
            learner = maml.clone()
            for _ in range(steps):
                learner.adapt(criterion(learner(X_s), Y_s))
            (criterion(learner(X_q), Y_q) / len(tasks)).backward()

    return train
