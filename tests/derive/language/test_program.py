"""Programs check themselves, and the interpreter gives them their meaning."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import pytest
from sympy import Matrix, MatrixSymbol, OneMatrix, Rational, Symbol, Trace, sin, tanh

from derive.language.elementwise import elementwise, z
from derive.language.names import D, M, N, O
from derive.language.program import Equation, Group, Program, evaluate, shape_of

X, W, b, Y = (
    MatrixSymbol(*spec) for spec in [("X", N, D), ("W1", D, O), ("b1", 1, O), ("Y", N, O)]
)
Z = MatrixSymbol("Z1", N, O)
GIVEN = (Group("given", (X, W, b)),)
FORWARD = Equation(Z, X * W + OneMatrix(N, 1) * b, "support")


def test_a_wrong_shape_is_named_with_both_facts() -> None:
    with pytest.raises(ValueError, match=r"`Z1` is \(N, O\) but its right-hand side is \(N, D\)"):
        Equation(Z, X, "support")


def test_a_wrong_product_is_found_inside() -> None:
    wrong = MatrixSymbol("V", M, O)
    with pytest.raises(ValueError, match=r"`Z1`: \(N, D\) times \(M, O\)"):
        Equation(Z, X * wrong, "support")
    with pytest.raises(ValueError, match="do not add up"):
        shape_of(Z + wrong)


def test_a_node_outside_the_grammar_is_refused() -> None:
    square = MatrixSymbol("Q", N, N)
    with pytest.raises(ValueError, match="not of the grammar"):
        shape_of(square.inverse())


@pytest.mark.parametrize(
    ("equations", "outputs", "message"),
    [
        ((FORWARD, FORWARD), (Z,), "`Z1` is defined twice"),
        ((Equation(MatrixSymbol("H1", N, O), Z, "support"), FORWARD), (Z,), "before it is defined"),
        ((FORWARD,), (Y,), "the output `Y` is not defined"),
        (
            (FORWARD, Equation(MatrixSymbol("H1", M, O), MatrixSymbol("Z1", M, O), "support")),
            (Z,),
            r"reads `Z1` as \(M, O\), but it is \(N, O\)",
        ),
    ],
)
def test_a_program_checks_its_names(
    equations: tuple[Equation, ...], outputs: tuple[MatrixSymbol, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Program(GIVEN, equations, outputs)


def test_equations_and_programs_are_immutable() -> None:
    program = Program(GIVEN, (FORWARD,), (Z,))
    with pytest.raises(FrozenInstanceError):
        program.outputs = ()  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        FORWARD.value = X  # type: ignore[misc]
    assert replace(program, outputs=()).outputs == ()


def test_the_interpreter_runs_every_node() -> None:
    H, G = MatrixSymbol("H1", N, O), MatrixSymbol("G1", N, O)
    loss = Symbol("loss")
    program = Program(
        (*GIVEN, Group("targets", (Y,))),
        (
            FORWARD,
            Equation(H, elementwise(z**2, Z), "support"),
            Equation(G, 2 * elementwise(z, Z) - Y, "support"),
            Equation(loss, Trace((H - Y).T * (H - Y)) / (N * O), "support"),
        ),
        (loss,),
    )
    given = {
        X: Matrix([[1, 2], [3, 4]]).as_immutable(),
        W: Matrix([[1], [Rational(1, 2)]]).as_immutable(),
        b: Matrix([[1]]).as_immutable(),
        Y: Matrix([[1], [2]]).as_immutable(),
        N: 2, D: 2, O: 1,
    }  # fmt: skip
    values = evaluate(program, given)
    assert values[Z] == Matrix([[3], [6]])
    assert values[H] == Matrix([[9], [36]])
    assert values[G] == Matrix([[5], [10]])
    assert values[loss] == Rational(8**2 + 34**2, 2)


def test_equal_functions_compare_equal() -> None:
    assert elementwise(tanh(z), Z) == elementwise(tanh(z), Z)
    assert elementwise(tanh(z), Z) != elementwise(sin(z), Z)
    assert elementwise(z, Z) == Z
