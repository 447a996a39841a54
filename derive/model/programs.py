"""What is derived: the inner gradient, the step, the query loss after it, and its gradient.

Each function below makes the equations of one thing that a person says about meta-learning; the
programs at the end are what a package computes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

from sympy import Add, HadamardProduct, Integer, MatrixSymbol, Symbol, Trace

from ..language.names import (
    T,
    adjoint,
    alpha,
    direction,
    inner_gradient,
    lam,
    name_of,
    omega,
    renamed,
    tau,
)
from ..language.program import Equation, Group, Program
from .algorithms import support_predictions
from .gradient import sweep
from .losses import LOSSES
from .network import Network, data, forward, stage_of

if TYPE_CHECKING:
    from sympy import Expr

    from ..language.names import Named
    from .algorithms import Constants
    from .network import State

#: A pass that a program goes through before it is differentiated.
Before: TypeAlias = Callable[[Program], Program]


def loss_symbol(rows: str) -> Symbol:
    """``loss``, ``loss_s2``."""
    return Symbol(f"loss_{rows}" if rows else "loss")


def loss_after(network: Network, state: State, rows: str) -> tuple[Equation, ...]:
    """The forward pass over a set of rows, and its loss."""
    equations = forward(network, state, rows)
    prediction, (_, Y) = equations[-1].symbol, data(rows)
    label, stage = (f"_{rows}" if rows else ""), stage_of(rows)

    def named(letter: str, columns: Expr) -> MatrixSymbol:
        return MatrixSymbol(f"{letter}{label}", Y.shape[0], columns)

    lines = LOSSES[network.loss].lines(prediction, Y, named)
    return equations + tuple(
        Equation(loss_symbol(rows) if symbol is None else symbol, value, stage)
        for symbol, value in lines
    )


def inner_loss(network: Network, state: State, rows: str) -> tuple[Equation, ...]:
    """What an inner step descends: the loss on a set of rows and the penalty, if there is one."""
    *before, last = loss_after(network, state, rows)
    if network.rule.penalty:
        squares = [lam / 2 * Trace(each.T * each) for each in network.adapted(state)]
        last = replace(last, value=Add(last.value, *squares))
    return (*before, last)


def inner_loss_and_gradient(
    network: Network, state: State, rows: str, wrt: tuple[MatrixSymbol, ...]
) -> tuple[Equation, ...]:
    """What an inner step descends, and its gradient."""
    equations = inner_loss(network, state, rows)
    return equations + sweep(
        equations,
        seeds={loss_symbol(rows): Integer(1)},
        wrt=wrt,
        name=lambda symbol: inner_gradient(symbol, rows),
        stage=lambda _: "inner gradient",
    )


# --8<-- [start:step]
def inner_step(
    network: Network, state: State, rows: str, suffix: str
) -> tuple[tuple[Equation, ...], State]:
    """One gradient step: ``W_fast = W - alpha dW``, and the parameters after it."""
    equations, after = [], dict(state)
    for initial, symbol in state.items():
        if symbol not in network.adapted(state):
            continue
        gradient, rate = inner_gradient(symbol, rows), network.rate(symbol, rows)
        change = HadamardProduct(rate, gradient) if rate.is_Matrix else rate * gradient
        after[initial] = renamed(symbol, replace(name_of(network.parameters[initial]), fast=suffix))
        equations.append(Equation(after[initial], symbol - change, "step"))
    return tuple(equations), after


# --8<-- [end:step]


# --8<-- [start:adapted_loss]
@cache
def adapted_loss(network: Network) -> tuple[Equation, ...]:
    """The query loss of one task after adaptation: support pass, step, ..., query pass."""
    state = network.parameters
    equations: tuple[Equation, ...] = ()
    for k in range(1, network.steps + 1):
        rows = network.rows_of_step(k)
        equations += inner_loss_and_gradient(network, state, rows, network.adapted(state))
        step_equations, state = inner_step(network, state, rows, f"fast{rows[1:]}")
        equations += step_equations
        if network.rule.outer == "every":
            equations += loss_after(network, state, f"q{k}")
    if network.rule.outer == "last":
        return equations + loss_after(network, state, "q")
    after = [omega(k) * loss_symbol(f"q{k}") for k in range(1, network.steps + 1)]
    return (*equations, Equation(loss_symbol("q"), Add(*after), "query"))


# --8<-- [end:adapted_loss]


# --- the programs that become functions ---

#: Rows of any set, and the two sets of a task, as inputs.
ROWS = Group("rows", data(""))
SUPPORT, QUERY = Group("support", data("s")), Group("query", data("q"))


def _inputs(network: Network, *groups: Group, of_tasks: bool = False) -> tuple[Group, ...]:
    """The inputs of a program that adapts, those that are empty left out."""
    rule = network.rule
    numbers = {
        alpha: not rule.learns, lam: rule.penalty, tau: rule.task_weights and of_tasks
    }  # fmt: skip
    every = of_tasks and rule.outer == "every"
    omegas = tuple(omega(k) for k in range(1, network.steps + 1)) if every else ()
    found = (
        Group("weights", network.weights),
        Group("context", network.context),
        Group("rates", tuple(rate for _, rates in network.rates for rate in rates)),
        *groups,
        Group("numbers", tuple(symbol for symbol, given in numbers.items() if given)),
        Group("omegas", omegas),
    )
    return tuple(group for group in found if group.symbols)


def _without_steps(network: Network, *groups: Group) -> tuple[Group, ...]:
    """The inputs of a program in which nothing is adapted."""
    dropped = {"rates": (), "numbers": (lam,) if network.rule.penalty else ()}
    kept = (
        replace(group, symbols=dropped.get(group.name, group.symbols))
        for group in _inputs(network, *groups)
    )
    return tuple(group for group in kept if group.symbols)


def _plain(network: Network) -> State:
    """The weights alone: without adaptation there is no context."""
    return {str(each.name): each for each in network.weights}


def prediction_program(network: Network) -> Program:
    """``predict``: the network on rows X."""
    equations = forward(network, _plain(network), "")
    groups = (Group("weights", network.weights), Group("rows", ROWS.symbols[:1]))
    return Program(groups, equations, (equations[-1].symbol,))


def loss_program(network: Network) -> Program:
    """``loss`` on rows X with targets Y, without penalty."""
    equations = loss_after(network, _plain(network), "")
    return Program((Group("weights", network.weights), ROWS), equations, (loss_symbol(""),))


def inner_program(network: Network) -> Program:
    """``loss_and_gradient`` on rows X with targets Y: the inner gradient."""
    equations = inner_loss_and_gradient(network, network.parameters, "", network.weights)
    gradient = [inner_gradient(symbol, "") for symbol in network.weights]
    return Program(_without_steps(network, ROWS), equations, (loss_symbol(""), *gradient))


# --8<-- [start:hessian]
def hessian_program(network: Network) -> Program:
    """``hessian_product``: the Hessian of the inner loss times a direction.

    The inner gradient is the program, and the direction where the sweep through it begins.
    """
    program = inner_program(network)
    adjoints = sweep(
        program.equations,
        seeds={inner_gradient(each, ""): direction(each) for each in network.weights},
        wrt=network.weights,
        name=adjoint,
        stage=_outer_stage,
    )
    directions = Group("direction", tuple(map(direction, network.weights)))
    weights, *others = program.groups
    outputs = tuple(map(adjoint, network.weights))
    return Program((weights, directions, *others), (*program, *adjoints), outputs)


# --8<-- [end:hessian]


def step_program(network: Network) -> Program:
    """One step of ``adapt``: the weights after it.

    After a step a context is a part of the bias, and the next step begins from zero again.
    """
    state = network.parameters
    one = replace(network, steps=1)
    equations = inner_loss_and_gradient(one, state, "s", network.adapted(state))
    step_equations, after = inner_step(one, state, "s", "fast")
    equations += step_equations
    if network.context:
        shift = after["c"] * after["V1"]
        B = MatrixSymbol("B1_fast", *shift.shape)
        bias = after.get("b1")
        equations += (Equation(B, bias + shift if bias else shift, "step"),)
        after = {**after, "b1": B}
    outputs = tuple(after[str(each.name)] for each in network.weights)
    return Program(_inputs(one, SUPPORT), equations, outputs)


def meta_loss_program(network: Network) -> Program:
    """``meta_loss``: the query loss after adaptation, of one task."""
    groups = _inputs(network, SUPPORT, QUERY, of_tasks=True)
    return Program(groups, adapted_loss(network), (loss_symbol("q"),))


def meta_gradient_program(
    network: Network, constants: Constants | None = None, before: Before = lambda program: program
) -> Program:
    """``meta_loss_and_gradient``: the sweep through the step.

    The meta-loss is the mean of the query losses over T tasks, so each of them starts the sweep
    with adjoint 1/T, and the gradients of the tasks add up. What the algorithm holds constant is
    declared so.

    Parameters
    ----------
    network
        What is derived.
    constants
        What is held constant, in place of what the algorithm says.
    before
        A pass that the meta-loss goes through before it is differentiated.
    """
    rule = network.rule
    program = before(meta_loss_program(network))
    wrt = (*network.weights, *(rate for _, rates in network.rates for rate in rates))
    adjoints = sweep(
        program.equations,
        seeds={loss_symbol("q"): tau if rule.task_weights else 1 / T},
        wrt=wrt,
        name=adjoint,
        stage=_outer_stage,
        constants=(constants or rule.constants)(program),
    )
    outputs = (loss_symbol("q"), *map(adjoint, wrt))
    return Program(program.groups, (*program, *adjoints), outputs)


def without_gauss_newton(network: Network) -> Program:
    """The meta-gradient without the Gauss-Newton part of the support losses' Hessians.

    A step takes the adjoints v of the weights after it to v - alpha H v, those of the weights
    before it. For the squared loss H = 2/(N O) J.T J + R, where J is the Jacobian of the support
    predictions and R their curvature, weighted by the errors. A change of the prediction reaches
    the inner gradient by way of the error alone, so that with the predictions held constant a step
    takes v to v - alpha R v. With one step the meta-gradient lacks -alpha 2/(N O) J.T J v and
    nothing else. With several, the v of a step before the last lacks already what those after it
    have left out. What the algorithm holds constant stays so.
    """
    return meta_gradient_program(
        network, lambda program: (*network.rule.constants(program), *support_predictions(program))
    )


def _outer_stage(bar: Named) -> str:
    name = name_of(bar)
    if name.rate or name.base == "alpha":
        return "meta-gradient"
    if name.base in "WbcV":
        return "step adjoints" if name.inner or name.fast else "meta-gradient"
    return "query adjoints" if name.rows[:1] == "q" else "support adjoints"
