"""Programs check themselves, and the interpreter gives them their meaning."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import pytest
from sympy import (
    HadamardProduct,
    Matrix,
    MatrixSymbol,
    OneMatrix,
    Rational,
    Symbol,
    Trace,
    sin,
    tanh,
)

from derive.language.elementwise import elementwise, z
from derive.language.names import D, M, N, O, alpha, lam, omega, tau
from derive.language.program import Equation, Group, Program, RowMax, evaluate, flat, shape_of

X, W, b, Y = (
    MatrixSymbol(*spec) for spec in [("X", N, D), ("W1", D, O), ("b1", 1, O), ("Y", N, O)]
)
Z, LOSS = MatrixSymbol("Z1", N, O), Symbol("loss_q")
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
        ((Equation(Z, alpha * FORWARD.value, "support"),), (), "`Z1` reads `alpha` before it is"),
        (
            (Equation(LOSS, Trace(Y.T * Y) / N + 2 * Symbol("loss_q2"), "query"),),
            (),
            "`loss_q` reads `.*` before it is defined",
        ),
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


def test_a_number_that_is_given_or_computed_is_read() -> None:
    first, last = Symbol("loss_q1"), LOSS
    lines = (
        Equation(first, Trace(Y.T * Y) / N, "query"),
        Equation(last, tau * first + omega(1) * lam * Trace(W.T * W), "query"),
    )
    given = (Group("given", (W, Y)), Group("numbers", (lam, tau)), Group("omegas", (omega(1),)))
    program = Program(given, lines, (last,))
    assert program["loss_q"].scalars == (lam, first, omega(1), tau)
    assert program["loss_q1"].scalars == ()
    assert program.group("omegas") == (omega(1),)
    assert program.group("rates") == ()
    values = evaluate(
        program,
        {
            W: Matrix([[1], [2]]).as_immutable(),
            Y: Matrix([[2], [4]]).as_immutable(),
            lam: Rational(1, 2),
            tau: 3,
            omega(1): 7,
            N: 2,
            D: 2,
            O: 1,
        },
    )
    assert values[last] == 3 * 10 + 7 * Rational(1, 2) * 5
    with pytest.raises(ValueError, match="`loss_q` reads `omega1` before it is defined"):
        Program(given[:2], lines, (last,))


def test_a_row_maximum_is_a_column() -> None:
    A = MatrixSymbol("A", N, O)
    assert shape_of(RowMax(Z)) == (N, 1)
    assert shape_of(RowMax(X * W)) == (N, 1)
    with pytest.raises(ValueError, match=r"`A` is \(N, O\) but its right-hand side is \(N, 1\)"):
        Equation(A, RowMax(Z), "support")
    R = MatrixSymbol("R", N, 1)
    lines = (
        Equation(R, RowMax(Z), "support"),
        Equation(A, Z - R * OneMatrix(1, O), "support"),
    )
    program = Program((Group("given", (Z,)),), lines, (A,))
    values = evaluate(program, {Z: Matrix([[1, -2], [-7, -5]]).as_immutable(), N: 2, O: 2})
    assert values[R] == Matrix([[1], [-5]])
    assert values[A] == Matrix([[0, -3], [-2, 0]])


def test_scalars_leave_a_product_entry_by_entry() -> None:
    A, B, C = (MatrixSymbol(name, N, O) for name in "ABC")
    nested = HadamardProduct(A, alpha * HadamardProduct(3 * B, C))
    found = flat(nested)
    assert found == 3 * alpha * HadamardProduct(A, B, C)
    assert flat(found) == found
    assert flat(A + nested) == A + found


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
