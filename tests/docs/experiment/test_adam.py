"""The optimiser, against the definition of its paper."""

from __future__ import annotations

import numpy as np
import pytest

from docs.experiment.adam import Adam


def test_adam_takes_the_steps_of_the_paper() -> None:
    # Algorithm 1 of arXiv:1412.6980, written out for one number.
    parameters, w, m, v = np.full(3, 3.0), 3.0, 0.0, 0.0
    adam = Adam(parameters, 0.1)
    for t, g in enumerate([0.5, -2.0, 0.25, 0.0, 1e-9], start=1):
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        w -= 0.1 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        adam.update(np.full(3, g))
        np.testing.assert_allclose(parameters, w, rtol=1e-12)
    assert adam.parameters is parameters


def test_adam_wants_a_vector_it_can_write_to() -> None:
    frozen = np.zeros(3)
    frozen.flags.writeable = False
    cases = [
        (frozen, r"parameters is contiguous, read-only, \(3,\); it must be a contiguous vector"),
        (np.zeros(6)[::2], r"parameters is strided, \(3,\); it must be a contiguous vector"),
        (np.zeros((2, 2)), r"parameters is contiguous, \(2, 2\); it must be a contiguous vector"),
    ]
    for parameters, message in cases:
        with pytest.raises(ValueError, match=message):
            Adam(parameters)
