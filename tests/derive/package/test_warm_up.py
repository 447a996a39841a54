"""The scalar warm-up: its derivative, its worked example, and what the exercises claim."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import pytest

from derive.package import warm_up
from derive.package.modules import MARK
from derive.package.numbers import WARM_UP_EQUATIONS
from generated.warm_up.scalar import meta_loss_and_gradient
from tests.conftest import derivation

ROOT = Path(__file__).parents[3]


class Point(NamedTuple):
    """What the generated function takes."""

    w: float
    x_s: float
    y_s: float
    x_q: float
    y_q: float
    alpha: float


POINTS = [
    Point(0.5, 1.0, 2.0, 2.0, 3.0, 0.1),
    Point(-1.3, 0.7, 0.4, -1.1, 2.2, 0.3),
    Point(2.0, -1.9, 0.5, 0.6, -0.8, 0.05),
    Point(0.0, 1.5, -2.5, 1.7, 0.9, 0.45),
]


def loss_after_step(p: Point) -> float:
    """The query loss, written once more: a step, then a square."""
    fast = p.w - p.alpha * 2 * (p.w * p.x_s - p.y_s) * p.x_s
    return (fast * p.x_q - p.y_q) ** 2


def first_order(p: Point) -> float:
    """The derivative by the fast weight, taken for that by the weight."""
    fast = p.w - p.alpha * 2 * (p.w * p.x_s - p.y_s) * p.x_s
    return 2 * (fast * p.x_q - p.y_q) * p.x_q


@pytest.mark.parametrize("p", POINTS)
def test_the_gradient_is_that_of_the_loss_after_the_step(p: Point) -> None:
    h = 1e-5
    above, below = (loss_after_step(p._replace(w=p.w + move)) for move in (h, -h))
    loss, gradient = meta_loss_and_gradient(*p)
    assert loss == pytest.approx(loss_after_step(p), rel=1e-14)
    # The loss is quadratic in w, so a central difference has no error but rounding.
    assert gradient == pytest.approx((above - below) / (2 * h), rel=1e-8)


@pytest.mark.parametrize("p", POINTS)
def test_first_order_is_another_gradient(p: Point) -> None:
    gradient = meta_loss_and_gradient(*p)[1]
    assert abs(gradient - first_order(p)) > 1e-2 * abs(gradient)
    assert gradient == pytest.approx(first_order(p) * (1 - 2 * p.alpha * p.x_s**2), rel=1e-12)


def test_the_example_is_exact() -> None:
    w, x_s, y_s, x_q, y_q, alpha = map(Fraction, ("1/2", "1", "2", "2", "3", "1/10"))
    error_s = w * x_s - y_s
    fast = w - alpha * 2 * error_s * x_s
    error_q = fast * x_q - y_q
    # The loss after the step is quadratic in w: its values at three points have its derivative.
    above, below = (
        ((v - alpha * 2 * (v * x_s - y_s) * x_s) * x_q - y_q) ** 2 for v in (w + 1, w - 1)
    )
    expected = {
        "loss_s": error_s**2,
        "dw": 2 * error_s * x_s,
        "w_fast": fast,
        "loss_q": error_q**2,
        "w_fast_bar": 2 * error_q * x_q,
        "w_bar": (above - below) / 2,
    }
    found = {line.name: Fraction(str(line.example)) for line in warm_up.lines()}
    assert found == expected
    assert {str(symbol): Fraction(str(value)) for symbol, value in warm_up.EXAMPLE.items()} == {
        "w": w, "x_s": x_s, "y_s": y_s, "x_q": x_q, "y_q": y_q, "alpha": alpha,
    }  # fmt: skip


def test_every_line_of_the_function_has_the_value_of_the_example() -> None:
    scope = {str(symbol): Fraction(str(value)) for symbol, value in warm_up.EXAMPLE.items()}
    for line in warm_up.lines():
        exec(line.code, {}, scope)
        assert scope[line.name] == Fraction(str(line.example)), line.name


def test_the_files_are_those_of_the_derivation() -> None:
    banner = f"{MARK} from derive/package/warm_up.py. Do not edit."
    folder = ROOT / "generated" / "warm_up"
    paths = [path for path in folder.rglob("*.*") if path.suffix != ".pyc"]
    on_disk = {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in paths}
    assert on_disk == warm_up.files(banner)


def test_the_numbers_of_the_lines_are_the_chapters() -> None:
    assert [line.number for line in warm_up.lines()] == [f"2.{n}" for n in range(1, 7)]
    assert [path.name for path in (ROOT / "docs").glob("2-*.md")] == ["2-warm-up.md"]


# --- what the exercises of the chapter claim ---


@pytest.mark.parametrize("p", POINTS)
def test_there_is_a_step_size_without_a_meta_gradient(p: Point) -> None:
    vanishing = 1 / (2 * p.x_s**2)
    for query in ((p.x_q, p.y_q), (7.0, -3.0)):
        here = Point(p.w, p.x_s, p.y_s, *query, vanishing)
        assert meta_loss_and_gradient(*here)[1] == pytest.approx(0, abs=1e-12)
        # One step lands in the minimum of the support loss, from any weight.
        minimum = (p.y_s / p.x_s * query[0] - query[1]) ** 2
        for w in (p.w, p.w + 1):
            assert meta_loss_and_gradient(*here._replace(w=w))[0] == pytest.approx(minimum)


@pytest.mark.parametrize("p", POINTS)
def test_twice_that_step_size_turns_first_order_uphill(p: Point) -> None:
    doubled = p._replace(alpha=1 / p.x_s**2)
    gradient = meta_loss_and_gradient(*doubled)[1]
    assert abs(gradient) > 0.1
    assert first_order(doubled) == pytest.approx(-gradient)


def test_the_exercise_in_numbers() -> None:
    here = POINTS[0]
    there = here._replace(w=0.6)
    (before, promised), (after, _) = meta_loss_and_gradient(*here), meta_loss_and_gradient(*there)
    numbers = {
        "gradient": 2 * (there.w * there.x_s - there.y_s) * there.x_s,
        "fast": 0.6 + 0.1 * 2.8,
        "after": after,
        "before": before,
        "fell by": before - after,
        "promised": -0.1 * promised,
    }
    expected = {
        "gradient": -2.8, "fast": 0.88, "after": 1.5376,
        "before": 1.96, "fell by": 0.4224, "promised": 0.448,
    }  # fmt: skip
    assert numbers == pytest.approx(expected, rel=1e-12)
    page = (ROOT / "docs" / "2-warm-up.md").read_text(encoding="utf-8")
    exercise = page.partition("\n3. In numbers")[2]
    for number in expected.values():
        assert f"{number:g}" in exercise


def test_the_linear_layer_is_numbered_after_it() -> None:
    assert len(warm_up.lines()) == WARM_UP_EQUATIONS
    first, *_ = derivation("linear").derived
    assert derivation("linear").numbers.derived[first.name] == f"2.{WARM_UP_EQUATIONS + 1}"
