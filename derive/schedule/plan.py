"""The workspace form of one network: its steps in order, its buffers, the choice for each layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..language.elementwise import is_gate
from ..language.names import O, is_row_free, name_of, tau
from .buffers import buffers_of
from .choice import choice_of
from .forms import forms_of
from .steps import steps_of

if TYPE_CHECKING:
    from sympy import MatrixSymbol, Symbol

    from ..language.program import Program
    from .buffers import Buffer, Under
    from .choice import Choice
    from .forms import Line
    from .steps import Step


@dataclass(frozen=True)
class Plan:
    """What the workspace form of a program is made of.

    Attributes
    ----------
    lines
        Each line of the two forms, and the steps that compute it.
    data
        The support and query set: what is written before the first step.
    weights, rates, numbers
        What is given beside: the weights, the learned step sizes of entries, and as numbers the
        others, the step size that is not learned and the weights of penalty and losses.
    outputs
        The gradients of the weights and of the step sizes of entries, which are sums over the
        tasks: what the caller gives the memory for. A program of one set of rows has none.
    slopes
        The gradients of the other step sizes, which are numbers.
    buffers
        The memory of everything but the outputs.
    choices
        For each layer, when it is dense.
    """

    lines: tuple[tuple[Line, tuple[Step, ...]], ...]
    data: tuple[MatrixSymbol, ...]
    weights: tuple[MatrixSymbol, ...]
    rates: tuple[MatrixSymbol, ...]
    numbers: tuple[Symbol, ...]
    outputs: tuple[MatrixSymbol, ...]
    slopes: tuple[Symbol, ...]
    buffers: tuple[Buffer, ...]
    choices: tuple[Choice, ...]


def plan_of(kernel: Program, dense: Program) -> Plan:
    """Plan the workspace form.

    Parameters
    ----------
    kernel, dense
        The lowered program, with all layers in kernel form and with all in dense form.

    Raises
    ------
    ValueError
        When an equation has no steps, or the two programs do not go together.
    """
    if tau in kernel.inputs:
        raise ValueError(f"`{tau}`, the weight of a task, is not of all tasks alike")
    if kernel.group("context") and kernel.weights[0].shape[1] == O:
        raise ValueError("the context reaches the outputs without a layer between")
    gradients = kernel.outputs[1:] if kernel.group("query") else ()
    outputs = tuple(output for output in gradients if output.is_Matrix)
    rates = kernel.group("rates")
    if lonely := [rate for rate in rates if rate.is_Matrix and 1 in rate.shape]:
        raise ValueError(f"`{lonely[0]}`, step sizes of what has no weights beside")
    numbers = [*kernel.group("numbers"), *kernel.group("omegas")]
    data = tuple(
        symbol for symbol in kernel.inputs if symbol.is_Matrix and not is_row_free(symbol.shape)
    )
    forms = forms_of(kernel, dense)
    gates = [line.equation.symbol for line in forms if is_gate(line.equation.value)]
    lines = tuple((line, steps_of(line.equation, gates)) for line in forms)
    buffers = buffers_of(in_order(lines), data)
    return Plan(
        lines=lines,
        data=data,
        weights=kernel.weights,
        rates=tuple(rate for rate in rates if rate.is_Matrix),
        numbers=(*(rate for rate in rates if not rate.is_Matrix), *numbers),
        outputs=outputs,
        slopes=tuple(output for output in gradients if not output.is_Matrix),
        buffers=tuple(buffer for buffer in buffers if buffer.holds[0] not in outputs),
        choices=tuple(
            choice_of(forms, name.layer)
            for name in map(name_of, kernel.weights)
            if name.base == "W"
        ),
    )


def in_order(lines: tuple[tuple[Line, tuple[Step, ...]], ...]) -> list[tuple[Under, Step]]:
    """Every step in order, with the choice under which it is made."""
    return [((line.layer, line.dense), step) for line, steps in lines for step in steps]
