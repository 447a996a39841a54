"""The task distribution: sinusoids."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from docs.experiment.randomness import stream
from docs.sinusoid import tasks

FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)


def test_tasks_are_those_of_the_paper() -> None:
    batch = tasks.sample(np.random.default_rng(0), 2000, 10, 10, FLOAT64)
    assert batch.X_s.min() > -5
    assert batch.X_q.max() < 5
    largest = np.abs(np.concatenate([batch.Y_s, batch.Y_q], axis=1)).max(axis=1)
    assert largest.max() <= 5
    assert largest.min() < 0.2
    y = tasks.sinusoid(np.array([1.5]), 2.0, 0.5)
    assert y == pytest.approx(2 * np.sin(1.0))


@pytest.mark.parametrize("dtype", [FLOAT32, FLOAT64])
def test_blocks_have_the_stream_of_single_draws(dtype: np.dtype) -> None:
    sizes = (3, 4, 5)
    blocks = tasks.batches(stream(7, 1), *sizes, dtype, block=4)
    rng = stream(7, 1)
    for drawn in islice(blocks, 9):
        for ours, theirs in zip(drawn, tasks.sample(rng, *sizes, dtype), strict=True):
            np.testing.assert_array_equal(ours, theirs)
            assert ours.dtype == dtype
            assert ours.flags.c_contiguous


@pytest.mark.parametrize("start", [1, 3, 4, 6, 9])
def test_a_stream_begins_anywhere(start: int) -> None:
    sizes = (3, 4, 5, FLOAT32)
    whole = islice(tasks.batches(stream(7, 1), *sizes, block=4), start, start + 6)
    later = tasks.batches(stream(7, 1), *sizes, block=4, start=start)
    for ours, theirs in zip(islice(later, 6), whole, strict=True):
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_network_that_is_told_gets_amplitude_and_phase() -> None:
    sizes = (3, 4, 5, FLOAT64)
    plain = next(tasks.batches(stream(7, 1), *sizes))
    told = next(tasks.batches(stream(7, 1), *sizes, told=True))
    for X, shown, Y in ((plain.X_s, told.X_s, told.Y_s), (plain.X_q, told.X_q, told.Y_q)):
        x, amplitude, phase = np.split(shown, 3, axis=-1)
        np.testing.assert_array_equal(x, X)
        np.testing.assert_allclose(amplitude * np.sin(x - phase), Y)
        assert np.ptp(amplitude, axis=1).max() == np.ptp(phase, axis=1).max() == 0


def test_unseen_tasks_are_fixed() -> None:
    ten, five = (tasks.unseen(0, 200, shots, FLOAT64, told=True) for shots in (10, 5))
    # The same sinusoids whatever is shown of them, on a hundred evenly spaced inputs.
    np.testing.assert_array_equal(ten.Y_q, five.Y_q)
    assert ten.X_s.shape == (200, 10, 3)
    np.testing.assert_allclose(ten.X_q[0, :, 0], np.linspace(-5, 5, 100))
    half = tasks.unseen(0, 200, 10, FLOAT64, inputs=(-5, 0))
    np.testing.assert_array_equal(half.Y_q, ten.Y_q)
    assert half.X_s.max() < 0
    assert not np.array_equal(tasks.unseen(1, 200, 10, FLOAT64).Y_q, ten.Y_q)


def test_unseen_tasks_are_stratified() -> None:
    told = tasks.unseen(0, 50, 3, FLOAT64, told=True).X_q[:, 0]
    for column, (low, high) in ((1, tasks.AMPLITUDE), (2, tasks.PHASE)):
        strata = np.floor((told[:, column] - low) / (high - low) * 50)
        np.testing.assert_array_equal(np.sort(strata), np.arange(50))
    assert abs(np.corrcoef(told[:, 1], told[:, 2])[0, 1]) < 0.4


def test_float32_draws_the_tasks_of_float64() -> None:
    ours, theirs = (
        tasks.sample(np.random.default_rng(3), 4, 5, 6, dtype) for dtype in (FLOAT32, FLOAT64)
    )
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_a_block_is_bounded() -> None:
    # A meta-batch of any size is drawn, one at a time if need be.
    big = next(tasks.batches(stream(0, 1), 2000, 10, 10, FLOAT32))
    assert big.X_s.base is not None
    assert big.X_s.base.shape[0] == 1
