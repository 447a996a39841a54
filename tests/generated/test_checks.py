"""What a caller may pass in wrong: a one-line error that names it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.conftest import Problem, network, problem

NET = network("relu2")
P = problem(NET)


def changed(**arrays: Any) -> Problem:
    return P._replace(**arrays)


def with_weight(name: str, array: Any) -> Problem:
    return P._replace(weights=P.weights._replace(**{name: array}))


CASES: list[tuple[Callable[[], Problem], str]] = [
    (lambda: changed(X_s=P.X_s[0]), r"X_s has shape \(5, 2\); it must have 3 axes"),
    (lambda: changed(X_s=P.X_s[:, :, :1]), r"X_s is \(3, 5, 1\); it must be \(any, any, 2\)"),
    (lambda: changed(Y_s=P.Y_s[:2]), r"Y_s is \(2, 5, 19\); it must be \(3, 5, 19\)"),
    (lambda: changed(Y_s=P.Y_s[:, :, :1]), r"Y_s is \(3, 5, 1\); it must be \(3, 5, 19\)"),
    (lambda: changed(X_q=P.X_q[:2]), r"X_q is \(2, 7, 2\); it must be \(3, any, 2\)"),
    (lambda: changed(Y_q=P.Y_q[:, :4]), r"Y_q is \(3, 4, 19\); it must be \(3, 7, 19\)"),
    (lambda: changed(X_s=P.X_s[:, :0]), r"X_s is empty, \(3, 0, 2\); every axis must be"),
    (lambda: changed(X_q=P.X_q[:0]), r"X_q is empty, \(0, 7, 2\)"),
    (lambda: changed(X_s=P.X_s.astype(np.float32)), "X_s is float32; it must be float64, as the"),
    (lambda: changed(Y_q=P.Y_q.astype(int)), "Y_q is int64; it must be float32 or float64"),
    (lambda: changed(Y_q=P.Y_q.astype(complex)), "Y_q is complex128; it must be float32 or"),
    (lambda: changed(X_s=np.ma.array(P.X_s)), "X_s is a MaskedArray; it must be a numpy array"),
    (lambda: changed(X_s=P.X_s.tolist()), "X_s is a list; it must be a numpy array"),
    (lambda: changed(weights=P.weights[:4]), r"weights is a tuple of 4; it must be Weights\(W1,"),
    (lambda: changed(weights=None), r"weights is a NoneType; it must be Weights\(W1, b1, W2,"),
    (lambda: with_weight("W1", None), "weights.W1 is a NoneType; it must be a numpy array"),
    (
        lambda: with_weight("b2", P.weights.b2.astype(np.float32)),
        "weights.b2 is float32; it must be float64, as weights.W1 is",
    ),
    (
        lambda: with_weight("W2", P.weights.W2.T.copy()),
        r"weights.W2 is \(13, 11\); it must be \(11, any\)",
    ),
    (lambda: with_weight("b3", P.weights.b3[0]), r"weights.b3 has shape \(19,\); it must have 2"),
    (lambda: with_weight("b1", P.weights.b1.T.copy()), r"weights.b1 is \(11, 1\); it must be \(1,"),
]


@pytest.mark.parametrize(("make", "message"), CASES)
@pytest.mark.parametrize(
    "function",
    [
        NET.meta_loss,
        NET.meta_loss_and_gradient,
        NET.first_order_meta_loss_and_gradient,
        NET.reference.meta_loss_and_gradient,
    ],
)
def test_a_wrong_argument_is_named(
    function: Callable[..., Any], make: Callable[[], Problem], message: str
) -> None:
    with pytest.raises(ValueError, match=message) as raised:
        function(*make(), 0.1)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("alpha", [np.nan, -0.1, np.inf, 10**400, "0.1", None, 1j, np.ones((9, 9))])
def test_a_wrong_step_size_is_named(alpha: Any) -> None:
    calls: list[Callable[[], Any]] = [
        lambda: NET.meta_loss(*P, alpha),
        lambda: NET.meta_loss_and_gradient(*P, alpha),
        lambda: NET.adapt(P.weights, P.X_s[0], P.Y_s[0], alpha),
    ]
    for call in calls:
        with pytest.raises(
            ValueError, match=r"^alpha is .{,83}; it must be a finite number, at least 0$"
        ):
            call()


@pytest.mark.parametrize("steps", [-1, 1.5, True, None])
def test_a_wrong_number_of_steps_is_named(steps: Any) -> None:
    with pytest.raises(ValueError, match=r"steps is .*; it must be a whole number, at least 0"):
        NET.adapt(P.weights, P.X_s[0], P.Y_s[0], 0.1, steps)


@pytest.mark.parametrize("given", [list, tuple, NET.Weights._make])
def test_no_steps_give_new_weights(given: Callable[[Any], Any]) -> None:
    weights = given(P.weights)
    after = NET.adapt(weights, P.X_s[0], P.Y_s[0], 0.1, 0)
    assert type(after) is NET.Weights
    for ours, theirs in zip(after, weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
        assert not np.shares_memory(ours, theirs)


def test_no_targets_are_named() -> None:
    for call in (NET.loss, NET.loss_and_gradient):
        with pytest.raises(ValueError, match="Y is a NoneType; it must be a numpy array"):
            call(P.weights, P.X_s[0], None)
    with pytest.raises(ValueError, match="Y_s is a NoneType; it must be a numpy array"):
        NET.adapt(P.weights, P.X_s[0], None, 0.1)


def test_no_steps_are_checked_too() -> None:
    with pytest.raises(ValueError, match="weights is a NoneType"):
        NET.adapt(None, P.X_s[0], P.Y_s[0], 0.1, 0)


def test_rows_of_one_task_are_checked() -> None:
    X, Y = P.X_s[0], P.Y_s[0]
    with pytest.raises(ValueError, match=r"X has shape \(3, 5, 2\); it must have 2 axes"):
        NET.predict(P.weights, P.X_s)
    with pytest.raises(ValueError, match=r"Y is \(4, 19\); it must be \(5, 19\)"):
        NET.loss(P.weights, X, Y[:4])
    with pytest.raises(ValueError, match=r"Y is \(5, 1\); it must be \(5, 19\)"):
        NET.loss_and_gradient(P.weights, X, Y[:, :1])
    with pytest.raises(ValueError, match=r"Y_s is \(4, 19\); it must be \(5, 19\)"):
        NET.adapt(P.weights, X, Y[:4], 0.1)


def test_what_is_right_is_let_through() -> None:
    loss = NET.meta_loss(*P, 0.0)
    assert NET.meta_loss(*P, 0) == loss
    assert NET.meta_loss(list(P.weights), *P[1:], np.float32(0)) == loss
    # Not contiguous in memory, but the same numbers.
    flipped = [np.ascontiguousarray(array[..., ::-1])[..., ::-1] for array in P[1:]]
    assert NET.meta_loss(P.weights, *flipped, 0) == loss


def test_arguments_are_left_as_they_were() -> None:
    before = [array.copy() for array in (*P.weights, *P[1:])]
    NET.meta_loss_and_gradient(*P, 0.1)
    for ours, theirs in zip((*P.weights, *P[1:]), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)
