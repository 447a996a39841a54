"""Means and intervals, against SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from docs.experiment.statistics import half_interval, over_seeds, summary
from docs.sinusoid.family import SINUSOIDS


def test_an_interval_is_that_of_scipy() -> None:
    values = np.random.default_rng(0).normal(size=(7, 3))
    expected = stats.t.interval(0.95, 6, loc=values.mean(axis=0), scale=stats.sem(values))
    np.testing.assert_allclose(values.mean(axis=0) - half_interval(values), expected[0])
    np.testing.assert_allclose(values.mean(axis=0) + half_interval(values), expected[1])
    assert np.isnan(half_interval(values[:1])).all()


def test_an_interval_covers_the_mean_as_often_as_it_says() -> None:
    drawn = np.random.default_rng(0).normal(1, 2, size=(5, 20_000))
    covered = np.abs(drawn.mean(axis=0) - 1) <= half_interval(drawn)
    assert covered.mean() == pytest.approx(0.95, abs=0.01)


def test_diverged_tasks_are_counted_and_capped() -> None:
    errors = np.array([[1.0, 30.0], [3.0, np.nan], [2.0, np.inf], [2.0, 25.0]])
    found = summary(errors, SINUSOIDS.score)
    assert found["mse"] == [2.0, None]
    assert found["ci95"][1] is None
    assert found["capped"] == [2.0, 25.0]
    assert found["capped_ci95"][1] == 0
    assert found["diverged"] == [0.0, 0.75]


def test_over_seeds() -> None:
    summaries = [
        summary(np.array([[value], [value + 2.0]]), SINUSOIDS.score) for value in (1.0, 2.0, 6.0)
    ]
    found = over_seeds(summaries)
    assert found["mse"] == found["capped"] == [4.0]
    # Student's t with two degrees of freedom: 4.30265, from its closed form.
    t = 0.95 * np.sqrt(2 / (1 - 0.95**2))
    assert found["seeds_ci95"][0] == pytest.approx(t * np.sqrt(7) / np.sqrt(3))
    assert over_seeds(summaries[:1])["seeds_ci95"] == [None]
    assert over_seeds([summary(np.full((2, 1), np.inf), SINUSOIDS.score)] * 2)["mse"] == [None]
