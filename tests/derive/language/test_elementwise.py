"""The table of elementwise functions: every text of a row means what the row says at a number."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy
from sympy import Expr, Float, MatrixSymbol, Rational

from derive.language.elementwise import (
    ACTIVATIONS,
    FUNCTIONS,
    MADE_OF,
    SLOPES,
    TABLE,
    Row,
    Word,
    body_of,
    elementwise,
    is_gate,
    relu,
    row_of,
    slope_of,
    spelled,
    step,
    z,
)
from derive.language.names import N, O
from derive.language.program import Equation
from derive.printers.numpy import statement

ROWS = [pytest.param(name, row, id=name) for name, row in TABLE.items()]
IN_PLACE = [pytest.param(name, row, id=name) for name, row in TABLE.items() if row.inplace]

#: On both sides of every kink, not at it, and where nothing is flat to rounding.
POINTS = [Rational(point, 8) for point in (-31, -12, -3, -1, 1, 2, 9, 25)]

#: Where functions are held to their digits: at no kink and at no zero, but near to one.
FAR = [Rational(point, 16) for point in range(-479, 480, 30)]
FAR += [Rational(point) for point in (-1e-6, 1e-6)]


def points_of(name: str) -> list[Rational]:
    """The points, those of a logarithm without their signs."""
    return [abs(point) for point in POINTS] if name == "log" else POINTS


def array_of(points: list[Rational]) -> np.ndarray:
    return np.array([float(point) for point in points]).reshape(2, -1)


def at(row: Row, points: list[Rational]) -> np.ndarray:
    """What a row says that its function is at the points."""
    return array_of([row.at(point) for point in points])


def printed(body: Expr, Z: np.ndarray) -> np.ndarray:
    """What the code that is printed for a function computes."""
    H, argument = MatrixSymbol("H1", N, O), MatrixSymbol("Z1", N, O)
    scope: dict[str, Any] = {"np": np, "Z1": Z}
    exec(statement(Equation(H, elementwise(body, argument), "forward"), "batched"), scope)
    return np.broadcast_to(scope["H1"], Z.shape)


@pytest.mark.parametrize(("name", "row"), ROWS)
def test_a_slope_is_a_difference_quotient(name: str, row: Row) -> None:
    h = Rational(1, 10**18)
    for point in points_of(name):
        above, below = (sympy.N(row.at(point + move), 60) for move in (h, -h))
        slope = SLOPES[name].xreplace({z: point})
        # An error of h**2 from the third derivative, rounding of 1e-60 over h.
        assert abs((above - below) / (2 * h) - slope).evalf(40) < Float("1e-28"), point


@pytest.mark.parametrize(("name", "row"), ROWS)
def test_sympy_differentiates_a_function_to_its_slope(name: str, row: Row) -> None:
    function = FUNCTIONS[name]
    assert function(z).diff(z) == SLOPES[name]
    assert row_of(function(z)) is row
    for point in points_of(name):
        assert function(point) == row.at(point)


@pytest.mark.parametrize("name", MADE_OF)
def test_what_a_function_is_made_of_means_what_it_says(name: str) -> None:
    for point in POINTS:
        made, said = (
            sympy.N(each, 60)
            for each in (MADE_OF[name].xreplace({z: point}), TABLE[name].at(point))
        )
        assert abs(made - said) < Float("1e-50"), point


@pytest.mark.parametrize("name", TABLE)
def test_a_function_is_spelled_in_those_that_have_code(name: str) -> None:
    for body in (FUNCTIONS[name](z), SLOPES[name], slope_of(SLOPES[name])):
        found = spelled(body)
        assert all(TABLE[word.func.__name__].numpy for word in found.atoms(Word))
        point = Rational(9, 8)
        gap = sympy.N(found.xreplace({z: point}) - body.xreplace({z: point}), 30)
        assert abs(gap) < Float("1e-25")


@pytest.mark.parametrize(("name", "row"), ROWS)
def test_numpy_computes_what_the_row_says(name: str, row: Row) -> None:
    points = points_of(name)
    found = printed(FUNCTIONS[name](z), array_of(points))
    np.testing.assert_allclose(found, at(row, points), rtol=1e-14, err_msg=name)


def quotient(name: str, point: Rational, order: int) -> Float:
    """What a row says, or its first or second derivative, by differences in 500 digits."""
    h = Rational(1, 10**30)
    below, here, above = (sympy.N(TABLE[name].at(point + k * h), 500) for k in (-1, 0, 1))
    return (here, (above - below) / (2 * h), (above - 2 * here + below) / h**2)[order]


@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("name", TABLE)
def test_a_function_and_its_slopes_keep_their_digits(name: str, order: int) -> None:
    points = [abs(point) for point in FAR] if name == "log" else FAR
    body = (FUNCTIONS[name](z), SLOPES[name], slope_of(SLOPES[name]))[order]
    found = printed(body, array_of(points)).ravel()
    exact = [quotient(name, point, order) for point in points]
    # Squares are what is at hand: the slope of tanh is 1 - tanh(z)**2, and has their rounding.
    absolute = 1e-15 if name == "tanh" and order else 1e-300
    np.testing.assert_allclose(found, np.array(exact, float), rtol=1e-12, atol=absolute)


def called(row: Row, Z: np.ndarray, out: np.ndarray) -> None:
    """Execute the calls of a row as a workspace does."""
    bits = out.view(f"i{out.itemsize}")
    words: dict[str, Any] = {
        "z": Z,
        "out": out,
        "bits": bits,
        "zeros": np.zeros_like(Z),
        "zero": np.zeros((), Z.dtype),
        "sign": np.array(8 * Z.itemsize - 1, bits.dtype),
        **{number: float(number) for number in ("1", "-1")},
    }
    for function, *arguments in row.inplace:
        into = bits if "bits" in arguments else out
        getattr(np, function)(*(words[word] for word in arguments), out=into)


@pytest.mark.parametrize(("name", "row"), IN_PLACE)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("over", [False, True], ids=["beside", "over"])
def test_calls_in_place_compute_what_the_row_says(
    name: str, row: Row, dtype: Any, over: bool
) -> None:
    points = points_of(name)
    Z: np.ndarray = array_of(points).astype(dtype)
    out = Z if over else np.full_like(Z, np.nan)
    called(row, Z, out)
    if name == "step":
        # A gate is all bits or none.
        out = -out.view(f"i{out.itemsize}").astype(dtype)
    np.testing.assert_allclose(out, at(row, points), rtol=float(10 * np.finfo(dtype).eps))
    if not over:
        np.testing.assert_array_equal(Z, array_of(points).astype(dtype))


@pytest.mark.parametrize("row", [row for row in TABLE.values() if len(row.inplace) > 1])
def test_only_the_first_call_reads_the_argument(row: Row) -> None:
    first, *others = row.inplace
    assert "z" in first
    assert not any("z" in call[1:] for call in others)


@pytest.mark.parametrize("row", TABLE.values(), ids=TABLE)
def test_latex_and_numpy_have_one_place_for_the_argument(row: Row) -> None:
    assert row.latex.count("%s") == row.latex.count("%") == 1
    if row.made_of:
        assert not row.numpy
        assert not row.inplace
    else:
        assert row.numpy.count("{}") == row.numpy.count("{") == 1
        assert row.inplace[0][1:].count("z") == 1


def test_what_has_a_slope_is_an_activation() -> None:
    assert ACTIVATIONS == (
        "relu", "tanh", "softplus", "sigmoid", "leaky_relu", "elu", "silu", "gelu", "sin",
    )  # fmt: skip
    assert set(SLOPES) == set(TABLE)
    assert {name for name, slope in SLOPES.items() if slope == 0} == {
        "step", "above", "below", "within",
    }  # fmt: skip


def test_nothing_overflows() -> None:
    far = np.array([[-1000.0, 1000.0]], np.float32)
    # The loss that these belong to keeps their arguments away from there.
    rows = {name: row for name, row in TABLE.items() if name not in ("exp", "log", "reciprocal")}
    with np.errstate(all="raise", under="ignore"):
        for name, row in rows.items():
            for body in (FUNCTIONS[name](z), SLOPES[name], slope_of(SLOPES[name])):
                found = printed(body, far)
                assert np.isfinite(found).all(), name
                assert found.dtype == np.float32 or not body.has(z) or body == step(z), name
            if row.inplace:
                called(row, far, out := np.empty_like(far))
                assert np.isfinite(out).all() or name == "step"


def test_an_expression_of_several_functions_has_no_row() -> None:
    for body in (2 * relu(z), 1 - z**2, z, sympy.sin(z)):
        assert row_of(body) is None
    assert row_of(relu(2 * z)) is TABLE["relu"]


def test_a_slope_is_multiplied_out_unless_that_repeats_a_function_of_an_expression() -> None:
    tanh, sigmoid, bell = (FUNCTIONS[name] for name in ("tanh", "sigmoid", "bell"))
    assert slope_of(1 - tanh(z) ** 2) == 2 * tanh(z) ** 3 - 2 * tanh(z)
    assert slope_of(z * sigmoid(z + z**3)).count(bell) == 1


def test_a_gate_is_relus_slope_and_nothing_else() -> None:
    Z = MatrixSymbol("Z1", 2, 3)
    assert is_gate(elementwise(step(z), Z))
    assert body_of(elementwise(step(z), Z)) == step(z)
    for other in (elementwise(relu(z), Z), elementwise(2 * step(z), Z), Z):
        assert not is_gate(other)
