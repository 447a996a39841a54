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
    from docs.sinusoid.networks import WeightTuple


# --8<-- [start:adam]
@dataclass
class Adam:
    """Adaptive steps from running means of the gradient and of its square.

    Attributes
    ----------
    beta
        The outer step size.
    decay_mean, decay_square
        How slowly the two running means forget.
    epsilon
        Keeps the step finite where the gradient vanishes.
    """

    beta: float = 1e-3
    decay_mean: float = 0.9
    decay_square: float = 0.999
    epsilon: float = 1e-8
    _step: int = field(default=0, init=False)
    _means: list[np.ndarray] = field(default_factory=list, init=False)
    _squares: list[np.ndarray] = field(default_factory=list, init=False)

    def update(self, weights: WeightTuple, gradient: WeightTuple) -> WeightTuple:
        """The weights after one step against the gradient."""
        if not self._means:
            self._means = [np.zeros_like(w) for w in weights]
            self._squares = [np.zeros_like(w) for w in weights]
        self._step += 1
        unbias_mean = 1 - self.decay_mean**self._step
        unbias_square = 1 - self.decay_square**self._step
        updated = []
        for i, (w, g) in enumerate(zip(weights, gradient, strict=True)):
            self._means[i] += (1 - self.decay_mean) * (g - self._means[i])
            self._squares[i] += (1 - self.decay_square) * (g * g - self._squares[i])
            scale = np.sqrt(self._squares[i] / unbias_square) + self.epsilon
            updated.append(w - self.beta / unbias_mean * self._means[i] / scale)
        return type(weights)(*updated)


# --8<-- [end:adam]
