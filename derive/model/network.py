"""The network: its layers, its data, and a forward pass over a set of rows."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from sympy import MatrixSymbol, OneMatrix

from derive.language.elementwise import ACTIVATIONS, FUNCTIONS, elementwise, z
from derive.language.names import D, M, N, O, width
from derive.language.program import Equation
from derive.model.algorithms import ALGORITHMS
from derive.model.losses import LOSSES

if TYPE_CHECKING:
    from collections.abc import Sequence

#: The weights of a layer and, where the network has biases, its bias.
Layer = tuple[MatrixSymbol, ...]


@dataclass(frozen=True)
class Network:
    """A multilayer perceptron and how it is adapted.

    Attributes
    ----------
    hidden
        Hidden layers; without any, the network is linear.
    activation
        One of `elementwise.ACTIVATIONS`.
    steps
        Inner gradient steps, at least one.
    loss
        A key of `losses.LOSSES`.
    algorithm
        A key of `algorithms.ALGORITHMS`.
    bias
        Whether each layer has a bias.
    """

    hidden: int = 2
    activation: str = "relu"
    steps: int = 1
    loss: str = "squared"
    algorithm: str = "maml"
    bias: bool = True

    def __post_init__(self) -> None:
        if self.hidden < 0:
            raise ValueError(f"hidden is {self.hidden}; it must be at least 0")
        if self.steps < 1:
            raise ValueError(f"steps is {self.steps}; it must be at least 1")
        tables = {"activation": ACTIVATIONS, "loss": LOSSES, "algorithm": ALGORITHMS}
        for field, table in tables.items():
            if (key := getattr(self, field)) not in table:
                raise ValueError(f"{field} is {key!r}; it must be one of {', '.join(table)}")

    @property
    def layers(self) -> tuple[Layer, ...]:
        """``(W1, b1), (W2, b2), ...``, symbols of shapes (D, L1) and (1, L1), ...

        Without biases ``(W1,), (W2,), ...``.
        """
        sizes = [D, *(width(layer) for layer in range(1, self.hidden + 1)), O]
        return tuple(
            (
                MatrixSymbol(f"W{layer}", above, below),
                *([MatrixSymbol(f"b{layer}", 1, below)] if self.bias else []),
            )
            for layer, (above, below) in enumerate(pairwise(sizes), start=1)
        )

    @property
    def weights(self) -> tuple[MatrixSymbol, ...]:
        """``W1, b1, W2, b2, ...``, or ``W1, W2, ...``."""
        return tuple(symbol for layer in self.layers for symbol in layer)


def data(rows: str) -> tuple[MatrixSymbol, MatrixSymbol]:
    """Inputs and targets of a set of rows: the query set has M of them, every other one N."""
    # Every inner step sees the same support set.
    label, count = (f"_{rows[0]}" if rows else ""), (M if rows == "q" else N)
    return MatrixSymbol(f"X{label}", count, D), MatrixSymbol(f"Y{label}", count, O)


def stage_of(rows: str) -> str:
    """The stage of a forward pass over a set of rows."""
    return {"": "forward", "q": "query"}.get(rows, "support")


# --8<-- [start:forward]
def forward(network: Network, layers: Sequence[Layer], rows: str) -> tuple[Equation, ...]:
    """The network on a set of rows: ``Z = H W + 1 b`` and ``H = f(Z)``, layer by layer."""
    stage = stage_of(rows)
    label = f"_{rows}" if rows else ""
    H, _ = data(rows)
    equations = []
    for layer, (W, *bias) in enumerate(layers, start=1):
        Z = MatrixSymbol(f"Z{layer}{label}", H.shape[0], W.shape[1])
        repeated = [OneMatrix(H.shape[0], 1) * b for b in bias]
        equations.append(Equation(Z, sum(repeated, start=H * W), stage))
        if layer <= network.hidden:
            H = MatrixSymbol(f"H{layer}{label}", *Z.shape)
            activation = FUNCTIONS[network.activation]
            equations.append(Equation(H, elementwise(activation(z), Z), stage))
    return tuple(equations)


# --8<-- [end:forward]
