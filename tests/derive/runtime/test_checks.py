"""The checks of what only some packages take: each refusal in its words, and what is let through.

What every package takes is tried through its functions, in ``tests/generated/test_checks.py``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest

from derive.runtime.checks import (
    check_classes,
    check_like,
    check_omegas,
    check_penalty,
    check_rates,
    check_task_weights,
    check_weights,
)


class Weights(NamedTuple):
    """Of a layer with three inputs and two classes."""

    W1: Any
    b1: Any


WEIGHTS = Weights(np.ones((3, 2)), np.ones((1, 2)))
SHAPES = {"W1": (5, 3, 2), "b1": (5, 1, 2)}
RATES = tuple(np.full(shape, -0.5) for shape in SHAPES.values())


def refused(message: str, check: Any, *arguments: Any) -> None:
    """A check raises an error of one line, which is this."""
    with pytest.raises(ValueError, match=r"^[^\n]+$") as raised:
        check(*arguments)
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("rates", "message"),
    [
        (None, "rates is a NoneType; it must be Rates(W1, b1)"),
        (RATES[:1], "rates is a tuple; it must be Rates(W1, b1)"),
        (0.1, "rates is a float; it must be Rates(W1, b1)"),
        ((RATES[0], 0.1), "rates.b1 is a float; it must be a numpy array"),
        ((RATES[0][:4], RATES[1]), "rates.W1 is float64 (4, 3, 2); it must be float64 (5, 3, 2)"),
        (
            (RATES[0], RATES[1].astype(np.float32)),
            "rates.b1 is float32 (5, 1, 2); it must be float64 (5, 1, 2)",
        ),
        ((RATES[0], RATES[1] * np.nan), "rates.b1 is not finite; every step size must be"),
        ((RATES[0] * np.inf, RATES[1]), "rates.W1 is not finite; every step size must be"),
    ],
)
def test_wrong_step_sizes_are_named(rates: Any, message: str) -> None:
    refused(message, check_rates, rates, SHAPES, WEIGHTS)


def test_a_learned_step_size_may_be_negative() -> None:
    check_rates(RATES, SHAPES, WEIGHTS)
    check_rates(list(RATES), SHAPES, WEIGHTS)


@pytest.mark.parametrize(
    ("direction", "message"),
    [
        (None, "direction is a NoneType; it must be like the weights"),
        (WEIGHTS[:1], "direction is a tuple; it must be like the weights"),
        (WEIGHTS._replace(b1=1.0), "direction.b1 is a float; it must be a numpy array"),
        (
            WEIGHTS._replace(W1=WEIGHTS.W1.T),
            "direction.W1 is float64 (2, 3); it must be float64 (3, 2)",
        ),
        (
            WEIGHTS._replace(b1=WEIGHTS.b1.astype(int)),
            "direction.b1 is int64 (1, 2); it must be float64 (1, 2)",
        ),
    ],
)
def test_what_is_not_like_the_weights_is_named(direction: Any, message: str) -> None:
    refused(message, check_like, "direction", direction, WEIGHTS)


def test_what_is_like_the_weights_is_let_through() -> None:
    check_like("direction", [each - 3 for each in WEIGHTS], WEIGHTS)


@pytest.mark.parametrize(
    ("Y", "message"),
    [
        ([0, 1], "Y is a list; it must be a numpy array"),
        (np.array([0, 2]), "Y has the class 2; it must be from 0 to 1"),
        (np.array([-1, 1]), "Y has the class -1; it must be from 0 to 1"),
        (np.array([-3, 7]), "Y has the class -3; it must be from 0 to 1"),
        (
            np.array([[0.5, -0.5]]),
            "Y is negative or not finite; a probability must be a finite number, at least 0",
        ),
        (
            np.array([[np.nan, 1.0]], np.float32),
            "Y is negative or not finite; a probability must be a finite number, at least 0",
        ),
        (
            np.array([[np.inf, 1.0]]),
            "Y is negative or not finite; a probability must be a finite number, at least 0",
        ),
    ],
)
def test_wrong_classes_are_named(Y: Any, message: str) -> None:
    refused(message, check_classes, "Y", Y, WEIGHTS)


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int32, np.int64, np.uint64])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_numbers_of_classes_become_rows_with_a_single_1(kind: Any, dtype: Any) -> None:
    layers = [each.astype(dtype) for each in WEIGHTS]
    found = check_classes("Y", np.array([[1, 0, 1]] * 4, kind), layers)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, [[[0, 1], [1, 0], [0, 1]]] * 4)


def test_probabilities_are_returned_as_they_are() -> None:
    soft = np.array([[0.3, 0.3], [0.0, 2.0]])
    assert check_classes("Y", soft, WEIGHTS) is soft
    # Of another type: what comes after says so.
    odd = np.array([[True, False]])
    assert check_classes("Y", odd, WEIGHTS) is odd


@pytest.mark.parametrize(
    ("tau", "message"),
    [
        (2.0, "tau is a float; it must be a numpy array"),
        (np.ones(3), "tau is float64 (3,); it must be float64 (2,)"),
        (np.ones((2, 1)), "tau is float64 (2, 1); it must be float64 (2,)"),
        (np.ones(2, np.float32), "tau is float32 (2,); it must be float64 (2,)"),
        (np.array([1, np.nan]), "tau is not finite; every weight of a task must be"),
    ],
)
def test_wrong_weights_of_tasks_are_named(tau: Any, message: str) -> None:
    refused(message, check_task_weights, tau, WEIGHTS, 2)


def test_weights_of_tasks_get_two_axes_more() -> None:
    found = check_task_weights(np.array([2.0, -3.0]), WEIGHTS, 2)
    np.testing.assert_array_equal(found, [[[2]], [[-3]]])


@pytest.mark.parametrize(
    ("omegas", "message"),
    [
        (None, "omegas is None; it must be 3 numbers, one a step"),
        (0.5, "omegas is 0.5; it must be 3 numbers, one a step"),
        ([1, 2], "omegas is [1, 2]; it must be 3 numbers, one a step"),
        ("ab", "omegas is 'ab'; it must be 3 numbers, one a step"),
        ("123", "omegas is '123'; they must be finite, and not all 0"),
        ([1, "2", 0], "omegas is [1, '2', 0]; they must be finite, and not all 0"),
        ([0, 0.0, -0.0], "omegas is [0, 0.0, -0.0]; they must be finite, and not all 0"),
        ([1, np.inf, 0], "omegas is [1, inf, 0]; they must be finite, and not all 0"),
        ([1, float("nan"), 0], "omegas is [1, nan, 0]; they must be finite, and not all 0"),
        ([1, 10**400, 0], f"omegas is [1, 1{75 * '0'}...; they must be finite, and not all 0"),
    ],
)
def test_wrong_weights_of_losses_are_named(omegas: Any, message: str) -> None:
    refused(message, check_omegas, omegas, 3)


def test_weights_of_losses_are_made_numbers_of_python() -> None:
    found = check_omegas(np.array([0, -1, 2], np.float32), 3)
    assert found == (0.0, -1.0, 2.0)
    assert {type(each) for each in found} == {float}


@pytest.mark.parametrize("lam", [-1, np.nan, np.inf, None, "1"])
def test_a_wrong_weight_of_the_penalty_is_named(lam: Any) -> None:
    refused(f"lam is {lam!r}; it must be a finite number, at least 0", check_penalty, lam)


def test_of_a_long_number_as_much_is_shown_as_one_reads() -> None:
    shown = f"1{79 * '0'}..."
    refused(f"lam is {shown}; it must be a finite number, at least 0", check_penalty, 10**400)


def test_what_a_context_meets_is_as_wide_as_the_first_layer() -> None:
    arrays = [np.ones((3, 4)), np.ones((1, 4)), np.ones((4, 2)), np.ones((1, 2)), np.ones((5, 4))]
    names = ["W1", "b1", "W2", "b2", "V1"]
    check_weights(arrays, names)
    arrays[-1] = np.ones((5, 2))
    refused("weights.V1 is (5, 2); it must be (any, 4)", check_weights, arrays, names)
