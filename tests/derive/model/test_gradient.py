"""The sweep by itself: a program of two lines, exactly, and what it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sympy import Expr, ImmutableMatrix, Integer, MatAdd, MatrixSymbol, Rational, Symbol, Trace

from derive.language.names import D, N, O, adjoint
from derive.language.program import Equation, Group, Program, evaluate
from derive.model.gradient import sweep
from tests.conftest import NAMES, derivation

if TYPE_CHECKING:
    from collections.abc import Collection

X, Y, W = MatrixSymbol("X_s", N, D), MatrixSymbol("Y_s", N, O), MatrixSymbol("W1", D, O)
ONE = Integer(1)
Z, LOSS = MatrixSymbol("Z1_s", N, O), Symbol("loss_s")
LINES = (
    Equation(Z, X * W, "support"),
    Equation(LOSS, Trace((Z - Y).T * (Z - Y)) / N, "support"),
)


def swept(
    wrt: MatrixSymbol,
    seed: Expr = ONE,
    constants: Collection[MatrixSymbol] = (),
) -> tuple[Equation, ...]:
    return sweep(LINES, {LOSS: seed}, [wrt], adjoint, lambda _: "support adjoints", constants)


def gradient(adjoints: tuple[Equation, ...], numbers: list[list[int]]) -> ImmutableMatrix:
    """Run the lines and their adjoints on columns of X and Y and one weight."""
    program = Program((Group("given", (X, Y, W)),), (*LINES, *adjoints), (adjoint(W),))
    columns = {
        symbol: ImmutableMatrix(each) for symbol, each in zip((X, Y, W), numbers, strict=True)
    }
    sizes = {N: Integer(len(numbers[0])), D: Integer(1), O: Integer(1)}
    return evaluate(program, {**sizes, **columns})[adjoint(W)]


def test_a_linear_layer() -> None:
    adjoints = swept(W)
    assert [line.name for line in adjoints] == ["Z1_s_bar", "W1_bar"]
    assert str(adjoints[1].value) == "X_s.T*Z1_s_bar"
    # 2 / 2 (1 (4 - 3) + 2 (8 - 5))
    assert gradient(adjoints, [[1, 2], [3, 5], [4]]) == ImmutableMatrix([7])


def test_the_seed_is_a_factor() -> None:
    numbers = [[2], [3], [5]]
    assert gradient(swept(W), numbers) == ImmutableMatrix([28])
    assert gradient(swept(W, Rational(1, 7)), numbers) == ImmutableMatrix([4])


def test_what_is_constant_takes_no_derivative() -> None:
    with pytest.raises(ValueError, match="`loss_s` does not depend on `W1`"):
        swept(W, constants=(Z,))
    with pytest.raises(ValueError, match="`loss_s` does not depend on `W2`"):
        swept(MatrixSymbol("W2", D, O))


def test_a_gain_says_which_equation_it_comes_from() -> None:
    twice = (*LINES[:1], Equation(MatrixSymbol("H1_s", N, O), Z + X * W, "support"))
    last = Equation(LOSS, Trace((twice[1].symbol - Y).T * (twice[1].symbol - Y)) / N, "support")
    adjoints = sweep((*twice, last), {LOSS: ONE}, [W], adjoint, lambda _: "support adjoints")
    found = {line.name: [(str(each.term), each.reader) for each in line.gains] for line in adjoints}
    assert found["H1_s_bar"] == [("(2/N)*(H1_s - Y_s)", "loss_s")]
    assert found["Z1_s_bar"] == [("H1_s_bar", "H1_s")]
    # In the order of the equations, and each with the equation through which it came.
    assert found["W1_bar"] == [("X_s.T*Z1_s_bar", "Z1_s"), ("X_s.T*H1_s_bar", "H1_s")]


@pytest.mark.parametrize("name", NAMES)
def test_every_equation_that_reads_a_quantity_gives_its_adjoint_a_term(name: str) -> None:
    record = derivation(name)
    for program in (record.derived, record.first_order):
        adjoints = [line for line in program if line.gains]
        assert len(adjoints) > 3
        for line in adjoints:
            assert MatAdd(*(gain.term for gain in line.gains)).doit(deep=False) == line.value
            for gain in line.gains:
                assert gain.quantity in program[gain.reader].reads
                assert line.shape == tuple(gain.quantity.shape)
            readers = [gain.reader for gain in line.gains]
            assert readers == [each.name for each in program if each.name in readers]


@pytest.mark.parametrize("name", NAMES)
def test_the_first_order_of_a_meta_gradient_is_read_first(name: str) -> None:
    record = derivation(name)
    for symbol in record.network.weights:
        first, *others = record.derived[f"{symbol}_bar"].terms
        assert (first,) == record.first_order[f"{symbol}_bar"].terms
        assert others
