"""Which quantities of the workspace form may share memory: liveness, read off the steps.

A quantity lives from the step that writes it first to the one that uses it last. Two that are
never alive together get one buffer, if they are stored alike. A step that goes entry by entry may
write over what it reads for the last time; a product may not. What is gained is that more stays
in the cache. [buffers shared: 1.03]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .storage import storage_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sympy import MatrixSymbol

    from .steps import Step
    from .storage import Storage

#: The choice under which a step is made: a layer and whether it is dense; layer 0 is always.
Under = tuple[int, bool]
ALWAYS: Under = (0, False)


@dataclass(frozen=True)
class Buffer:
    """Memory and the quantities that take it in turn.

    Attributes
    ----------
    storage
        How they are stored.
    under
        When it exists: what is computed under a choice may also take what always exists.
    holds
        The quantities, in order.
    first, last
        The steps from which and to which it is needed; data are there before step 0.
    """

    storage: Storage
    under: Under
    holds: tuple[MatrixSymbol, ...]
    first: int
    last: int


def buffers_of(
    steps: Sequence[tuple[Under, Step]], given: Collection[MatrixSymbol]
) -> tuple[Buffer, ...]:
    """Give every quantity a buffer.

    Parameters
    ----------
    steps
        All steps in order, each with its choice.
    given
        What is written before the first step: the data.

    Returns
    -------
    tuple of Buffer
        In the order in which they are first needed.
    """
    first, last, under = lifetimes(steps, given)
    buffers: list[Buffer] = []
    for symbol in sorted(first, key=lambda each: (first[each], each.name)):
        start, storage = first[symbol], storage_of(symbol)
        for at, buffer in enumerate(buffers):
            alike = buffer.storage == storage and buffer.under in (ALWAYS, under[symbol])
            if alike and _is_free(buffer, start, steps):
                holds = (*buffer.holds, symbol)
                buffers[at] = Buffer(storage, buffer.under, holds, buffer.first, last[symbol])
                break
        else:
            buffers.append(Buffer(storage, under[symbol], (symbol,), start, last[symbol]))
    return tuple(buffers)


def _is_free(buffer: Buffer, start: int, steps: Sequence[tuple[Under, Step]]) -> bool:
    if buffer.last == start:
        return steps[start][1].in_place and buffer.holds[-1] in steps[start][1].reads
    return buffer.last < start


def lifetimes(
    steps: Sequence[tuple[Under, Step]], given: Collection[MatrixSymbol]
) -> tuple[dict[MatrixSymbol, int], dict[MatrixSymbol, int], dict[MatrixSymbol, Under]]:
    """For each quantity its first and its last step, and the choice under which it exists."""
    first = dict.fromkeys(given, -1)
    last: dict[MatrixSymbol, int] = {}
    under = dict.fromkeys(given, ALWAYS)
    for at, (choice, step) in enumerate(steps):
        if step.writes.is_Matrix:
            first.setdefault(step.writes, at)
            known = under.setdefault(step.writes, choice)
            under[step.writes] = choice if known == choice else ALWAYS
        for symbol in (step.writes, *step.reads):
            if symbol in first:
                last[symbol] = at
    # The caller writes data, and not to their last column: nothing else may leave anything there.
    last.update(dict.fromkeys(given, len(steps)))
    return first, last, under
