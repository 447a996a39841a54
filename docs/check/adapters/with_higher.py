"""MAML by `higher`: a training for `docs.check.adapters.torch_module.gradient_in`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import higher
import torch


def training(
    criterion: Callable[..., Any], alpha: float, steps: int = 1, **flags: Any
) -> Callable[[Any, Any], None]:
    """A meta-batch up to ``.grad``.

    Without ``copy_initial_weights=False`` among the flags every gradient is None.
    """

    def train(module: Any, tasks: Any) -> None:
        optimiser = torch.optim.SGD(module.parameters(), lr=alpha)
        for (X_s, Y_s), (X_q, Y_q) in tasks:
            with higher.innerloop_ctx(module, optimiser, **flags) as (fast, inner):
                for _ in range(steps):
                    inner.step(criterion(fast(X_s), Y_s))
                (criterion(fast(X_q), Y_q) / len(tasks)).backward()

    return train
