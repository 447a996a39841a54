"""Every hypothesis is recognised in gradients of other programs, which know nothing of ours.

The mistakes are made here as people make them, in PyTorch, JAX and `higher`.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from docs.diagnose import diagnose
from docs.diagnose.cases import PLANS, SQUARED, Case
from docs.diagnose.factors import ONE
from docs.diagnose.families import FAMILIES, Family
from docs.diagnose.planted import PLANTED, torch_gradient
from docs.experiment.command import Refusal
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


def test_every_hypothesis_has_a_program() -> None:
    assert set(PLANTED) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_torch_autograd(name: str) -> None:
    pytest.importorskip("torch")
    recognised(partial(torch_gradient, **PLANTED[name]), name)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "no gradient"])
def test_torch_autograd_in_single_precision(name: str) -> None:
    pytest.importorskip("torch")
    gradient = partial(torch_gradient, **PLANTED[name], dtype="float32")
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

    def held(tree: Any, where: Any) -> Any:
        return jax.tree.map(lambda each: jnp.where(where, jax.lax.stop_gradient(each), each), tree)

    def task(weights: Any, X_s: Any, Y_s: Any, X_q: Any, Y_q: Any) -> Any:
        def step(weights: Any, at: Any) -> Any:
            if order == "cut":
                weights = held(weights, at > 0)
            gradient = jax.grad(loss)(weights, X_s, Y_s)
            if order != 2:
                gradient = held(gradient, order == 1 or at < case.steps - 1)
            return jax.tree.map(lambda w, g: w - case.alpha * g, weights, gradient), None

        fast, _ = jax.lax.scan(step, weights, jnp.arange(case.steps))
        return loss(fast, X_q, Y_q)

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
        said = verdict_of(jax_gradient, OF_JAX[0])
    assert said.right
    assert "to float64 accuracy" in str(said)


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


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({}, "every parameter is None; .* with higher, copy_initial_weights=False"),
        ({"copy_initial_weights": False, "track_higher_grads": False}, "track_higher_grads=True"),
        ({"copy_initial_weights": False}, ""),
    ],
)
def test_the_flags_of_higher(flags: dict[str, bool], message: str) -> None:
    torch = pytest.importorskip("torch")
    higher = pytest.importorskip("higher")

    def gradient(weights: Any, *given: Any) -> list[Any]:
        *data, alpha = given
        layers = [torch.nn.Linear(*W.shape, dtype=torch.float64) for W in weights[::2]]
        for layer, W, b in zip(layers, weights[::2], weights[1::2], strict=True):
            layer.weight.data, layer.bias.data = torch.tensor(W.T), torch.tensor(b[0])
        model = torch.nn.Sequential(
            layers[0], torch.nn.ReLU(), layers[1], torch.nn.ReLU(), layers[2]
        )
        optimiser = torch.optim.SGD(model.parameters(), lr=alpha)
        loss = torch.nn.functional.mse_loss
        for X_s, Y_s, X_q, Y_q in zip(*map(torch.tensor, data), strict=True):
            with higher.innerloop_ctx(model, optimiser, **flags) as (fast, steps):
                steps.step(loss(fast(X_s), Y_s))
                (loss(fast(X_q), Y_q) / len(data[0])).backward()
        return [each.grad for each in model.parameters()]

    if not message:
        assert diagnose(gradient, "relu2").right
        return
    with pytest.raises(Refusal, match=message):
        diagnose(gradient, "relu2")


# --- the wrappers of the page ---


@pytest.mark.parametrize("framework", ["torch", "jax"])
def test_a_wrapper_takes_another_activation(framework: str) -> None:
    library = pytest.importorskip(framework)
    wrapper = importlib.import_module(f"docs.diagnose.{framework}_wrapper")
    activations = library if framework == "torch" else library.nn
    precision = "float64" if framework == "torch" else "float32"

    def gradient(case: Case, **how: Any) -> Any:
        activation = getattr(activations, case.activation)
        given = (case.weights, *case.batch, case.alpha)
        return wrapper.meta_gradient(*given, activation=activation, steps=case.steps, **how)

    # With relu, and in several steps, the next test runs them.
    said = verdict_of(gradient, "tanh2")
    assert said.right
    assert f"to {precision} accuracy" in str(said)
    mistake: dict[str, Any] = {"torch": {"create_graph": False}, "jax": {"stop_gradient": True}}[
        framework
    ]
    assert str(verdict_of(partial(gradient, **mistake), "tanh2").matches[0]) == "first order"


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
