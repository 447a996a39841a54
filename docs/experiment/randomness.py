"""Streams of random numbers, which can be entered anywhere."""

from __future__ import annotations

import numpy as np


def stream(seed: int, purpose: int) -> np.random.Generator:
    """Independent randomness, by what it is for.

    0 is initial weights, 1 training tasks, 2 unseen tasks, 3 figures, 4 the tasks of the angle.
    """
    return np.random.Generator(np.random.PCG64([seed, purpose]))


def skip(rng: np.random.Generator, numbers: int) -> None:
    """Leave out as many numbers of a stream, without drawing them."""
    if numbers:
        bits = rng.bit_generator
        if not isinstance(bits, np.random.PCG64):
            raise TypeError(f"the generator is {type(bits).__name__}; it must be PCG64 to skip")
        bits.advance(numbers)
