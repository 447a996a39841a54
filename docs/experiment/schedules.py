"""What happens to the outer loop's steps as it goes on: their size, their length, their loss.

Progress is the share of the iterations that have been done, from 0 to 1.

References
----------
.. [1] I. Loshchilov, F. Hutter: SGDR: Stochastic Gradient Descent with Warm Restarts. ICLR 2017,
       arXiv:1608.03983, equation 5, without restarts.
.. [2] A. Antoniou, H. Edwards, A. Storkey: How to train your MAML. ICLR 2019, arXiv:1810.09502,
       section 4, multi-step loss optimization.
.. [3] R. Pascanu, T. Mikolov, Y. Bengio: On the difficulty of training recurrent neural networks.
       ICML 2013, arXiv:1211.5063, algorithm 1.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from .networks import Array

# --8<-- [start:schedules]
#: By name, which share of the outer step size is left; a cosine takes it from 1 to 0 [1]_.
SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": lambda _: 1.0,
    "cosine": lambda progress: (1 + math.cos(math.pi * progress)) / 2,
}

#: By name, which share of a multi-step loss all inner steps have in common; the last one has the
#: rest. Annealed, it goes from all of them to the last in the first half of the training [2]_.
STEP_WEIGHTS: dict[str, Callable[[float], float]] = {
    "last": lambda _: 0.0,
    "uniform": lambda _: 1.0,
    "annealed": lambda progress: max(0.0, 1 - 2 * progress),
}


def step_weights(name: str, steps: int, progress: float) -> tuple[float, ...]:
    """The weights omega of a multi-step loss.

    Parameters
    ----------
    name
        A name of `STEP_WEIGHTS`.
    steps
        Inner steps of the network.
    progress
        Of the training.

    Returns
    -------
    tuple of float
        One for the query loss after each step; their sum is 1.
    """
    shared = STEP_WEIGHTS[name](progress)
    each = shared / steps
    return (*[each] * (steps - 1), each + (1 - shared))


def clipped(gradient: Array, longest: float) -> Array:
    """A gradient, scaled down as a whole where it is too long [3]_.

    Parameters
    ----------
    gradient
        Of all parameters, one vector.
    longest
        The largest norm that it may have; 0 sets no limit.

    Returns
    -------
    Array
        The vector itself where it is short enough.
    """
    if not longest:
        return gradient
    # The squares of a float32 gradient may be beyond float32.
    norm = float(np.linalg.norm(gradient.astype(np.float64)))
    return gradient * (longest / norm) if norm > longest else gradient


# --8<-- [end:schedules]
