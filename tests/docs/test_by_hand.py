"""The two mistakes that chapter 13 shows are mistakes."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from docs import by_hand
from docs.experiment.gradcheck import central_difference, relative_error
from docs.experiment.networks import initial_weights
from docs.experiment.randomness import stream
from docs.sinusoid import tasks
from tests.conftest import network

NET = network("relu2")
DTYPE = np.dtype(np.float64)


@cache
def measured() -> dict[str, Any]:
    return by_hand.measure()


@cache
def start(units: int = 40) -> tuple[Any, np.ndarray, np.ndarray]:
    """Random weights, and the support set of a task."""
    weights = initial_weights(NET, [1, units, units, 1], stream(3, 0), DTYPE)
    batch = tasks.sample(stream(3, 1), 1, by_hand.SHOTS, by_hand.SHOTS, DTYPE)
    return weights, batch.X_s[0], batch.Y_s[0]


# --- the wrong error ---


def test_the_shapes_are_those_of_the_page() -> None:
    shapes = measured()["shapes"]
    assert shapes["as derived"] == {"W2": "`(40, 40)`", "b2": "`(1, 40)`"}
    assert shapes["with the output error"] == {"W2": "`(40, 1)`", "b2": "`(1,)`"}


def test_only_the_second_layer_is_wrong() -> None:
    weights, X, Y = start()
    right = NET.loss_and_gradient(weights, X, Y)[1]._asdict()
    wrong = by_hand.with_output_error(NET, weights, X, Y)
    assert list(wrong) == list(right)
    for name in ("W1", "b1", "W3", "b3"):
        np.testing.assert_array_equal(wrong[name], right[name])


def test_the_wrong_one_is_that_of_the_output() -> None:
    weights, X, Y = start()
    wrong = by_hand.with_output_error(NET, weights, X, Y)
    H1 = np.maximum(X @ weights.W1 + weights.b1, 0)
    error = 2 / len(X) * (NET.predict(weights, X) - Y)
    np.testing.assert_allclose(wrong["W2"], H1.T @ error, rtol=1e-13)
    # The output's own bias gets its sum, and rightly so.
    np.testing.assert_allclose(wrong["b2"], wrong["b3"][0], rtol=1e-13)


def test_finite_differences_find_the_wrong_error_and_pass_the_derived_gradient() -> None:
    weights, X, Y = start(units=6)
    expected = central_difference(lambda w: NET.loss(w, X, Y), weights)._asdict()
    right = NET.loss_and_gradient(weights, X, Y)[1]._asdict()
    wrong = by_hand.with_output_error(NET, weights, X, Y)
    for name, gradient in right.items():
        assert relative_error(gradient, expected[name]) < 1e-5
    for name in ("W2", "b2"):
        with pytest.raises(ValueError, match="it must be"):
            relative_error(wrong[name], expected[name])
        # Where the shapes are made to fit, as the step does it, the values are wrong.
        fitted = np.broadcast_to(wrong[name], expected[name].shape)
        assert relative_error(fitted, expected[name]) > 0.5


def test_broadcasting_gives_every_column_the_same_update() -> None:
    weights, X, Y = start()
    wrong = by_hand.with_output_error(NET, weights, X, Y)
    right = NET.loss_and_gradient(weights, X, Y)[1]
    update = np.broadcast_to(by_hand.ALPHA * wrong["W2"], weights.W2.shape)
    moved = weights.W2 - by_hand.ALPHA * wrong["W2"]
    assert moved.shape == weights.W2.shape
    np.testing.assert_array_equal(moved, weights.W2 - update)
    for left, right_of_it in pairwise((weights.W2 - moved).T):
        np.testing.assert_allclose(left, right_of_it, atol=1e-15)
    assert np.ptp(right.W2, axis=1).max() > 1e-3
    assert np.abs(update).max() > 1e-3


def test_fine_tuning_as_derived_is_adapt() -> None:
    weights, _, _ = start()
    batch = tasks.sample(stream(4, 1), 3, by_hand.SHOTS, by_hand.SHOTS, DTYPE)
    losses = by_hand.fine_tuning(NET, weights, batch)["as derived"]
    for steps, name in ((0, "median before"), (1, "after 1 step"), (10, "after 10 steps")):
        expected = [
            NET.loss(NET.adapt(weights, X_s, Y_s, by_hand.ALPHA, steps), X_q, Y_q)
            for X_s, Y_s, X_q, Y_q in zip(*batch, strict=True)
        ]
        assert losses[name] == pytest.approx(np.median(expected), rel=1e-12)


# --- the normalised gradient ---


def test_a_normalised_output_bias_is_never_trained() -> None:
    weights, X, Y = start()
    gradient = NET.loss_and_gradient(weights, X, Y)[1]
    normalised = by_hand.normalised(gradient)
    assert gradient.b3.item() != 0
    assert normalised[-1].item() == 0
    assert measured()["output bias"] == 0


def test_every_other_array_has_no_mean_and_unit_deviation() -> None:
    gradient = NET.loss_and_gradient(*start())[1]
    for array in list(by_hand.normalised(gradient))[:-1]:
        assert array.mean() == pytest.approx(0, abs=1e-12)
        assert array.std() == pytest.approx(1, abs=1e-5)


def test_normalising_turns_the_meta_gradient() -> None:
    cosine = measured()["cosine"]
    assert -1 < cosine["smallest"] < cosine["largest"] < 1
    # Ten starts, none of them near the gradient itself.
    assert cosine["largest"] < 0.99
    # The same as angles: the largest cosine belongs to the smallest.
    angle = measured()["angle"]
    for cosine_of, angle_of in (("smallest", "largest"), ("largest", "smallest")):
        assert np.degrees(np.arccos(cosine[cosine_of])) == pytest.approx(angle[angle_of])
