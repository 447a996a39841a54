"""Memory for packages without a workspace form: vectors that their readable functions fill."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from .networks import flatten, initial_weights
from .randomness import stream

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .networks import Array, MetaGradient, Network, WeightTuple


class Readable:
    """What training asks of a workspace, without its speed.

    Attributes
    ----------
    parameters, weights
        One vector, and its views as the weights of the network.
    gradient
        Another, which every meta-gradient is written into.
    backend
        That there is.
    """

    backend = "numpy"

    def __init__(self, net: Network, sizes: Sequence[int], dtype: np.dtype) -> None:
        drawn = initial_weights(net, sizes, stream(0, 0), dtype)
        self.net = net
        self.parameters: Array = np.zeros(sum(each.size for each in drawn), dtype)
        self.gradient: Array = np.zeros_like(self.parameters)
        self.weights: Any = type(drawn)(*views(self.parameters, drawn))

    def meta_loss_and_gradient(
        self, weights: WeightTuple, *arguments: Any, **named: Any
    ) -> MetaGradient:
        """Meta-loss and meta-gradient; this one is also left in the vector."""
        loss, gradient = self.net.meta_loss_and_gradient(weights, *arguments, **named)
        flatten(gradient, self.gradient)
        return loss, gradient


def views(vector: Array, like: WeightTuple) -> Iterator[Array]:
    """The parts of a vector, each shaped like an array."""
    ends = np.cumsum([each.size for each in like])
    for part, each in zip(islice(np.split(vector, ends), len(like)), like, strict=True):
        yield part.reshape(each.shape)
