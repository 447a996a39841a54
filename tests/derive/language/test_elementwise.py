"""The table of elementwise functions: every text of a row means what the row says at a number."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy
from sympy import Float, MatrixSymbol, Rational

from derive.language.elementwise import (
    ACTIVATIONS,
    FUNCTIONS,
    SLOPES,
    TABLE,
    Row,
    body_of,
    elementwise,
    is_gate,
    relu,
    row_of,
    step,
    z,
)

ROWS = [pytest.param(name, row, id=name) for name, row in TABLE.items()]

#: On both sides of relu's kink, not at it, and where nothing is flat to rounding.
POINTS = [Rational(point, 8) for point in (-31, -12, -3, -1, 1, 2, 9, 25)]
ARRAY = np.array([float(point) for point in POINTS]).reshape(2, 4)


def at(row: Row) -> np.ndarray:
    """What a row says that its function is at the points."""
    return np.array([float(row.at(point)) for point in POINTS]).reshape(ARRAY.shape)


@pytest.mark.parametrize(("name", "row"), ROWS)
def test_a_slope_is_a_difference_quotient(name: str, row: Row) -> None:
    h = Rational(1, 10**15)
    for point in POINTS:
        above, below = (sympy.N(row.at(point + move), 60) for move in (h, -h))
        slope = SLOPES[name].xreplace({z: point})
        # An error of h**2 from the third derivative, rounding of 1e-60 over h.
        assert abs((above - below) / (2 * h) - slope).evalf(40) < Float("1e-28"), point


@pytest.mark.parametrize(("name", "row"), ROWS)
def test_sympy_differentiates_a_function_to_its_slope(name: str, row: Row) -> None:
    function = FUNCTIONS[name]
    assert function(z).diff(z) == SLOPES[name]
    assert row_of(function(z)) is row
    for point in POINTS:
        assert function(point) == row.at(point)


@pytest.mark.parametrize(("name", "row"), ROWS)
def test_numpy_computes_what_the_row_says(name: str, row: Row) -> None:
    found = eval(row.numpy.format("Z"), {"np": np, "Z": ARRAY})
    np.testing.assert_allclose(found, at(row), rtol=1e-14, err_msg=name)


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
    }
    for function, *arguments in row.inplace:
        into = bits if "bits" in arguments else out
        getattr(np, function)(*(words[word] for word in arguments), out=into)


@pytest.mark.parametrize(("name", "row"), ROWS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("over", [False, True], ids=["beside", "over"])
def test_calls_in_place_compute_what_the_row_says(
    name: str, row: Row, dtype: Any, over: bool
) -> None:
    Z: np.ndarray = ARRAY.astype(dtype)
    out = Z if over else np.full_like(Z, np.nan)
    called(row, Z, out)
    if name == "step":
        # A gate is all bits or none.
        out = -out.view(f"i{out.itemsize}").astype(dtype)
    np.testing.assert_allclose(out, at(row), rtol=float(10 * np.finfo(dtype).eps))
    if not over:
        np.testing.assert_array_equal(Z, ARRAY.astype(dtype))


@pytest.mark.parametrize("row", [row for row in TABLE.values() if len(row.inplace) > 1])
def test_only_the_first_call_reads_the_argument(row: Row) -> None:
    first, *others = row.inplace
    assert "z" in first
    assert not any("z" in call[1:] for call in others)


@pytest.mark.parametrize("row", TABLE.values(), ids=TABLE)
def test_latex_and_numpy_have_one_place_for_the_argument(row: Row) -> None:
    assert row.latex.count("%s") == row.latex.count("%") == 1
    assert row.numpy.count("{}") == row.numpy.count("{") == 1
    assert row.inplace[0][1:].count("z") == 1


def test_what_has_a_slope_is_an_activation() -> None:
    assert ACTIVATIONS == ("relu", "tanh", "softplus", "sigmoid")
    assert SLOPES["step"] == 0


def test_nothing_overflows() -> None:
    far = np.array([-1000.0, 1000.0], np.float32)
    with np.errstate(all="raise", under="ignore"):
        for row in TABLE.values():
            assert np.isfinite(eval(row.numpy.format("Z"), {"np": np, "Z": far})).all()
            called(row, far, out := np.empty_like(far))
            assert np.isfinite(out).all() or row is TABLE["step"]


def test_a_function_composed_of_several_has_no_row() -> None:
    for body in (relu(2 * z), 1 - z**2, z, sympy.sin(z)):
        assert row_of(body) is None


def test_a_gate_is_relus_slope_and_nothing_else() -> None:
    Z = MatrixSymbol("Z1", 2, 3)
    assert is_gate(elementwise(step(z), Z))
    assert body_of(elementwise(step(z), Z)) == step(z)
    for other in (elementwise(relu(z), Z), elementwise(2 * step(z), Z), Z):
        assert not is_gate(other)
