"""Initial weights."""

from __future__ import annotations

import numpy as np
import pytest

from docs.experiment.networks import INITIALS, initial_weights, load_network

FLOAT64 = np.dtype(np.float64)


NET = load_network("relu2")


@pytest.mark.parametrize(
    ("initial", "deviation", "bound"),
    [
        # Of a uniform distribution; and a normal one cut at two deviations keeps 0.87962 of its
        # own, from its density.
        ("glorot", [np.sqrt(2 / 201), np.sqrt(2 / 400)], [np.sqrt(6 / 201), np.sqrt(6 / 400)]),
        ("truncated", [0.0087962, 0.0087962], [0.02, 0.02]),
    ],
)
def test_initial_weights_have_their_distribution(
    initial: str, deviation: list[float], bound: list[float]
) -> None:
    rng = np.random.default_rng(0)
    drawn = [initial_weights(NET, [1, 200, 200, 1], rng, FLOAT64, initial) for _ in range(30)]
    assert set(INITIALS) == {"glorot", "truncated"}
    for layer, (each, most) in enumerate(zip(deviation, bound, strict=True)):
        values = np.concatenate([weights[2 * layer].ravel() for weights in drawn])
        assert values.std() == pytest.approx(each, rel=0.03)
        assert abs(values.mean()) < 0.03 * each
        assert 0.98 * most < np.abs(values).max() <= most
    assert not any(weights[1].any() or weights[3].any() for weights in drawn)
