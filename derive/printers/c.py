"""The form for one task at a time as C: a call of ``kernels.h`` for each of `schedule.task`.

::

    PRODUCT(H2_s, N, L2, NONE, activated, NONE, TERM(PLAIN(H1_s), W2, L1 + 1));
    EACH(E_q, O, M, at(Z3_q) - at(Y_q));

A matrix is an array of rows, whose sizes are constants when it is compiled; `PLAIN` is a matrix as
it lies and `TURNED` its transpose. Numbers have 64 bits until they meet an entry.

Like every printer this one is closed: what it has no text for is an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..schedule.task import Assign, Dots, Each, Sum, Tiles, Unit, extents
from .entries import Language

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sympy import MatrixSymbol

    from ..schedule.task import Call, Extent, Factor, Term, Then

#: What an entry of a vector is, and a number of 64 bits: a quotient of integers would be one, too.
C = Language(
    name="C",
    call=lambda row: row.c,
    at="at({})".format,
    row="row({})".format,
    column="column({})".format,
    along="along({}, {})",
    down="down({}, {})",
    most="most({}, {})",
    factor="(F)({})",
    constant="(F){}",
    whole="{}.0",
    one="all(1)",
)


def call_text(call: Call) -> str:
    """A call as a statement.

    Raises
    ------
    ValueError
        When there is no text for what is in it.
    """
    match call:
        case Tiles(out, start, terms, then):
            rest = ", ".join(map(_term, terms))
            function, other = _applied(then) if then else ("same", "NONE")
            begin = _plain(start)
            return f"PRODUCT({out}, {_bounds(out)}, {begin}, {function}, {other}, {rest});"
        case Dots(out, start, term):
            name, scale = ("DOTS", "") if term.scalar == 1 else ("SCALED_DOTS", _scale(term))
            rest = f"{term.left.symbol}, {term.right.symbol}, {extent_text(term.inner)}{scale}"
            return f"{name}({out}, {_bounds(out)}, {_plain(start)}, {rest});"
        case Each(out, value):
            return f"EACH({out}, {_bounds(out)}, {C.entry(value, out)});"
        case Unit(out, value):
            rows, _ = extents(out)
            return f"CONSTANT({out}, {extent_text(rows)}, {out.shape[1]}, {value});"
        case Sum(out, scalar, value, like, adds):
            summed = f"SUM({_bounds(like)}, {C.entry(value, like)})"
            factor = "" if scalar == 1 else f"{C.number(scalar)} * "
            return f"{out} {'+=' if adds else '='} {factor}{summed};"
        case Assign(out, value, adds):
            return f"{out} {'+=' if adds else '='} {C.number(value)};"


def check_calls(calls: Iterable[Call]) -> None:
    """Check that there is C for everything.

    Raises
    ------
    ValueError
        When there is not.
    """
    every = list(calls)
    definitions(every)
    for call in every:
        call_text(call)


def extent_text(extent: Extent) -> str:
    """How many there are."""
    return f"{extent.size} + 1" if extent.more else str(extent.size)


def _bounds(out: MatrixSymbol) -> str:
    return ", ".join(map(extent_text, extents(out)))


def _plain(symbol: MatrixSymbol | None) -> str:
    return "NONE" if symbol is None else f"PLAIN({symbol})"


def _term(term: Term) -> str:
    left = f"{'TURNED' if term.left.across else 'PLAIN'}({term.left.symbol})"
    name, scale = ("TERM", "") if term.scalar == 1 else ("SCALED", _scale(term))
    return f"{name}({left}, {_right(term.right)}, {extent_text(term.inner)}{scale})"


def _scale(term: Term) -> str:
    return f", {C.number(term.scalar)}"


def _right(factor: Factor) -> str:
    return turned(factor.symbol) if factor.across else str(factor.symbol)


def turned(weight: MatrixSymbol) -> str:
    """The name of the transposed copy of a weight."""
    return f"{weight}_T"


# --- what becomes of a sum ---


def _applied(then: Then) -> tuple[str, str]:
    """The name of what is done to a sum, and the other matrix that it needs."""
    if then.other is None:
        return "activated", "NONE"
    return ("multiplied" if _is_product(then) else "sloped"), _plain(then.other)


def _is_product(then: Then) -> bool:
    return then.other in then.value.args


def definitions(calls: Iterable[Call]) -> list[str]:
    """What is done to sums: a function each.

    Raises
    ------
    ValueError
        When two of them would have the same name.
    """
    found: dict[str, str] = {}
    for then in (call.then for call in calls if isinstance(call, Tiles) and call.then):
        name, _ = _applied(then)
        words = {then.it: "it", then.other: "with"}
        text = C._replace(at=words.__getitem__).entry(then.value, then.it)
        if found.setdefault(name, text) != text:
            raise ValueError(f"no C for two functions, {found[name]} and {text}")
    return [f"THEN({name}, {text})" for name, text in found.items()]
