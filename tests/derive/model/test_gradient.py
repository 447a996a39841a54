"""The sweep by itself: a program of two lines, exactly, and what it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sympy import Expr, ImmutableMatrix, Integer, MatrixSymbol, Rational, Symbol, Trace

from derive.language.names import D, N, O, adjoint
from derive.language.program import Equation, Group, Program, evaluate
from derive.model.gradient import sweep

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
    return sweep(LINES, LOSS, [wrt], adjoint, lambda _: "support adjoints", seed, constants)


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
