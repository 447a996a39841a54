"""The network: its layers, its data, and a forward pass over a set of rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeAlias

from sympy import HadamardProduct, MatrixExpr, MatrixSymbol, OneMatrix, Rational

from ..language.elementwise import ACTIVATIONS, FUNCTIONS, elementwise, z
from ..language.names import C, D, M, N, Named, O, name_of, rate, width
from ..language.program import Equation
from .algorithms import ADAPTED, ALGORITHMS, Algorithm
from .losses import LOSSES

#: The weights of a layer and, where the network has biases, its bias.
Layer = tuple[MatrixSymbol, ...]


#: The symbols that stand for the parameters now, by the names that they began with.
State: TypeAlias = Mapping[str, MatrixSymbol]

#: A name of a field of the rates, and the step sizes in it: several where each step has its own.
RateField: TypeAlias = tuple[str, tuple[Named, ...]]


@dataclass(frozen=True)
class Network:
    """A multilayer perceptron, its loss and how it is adapted.

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
    penalty, task_weights
        Whether the algorithm has them, whatever its row says.
    normalised
        Whether each hidden layer has mean 0 and variance 1 over the rows at hand.
    """

    hidden: int = 2
    activation: str = "relu"
    steps: int = 1
    loss: str = "squared"
    algorithm: str = "maml"
    bias: bool = True
    penalty: bool = False
    task_weights: bool = False
    normalised: bool = dataclasses.field(default=False, repr=False)

    def __post_init__(self) -> None:
        if self.hidden < 0:
            raise ValueError(f"hidden is {self.hidden}; it must be at least 0")
        if self.steps < 1:
            raise ValueError(f"steps is {self.steps}; it must be at least 1")
        tables = {"activation": ACTIVATIONS, "loss": LOSSES, "algorithm": ALGORITHMS}
        for field, table in tables.items():
            if (key := getattr(self, field)) not in table:
                raise ValueError(f"{field} is {key!r}; it must be one of {', '.join(table)}")
        if self.penalty and self.context:
            raise ValueError(
                "penalty is True; a context begins from zero whenever weights are adapted, so that "
                f"{self.algorithm} has nothing to penalise"
            )
        if self.normalised and (self.hidden < 1 or not self.bias or self.context):
            raise ValueError(
                "normalised is True; there must be a hidden layer to normalise, and biases but no "
                "context to add afterwards"
            )
        if not self.adapted(self.parameters):
            raise ValueError(
                f"algorithm is {self.algorithm!r}, which adapts the {self.rule.adapted}; "
                f"with hidden {self.hidden} and bias {self.bias} there is nothing to adapt"
            )

    @property
    def rule(self) -> Algorithm:
        """The algorithm, with what the network adds to its row."""
        row = ALGORITHMS[self.algorithm]
        return replace(
            row,
            penalty=row.penalty or self.penalty,
            task_weights=row.task_weights or self.task_weights,
        )

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
        """``W1, b1, W2, b2, ...``, and where there is a context, what it meets: ``V1``, (C, L1)."""
        layers = tuple(symbol for layer in self.layers for symbol in layer)
        first = self.layers[0][0]
        return (*layers, MatrixSymbol("V1", C, first.shape[1])) if self.context else layers

    @property
    def context(self) -> tuple[MatrixSymbol, ...]:
        """What adaptation starts from zero, ``c``, (1, C), or nothing."""
        return (MatrixSymbol("c", 1, C),) if self.rule.adapted == "context" else ()

    @property
    def parameters(self) -> State:
        """Weights and context by name."""
        return {str(each.name): each for each in (*self.weights, *self.context)}

    def adapted(self, state: State) -> tuple[MatrixSymbol, ...]:
        """What the inner steps change."""
        adapts = ADAPTED[self.rule.adapted]
        last = self.hidden + 1
        return tuple(each for each in state.values() if adapts(name_of(each), last))

    def rows_of_step(self, k: int) -> str:
        """The support rows of an inner step: ``s``, or ``s2`` where there are several."""
        return f"s{k}" if self.steps > 1 else "s"

    def rate(self, symbol: MatrixSymbol, rows: str) -> Named:
        """The step size of a parameter in the step that has these rows."""
        own = self.rule.per_step and self.steps > 1
        return rate(symbol, self.rule.rate, rows if own else "")

    @property
    def rates(self) -> tuple[RateField, ...]:
        """The step sizes that are learned, by what they scale."""
        steps = [self.rows_of_step(k) for k in range(1, self.steps + 1)]
        fields: dict[str, dict[Named, None]] = {}
        for each in self.adapted(self.parameters) if self.rule.learns else ():
            name = name_of(each)
            field = {"one": "all", "layer": f"layer{name.layer or 1}"}.get(
                self.rule.rate, str(name)
            )
            fields.setdefault(field, {}).update(
                dict.fromkeys(self.rate(each, rows) for rows in steps)
            )
        return tuple((field, tuple(symbols)) for field, symbols in fields.items())


def data(rows: str) -> tuple[MatrixSymbol, MatrixSymbol]:
    """Inputs and targets of a set of rows: the query set has M of them, every other one N."""
    # Every inner step sees the same support set, and every query pass the same query set.
    label, count = (f"_{rows[0]}" if rows else ""), (M if rows[:1] == "q" else N)
    return MatrixSymbol(f"X{label}", count, D), MatrixSymbol(f"Y{label}", count, O)


def stage_of(rows: str) -> str:
    """The stage of a forward pass over a set of rows."""
    return {"": "forward", "q": "query"}.get(rows[:1], "support")


# --8<-- [start:forward]
def forward(network: Network, state: State, rows: str) -> tuple[Equation, ...]:
    """The network on a set of rows: ``Z = H W + 1 b`` and ``H = f(Z)``, layer by layer.

    Where it is normalised, the bias of a hidden layer is added to what `normal` makes of ``H W``.
    """
    stage = stage_of(rows)
    label = f"_{rows}" if rows else ""
    H, _ = data(rows)
    repeated = OneMatrix(H.shape[0], 1)
    equations = []
    for layer in range(1, network.hidden + 2):
        W, bias = state[f"W{layer}"], state.get(f"b{layer}")
        if layer == 1 and "c" in state:
            # An input that is the same for all rows of a task is a bias.
            of_context = state["c"] * state["V1"]
            B = MatrixSymbol(f"B1{label}", *of_context.shape)
            equations.append(Equation(B, bias + of_context if bias else of_context, stage))
            bias = B
        Z = MatrixSymbol(f"Z{layer}{label}", H.shape[0], W.shape[1])
        rest = H * W
        if network.normalised and layer <= network.hidden:
            lines = dict(normal(rest, f"{layer}{label}"))
            equations += [Equation(symbol, value, stage) for symbol, value in lines.items()]
            rest = list(lines)[-1]
        equations.append(Equation(Z, rest + repeated * bias if bias else rest, stage))
        if layer <= network.hidden:
            H = MatrixSymbol(f"H{layer}{label}", *Z.shape)
            activation = FUNCTIONS[network.activation]
            equations.append(Equation(H, elementwise(activation(z), Z), stage))
    return tuple(equations)


# --8<-- [end:forward]


# --8<-- [start:normal]
#: Added to a variance before it is divided by.
EPSILON = Rational(1, 1000)


def normal(product: MatrixExpr, label: str) -> Iterator[tuple[MatrixSymbol, MatrixExpr]]:
    """Rows with the mean of them taken off, over the root of their variance: batch normalisation.

    Parameters
    ----------
    product
        The rows, (N, L).
    label
        What the names of its quantities end with.
    """
    rows, units = product.shape
    U, E, Q, A = (MatrixSymbol(f"{letter}{label}", rows, units) for letter in "UEQA")
    P, S, R = (MatrixSymbol(f"{letter}{label}", 1, units) for letter in "PSR")
    repeated, summed = OneMatrix(rows, 1), OneMatrix(1, rows)
    exp, log = FUNCTIONS["exp"], FUNCTIONS["log"]
    yield U, product
    yield P, summed * U / rows
    yield E, U - repeated * P
    yield Q, HadamardProduct(E, E)
    yield S, summed * Q / rows
    yield R, elementwise(exp(-log(z + EPSILON) / 2), S)
    yield A, HadamardProduct(E, repeated * R)


# --8<-- [end:normal]
