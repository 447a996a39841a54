"""Every hypothesis is recognised in gradients of other programs, which know nothing of ours.

The mistakes are made here as people make them, in PyTorch, JAX and `higher`.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from docs.diagnose.cases import PLANS, SQUARED, Case
from docs.diagnose.factors import ONE
from docs.diagnose.families import FAMILIES, Family
from docs.render.code import hand_written
from tests.docs.diagnose.diagnosed import NAMES, verdict_of


def recognised(
    gradient: Callable[[Case], Any], name: str, precision: str = "float64", names: Any = PLANS
) -> None:
    """A gradient of every case is that of a hypothesis, of no other, and of no other length."""
    said = verdict_of(gradient, *names)
    (only,) = said.matches
    assert only.hypothesis.name == name
    assert only.factor is ONE
    accurate = 0 if name == "no gradient" else len(names)
    assert str(said).count(f"to {precision} accuracy") == accurate
    assert said.right == (name == "second order")


# --- the mistakes, as arguments of one honest program ---

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
ALL_MISTAKES: dict[str, dict[str, Any]] = {
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


def test_every_hypothesis_has_a_program() -> None:
    assert set(ALL_MISTAKES) == set(NAMES)


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
    alpha: float = 1.0,
    momentum: float = 0.0,
    decay: float = 0.0,
    longest: float = float("inf"),
    shrinking: float = 1.0,
    curvature: float = 1.0,
    adam: bool = False,
) -> dict[int, Any]:
    """What an optimiser makes of the gradients of a step; its state goes on to the next."""
    gradient = {at: g for at, g in told.items() if g is not None}
    if decay:
        weights = fast if connected else [w.detach() for w in fast]
        gradient = {at: g + decay * weights[at] for at, g in gradient.items()}
    if longest < float("inf"):
        norm = sum((g**2).sum() for g in gradient.values()) ** 0.5
        gradient = {at: g * (longest / norm).clamp(max=1.0) for at, g in gradient.items()}
    for at, g in gradient.items():
        m, v = state[at]
        if adam:
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
            unbiased = m / (1 - 0.9 ** (step + 1)), v / (1 - 0.999 ** (step + 1))
            gradient[at] = unbiased[0] / (unbiased[1].sqrt() + 1e-8)
        else:
            m = gradient[at] = momentum * m + curvature * g + (1 - curvature) * g.detach()
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


@pytest.mark.parametrize("name", NAMES)
def test_torch_autograd(name: str) -> None:
    pytest.importorskip("torch")
    recognised(partial(torch_gradient, **ALL_MISTAKES[name]), name)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "no gradient"])
def test_torch_autograd_in_single_precision(name: str) -> None:
    pytest.importorskip("torch")
    gradient = partial(torch_gradient, **ALL_MISTAKES[name], dtype="float32")
    recognised(gradient, name, "float32", ("one_output", "relu2_5steps"))


#: A free number of each kind: what makes it, and what is said of it.
FREE: dict[str, tuple[dict[str, Any], str]] = {
    "inner step size": ({"alpha": 0.7}, "0.7 alpha"),
    "first order + c (second - first), c": ({"curvature": 0.5}, "0.5"),
    "inner momentum": ({"momentum": 0.6}, "0.6"),
    "inner weight decay": ({"decay": 0.02}, "0.02"),
    "inner gradient clipped to": ({"longest": 1.1}, "1.1"),
    "inner step size shrinking by": ({"shrinking": 0.8}, "0.8"),
}


@pytest.mark.parametrize("family", FAMILIES, ids=lambda each: each.hypothesis.name)
def test_a_free_number_of_torch_is_found(family: Family) -> None:
    pytest.importorskip("torch")
    name = family.hypothesis.name
    how, number = FREE[name.removeprefix("first order, ")]
    order = 1 if name.startswith("first order, ") else 2
    gradient = partial(torch_gradient, **how, order=order, dtype="float32")
    said = verdict_of(gradient, "relu2_5steps")
    (only,) = said.matches
    assert str(only) == f"{name} {number}"
    assert only.factor is ONE
    assert not said.right
    for framework, text in family.hypothesis.remedies:
        assert f"{framework} {text}" in " ".join(str(said).split())


@pytest.mark.parametrize("order", [2, 1])
@pytest.mark.parametrize(
    ("how", "factor"),
    [
        ({"over_tasks": "sum"}, "T"),
        ({"outer": "rows"}, "M"),
        ({"outer": "outputs"}, "O"),
        ({"outer": "all"}, "M O"),
        ({"outer": "all", "over_tasks": "sum"}, "T M O"),
        ({"outer": "half"}, "1 / 2"),
        ({"outer": "half", "over_tasks": "sum"}, "T / 2"),
        ({"outer": "all", "sets": (0, 1, 0, 1)}, "N O"),
        ({"outer": "all", "inner": "all"}, "M O"),
    ],
)
def test_sums_of_torch_are_named(order: int, how: dict[str, Any], factor: str) -> None:
    pytest.importorskip("torch")
    said = verdict_of(partial(torch_gradient, **how, order=order))
    (only,) = said.matches
    assert only.factor.name == factor
    assert only.hypothesis.name.startswith("first order") == (order == 1)
    assert not said.right


def test_the_opposite_sign_of_torch_is_named() -> None:
    pytest.importorskip("torch")
    said = verdict_of(lambda case: [-g for g in torch_gradient(case)])
    (only,) = said.matches
    assert (only.hypothesis.name, only.factor.name) == ("second order", "-1")


def torch_func_gradient(case: Case, order: Any = 2) -> list[Any]:
    """MAML by ``torch.func``, with ``detach`` where the first order is meant."""
    import torch
    from torch.func import grad, vmap

    activation = getattr(torch, case.activation)

    def loss(weights: Any, X: Any, Y: Any) -> Any:
        for W, b in zip(weights[:-2:2], weights[1:-2:2], strict=True):
            X = activation(X @ W + b)
        losses = torch.nn.functional
        measure = losses.mse_loss if case.loss == SQUARED else losses.cross_entropy
        return measure(X @ weights[-2] + weights[-1], Y)

    def task(weights: Any, X_s: Any, Y_s: Any, X_q: Any, Y_q: Any) -> Any:
        for step in range(case.steps):
            gradient = grad(loss)(weights, X_s, Y_s)
            if order == 1 or (order == "last" and step < case.steps - 1):
                gradient = [g.detach() for g in gradient]
            weights = [w - case.alpha * g for w, g in zip(weights, gradient, strict=True)]
        return loss(weights, X_q, Y_q)

    def meta_loss(weights: Any) -> Any:
        return vmap(task, (None, 0, 0, 0, 0))(weights, *map(torch.tensor, case.batch)).mean()

    return list(grad(meta_loss)([torch.tensor(w) for w in case.weights]))


ORDERS = {
    "second order": 2,
    "first order": 1,
    "second order through the last step only": "last",
}


@pytest.mark.parametrize("name", ORDERS)
def test_torch_func(name: str) -> None:
    pytest.importorskip("torch")
    recognised(partial(torch_func_gradient, order=ORDERS[name]), name)


def jax_gradient(case: Case, order: Any = 2) -> list[Any]:
    """MAML in JAX, with ``stop_gradient`` where the first order is meant."""
    import jax
    import jax.numpy as jnp

    activation = {"relu": jax.nn.relu, "tanh": jnp.tanh}[case.activation]

    def loss(weights: Any, X: Any, Y: Any) -> Any:
        for W, b in zip(weights[:-2:2], weights[1:-2:2], strict=True):
            X = activation(X @ W + b)
        Z = X @ weights[-2] + weights[-1]
        if case.loss == SQUARED:
            return jnp.mean((Z - Y) ** 2)
        return -jnp.mean(jnp.sum(Y * jax.nn.log_softmax(Z), 1))

    def task(weights: Any, X_s: Any, Y_s: Any, X_q: Any, Y_q: Any) -> Any:
        for step in range(case.steps):
            if order == "cut" and step > 0:
                weights = jax.lax.stop_gradient(weights)
            gradient = jax.grad(loss)(weights, X_s, Y_s)
            if order == 1 or (order == "last" and step < case.steps - 1):
                gradient = jax.lax.stop_gradient(gradient)
            weights = jax.tree.map(lambda w, g: w - case.alpha * g, weights, gradient)
        return loss(weights, X_q, Y_q)

    def meta_loss(weights: Any) -> Any:
        return jnp.mean(jax.vmap(partial(task, weights))(*case.batch))

    return list(jax.jit(jax.grad(meta_loss))([jnp.asarray(w) for w in case.weights]))


#: JAX takes seconds to compile each of its programs; PyTorch has run all the cases.
OF_JAX = ("cross_entropy", "relu2_5steps")


@pytest.mark.parametrize("name", ORDERS)
def test_jax(name: str) -> None:
    pytest.importorskip("jax")
    recognised(partial(jax_gradient, order=ORDERS[name]), name, "float32", OF_JAX)


def test_cutting_the_weights_between_the_steps_leaves_nothing() -> None:
    pytest.importorskip("jax")
    (only,) = verdict_of(partial(jax_gradient, order="cut"), "relu2_5steps").matches
    assert only.hypothesis.name == "no gradient"


def test_jax_in_double_precision() -> None:
    jax = pytest.importorskip("jax")
    with jax.enable_x64(True):
        recognised(jax_gradient, "second order", names=OF_JAX[:1])


# --- the package `higher`, on a module of PyTorch: its matrices are (out, in) ---


def higher_gradient(case: Case, first_order: bool = False) -> list[Any]:
    """MAML by ``higher``: the gradient at the first weights of the path, or at the last."""
    import higher
    import torch
    from torch import nn

    layers: list[Any] = []
    weights = list(case.weights)
    for W, b in zip(weights[::2], weights[1::2], strict=True):
        layer = nn.Linear(*W.shape, dtype=torch.float64)
        layer.weight.data, layer.bias.data = torch.tensor(W.T), torch.tensor(b[0])
        layers += [layer, {"relu": nn.ReLU, "tanh": nn.Tanh}[case.activation]()]
    model = nn.Sequential(*layers[:-1])
    loss = nn.MSELoss() if case.loss == SQUARED else nn.CrossEntropyLoss()
    optimiser = torch.optim.SGD(model.parameters(), lr=case.alpha)
    totals = [torch.zeros_like(p) for p in model.parameters()]
    for X_s, Y_s, X_q, Y_q in zip(*map(torch.tensor, case.batch), strict=True):
        with higher.innerloop_ctx(model, optimiser) as (fast, steps):
            for _ in range(case.steps):
                steps.step(loss(fast(X_s), Y_s))
            at = list(fast.parameters(time=-1 if first_order else 0))
            own = torch.autograd.grad(loss(fast(X_q), Y_q), at)
        totals = [t + g / len(case.batch.X_s) for t, g in zip(totals, own, strict=True)]
    return totals


@pytest.mark.parametrize("name", ["second order", "first order"])
def test_higher(name: str) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("higher")
    recognised(partial(higher_gradient, first_order=name == "first order"), name)
    assert "(out, in)" in str(verdict_of(higher_gradient))


# --- the wrappers of the page ---


@pytest.mark.parametrize("framework", ["torch", "jax"])
def test_a_wrapper_computes_cases_of_either_activation(framework: str) -> None:
    library = pytest.importorskip(framework)
    wrapper = importlib.import_module(f"docs.diagnose.{framework}_wrapper")
    activations = library if framework == "torch" else library.nn
    precision = "float64" if framework == "torch" else "float32"

    def gradient(case: Case, **how: Any) -> Any:
        activation = getattr(activations, case.activation)
        given = (case.weights, *case.batch, case.alpha)
        return wrapper.meta_gradient(*given, activation=activation, steps=case.steps, **how)

    names = ("tanh2", "relu2_5steps")
    recognised(gradient, "second order", precision, names)
    mistake: dict[str, Any] = {"torch": {"create_graph": False}, "jax": {"stop_gradient": True}}[
        framework
    ]
    recognised(partial(gradient, **mistake), "first order", precision, names)


@pytest.mark.parametrize("framework", ["torch", "jax"])
def test_a_copy_of_what_the_page_shows_runs(
    framework: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip(framework)
    page = Path("docs/diagnose/index.md").read_text(encoding="utf-8")
    name = f"docs/diagnose/{framework}_wrapper.py"
    shown = re.findall(rf"\{{\{{python:{re.escape(name)}:(\w+)\}}\}}", page)
    assert shown
    parts = [hand_written(f"{name}:{each}").partition("\n")[2].rstrip("`") for each in shown]
    assert "from maml_derived.diagnose import diagnose\n" in parts[0]
    copied: dict[str, Any] = {"__name__": "copied"}
    exec("\n".join(parts).replace("maml_derived.", "docs."), copied)
    assert copied["main"]() == 0
    printed = capsys.readouterr().out
    # Both over several steps, so that it is a plain yes.
    assert printed.count("\nrelu2_5steps: ") == 2
    assert printed.count("second order? yes\nthe meta-gradient? yes\n") == 1
    assert printed.count("second order? no\nthe meta-gradient? no: first order\n") == 1
