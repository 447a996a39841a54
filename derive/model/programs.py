"""What is derived: the inner gradient, the step, the query loss after it, and its gradient.

Each function below makes the equations of one thing that a person says about MAML; the programs
at the end are what a package computes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sympy import Integer, MatrixSymbol, Symbol

from derive.language.names import Name, T, adjoint, alpha, inner_gradient, name_of, renamed
from derive.language.program import Equation, Group, Program
from derive.model.algorithms import ALGORITHMS, support_predictions
from derive.model.gradient import sweep
from derive.model.losses import LOSSES
from derive.model.network import Network, data, forward, stage_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from derive.model.algorithms import Constants
    from derive.model.network import Layer


def loss(network: Network, prediction: MatrixSymbol, rows: str) -> Equation:
    """The loss of a prediction on a set of rows."""
    _, Y = data(rows)
    symbol = Symbol(f"loss_{rows}" if rows else "loss")
    return Equation(symbol, LOSSES[network.loss].value(prediction, Y), stage_of(rows))


def inner_loss_and_gradient(
    network: Network, layers: Sequence[Layer], rows: str
) -> tuple[Equation, ...]:
    """The loss on a set of rows, and its gradient with respect to the weights in `layers`."""
    equations = forward(network, layers, rows)
    equations += (loss(network, equations[-1].symbol, rows),)
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

    def fast(symbol: MatrixSymbol) -> MatrixSymbol:
        name = name_of(symbol)
        return renamed(symbol, Name(name.base, name.layer, fast=suffix))

    equations = tuple(
        Equation(fast(symbol), symbol - alpha * inner_gradient(symbol, rows), "step")
        for layer in layers
        for symbol in layer
    )
    return equations, tuple(tuple(map(fast, layer)) for layer in layers)


def adapted_loss(network: Network) -> tuple[Equation, ...]:
    """The query loss of one task after adaptation: support pass, step, ..., query pass."""
    layers = network.layers
    equations: tuple[Equation, ...] = ()
    for k in range(1, network.steps + 1):
        number = str(k) if network.steps > 1 else ""
        equations += inner_loss_and_gradient(network, layers, f"s{number}")
        step_equations, layers = inner_step(layers, f"s{number}", f"fast{number}")
        equations += step_equations
    equations += forward(network, layers, "q")
    return (*equations, loss(network, equations[-1].symbol, "q"))


# --- the programs that become functions ---


def weights_of(network: Network) -> Group:
    """The weights of a network, as inputs."""
    return Group("weights", network.weights)


#: Rows of any set, the two sets of a task, and the inner step size, as inputs.
ROWS = Group("rows", data(""))
SUPPORT, QUERY = Group("support", data("s")), Group("query", data("q"))
STEP_SIZE = Group("step size", (alpha,))


def prediction_program(network: Network) -> Program:
    """``predict``: the network on rows X."""
    equations = forward(network, network.layers, "")
    inputs = Group("rows", ROWS.symbols[:1])
    return Program((weights_of(network), inputs), equations, (equations[-1].symbol,))


def loss_program(network: Network) -> Program:
    """``loss`` on rows X with targets Y."""
    equations = forward(network, network.layers, "")
    equations += (loss(network, equations[-1].symbol, ""),)
    return Program((weights_of(network), ROWS), equations, (equations[-1].symbol,))


def inner_program(network: Network) -> Program:
    """``loss_and_gradient`` on rows X with targets Y: the inner gradient."""
    equations = inner_loss_and_gradient(network, network.layers, "")
    gradient = [inner_gradient(symbol, "") for symbol in network.weights]
    return Program((weights_of(network), ROWS), equations, (Symbol("loss"), *gradient))


def step_program(network: Network) -> Program:
    """One step of ``adapt``: the weights after it."""
    equations = inner_loss_and_gradient(network, network.layers, "s")
    step_equations, layers = inner_step(network.layers, "s", "fast")
    fast = tuple(symbol for layer in layers for symbol in layer)
    return Program((weights_of(network), SUPPORT, STEP_SIZE), equations + step_equations, fast)


def meta_loss_program(network: Network) -> Program:
    """``meta_loss``: the query loss after adaptation, of one task."""
    groups = (weights_of(network), SUPPORT, QUERY, STEP_SIZE)
    return Program(groups, adapted_loss(network), (Symbol("loss_q"),))


def meta_gradient_program(network: Network) -> Program:
    """``meta_loss_and_gradient``: the sweep through the step.

    The meta-loss is the mean of the query losses over T tasks, so each of them starts the sweep
    with adjoint 1/T, and the gradients of the tasks add up. What the algorithm holds constant is
    declared so.
    """
    return _swept(network, ALGORITHMS[network.algorithm].constants)


def without_gauss_newton(network: Network) -> Program:
    """The meta-gradient without the Gauss-Newton part of the support losses' Hessians.

    A step takes the adjoints v of the weights after it to v - alpha H v, those of the weights
    before it. For the squared loss H = 2/(N O) J.T J + R, where J is the Jacobian of the support
    predictions and R their curvature, weighted by the errors. A change of the prediction reaches
    the inner gradient by way of the error alone, so that with the predictions held constant a step
    takes v to v - alpha R v. With one step the meta-gradient lacks -alpha 2/(N O) J.T J v and
    nothing else. With several, the v of a step before the last lacks already what those after it
    have left out.
    """
    return _swept(network, support_predictions)


def _swept(network: Network, constants: Constants) -> Program:
    program = meta_loss_program(network)
    adjoints = sweep(
        program.equations,
        output=Symbol("loss_q"),
        wrt=network.weights,
        name=adjoint,
        stage=_outer_stage,
        seed=1 / T,
        constants=constants(program),
    )
    gradient = tuple(adjoint(symbol) for symbol in network.weights)
    return Program(program.groups, (*program, *adjoints), (Symbol("loss_q"), *gradient))


def _outer_stage(bar: MatrixSymbol) -> str:
    name = name_of(bar)
    if name.base in "Wb":
        return "step adjoints" if name.inner or name.fast else "meta-gradient"
    return "query adjoints" if name.rows == "q" else "support adjoints"
