"""Streams that begin anywhere."""

from __future__ import annotations

import numpy as np
import pytest

from docs.sinusoid import tasks

FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)


def test_only_a_generator_that_can_skip_begins_anywhere() -> None:
    rng = np.random.Generator(np.random.MT19937(0))
    with pytest.raises(TypeError, match="the generator is MT19937; it must be PCG64 to skip"):
        next(tasks.batches(rng, 3, 4, 5, FLOAT32, block=2, start=2))
