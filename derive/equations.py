"""What a person writes: the network, its loss, the inner step and the query loss.

This file is the manual of the derivation. Change an equation here, run
``python derive/build.py``, and the code, the pages and the numbers change together. Everything
that is not here is derived from it: `gradient.sweep` differentiates, `rewrite.PASSES` simplify.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

from sympy import (
    Expr,
    Function,
    Integer,
    MatrixSymbol,
    Max,
    OneMatrix,
    Symbol,
    Trace,
    exp,
    log,
)
from sympy import tanh as sympy_tanh

from derive.gradient import sweep
from derive.notation import D, M, N, O, T, adjoint, alpha, inner_gradient, parse, width
from derive.program import Equation, Program, elementwise, z

if TYPE_CHECKING:
    from collections.abc import Sequence

Layer = tuple[MatrixSymbol, MatrixSymbol]


class relu(Function):  # noqa: N801
    """``max(0, z)``. Its slope is `step`.

    SymPy's own ``Max(0, z)`` differentiates twice to a Dirac delta. The second derivative of relu
    is zero everywhere but at the kink, which a random pre-activation does not meet.
    """

    @classmethod
    def eval(cls, z: Expr) -> Expr | None:
        """Evaluate at a number."""
        return Max(0, z) if z.is_Number else None

    def fdiff(self, argindex: int = 1) -> Expr:  # noqa: ARG002
        """Differentiate."""
        return step(self.args[0])


class step(Function):  # noqa: N801
    """1 where ``z > 0``, else 0: the slope of relu. Its own slope is 0."""

    @classmethod
    def eval(cls, z: Expr) -> Expr | None:
        """Evaluate at a number."""
        return Integer(bool(z > 0)) if z.is_Number else None

    def fdiff(self, argindex: int = 1) -> Expr:  # noqa: ARG002
        """Differentiate."""
        return Integer(0)


class softplus(Function):  # noqa: N801
    """``log(1 + exp(z))``, as a word of its own so that it can be printed without overflow."""

    @classmethod
    def eval(cls, z: Expr) -> Expr | None:
        """Evaluate at a number."""
        return log(1 + exp(z)) if z.is_Number else None

    def fdiff(self, argindex: int = 1) -> Expr:  # noqa: ARG002
        """Differentiate."""
        return sigmoid(self.args[0])


class sigmoid(Function):  # noqa: N801
    """``1 / (1 + exp(-z))``: the slope of softplus."""

    @classmethod
    def eval(cls, z: Expr) -> Expr | None:
        """Evaluate at a number."""
        return 1 / (1 + exp(-z)) if z.is_Number else None

    def fdiff(self, argindex: int = 1) -> Expr:  # noqa: ARG002
        """Differentiate."""
        s = sigmoid(self.args[0])
        return s * (1 - s)


ACTIVATIONS = {"relu": relu, "tanh": sympy_tanh, "softplus": softplus}


@dataclass(frozen=True)
class Network:
    """A multilayer perceptron and how it is adapted.

    Attributes
    ----------
    hidden
        Hidden layers, at least one.
    activation
        A key of `ACTIVATIONS`.
    steps
        Inner gradient steps, at least one.
    """

    hidden: int
    activation: str
    steps: int = 1

    def __post_init__(self) -> None:
        if self.hidden < 1:
            raise ValueError(f"hidden is {self.hidden}; it must be at least 1")
        if self.steps < 1:
            raise ValueError(f"steps is {self.steps}; it must be at least 1")
        if self.activation not in ACTIVATIONS:
            known = ", ".join(ACTIVATIONS)
            raise ValueError(f"activation is {self.activation!r}; it must be one of {known}")

    @property
    def layers(self) -> tuple[Layer, ...]:
        """``(W1, b1), (W2, b2), ...``, symbols of shapes (D, L1) and (1, L1), ..."""
        sizes = [D, *(width(layer) for layer in range(1, self.hidden + 1)), O]
        return tuple(
            (MatrixSymbol(f"W{layer}", above, below), MatrixSymbol(f"b{layer}", 1, below))
            for layer, (above, below) in enumerate(pairwise(sizes), start=1)
        )

    @property
    def weights(self) -> tuple[MatrixSymbol, ...]:
        """``W1, b1, W2, b2, ...``."""
        return tuple(symbol for layer in self.layers for symbol in layer)


def data(rows: str) -> tuple[MatrixSymbol, MatrixSymbol]:
    """Inputs and targets of a set of rows: the query set has M of them, every other one N."""
    # Every inner step sees the same support set.
    label, count = (f"_{rows[0]}" if rows else ""), (M if rows == "q" else N)
    return MatrixSymbol(f"X{label}", count, D), MatrixSymbol(f"Y{label}", count, O)


# --8<-- [start:forward]
def forward(network: Network, layers: Sequence[Layer], rows: str) -> tuple[Equation, ...]:
    """The network on a set of rows: ``Z = H W + 1 b`` and ``H = f(Z)``, layer by layer."""
    stage = "query" if rows == "q" else "support"
    label = f"_{rows}" if rows else ""
    H, _ = data(rows)
    equations = []
    for layer, (W, b) in enumerate(layers, start=1):
        Z = MatrixSymbol(f"Z{layer}{label}", H.shape[0], b.shape[1])
        equations.append(Equation(Z, H * W + OneMatrix(H.shape[0], 1) * b, stage))
        if layer <= network.hidden:
            H = MatrixSymbol(f"H{layer}{label}", *Z.shape)
            activation = ACTIVATIONS[network.activation]
            equations.append(Equation(H, elementwise(activation(z), Z), stage))
    return tuple(equations)


# --8<-- [end:forward]


def loss(prediction: MatrixSymbol, rows: str) -> Equation:
    """The mean squared error over rows and outputs."""
    _, Y = data(rows)
    error = prediction - Y
    count = Y.shape[0] * Y.shape[1]
    stage = "query" if rows == "q" else "support"
    symbol = Symbol(f"loss_{rows}" if rows else "loss")
    return Equation(symbol, Trace(error.T * error) / count, stage)


def inner_loss_and_gradient(
    network: Network, layers: Sequence[Layer], rows: str
) -> tuple[Equation, ...]:
    """The loss on a set of rows, and its gradient with respect to the weights in `layers`."""
    equations = forward(network, layers, rows)
    equations += (loss(equations[-1].symbol, rows),)
    return equations + sweep(
        equations,
        output=equations[-1].symbol,
        wrt=[symbol for layer in layers for symbol in layer],
        name=lambda symbol: inner_gradient(symbol, rows),
        stage=lambda _: "inner gradient",
        seed=Integer(1),
    )


def inner_step(
    layers: Sequence[Layer], rows: str, suffix: str
) -> tuple[tuple[Equation, ...], tuple[Layer, ...]]:
    """One gradient step: ``W_fast = W - alpha dW``, and the layers after it."""
    equations = []
    for symbol in (symbol for layer in layers for symbol in layer):
        name = parse(symbol.name)
        fast = MatrixSymbol(f"{name.base}{name.layer}_{suffix}", *symbol.shape)
        equations.append(Equation(fast, symbol - alpha * inner_gradient(symbol, rows), "step"))
    symbols = [equation.symbol for equation in equations]
    return tuple(equations), tuple(zip(symbols[::2], symbols[1::2], strict=True))


@cache
def maml(network: Network) -> tuple[Equation, ...]:
    """The query loss of one task after adaptation: support pass, step, ..., query pass."""
    layers = network.layers
    equations: tuple[Equation, ...] = ()
    for k in range(1, network.steps + 1):
        number = str(k) if network.steps > 1 else ""
        equations += inner_loss_and_gradient(network, layers, f"s{number}")
        step_equations, layers = inner_step(layers, f"s{number}", f"fast{number}")
        equations += step_equations
    equations += forward(network, layers, "q")
    return (*equations, loss(equations[-1].symbol, "q"))


# --- the programs that become functions ---


def prediction_program(network: Network) -> Program:
    """``predict``: the network on rows X."""
    X, _ = data("")
    equations = forward(network, network.layers, "")
    return Program((*network.weights, X), equations, (equations[-1].symbol,))


def loss_program(network: Network) -> Program:
    """``loss`` on rows X with targets Y."""
    equations = forward(network, network.layers, "")
    equations += (loss(equations[-1].symbol, ""),)
    return Program((*network.weights, *data("")), equations, (equations[-1].symbol,))


def inner_program(network: Network) -> Program:
    """``loss_and_gradient`` on rows X with targets Y: the inner gradient."""
    equations = inner_loss_and_gradient(network, network.layers, "")
    gradient = [inner_gradient(symbol, "") for symbol in network.weights]
    return Program((*network.weights, *data("")), equations, (Symbol("loss"), *gradient))


def step_program(network: Network) -> Program:
    """One step of ``adapt``: the weights after it."""
    equations = inner_loss_and_gradient(network, network.layers, "s")
    step_equations, layers = inner_step(network.layers, "s", "fast")
    fast = [symbol for layer in layers for symbol in layer]
    inputs = (*network.weights, *data("s"), alpha)
    return Program(inputs, equations + step_equations, tuple(fast))


def meta_loss_program(network: Network) -> Program:
    """``meta_loss``: the query loss after adaptation, of one task."""
    inputs = (*network.weights, *data("s"), *data("q"), alpha)
    return Program(inputs, maml(network), (Symbol("loss_q"),))


@cache
def meta_gradient_program(network: Network, first_order: bool = False) -> Program:
    """``meta_loss_and_gradient``: the sweep through the step.

    The meta-loss is the mean of the query losses over T tasks, so each of them starts the sweep
    with adjoint 1/T, and the gradients of the tasks add up. With `first_order` the inner gradients
    are declared constants.
    """
    program = meta_loss_program(network)
    inner = [
        equation.symbol
        for equation in program
        if equation.stage == "inner gradient" and parse(equation.name).base in "Wb"
    ]
    adjoints = sweep(
        program.equations,
        output=Symbol("loss_q"),
        wrt=network.weights,
        name=adjoint,
        stage=_outer_stage,
        seed=1 / T,
        constants=inner if first_order else (),
    )
    gradient = tuple(adjoint(symbol) for symbol in network.weights)
    return Program(program.inputs, (*program, *adjoints), (Symbol("loss_q"), *gradient))


def _outer_stage(bar: MatrixSymbol) -> str:
    name = parse(bar.name)
    if name.base in "Wb":
        return "step adjoints" if name.inner or name.fast else "meta-gradient"
    return "query adjoints" if name.rows == "q" else "support adjoints"
