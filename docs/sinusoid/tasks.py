"""The task distribution: sinusoids of random amplitude and phase [1]_.

References
----------
.. [1] C. Finn, P. Abbeel, S. Levine: Model-Agnostic Meta-Learning for Fast Adaptation of Deep
       Networks. ICML 2017, arXiv:1703.03400, section 5.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docs.sinusoid.networks import Array

# --8<-- [start:distribution]
AMPLITUDE = (0.1, 5.0)
PHASE = (0.0, float(np.pi))
INPUTS = (-5.0, 5.0)

#: Random numbers that are drawn at a time.
NUMBERS = 32_768


def sinusoid(x: Array, amplitude: Array | float, phase: Array | float) -> Array:
    """The regression target, y = A sin(x - phi)."""
    y: Array = amplitude * np.sin(x - phase)
    return y


# --8<-- [end:distribution]


class Batch(NamedTuple):
    """Support and query sets of T tasks, in the order the generated functions take them.

    Attributes
    ----------
    X_s, Y_s
        Support inputs and targets, (T, N, 1).
    X_q, Y_q
        Query inputs and targets, (T, M, 1).
    """

    X_s: Array
    Y_s: Array
    X_q: Array
    Y_q: Array


# --8<-- [start:sample]
def sample(
    rng: np.random.Generator, tasks: int, shots: int, queries: int, dtype: np.dtype
) -> Batch:
    """Draw a meta-batch of tasks.

    Parameters
    ----------
    rng
        Where the randomness comes from.
    tasks, shots, queries
        T tasks with N = `shots` support points and M = `queries` query points each.
    dtype
        Of the arrays returned; the draw itself is the same for every dtype.

    Returns
    -------
    Batch
        The two sets.
    """
    return next(batches(rng, tasks, shots, queries, dtype, block=1))


def batches(
    rng: np.random.Generator,
    tasks: int,
    shots: int,
    queries: int,
    dtype: np.dtype,
    block: int | None = None,
) -> Iterator[Batch]:
    """Draw meta-batches without end, `block` of them at a time.

    The stream is that of `sample`, called again and again: a block only spreads the cost of the
    calls. Without a `block`, as many as make about `NUMBERS` numbers.
    """
    size = tasks * (2 + shots + queries)
    count = block or max(1, NUMBERS // size)
    while True:
        drawn = rng.random((count, tasks, 2 + shots + queries, 1)).astype(dtype)
        amplitude, phase = within(AMPLITUDE, drawn[:, :, :1]), within(PHASE, drawn[:, :, 1:2])
        X_s = within(INPUTS, drawn[:, :, 2 : 2 + shots])
        X_q = within(INPUTS, drawn[:, :, 2 + shots :])
        Y_s, Y_q = (sinusoid(X, amplitude, phase) for X in (X_s, X_q))
        yield from map(Batch, X_s, Y_s, X_q, Y_q)


def within(interval: tuple[float, float], drawn: Array) -> Array:
    """Numbers of [0, 1) moved into an interval."""
    low, high = interval
    return low + (high - low) * drawn


# --8<-- [end:sample]
