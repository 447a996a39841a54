"""Which quantities of the workspace form may share memory: liveness, read off the program.

A quantity lives from the call that writes it first to the one that uses it last. Two that are
never alive together get one buffer, if they have the same shape and the same constant unit. An
elementwise call may write over what it reads for the last time; a product may not. What is gained
is that more stays in the cache. [buffers shared: 1.04]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from derive.notation import parse
from derive.storage import constructor, is_zeros

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sympy import MatrixSymbol

    from derive.calls import Call

#: The choice under which a call is made: a layer and whether it is dense; layer 0 is always.
Choice = tuple[int, bool]
ALWAYS: Choice = (0, False)


@dataclass
class Buffer:
    """Memory and the quantities that take it in turn.

    Attributes
    ----------
    kind
        What those have in common: whatever is not equal may not share.
    choice
        When it exists: what is computed under a choice may also take what always exists.
    holds
        The quantities, in order.
    free_from
        The call after which the last of them is not needed any more.
    """

    kind: tuple[str, bool]
    choice: Choice
    holds: list[MatrixSymbol]
    free_from: int


def buffers_of(
    calls: Sequence[tuple[Choice, Call]], given: Collection[MatrixSymbol]
) -> list[Buffer]:
    """Give every quantity a buffer.

    Parameters
    ----------
    calls
        All calls in order, each with its choice.
    given
        What is written before the first call: the data.

    Returns
    -------
    list of Buffer
        In the order in which they are first needed.
    """
    first, last, choices = lifetimes(calls, given)
    buffers: list[Buffer] = []
    for symbol in sorted(first, key=lambda each: (first[each], each.name)):
        start = first[symbol]
        kind = kind_of(symbol)
        reused = next(
            (
                buffer
                for buffer in buffers
                if buffer.kind == kind
                and buffer.choice in (ALWAYS, choices[symbol])
                and _is_free(buffer, start, calls)
            ),
            None,
        )
        if reused is None:
            buffers.append(Buffer(kind, choices[symbol], [symbol], last[symbol]))
        else:
            reused.holds.append(symbol)
            reused.free_from = last[symbol]
    return buffers


def _is_free(buffer: Buffer, start: int, calls: Sequence[tuple[Choice, Call]]) -> bool:
    if buffer.free_from == start:
        return calls[start][1].elementwise and buffer.holds[-1] in calls[start][1].reads
    return buffer.free_from < start


def lifetimes(
    calls: Sequence[tuple[Choice, Call]], given: Collection[MatrixSymbol]
) -> tuple[dict[MatrixSymbol, int], dict[MatrixSymbol, int], dict[MatrixSymbol, Choice]]:
    """For each quantity its first and its last call, and the choice under which it exists."""
    first = dict.fromkeys(given, -1)
    last: dict[MatrixSymbol, int] = {}
    choices = dict.fromkeys(given, ALWAYS)
    for at, (choice, call) in enumerate(calls):
        zeros = [symbol for symbol in call.reads if is_zeros(symbol)]
        for symbol in [call.writes, *zeros] if call.writes is not None else zeros:
            first.setdefault(symbol, at)
            known = choices.setdefault(symbol, choice)
            choices[symbol] = choice if known == choice else ALWAYS
        for symbol in (call.writes, *call.reads):
            if symbol in first:
                last[symbol] = at
    # Zeros are never written. Data are, by the caller and not to the last column, so nothing else
    # may leave anything there.
    always = [symbol for symbol in first if is_zeros(symbol) or symbol in given]
    last.update(dict.fromkeys(always, len(calls)))
    return first, last, choices


def kind_of(symbol: MatrixSymbol) -> tuple[str, bool]:
    """What two quantities must have in common to share memory, whatever the choice."""
    name = str(symbol.name)
    # A slope's constant unit is that of no other quantity.
    slope = not name.startswith(("K_", "zeros_")) and parse(name.partition("_")[0]).base == "G"
    return constructor(symbol), slope
