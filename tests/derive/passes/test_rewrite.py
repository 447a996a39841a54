"""Every pass keeps the values, does nothing twice, and leaves the program it is meant to leave."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sympy import (
    HadamardProduct,
    ImmutableMatrix,
    MatMul,
    MatrixExpr,
    MatrixSymbol,
    OneMatrix,
    Rational,
    Symbol,
)

from derive.language import cost, names
from derive.language.cost import cost_of
from derive.language.elementwise import elementwise, z
from derive.language.program import Equation, Group, Program, evaluate
from derive.model.network import Network
from derive.model.programs import meta_gradient_program
from derive.passes.rewrite import PASSES, collect, inline, prune, reassociate, rewrite, share
from tests.conftest import NAMES, derivation, network
from tests.exact import given, in_digits, outputs


def stages(name: str) -> tuple[Program, ...]:
    """The meta-gradient as derived, and after each pass."""
    return derivation(name).stages


@pytest.mark.parametrize("first_order", [False, True])
@pytest.mark.parametrize("steps", [1, 2])
def test_a_pass_keeps_the_values_exactly(steps: int, first_order: bool) -> None:
    # relu of rational numbers is rational: equality, not closeness.
    which = Network(2, "relu", steps)
    program = meta_gradient_program(
        replace(which, algorithm="first_order") if first_order else which
    )
    values = given(program, seed=steps + 1)
    expected = outputs(program, values)
    assert all(any(entry != 0 for entry in matrix) for matrix in expected[1:])
    for apply in PASSES:
        program = apply(program)
        assert outputs(program, values) == expected, apply.__name__


@pytest.mark.parametrize("activation", ["tanh", "softplus"])
def test_a_pass_keeps_the_values_of_smooth_networks(activation: str) -> None:
    program = meta_gradient_program(Network(2, activation))
    values = in_digits(given(program, 5))
    expected = outputs(program, values)
    for apply in PASSES:
        program = apply(program)
        for ours, theirs in zip(outputs(program, values), expected, strict=True):
            gap = ImmutableMatrix([ours - theirs]).applyfunc(abs)
            assert max(gap) < Rational(1, 10**30), apply.__name__


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("at", range(len(PASSES)), ids=[each.__name__ for each in PASSES])
def test_a_pass_does_nothing_twice(name: str, at: int) -> None:
    after = stages(name)[at + 1]
    assert PASSES[at](after) == after


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("relu1", [40, 40, 23, 23, 29, 28]),
        ("relu2", [62, 62, 37, 37, 47, 45]),
        ("tanh2", [62, 62, 37, 37, 47, 45]),
        ("relu2_5steps", [242, 242, 117, 117, 320, 230]),
    ],
)
def test_number_of_equations(name: str, counts: list[int]) -> None:
    assert [len(program) for program in stages(name)] == counts


@pytest.mark.parametrize("name", NAMES)
def test_no_weight_matrix_per_task_is_left(name: str) -> None:
    derived, *_, rewritten = stages(name)
    assert cost_of(derived).weight_matrices > 0
    assert cost_of(rewritten).weight_matrices == 0


@pytest.mark.parametrize("name", NAMES)
def test_no_product_has_more_than_two_matrices(name: str) -> None:
    for equation in stages(name)[-1]:
        for product in equation.value.atoms(MatMul):
            matrices = [part for part in product.args if isinstance(part, MatrixExpr)]
            assert len(matrices) <= 2, equation.name


def test_the_kernel_is_found() -> None:
    rewritten = stages("relu2")[-1]
    N, M, L1 = names.N, names.M, names.width(1)
    H1_q, H1_s = MatrixSymbol("H1_q", M, L1), MatrixSymbol("H1_s", N, L1)
    assert rewritten["K_H1"].value == H1_q * H1_s.T + OneMatrix(M, N)
    assert "K_H1_s_q" not in {equation.name for equation in rewritten}
    assert rewritten["dZ2_s_bar"].value.has(rewritten["K_H1"].symbol.T)


def test_tanh_is_computed_once_a_layer() -> None:
    text = [str(equation.value) for equation in stages("tanh2")[-1]]
    assert sum("tanh" in value for value in text) == 4  # two layers, support and query


def test_sums_and_products_of_other_networks_keep_their_values() -> None:
    # What no default network has: skip connections, sums inside entrywise products.
    N, D = names.N, names.D
    X, W, b = (MatrixSymbol(*spec) for spec in [("X", N, D), ("W1", D, D), ("b1", N, D)])
    Z, H, G, E = (MatrixSymbol(name, N, D) for name in ("Z1", "H1", "Z2", "H2"))
    values = [
        (Z, X * W + X + 2 * b * W + X * (W * W.T) + b),
        (H, elementwise(z**2, Z)),
        (G, HadamardProduct(Z + b, 3 * H, HadamardProduct(X, elementwise(z**2, Z)))),
        (E, HadamardProduct(G, X * W) - G - X * W + elementwise(z**2 - z, Z)),
    ]
    equations = tuple(Equation(symbol, value, "support") for symbol, value in values)
    program = Program((Group("given", (X, W, b)),), equations, (E,))
    numbers = given(program, 7)
    expected = outputs(program, numbers)
    for apply in (inline, prune, collect, share):
        program = apply(program)
        assert outputs(program, numbers) == expected, apply.__name__


def test_a_product_without_a_rule_for_its_name_is_an_error() -> None:
    N, D = names.N, names.D
    A, B, C = (MatrixSymbol(*spec) for spec in [("X_s", N, D), ("W1", D, D), ("W2", D, D)])
    result = MatrixSymbol("Z1_s", N, D)
    equation = Equation(result, A * B * C, "support")
    program = Program((Group("given", (A, B, C)),), (equation,), (result,))
    with pytest.raises(ValueError, match="no rule names the product"):
        reassociate(program)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("form", ["kernel", "reference"])
def test_the_emitted_code_is_what_the_interpreter_says(activation: str, form: str) -> None:
    net = network(f"{activation}2")
    module = net.reference if form == "reference" else net
    program = rewrite(meta_gradient_program(Network(2, activation)))
    values = given(program, 11)
    arrays = {
        str(symbol.name): np.array(values[symbol].tolist(), dtype=float)
        for symbol in program.inputs
        if isinstance(symbol, MatrixSymbol)
    }
    weights = net.Weights(*(arrays[name] for name in net.Weights._fields))
    batch = [arrays[name][None] for name in ("X_s", "Y_s", "X_q", "Y_q")]
    loss, gradient = module.meta_loss_and_gradient(weights, *batch, 1 / 8)
    exact = evaluate(program, in_digits(values))
    assert loss == pytest.approx(float(exact[Symbol("loss_q")]), rel=1e-13)
    for name, ours in gradient._asdict().items():
        symbol = next(symbol for symbol in program.outputs if symbol.name == f"{name}_bar")
        theirs = np.array(exact[symbol].tolist(), dtype=float)
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-14)


# --- what the chapters say of the counts ---


def saved(name: str, monkeypatch: pytest.MonkeyPatch, width: int = 40, samples: int = 10) -> float:
    """The share of the operations that the rewrite saves."""
    record = derivation(name)  # the passes, too, count operations: at the usual sizes
    monkeypatch.setattr(cost, "WIDTH", width)
    for rows in (names.N, names.M):
        monkeypatch.setitem(cost.SIZES, rows, samples)
    costs = record.costs
    return 1 - costs["share"].operations / costs["derived"].operations


@pytest.mark.parametrize(("name", "rows"), [("relu2", 10), ("relu2_5steps", 50)])
def test_kernels_pay_from_a_width_of_three_to_four_times_their_rows(
    name: str, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert saved(name, monkeypatch, width=3 * rows) < 0 < saved(name, monkeypatch, width=4 * rows)


def test_fewer_samples_save_a_larger_share(monkeypatch: pytest.MonkeyPatch) -> None:
    few, many = saved("relu2", monkeypatch, samples=5), saved("relu2", monkeypatch)
    assert 4 < few / many < 5


def test_first_order_needs_sixteen_equations_less() -> None:
    assert len(derivation("relu2").derived) - len(derivation("relu2").first_order) == 16
