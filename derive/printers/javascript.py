"""The form for one task at a time as JavaScript: calls of ``kernels.js``, and loops over entries.

::

    product(H2_s, null, H1_s, W2, L1 + 1);
    for (let k = 0; k < H2_s.x.length; k++) H2_s.x[k] = relu(H2_s.x[k]);

A matrix knows its rows and columns, so that only what a product sums over is said beside. Either
factor may be `turned`. What becomes of a product before it is stored in C is a loop of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sympy import OneMatrix

from ..language.program import RowMax
from ..schedule.task import Assign, Dots, Each, Sum, Tiles, Unit
from .c import extent_text
from .entries import Language

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sympy import MatrixExpr, MatrixSymbol

    from ..schedule.task import Call, Factor, Term

#: Entries at the same place of matrices that lie alike.
FLAT = Language(
    name="JavaScript",
    call=lambda row: row.javascript,
    at="{}.x[k]".format,
    row="{}.x[j]".format,
    column="{0}.x[i * {0}.row]".format,
    along="along({}, i, {})",
    down="down({}, j, {})",
    most="most({}, j, {})",
)
#: Entry (i, j), where others of its row or column are read beside.
BY_ROWS = FLAT._replace(at="{0}.x[i * {0}.row + j]".format)


def statements(call: Call) -> list[tuple[str, int]]:
    """A call as statements, each with which of the call's equations it belongs to.

    Raises
    ------
    ValueError
        When there is no text for what is in it.
    """
    match call:
        case Tiles(out, start, terms, then):
            lines = [(text, 0) for text in _products(out, start, terms)]
            if then:
                lines.append((_loop(out, then.value.xreplace({then.it: out})), -1))
            return lines
        case Dots(out, start, term):
            return [(text, 0) for text in _products(out, start, (term,))]
        case Each(out, value):
            return [(_loop(out, value), -1)]
        case Unit(out, value):
            return [(f"constant({out}, {value});", -1)]
        case Sum(out, scalar, value, like, adds):
            factor = "" if scalar == 1 else f"{FLAT.number(scalar)} * "
            summed = f"sum({like}, (k) => {FLAT.entry(value, like)})"
            return [(f"{out} {'+=' if adds else '='} {factor}{summed};", 0)]
        case Assign(out, value, adds):
            return [(f"{out} {'+=' if adds else '='} {FLAT.number(value)};", 0)]


def check_statements(calls: Iterable[Call]) -> None:
    """Check that there is JavaScript for everything.

    Raises
    ------
    ValueError
        When there is not.
    """
    for call in calls:
        statements(call)


def _products(
    out: MatrixSymbol, start: MatrixSymbol | None, terms: tuple[Term, ...]
) -> Iterator[str]:
    """One after the other."""
    begin = "null" if start is None else str(start)
    for term in terms:
        scale = "" if term.scalar == 1 else f", {FLAT.number(term.scalar)}"
        factors = f"{_factor(term.left)}, {_factor(term.right)}"
        yield f"product({out}, {begin}, {factors}, {extent_text(term.inner)}{scale});"
        begin = str(out)


def _factor(factor: Factor) -> str:
    return f"turned({factor.symbol})" if factor.across else str(factor.symbol)


def _loop(out: MatrixSymbol, value: MatrixExpr) -> str:
    if not value.has(OneMatrix, RowMax):
        return f"for (let k = 0; k < {out}.x.length; k++) {out}.x[k] = {FLAT.entry(value, out)};"
    rows = f"for (let i = 0; i < {out}.rows; i++)"
    columns = f"for (let j = 0; j < {out}.columns; j++)"
    return f"{rows} {columns} {BY_ROWS.at(out)} = {BY_ROWS.entry(value, out)};"
