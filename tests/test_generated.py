"""Every emitted function: values, gradients, shapes, dtypes; and that the checks can fail."""

from __future__ import annotations

import importlib.util
import inspect
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import MatrixSymbol

from derive import latex, notation, package
from derive.build import NETWORKS
from derive.functions import functions_of
from derive.rewrite import rewrite
from docs.experiment.gradcheck import central_difference, relative_error
from docs.experiment.networks import names
from tests.conftest import (
    QUERIES,
    SHOTS,
    TASKS,
    Problem,
    derivation,
    layer_sizes,
    network,
    problem,
)

ROOT = Path(__file__).parent.parent
ALPHA = 0.05

#: Central differences with a step of 1e-6: 1e-16 / 1e-6 of rounding, 1e-12 of truncation, and a
#: margin for gradients that are small against the loss.
STEP, TOLERANCE = 1e-6, 1e-6


def emitted(module: ModuleType) -> list[str]:
    """The functions that a module defines."""
    functions = inspect.getmembers(module, inspect.isfunction)
    return [name for name, function in functions if function.__module__ == module.__name__]


ALL = [
    pytest.param(name, form, function, id=f"{name}-{form}-{function}")
    for name in names()
    for form in ("kernel", "reference")
    for function in emitted(importlib.import_module(f"generated.{name}.{form}"))
]


# --- an independent network, to hold values against ---


ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "relu": lambda z: z * (z > 0),
    "tanh": np.tanh,
    "softplus": lambda z: np.log(1 + np.exp(z)),
}


def plain_predict(net: Any, weights: Sequence[np.ndarray], X: np.ndarray) -> np.ndarray:
    activation = ACTIVATIONS[re.match("[a-z]+", net.__name__.split(".")[-1]).group()]  # type: ignore[union-attr]
    H = X
    for W, b in zip(weights[:-2:2], weights[1:-2:2], strict=True):
        H = activation(np.einsum("nd,dl->nl", H, W) + b)
    return np.asarray(np.einsum("nd,dl->nl", H, weights[-2]) + weights[-1])


def plain_loss(net: Any, weights: Any, X: np.ndarray, Y: np.ndarray) -> float:
    return float(np.mean((plain_predict(net, weights, X) - Y) ** 2))


def numeric(loss: Callable[[Any], float], weights: Any) -> Any:
    return central_difference(loss, weights, STEP)


def plain_adapt(net: Any, weights: Any, X: np.ndarray, Y: np.ndarray, steps: int) -> Any:
    for _ in range(steps):
        gradient = net.loss_and_gradient(weights, X, Y)[1]
        weights = net.Weights(*(w - ALPHA * g for w, g in zip(weights, gradient, strict=True)))
    return weights


def plain_meta_loss(net: Any, weights: Any, p: Problem) -> float:
    losses = [
        plain_loss(net, plain_adapt(net, weights, X_s, Y_s, net.INNER_STEPS), X_q, Y_q)
        for X_s, Y_s, X_q, Y_q in zip(*p[1:], strict=True)
    ]
    return float(np.mean(losses))


# --- one check a function; a new function without one fails ---


def check_predict(net: Any, function: Callable[..., Any], p: Problem) -> None:
    expected = plain_predict(net, p.weights, p.X_s[0])
    np.testing.assert_allclose(function(p.weights, p.X_s[0]), expected, rtol=1e-12)


def check_loss(net: Any, function: Callable[..., Any], p: Problem) -> None:
    expected = plain_loss(net, p.weights, p.X_s[0], p.Y_s[0])
    assert function(p.weights, p.X_s[0], p.Y_s[0]) == pytest.approx(expected, rel=1e-12)


def check_loss_and_gradient(net: Any, function: Callable[..., Any], p: Problem) -> None:
    X, Y = p.X_s[0], p.Y_s[0]
    loss, gradient = function(p.weights, X, Y)
    assert loss == pytest.approx(plain_loss(net, p.weights, X, Y), rel=1e-12)
    agree(gradient, numeric(lambda w: plain_loss(net, w, X, Y), p.weights))


def check_inner_step(net: Any, function: Callable[..., Any], p: Problem) -> None:
    X, Y = p.X_s[0], p.Y_s[0]
    gradient = numeric(lambda w: plain_loss(net, w, X, Y), p.weights)
    fast = function(p.weights, X, Y, ALPHA)
    agree([(w - f) / ALPHA for w, f in zip(p.weights, fast, strict=True)], gradient)


def check_adapt(net: Any, function: Callable[..., Any], p: Problem) -> None:
    X, Y = p.X_s[0], p.Y_s[0]
    check_inner_step(net, function, p)
    expected = plain_adapt(net, p.weights, X, Y, 3)
    for ours, theirs in zip(function(p.weights, X, Y, ALPHA, steps=3), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    assert function(p.weights, X, Y, ALPHA, steps=0) is p.weights


def check_meta_loss(net: Any, function: Callable[..., Any], p: Problem) -> None:
    expected = plain_meta_loss(net, p.weights, p)
    assert function(*p, ALPHA) == pytest.approx(expected, rel=1e-12)


def check_meta_loss_and_gradient(net: Any, function: Callable[..., Any], p: Problem) -> None:
    loss, gradient = function(*p, ALPHA)
    assert loss == pytest.approx(plain_meta_loss(net, p.weights, p), rel=1e-12)
    agree(gradient, numeric(lambda w: net.meta_loss(w, *p[1:], ALPHA), p.weights))


def check_first_order(net: Any, function: Callable[..., Any], p: Problem) -> None:
    loss, gradient = function(*p, ALPHA)
    assert loss == pytest.approx(plain_meta_loss(net, p.weights, p), rel=1e-12)
    adapted = [
        plain_adapt(net, p.weights, X, Y, net.INNER_STEPS)
        for X, Y in zip(p.X_s, p.Y_s, strict=True)
    ]

    def query_loss(shift: Any) -> float:
        losses = [
            plain_loss(net, [w + d for w, d in zip(weights, shift, strict=True)], X, Y)
            for weights, X, Y in zip(adapted, p.X_q, p.Y_q, strict=True)
        ]
        return float(np.mean(losses))

    agree(gradient, numeric(query_loss, net.Weights(*(np.zeros_like(w) for w in p.weights))))


CHECKS: dict[str, Callable[[Any, Callable[..., Any], Problem], None]] = {
    "predict": check_predict,
    "loss": check_loss,
    "loss_and_gradient": check_loss_and_gradient,
    "inner_step": check_inner_step,
    "adapt": check_adapt,
    "meta_loss": check_meta_loss,
    "meta_loss_and_gradient": check_meta_loss_and_gradient,
    "first_order_meta_loss_and_gradient": check_first_order,
}


def agree(found: Sequence[np.ndarray], expected: Any) -> None:
    """Compare gradients, shapes first; the message has the parameter and both norms."""
    for name, ours, theirs in zip(expected._fields, found, expected, strict=True):
        error = relative_error(ours, theirs)
        assert error < TOLERANCE, (
            f"{name}: relative error {error:.1e}, norms {np.linalg.norm(ours):.6g} and "
            f"{np.linalg.norm(theirs):.6g}"
        )


@pytest.mark.parametrize("tasks", [1, TASKS])
@pytest.mark.parametrize(("name", "form", "function"), ALL)
def test_finite_differences(name: str, form: str, function: str, tasks: int) -> None:
    module = importlib.import_module(f"generated.{name}.{form}")
    net = network(name)
    CHECKS[function](net, getattr(module, function), problem(net, seed=tasks, tasks=tasks))


# --- fast against reference, float32 against float64 ---


def public_pairs(net: Any) -> list[str]:
    return [name for name in emitted(net.reference) if name.endswith("meta_loss_and_gradient")]


@settings(max_examples=25, deadline=None)
@given(
    name=st.sampled_from(["relu1", "relu2", "tanh2"]),
    tasks=st.integers(1, 5),
    shots=st.integers(1, 12),
    queries=st.integers(1, 12),
    width=st.integers(1, 20),
    inputs=st.integers(1, 4),
    columns=st.integers(1, 4),
    seed=st.integers(0, 10**6),
)
def test_fast_is_the_reference(
    name: str,
    tasks: int,
    shots: int,
    queries: int,
    width: int,
    inputs: int,
    columns: int,
    seed: int,
) -> None:
    net = network(name)
    hidden = [width] * (len(net.Weights._fields) // 2 - 1)
    p = problem(net, seed, tasks, shots, queries, (inputs, *hidden, columns))
    compare_forms(net, p, 1e-12)


def test_five_steps_are_the_reference() -> None:
    net = network("relu2_5steps")
    for seed in range(3):
        compare_forms(net, problem(net, seed), 1e-12)


def compare_forms(net: Any, p: Problem, tolerance: float) -> None:
    for function in public_pairs(net):
        loss, gradient = getattr(net, function)(*p, ALPHA)
        expected_loss, expected = getattr(net.reference, function)(*p, ALPHA)
        assert loss == pytest.approx(expected_loss, rel=tolerance)
        # Relative to the whole gradient: a bias's own may cancel to nothing.
        scale = max(np.linalg.norm(array) for array in expected)
        for ours, theirs in zip(gradient, expected, strict=True):
            assert ours.shape == theirs.shape
            assert np.linalg.norm(ours - theirs) <= tolerance * scale


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("form", ["kernel", "reference"])
def test_single_precision(name: str, form: str) -> None:
    net = network(name)
    module = importlib.import_module(f"generated.{name}.{form}")
    p = problem(net).cast(np.float32)
    for function in public_pairs(net):
        loss, gradient = getattr(module, function)(*p, np.float64(ALPHA))
        exact_loss, exact = getattr(module, function)(*p.cast(np.float64), ALPHA)
        assert loss == pytest.approx(exact_loss, rel=1e-5)
        for ours, theirs in zip(gradient, exact, strict=True):
            assert ours.dtype == np.float32
            assert relative_error(ours, theirs) < 2e-5


# --- shapes of every local ---


def locals_of(call: Callable[[], Any], function: Callable[..., Any]) -> dict[str, Any]:
    """The local variables of a function when it returns."""
    seen: dict[str, Any] = {}

    def watch(frame: FrameType, event: str, _: Any) -> None:
        if event == "return" and frame.f_code is function.__code__:
            seen.update(frame.f_locals)

    sys.setprofile(watch)
    try:
        call()
    finally:
        sys.setprofile(None)
    return seen


def arguments(p: Problem, signature: str) -> list[Any]:
    if "X_q" in signature:
        return [*p, ALPHA]
    rows = [p.weights, p.X_s[0], p.Y_s[0]]
    return [*rows, ALPHA] if "X_s" in signature else rows[: 3 if "Y" in signature else 2]


@pytest.mark.parametrize(
    ("name", "form", "function"), [case for case in ALL if case.values[2] != "adapt"]
)
def test_every_local_has_its_equations_shape(name: str, form: str, function: str) -> None:
    net, record = network(name), derivation(name)
    spec = next(each for each in functions_of(record) if each.name == function)
    program = rewrite(spec.program) if form == "kernel" else spec.program
    emitted_function = getattr(importlib.import_module(f"generated.{name}.{form}"), function)
    inputs = arguments(problem(net), spec.arguments.signature)
    found = locals_of(lambda: emitted_function(*inputs), emitted_function)

    sizes = layer_sizes(net)
    known = {notation.N: SHOTS, notation.M: QUERIES, notation.D: sizes[0], notation.O: sizes[-1]}
    known |= {notation.width(i): size for i, size in enumerate(sizes[1:-1], start=1)}
    meta = spec.arguments.over_tasks
    for equation in program:
        shape = tuple(int(known.get(size, size)) for size in equation.shape)
        if meta and form == "reference":
            shape = (TASKS, *shape)
        elif meta and isinstance(equation.symbol, MatrixSymbol):
            counted = notation.ROWS & set(equation.shape)
            if len(counted) == 2 or set(equation.shape) <= notation.ROWS:
                shape = (TASKS, *shape)
            elif counted:
                shape = (TASKS * shape[0], shape[1])
        assert np.shape(found[equation.name]) == shape, equation.name


# --- the number at the end of a line ---


@pytest.mark.parametrize("name", names())
def test_a_lines_number_is_that_of_the_same_equation(name: str) -> None:
    record = derivation(name)
    numbered: dict[str, set[str]] = {}
    listing = (ROOT / "generated" / name / "equations.md").read_text(encoding="utf-8")
    for number, formula in re.findall(r"^\| \((.*?)\) \| \$(.*?)\$ \|", listing, re.MULTILINE):
        numbered.setdefault(number, set()).add(formula)
    seen = 0
    for function in functions_of(record):
        for layout in ("stacked", "batched"):
            program = rewrite(function.program) if layout == "stacked" else function.program
            for equation in program:
                note = package.line_note(equation, record, layout, function)
                if re.fullmatch(r"\([\d.]+\)", note):
                    formula = latex.equation_latex(record._renamed(equation))
                    assert formula in numbered[note[1:-1]], (function.name, equation.name)
                    seen += 1
                elif note:
                    assert "first order" in note or "from (" in note
    assert seen > 100


# --- the checks can fail ---


def test_first_order_fails_the_second_order_check() -> None:
    for name in names():
        net = network(name)
        with pytest.raises(AssertionError, match="relative error"):
            check_meta_loss_and_gradient(net, net.first_order_meta_loss_and_gradient, problem(net))


def mutations(source: str) -> list[int]:
    """Lines of meta_loss_and_gradient with a minus sign to flip."""
    lines = source.splitlines()
    start = lines.index("def meta_loss_and_gradient(")
    end = next(i for i in range(start, len(lines)) if lines[i].startswith("    return"))
    body = next(i for i in range(start, end) if lines[i].lstrip().startswith("# ---"))
    return [i for i in range(body, end) if re.search(r"-alpha| - ", lines[i].split("  #")[0])]


@pytest.mark.parametrize("name", ["relu2", "tanh2"])
def test_a_flipped_sign_fails(name: str, tmp_path: Path) -> None:
    folder = Path(str(network(name).__file__)).parent
    source = (folder / "kernel.py").read_text(encoding="utf-8")
    flipped = mutations(source)
    assert len(flipped) >= 10
    net = network(name)
    for count, line in enumerate(flipped):
        lines = source.splitlines()
        lines[line] = re.sub(r"-alpha| - ", lambda m: m[0].replace("-", "+"), lines[line], count=1)
        copy = tmp_path / f"mutant{count}"
        copy.mkdir()
        for file in folder.glob("*.py"):
            (copy / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
        (copy / "kernel.py").write_text("\n".join(lines), encoding="utf-8")
        mutant = import_from(copy, f"mutant_{name}_{count}")
        with pytest.raises(AssertionError):
            check_meta_loss_and_gradient(net, mutant.meta_loss_and_gradient, problem(net))


def import_from(folder: Path, name: str) -> Any:
    """Import a package from anywhere."""
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def test_every_default_network_is_emitted() -> None:
    assert names() == sorted(NETWORKS)


def test_the_public_contract() -> None:
    for name in names():
        net = network(name)
        assert set(CHECKS) - {"inner_step"} <= set(net.__all__)
        assert list(inspect.signature(net.adapt).parameters) == [
            "weights", "X_s", "Y_s", "alpha", "steps",
        ]  # fmt: skip
        for function in ("meta_loss", "meta_loss_and_gradient"):
            assert list(inspect.signature(getattr(net, function)).parameters) == [
                "weights", "X_s", "Y_s", "X_q", "Y_q", "alpha",
            ]  # fmt: skip
