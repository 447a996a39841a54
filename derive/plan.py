"""The workspace form of one network: its calls in order, and the buffers that they use."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from derive import notation
from derive.buffers import buffers_of
from derive.calls import calls_of
from derive.lower import forms_of
from derive.storage import is_gate

if TYPE_CHECKING:
    from sympy import MatrixSymbol

    from derive.buffers import Buffer, Choice
    from derive.calls import Call
    from derive.lower import Line
    from derive.program import Program


@dataclass(frozen=True)
class Plan:
    """What the workspace form of a program is made of.

    Attributes
    ----------
    steps
        Each line of the two forms, and the calls that compute it.
    data
        The support and query set: what is written before the first call.
    outputs
        The gradients of the weights: what the caller gives the memory for.
    """

    steps: tuple[tuple[Line, tuple[Call, ...]], ...]
    data: tuple[MatrixSymbol, ...]
    outputs: tuple[MatrixSymbol, ...]

    @property
    def calls(self) -> list[tuple[Choice, Call]]:
        """Every call in order, with the choice under which it is made."""
        return [((line.layer, line.dense), call) for line, calls in self.steps for call in calls]

    @property
    def buffers(self) -> list[Buffer]:
        """The memory of everything but the outputs."""
        made = buffers_of(self.calls, self.data)
        return [buffer for buffer in made if buffer.holds[0] not in self.outputs]


@cache
def plan_of(program: Program) -> Plan:
    """Lower a program, as derived, to calls."""
    outputs = tuple(
        output
        for output in program.outputs
        if output.is_Matrix and notation.parse(output.name).base == "W"
    )
    lines = forms_of(program)
    gates = [line.equation.symbol for line in lines if is_gate(line.equation.value)]
    return Plan(
        steps=tuple((line, tuple(calls_of(line.equation, outputs, gates))) for line in lines),
        data=tuple(
            symbol
            for symbol in program.inputs
            if symbol.is_Matrix and not notation.is_row_free(symbol.shape)
        ),
        outputs=outputs,
    )
