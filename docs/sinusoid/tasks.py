"""The task distribution: sinusoids of random amplitude and phase [1]_.

References
----------
.. [1] C. Finn, P. Abbeel, S. Levine: Model-Agnostic Meta-Learning for Fast Adaptation of Deep
       Networks. ICML 2017, arXiv:1703.03400, section 5.1.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from ..experiment.family import Batch
from ..experiment.randomness import skip, stream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..experiment.networks import Array

# --8<-- [start:distribution]
AMPLITUDE = (0.1, 5.0)
PHASE = (0.0, float(np.pi))
INPUTS = (-5.0, 5.0)

#: Where predictions are compared with the sinusoid.
GRID = np.linspace(*INPUTS, 100).reshape(-1, 1)

#: An error beyond it counts as diverged: targets are at most 5, so zero is never as wrong.
DIVERGED = 25.0

#: Random numbers that are drawn at a time.
NUMBERS = 32_768


def sinusoid(x: Array, amplitude: Array | float, phase: Array | float) -> Array:
    """The regression target, y = A sin(x - phi)."""
    y: Array = amplitude * np.sin(x - phase)
    return y


# --8<-- [end:distribution]


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
    start: int = 0,
    told: bool = False,
) -> Iterator[Batch]:
    """Draw meta-batches without end, `block` of them at a time.

    The stream is that of `sample`, called again and again: a block only spreads the cost of the
    calls. Without a `block`, as many as make about `NUMBERS` numbers. It begins at meta-batch
    `start`: a number of the stream takes one step of the generator, so that those before need not
    be drawn. Where the network is `told`, the inputs are x, amplitude and phase.
    """
    size = tasks * (2 + shots + queries)
    count = block or max(1, NUMBERS // size)
    skipped = start % count
    skip(rng, (start - skipped) * size)
    while True:
        drawn = rng.random((count, tasks, 2 + shots + queries, 1)).astype(dtype)
        amplitude, phase = within(AMPLITUDE, drawn[:, :, :1]), within(PHASE, drawn[:, :, 1:2])
        X_s = within(INPUTS, drawn[:, :, 2 : 2 + shots])
        X_q = within(INPUTS, drawn[:, :, 2 + shots :])
        Y_s, Y_q = (sinusoid(X, amplitude, phase) for X in (X_s, X_q))
        if told:
            X_s, X_q = (with_answer(X, amplitude, phase) for X in (X_s, X_q))
        yield from islice(map(Batch, X_s, Y_s, X_q, Y_q), skipped, None)
        skipped = 0


def within(interval: tuple[float, float], drawn: Array) -> Array:
    """Numbers of [0, 1) moved into an interval."""
    low, high = interval
    return low + (high - low) * drawn


def with_answer(X: Array, amplitude: Array, phase: Array) -> Array:
    """Inputs (..., N, 1) and what gives the task away, (..., N, 3)."""
    return np.concatenate(np.broadcast_arrays(X, amplitude, phase), axis=-1)


# --8<-- [end:sample]


# --8<-- [start:unseen]
def unseen(
    seed: int,
    tasks: int,
    shots: int,
    dtype: np.dtype,
    told: bool = False,
    inputs: tuple[float, float] = INPUTS,
) -> Batch:
    """The tasks of an evaluation, the same for every method.

    Amplitudes and phases are stratified: of n tasks, one has its amplitude in each n-th part of
    the range, and one its phase, in an order of its own (a Latin hypercube). So a thousand tasks
    stand for the distribution better than independent ones would, and an interval that takes
    them for independent is rather too wide than too narrow.

    Parameters
    ----------
    seed
        Which ones. Amplitudes and phases do not depend on the number of `shots`.
    tasks, shots
        How many, and with how many support points each.
    dtype
        Of the arrays.
    told
        Whether amplitude and phase are inputs too.
    inputs
        Where the support points lie.

    Returns
    -------
    Batch
        Its query inputs are `GRID`, evenly spaced, for every task.
    """
    rng = stream(seed, 2)
    amplitude, phase = (
        within(interval, (rng.permutation(tasks) + rng.random(tasks)) / tasks)
        .reshape(tasks, 1, 1)
        .astype(dtype)
        for interval in (AMPLITUDE, PHASE)
    )
    X_s = within(inputs, rng.random((tasks, shots, 1)).astype(dtype))
    X_q = np.broadcast_to(GRID.astype(dtype), (tasks, *GRID.shape))
    Y_s, Y_q = (sinusoid(X, amplitude, phase) for X in (X_s, X_q))
    if told:
        X_s, X_q = (with_answer(X, amplitude, phase) for X in (X_s, X_q))
    return Batch(X_s, Y_s, np.ascontiguousarray(X_q), Y_q)


# --8<-- [end:unseen]
