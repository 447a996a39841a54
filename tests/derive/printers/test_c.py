"""The printer of C: what it makes of expressions, and what it refuses."""

from __future__ import annotations

import pytest
from sympy import HadamardProduct, Integer, MatMul, MatrixSymbol, OneMatrix, Symbol, sqrt

from derive.language.elementwise import FUNCTIONS, elementwise, z
from derive.language.names import M, N, O, T, alpha, lam, width
from derive.language.program import RowMax
from derive.printers.c import C, call_text, check_calls
from derive.schedule.task import Dots, Each, Extent, Factor, Sum, Term, Then, Tiles, Unit

L1 = width(1)
Z, H, U = (MatrixSymbol(name, N, L1) for name in ("Z1_s", "H1_s", "uH1_s"))
E, Y = MatrixSymbol("E_s", N, O), MatrixSymbol("Y_s", N, O)
S, b, b_out = MatrixSymbol("S_s", N, 1), MatrixSymbol("ub1", 1, L1), MatrixSymbol("ub2", 1, O)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2 * alpha / (N * O), "2.0 * alpha / (N * O)"),
        (1 / (M * O * T), "1.0 / (M * O * T)"),
        (-alpha / N, "-alpha / (N)"),
        (1 - alpha * lam, "(1.0 - alpha * lam)"),
        (Integer(3) / 4, "(3.0 / 4)"),
        (sqrt(2), "1.4142135623730951"),
    ],
)
def test_numbers_have_64_bits(value: object, text: str) -> None:
    # C divides whole numbers without a rest: a number says that it is none.
    assert C.number(value) == text


@pytest.mark.parametrize(
    ("value", "out", "text"),
    [
        (Y - E, E, "at(Y_s) - at(E_s)"),
        (-2 * alpha / N * E, E, "(F)(-2.0 * alpha / (N)) * at(E_s)"),
        (HadamardProduct(U, elementwise(FUNCTIONS["step"](z), H)), U, "gate(at(uH1_s), at(H1_s))"),
        (HadamardProduct(U, elementwise(2 * z, H)), U, "at(uH1_s) * (F)2.0 * at(H1_s)"),
        (HadamardProduct(U, elementwise(z**2 + 1, H)), U,
         "at(uH1_s) * ((F)1.0 + at(H1_s) * at(H1_s))"),
        (elementwise(FUNCTIONS["silu"](z), Z), H, "at(Z1_s) * sigmoid(at(Z1_s))"),
        (MatMul(OneMatrix(N, 1), b), H, "row(ub1)"),
        (MatMul(OneMatrix(N, 1), b_out), E, "column(ub2)"),
        (E - MatMul(S, OneMatrix(1, O)), E, "at(E_s) - row(S_s)"),
        (MatMul(E, OneMatrix(O, 1)), S, "down(E_s, O)"),
        (MatMul(OneMatrix(1, N), H), b, "down(H1_s, N)"),
        (MatMul(OneMatrix(1, N), E), b_out, "along(E_s, N)"),
        (RowMax(E), S, "most(E_s, O)"),
    ],
)  # fmt: skip
def test_entries(value: object, out: MatrixSymbol, text: str) -> None:
    assert C.entry(value, out) == text


def test_calls() -> None:
    W = MatrixSymbol("W2", L1, O)
    relu = Then(elementwise(FUNCTIONS["relu"](z), Z), Z, None)
    term = Term(Integer(1), Factor(H, False), Factor(MatrixSymbol("W2", L1, L1), True), Extent(L1))
    assert call_text(Tiles(U, None, (term,), relu)) == (
        "PRODUCT(uH1_s, N, L1, NONE, activated, NONE, TERM(PLAIN(H1_s), W2_T, L1));"
    )
    scaled = Term(alpha, Factor(W, False), Factor(H, True), Extent(L1, True))
    assert call_text(Dots(E, E, scaled)) == (
        "SCALED_DOTS(E_s, O, N, PLAIN(E_s), W2, H1_s, L1 + 1, alpha);"
    )
    assert call_text(Unit(H, 1)) == "CONSTANT(H1_s, N, L1, 1);"
    loss = Sum(Symbol("loss_q"), 1 / (N * O), HadamardProduct(E, E), E, True)
    assert call_text(loss) == "loss_q += 1.0 / (N * O) * SUM(O, N, at(E_s) * at(E_s));"


def test_what_has_no_c_is_refused() -> None:
    with pytest.raises(ValueError, match="no C for the function 1/z"):
        check_calls([Each(H, elementwise(1 / z, H))])
    with pytest.raises(ValueError, match="no C for a column that is repeated along"):
        C.entry(MatMul(S, OneMatrix(1, L1)), H)
    functions = [
        Tiles(U, None, (), Then(elementwise(FUNCTIONS[name](z), Z), Z, None))
        for name in ("relu", "tanh")
    ]
    with pytest.raises(ValueError, match="no C for two functions, relu"):
        check_calls(functions)


def test_a_power_is_a_product() -> None:
    assert C.number(alpha**2) == "alpha * alpha"
    assert C.number(-lam * alpha**3 / M**2) == "-lam * alpha * alpha * alpha / (M * M)"
