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
    from docs.sinusoid.networks import Array

# --8<-- [start:distribution]
AMPLITUDE = (0.1, 5.0)
PHASE = (0.0, np.pi)
INPUTS = (-5.0, 5.0)


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
    amplitude = rng.uniform(*AMPLITUDE, size=(tasks, 1, 1))
    phase = rng.uniform(*PHASE, size=(tasks, 1, 1))
    x = rng.uniform(*INPUTS, size=(tasks, shots + queries, 1))
    y = sinusoid(x, amplitude, phase)
    X, Y = x.astype(dtype), y.astype(dtype)
    return Batch(X[:, :shots], Y[:, :shots], X[:, shots:], Y[:, shots:])


# --8<-- [end:sample]
