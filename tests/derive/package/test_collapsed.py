"""One linear layer: its meta-gradient as one matrix times a vector, and what chapter 2b says."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
import sympy
from sympy import Expr, ImmutableMatrix, Integer, MatrixSymbol, Rational, eye

from derive.language.names import D, M, N, O, T, alpha
from derive.language.program import Equation, Program, evaluate
from derive.making import NETWORKS
from derive.model.network import Network
from derive.model.programs import meta_gradient_program
from derive.package import warm_up
from derive.package.collapsed import collapsed
from derive.package.example import given
from tests.conftest import derivation

LINEAR = NETWORKS["linear"]
PROGRAM = meta_gradient_program(LINEAR)
H = MatrixSymbol("H", D, D)
#: The rows of the chapter's table, by stage; the adjoints of the fast weights are in the fifth.
ROWS = {"support": 0, "inner gradient": 1, "step": 2, "query": 3, "query adjoints": 4}


def values_of(start: dict[Any, Any]) -> dict[str, Any]:
    """The value of every equation and of the Hessian, by name."""
    lines = (*PROGRAM, Equation(H, collapsed(PROGRAM).hessian, "meta-gradient"))
    values = evaluate(Program(PROGRAM.groups, lines, PROGRAM.outputs), start)
    return {str(symbol): value for symbol, value in values.items()}


def drawn(seed: int, **sizes: int) -> dict[Any, Any]:
    """Random rational numbers for a task."""
    rng = random.Random(seed)
    known = {N: 3, M: 4, D: 2, O: 1, T: 2} | {
        symbol: sizes[symbol.name] for symbol in (N, M, D, O) if symbol.name in sizes
    }
    start: dict[Any, Any] = {size: Integer(count) for size, count in known.items()}
    start[alpha] = Rational(1, 7)
    for symbol in PROGRAM.inputs:
        if isinstance(symbol, MatrixSymbol):
            shape = [known[size] for size in symbol.shape]
            entry = lambda _i, _j: Rational(rng.randint(-9, 9), rng.randint(1, 5))  # noqa: E731
            start[symbol] = ImmutableMatrix(*shape, entry)
    return start


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("sizes", [{}, {"O": 2}, {"N": 1, "D": 3}, {"N": 5, "D": 4, "O": 3}])
def test_one_matrix_gives_the_meta_gradient_exactly(sizes: dict[str, int], seed: int) -> None:
    start = drawn(seed, **sizes)
    values = values_of(start)
    factor = eye(values["H"].rows) - start[alpha] * values["H"]
    assert factor * values["W1_fast_bar"] == values["W1_bar"]
    assert values["W1_fast_bar"] != values["W1_bar"]


def test_the_collapsed_value_is_the_meta_gradient() -> None:
    line = Equation(MatrixSymbol("V", D, O), collapsed(PROGRAM).value, "meta-gradient")
    values = evaluate(Program(PROGRAM.groups, (*PROGRAM, line), PROGRAM.outputs), drawn(5))
    assert values[line.symbol] == values[PROGRAM["W1_bar"].symbol]


@pytest.mark.parametrize("columns", [1, 2])
def test_the_matrix_is_the_hessian_of_the_support_loss(columns: int) -> None:
    """SymPy's second derivative of the loss as a sum over samples, outputs and inputs."""
    start = drawn(1, O=columns)
    X, Y = (start[symbol] for symbol in PROGRAM.group("support"))
    w = [sympy.symbols(f"w{k}_:{X.cols}") for k in range(columns)]
    errors: list[Expr] = [
        sum(X[i, j] * w[k][j] for j in range(X.cols)) - Y[i, k]
        for i in range(X.rows)
        for k in range(columns)
    ]
    loss = sum(error**2 for error in errors) / len(errors)
    every = [entry for column in w for entry in column]
    # One block for each output, and zeros elsewhere.
    blocks = sympy.diag(*[values_of(start)["H"]] * columns)
    assert sympy.hessian(loss, every) == blocks


@pytest.mark.parametrize("network", [Network(hidden=0), Network(hidden=1, bias=False)])
def test_another_network_has_no_such_matrix(network: Network) -> None:
    with pytest.raises(ValueError, match="is no matrix times `W1_fast_bar`"):
        collapsed(meta_gradient_program(network))


def test_its_equations_are_numbered_after_the_warm_up() -> None:
    last = warm_up.lines()[-1].number
    first, *_ = derivation("linear").numbers.derived.values()
    assert (last, first) == ("2.6", "2.7")


# --- what the chapter says of its numbers ---


def toy() -> dict[str, Any]:
    return values_of(given(LINEAR, PROGRAM))


def test_the_first_order_has_the_wrong_sign_in_the_example() -> None:
    values = toy()
    first, full = values["W1_fast_bar"], values["W1_bar"]
    assert all(entry > 0 for entry in first)
    assert all(entry < 0 for entry in full)
    start = given(LINEAR, PROGRAM)
    W1 = PROGRAM.weights[0]
    moved = values_of(start | {W1: start[W1] - first / 1000})
    assert moved["loss_q"] > values["loss_q"]
    assert values_of(start | {W1: start[W1] - full / 1000})["loss_q"] < values["loss_q"]


def test_a_step_falls_short_in_one_direction_and_overshoots_in_the_other() -> None:
    short, far = sorted(toy()["H"].eigenvects())
    rate = given(LINEAR, PROGRAM)[alpha]
    assert (short[0], far[0]) == (1, 9)
    assert 0 < rate * short[0] < Rational(1, 2)
    assert 1 < rate * far[0] < 2
    assert far[2][0].normalized() == ImmutableMatrix([1, 1]).normalized()


@pytest.mark.parametrize(("name", "last"), [("linear", 4), ("relu2", 22)])
def test_the_last_row_of_the_table_grows_most(name: str, last: int) -> None:
    rows = Counter(
        4 if line.name.endswith("_fast_bar") else ROWS.get(line.stage, 5)
        for line in derivation(name).derived
    )
    assert rows[5] == last == max(rows.values())


def test_what_the_section_on_transposes_and_the_exercises_compute() -> None:
    values = toy()
    assert values["X_s"][:, 1] == ImmutableMatrix([1, -2])
    assert values["dZ1_s"] == ImmutableMatrix([3, -6])
    assert values["dW1"] == ImmutableMatrix([12, 15])
    assert values["X_s"] * values["dZ1_s"] == ImmutableMatrix([0, 9])
    assert values["X_s"] != values["X_s"].T
    at_ninth = (eye(2) - values["H"] / 9) * values["W1_fast_bar"]
    assert at_ninth == ImmutableMatrix([Rational(4, 3), Rational(-4, 3)])
