"""MAML in PyTorch with every mistake as an argument: it knows nothing of the hypotheses.

The mistakes are made here as people make them. The tests diagnose each, and `trial` what they come
to in company.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .cases import SQUARED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .cases import Case

MEAN = "mean"
REDUCTIONS: dict[str, Callable[[Any], Any]] = {
    MEAN: lambda squares: squares.mean(),
    "rows": lambda squares: squares.mean(1).sum(),
    "outputs": lambda squares: squares.sum(1).mean(),
    "all": lambda squares: squares.sum(),
    "half": lambda squares: squares.mean() / 2,
    "half rows": lambda squares: squares.mean(1).sum() / 2,
    "half outputs": lambda squares: squares.sum(1).mean() / 2,
    "half all": lambda squares: squares.sum() / 2,
    "outputs twice": lambda squares: squares.mean() / squares.shape[1],
    "rows twice": lambda squares: squares.mean() / len(squares),
}

#: What makes each mistake; the order of the gradient comes on top.
MISTAKES: dict[str, dict[str, Any]] = {
    "support and query swapped": {"sets": (2, 3, 0, 1)},
    "outer loss on the support set": {"sets": (0, 1, 0, 1)},
    "biases not adapted": {"adapted": lambda at, _: at % 2 == 0},
    "only the head adapted": {"adapted": lambda at, count: at >= count - 2},
    "outer loss on both sets": {"together": "outer"},
    "adapted on both sets": {"together": "inner"},
    "support gradient added": {"added": "first"},
    "support gradients of all steps added": {"added": "all"},
    "support and query losses after adaptation": {"added": "after"},
    "query losses of all steps": {"all_steps": True},
    "first task only": {"tasks": slice(1)},
    "last task only": {"tasks": slice(-1, None)},
    "first row of the support set only": {"support_rows": slice(1)},
    "first row of the query set only": {"query_rows": slice(1)},
    "only the biases adapted": {"adapted": lambda at, _: at % 2 == 1},
    "only the body adapted": {"adapted": lambda at, count: at < count - 2},
    "first layer detached": {"cut": lambda _: 1},
    "last hidden layer detached": {"cut": lambda layers: layers - 1},
    "errors broadcast": {"broadcast": ("inner", "outer")},
    "errors broadcast in the inner loss": {"broadcast": ("inner",)},
    "errors broadcast in the outer loss": {"broadcast": ("outer",)},
    "fast weights leak to the next task": {"leak": "connected"},
    "every step restarts from the shared weights": {"from_shared": True},
    "one gradient for all steps": {"once": True},
    "inner loss averaged over outputs": {"inner": "outputs twice"},
    "inner loss summed over rows": {"inner": "rows"},
    "inner loss summed over outputs": {"inner": "outputs"},
    "inner loss summed over rows and outputs": {"inner": "all"},
    "inner loss halved": {"inner": "half"},
    "inner loss half a sum over rows": {"inner": "half rows"},
    "inner loss half a sum over outputs": {"inner": "half outputs"},
    "inner loss half a sum over rows and outputs": {"inner": "half all"},
    "inner loss averaged over rows twice": {"inner": "rows twice"},
    "inner loss divided by the number of tasks": {"inner_over_tasks": MEAN},
    "one step more": {"more": 1},
    "one step fewer": {"more": -1},
}
PLANTED: dict[str, dict[str, Any]] = {
    "second order": {},
    "first order": {"order": 1},
    "second order through the last step only": {"order": "last"},
    "second order through the first step only": {"order": "first"},
    "fast weights leak to the next task as constants": {"leak": "detached"},
    "first order, Adam in the inner loop": {"order": 1, "adam": True},
    **MISTAKES,
    **{f"first order, {name}": {**how, "order": 1} for name, how in MISTAKES.items()},
    "joint training": {"outer_weights": "shared"},
    "joint training on the support set": {"outer_weights": "shared", "sets": (0, 1, 0, 1)},
    "Reptile's direction": {"outer_weights": "displacement"},
    "no gradient": {"outer_weights": "detached"},
}


def prepared(data: list[Any], together: str, support: slice, query: slice) -> Iterator[Any]:
    """The sets of every task: some of their rows, or those of both together in one role."""
    import torch

    for X_s, Y_s, X_q, Y_q in zip(*data, strict=True):
        both = torch.cat([X_s, X_q]), torch.cat([Y_s, Y_q])
        adapting = both if together == "inner" else (X_s[support], Y_s[support])
        judging = both if together == "outer" else (X_q[query], Y_q[query])
        yield *adapting, *judging


def moved_by(
    told: dict[int, Any],
    fast: list[Any],
    state: dict[int, Any],
    step: int,
    connected: bool,
    rule: Callable[[Any, int], Any] = lambda g, _: g,
    alpha: float = 1.0,
    momentum: float = 0.0,
    decay: float = 0.0,
    longest: float = float("inf"),
    shrinking: float = 1.0,
    curvature: float = 1.0,
    adam: bool = False,
    nesterov: bool = False,
) -> dict[int, Any]:
    """What an optimiser makes of the gradients of a step; its state goes on to the next."""
    gradient = {at: g for at, g in told.items() if g is not None}
    if decay:
        weights = fast if connected else [w.detach() for w in fast]
        gradient = {at: g + decay * weights[at] for at, g in gradient.items()}
    if longest < float("inf"):
        norm = sum((g**2).sum() for g in gradient.values()) ** 0.5
        gradient = {at: g * (longest / norm).clamp(max=1.0) for at, g in gradient.items()}
    for at, raw in gradient.items():
        g, (m, v) = rule(raw, at), state[at]
        if adam:
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
            unbiased = m / (1 - 0.9 ** (step + 1)), v / (1 - 0.999 ** (step + 1))
            gradient[at] = unbiased[0] / (unbiased[1].sqrt() + 1e-8)
        else:
            m = momentum * m + curvature * g + (1 - curvature) * g.detach()
            gradient[at] = g + momentum * m if nesterov else m
        state[at] = m, v
    return {at: alpha * shrinking**step * g for at, g in gradient.items()}


def torch_gradient(
    case: Case,
    order: Any = 2,
    sets: tuple[int, ...] = (0, 1, 2, 3),
    adapted: Callable[[int, int], bool] = lambda *_: True,
    inner: str = MEAN,
    outer: str = MEAN,
    over_tasks: str = MEAN,
    inner_over_tasks: str = "sum",
    more: int = 0,
    outer_weights: str = "fast",
    dtype: str = "float64",
    together: str = "",
    added: str = "",
    all_steps: bool = False,
    tasks: slice = slice(None),
    support_rows: slice = slice(None),
    query_rows: slice = slice(None),
    cut: Callable[[int], int] = lambda _: 0,
    broadcast: tuple[str, ...] = (),
    leak: str = "",
    from_shared: bool = False,
    once: bool = False,
    **optimiser: Any,
) -> list[Any]:
    """MAML by ``torch.autograd.grad``, with ``create_graph`` where the second order is meant."""
    import torch

    kind = getattr(torch, dtype)
    activation = getattr(torch, case.activation)
    shared = [torch.tensor(w, dtype=kind, requires_grad=True) for w in case.weights]
    layer_cut = cut(len(shared) // 2)

    def loss(weights: Any, X: Any, Y: Any, how: str, role: str = "") -> Any:
        for layer, (W, b) in enumerate(zip(weights[:-2:2], weights[1:-2:2], strict=True), 1):
            X = activation(X @ W + b)
            X = X.detach() if layer == layer_cut else X
        Z = X @ weights[-2] + weights[-1]
        if role in broadcast:
            # Every row beside every row's target, for each of the outputs.
            Y, Z = Y[None, :, :], Z[:, None, :]
            if case.loss == SQUARED:
                return ((Z - Y) ** 2).mean()
            return -(Y * torch.log_softmax(Z, -1)).sum(-1).mean()
        if case.loss == SQUARED:
            return REDUCTIONS[how]((Z - Y) ** 2)
        # Of O entries in a row, whose mean is to be the row's loss.
        return REDUCTIONS[how](-Y.shape[1] * Y * torch.log_softmax(Z, 1))

    losses, displacements, extra = [], [], []
    data = [torch.tensor(case.batch[at], dtype=kind) for at in sets]
    fast: Any = shared
    chosen_rows = together, support_rows, query_rows
    for X_s, Y_s, X_q, Y_q in prepared([each[tasks] for each in data], *chosen_rows):
        if leak == "detached":
            # In place: what differs from the shared weights is a constant.
            fast = [w + (f - w).detach() for f, w in zip(fast, shared, strict=True)]
        elif not leak:
            fast = shared
        steps = case.steps + more
        on_the_way, state = [], dict.fromkeys(range(len(shared)), (0.0, 0.0))
        for step in range(steps):
            chosen = [at for at in range(len(fast)) if adapted(at, len(fast))]
            at_weights = shared if once else fast
            support_loss = loss(at_weights, X_s, Y_s, inner, "inner")
            if added == "all" or (added == "first" and step == 0):
                own = torch.autograd.grad(support_loss, at_weights, retain_graph=True)
                extra.append([g / len(data[0]) for g in own])
            gradient = torch.autograd.grad(
                support_loss / (len(data[0]) if inner_over_tasks == MEAN else 1),
                [at_weights[at] for at in chosen],
                create_graph=order == 2
                or (order == "last" and step == steps - 1)
                or (order == "first" and step == 0),
                allow_unused=bool(layer_cut),
                retain_graph=True,
            )
            told = dict(zip(chosen, gradient, strict=True))
            moves = moved_by(told, fast, state, step, order == 2, **optimiser)
            start = shared if from_shared else fast
            fast = [
                w if at not in moves else start[at] - case.alpha * moves[at]
                for at, w in enumerate(fast)
            ]
            on_the_way.append(fast)
        displacements.append(
            [(w.detach() - f.detach()) + 0 * w for w, f in zip(shared, fast, strict=True)]
        )
        used = {
            "fast": fast,
            "shared": shared,
            "displacement": shared,
            "detached": [f.detach() + 0 * w for f, w in zip(fast, shared, strict=True)],
        }[outer_weights]
        query_loss = loss(used, X_q, Y_q, outer, "outer")
        if all_steps:
            each = [loss(weights, X_q, Y_q, outer) for weights in on_the_way]
            query_loss = torch.stack(each).mean()
        if added == "after":
            query_loss = query_loss + loss(used, X_s, Y_s, outer)
        losses.append(query_loss)
    if outer_weights == "displacement":
        return [torch.stack(each).mean(0).detach() for each in zip(*displacements, strict=True)]
    total = torch.stack(losses).sum() / (1 if over_tasks == "sum" else len(losses))
    found = torch.autograd.grad(total, shared, allow_unused=bool(layer_cut))
    whole = [torch.zeros_like(w) if g is None else g for g, w in zip(found, shared, strict=True)]
    return [sum(each) for each in zip(whole, *extra, strict=True)]
