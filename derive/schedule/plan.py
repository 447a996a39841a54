"""The workspace form of one network: its steps in order, its buffers, the choice for each layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from derive.language.elementwise import is_gate
from derive.language.names import is_row_free, name_of, tau
from derive.schedule.buffers import buffers_of
from derive.schedule.choice import choice_of
from derive.schedule.forms import forms_of
from derive.schedule.steps import steps_of

if TYPE_CHECKING:
    from sympy import MatrixSymbol

    from derive.language.program import Program
    from derive.schedule.buffers import Buffer, Under
    from derive.schedule.choice import Choice
    from derive.schedule.forms import Line
    from derive.schedule.steps import Step


@dataclass(frozen=True)
class Plan:
    """What the workspace form of a program is made of.

    Attributes
    ----------
    lines
        Each line of the two forms, and the steps that compute it.
    data
        The support and query set: what is written before the first step.
    outputs
        The gradients of the weights: what the caller gives the memory for.
    buffers
        The memory of everything but the outputs.
    choices
        For each layer, when it is dense.
    """

    lines: tuple[tuple[Line, tuple[Step, ...]], ...]
    data: tuple[MatrixSymbol, ...]
    outputs: tuple[MatrixSymbol, ...]
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
    outputs = tuple(output for output in kernel.outputs if output.is_Matrix)
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
        outputs=outputs,
        buffers=tuple(buffer for buffer in buffers if buffer.holds[0] not in outputs),
        choices=tuple(choice_of(forms, name_of(weight).layer) for weight in kernel.weights),
    )


def in_order(lines: tuple[tuple[Line, tuple[Step, ...]], ...]) -> list[tuple[Under, Step]]:
    """Every step in order, with the choice under which it is made."""
    return [((line.layer, line.dense), step) for line, steps in lines for step in steps]
