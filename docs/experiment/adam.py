"""The Adam optimiser [1]_, in the few lines that it is.

References
----------
.. [1] D. P. Kingma, J. Ba: Adam: A Method for Stochastic Optimization. ICLR 2015,
       arXiv:1412.6980, algorithm 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .networks import Array


# --8<-- [start:adam]
@dataclass
class Adam:
    """Adaptive steps from running means of the gradient and of its square, in place.

    The paper's running means are kept without their factors ``1 - decay``: what is saved is a
    multiplication for each, and the factors meet in one scalar.

    Attributes
    ----------
    parameters
        The vector to train, changed by `update`.
    beta
        The outer step size, which may change from step to step.
    decay_mean, decay_square
        How slowly the two running means forget.
    epsilon
        Keeps the step finite where the gradient vanishes.
    steps, mean, square
        Its state: steps taken, and both running means.

    Raises
    ------
    ValueError
        When `parameters` is not a contiguous vector that can be written to.
    """

    parameters: Array
    beta: float = 1e-3
    decay_mean: float = 0.9
    decay_square: float = 0.999
    epsilon: float = 1e-8
    steps: int = field(default=0, init=False)
    mean: Array = field(init=False)
    square: Array = field(init=False)

    def __post_init__(self) -> None:
        flags = self.parameters.flags
        if self.parameters.ndim != 1 or not (flags.writeable and flags.c_contiguous):
            kind = "contiguous" if flags.c_contiguous else "strided"
            kind += "" if flags.writeable else ", read-only"
            raise ValueError(
                f"parameters is {kind}, {self.parameters.shape}; "
                f"it must be a contiguous vector that can be written to"
            )
        self.mean, self.square, self._step = (np.zeros_like(self.parameters) for _ in range(3))

    def update(self, gradient: Array) -> None:
        """Take one step against the gradient, a vector like the parameters."""
        self.steps += 1
        mean, square, step = self.mean, self.square, self._step
        np.multiply(mean, self.decay_mean, out=mean)
        np.add(mean, gradient, out=mean)
        np.multiply(gradient, gradient, out=step)
        np.multiply(square, self.decay_square, out=square)
        np.add(square, step, out=square)

        # Both running means are biased towards zero at first, and lack their factor.
        of_mean = (1 - self.decay_mean) / (1 - self.decay_mean**self.steps)
        of_root = ((1 - self.decay_square) / (1 - self.decay_square**self.steps)) ** 0.5
        np.sqrt(square, out=step)
        np.add(step, self.epsilon / of_root, out=step)
        np.divide(mean, step, out=step)
        np.multiply(step, self.beta * of_mean / of_root, out=step)
        # The only line that touches the parameters: an interruption finds them whole.
        np.subtract(self.parameters, step, out=self.parameters)


# --8<-- [end:adam]
