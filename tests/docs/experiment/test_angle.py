"""The angle between two gradients."""

from __future__ import annotations

import numpy as np
import pytest

from docs.experiment.angle import degrees


@pytest.mark.parametrize("angle", [1e-9, 1e-3, 30, 90, 150, 179.999])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_angle_is_what_it_was_made_with(angle: float, dtype: type) -> None:
    along, across = np.cos(np.radians(angle)), np.sin(np.radians(angle))

    def gradient(x: float, y: float) -> list[np.ndarray]:
        return [np.array([[x, 0]]).astype(dtype), np.array([[y], [0]]).astype(dtype)]

    accuracy = 1e-6 if dtype == np.float32 else 1e-12
    assert degrees(gradient(3, 0), gradient(along, across)) == pytest.approx(angle, rel=accuracy)


def test_neither_length_nor_order_matters() -> None:
    rng = np.random.default_rng(0)
    one, other = ([rng.normal(size=(3, 4)), rng.normal(size=(1, 4))] for _ in range(2))
    angle = degrees(one, other)
    assert degrees(other, one) == pytest.approx(angle, rel=1e-14)
    assert degrees([7 * array for array in one], other) == pytest.approx(angle, rel=1e-14)
    assert degrees([-array for array in one], other) == pytest.approx(180 - angle, rel=1e-14)
    flat = [np.concatenate([array.ravel() for array in arrays]) for arrays in (one, other)]
    cosine = flat[0] @ flat[1] / (np.linalg.norm(flat[0]) * np.linalg.norm(flat[1]))
    assert np.cos(np.radians(angle)) == pytest.approx(cosine, rel=1e-14)


def test_zero_is_at_a_right_angle_to_everything() -> None:
    assert degrees([np.zeros(3)], [np.ones(3)]) == 90
    assert degrees([np.ones(3)], [np.zeros(3)]) == 90
