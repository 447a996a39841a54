"""The form for one task at a time as C: a call of ``kernels.h`` for each of `schedule.task`.

::

    PRODUCT(H2_s, N, L2, NONE, activated, NONE, TERM(PLAIN(H1_s), W2, L1 + 1));
    EACH(E_q, O, M, at(Z3_q) - at(Y_q));

A matrix is an array of rows, whose sizes are constants when it is compiled; `PLAIN` is a matrix as
it lies and `TURNED` its transpose. Numbers have 64 bits until they meet an entry.

Like every printer this one is closed: what it has no text for is an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from sympy import (
    Add,
    Expr,
    HadamardProduct,
    Integer,
    MatAdd,
    MatMul,
    MatrixExpr,
    MatrixSymbol,
    Mul,
    OneMatrix,
    Pow,
    Rational,
    Symbol,
)
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction as Elementwise

from ..language.elementwise import Word, body_of, is_gate, row_of, spelled, z
from ..language.names import reading_order
from ..language.program import RowMax, scalar_and_factors, shape_of
from ..schedule.task import Assign, Dots, Each, Sum, Tiles, Unit, extents, is_turned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ..schedule.task import Call, Extent, Factor, Term, Then

    #: Gives the text of an entry of a matrix.
    Read: TypeAlias = Callable[[MatrixSymbol], str]


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
            return f"EACH({out}, {_bounds(out)}, {entry(value, out)});"
        case Unit(out, value):
            rows, _ = extents(out)
            return f"CONSTANT({out}, {extent_text(rows)}, {out.shape[1]}, {value});"
        case Sum(out, scalar, value, like, adds):
            summed = f"SUM({_bounds(like)}, {entry(value, like)})"
            factor = "" if scalar == 1 else f"{number(scalar)} * "
            return f"{out} {'+=' if adds else '='} {factor}{summed};"
        case Assign(out, value, adds):
            return f"{out} {'+=' if adds else '='} {number(value)};"


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
    return f", {number(term.scalar)}"


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
        text = entry(then.value, then.it, words.__getitem__)
        if found.setdefault(name, text) != text:
            raise ValueError(f"no C for two functions, {found[name]} and {text}")
    return [f"THEN({name}, {text})" for name, text in found.items()]


# --- entries ---


def _at(symbol: MatrixSymbol) -> str:
    return f"at({symbol})"


def entry(value: MatrixExpr, out: MatrixSymbol, read: Read = _at) -> str:
    """An expression of entries.

    Parameters
    ----------
    value
        The expression.
    out
        What it is computed for, or a matrix that lies likewise.
    read
        The text of an entry of a matrix.

    Raises
    ------
    ValueError
        When there is no text for it.
    """
    match value:
        case MatrixSymbol():
            return read(value)
        case MatAdd():
            return _sum(value, out, read)
        case RowMax(arg=MatrixSymbol() as rows) if is_turned(rows):
            return f"most({rows}, {rows.shape[1]})"
        case MatMul():
            return _scaled(*scalar_and_factors(value), out, read)
        case HadamardProduct():
            return _product(sorted(value.args, key=reading_order), out, read)
        case Elementwise():
            argument = entry(value.expr, out, read)
            if not isinstance(value.expr, MatrixSymbol):
                argument = f"({argument})"
            return _function(spelled(body_of(value)), argument, value)
    raise ValueError(f"no C for {type(value).__name__}: {value}")


def _with_ones(ones: MatrixExpr, value: MatrixExpr, out: MatrixSymbol) -> str:
    """What is repeated, or a sum along rows or down them."""
    shape = shape_of(value)
    if 1 in shape and out.shape != shape:
        # A column lies as a row, and a row of outputs as a column.
        access = "row" if is_turned(out) == (shape[1] == 1) else "column"
        if access == "column" and not is_turned(out):
            raise ValueError(f"no C for a column that is repeated along {out}")
        return entry(value, out, lambda symbol: f"{access}({symbol})")
    if not isinstance(value, MatrixSymbol):
        raise ValueError(f"no C for a sum of {value}")
    along = ones.shape[1] == 1
    if along != is_turned(value):
        return f"along({value}, {value.shape[1 if along else 0]})"
    return f"down({value}, {value.shape[1 if along else 0]})"


def _sum(value: MatAdd, out: MatrixSymbol, read: Read) -> str:
    """Terms, those with a minus at the end."""
    parts = [(_is_negative(part), part) for part in value.args]
    parts.sort(key=lambda each: each[0])
    (_, first), *rest = parts
    text = entry(first, out, read)
    for minus, part in rest:
        text += f" - {entry(-part, out, read)}" if minus else f" + {entry(part, out, read)}"
    return text


def _is_negative(part: MatrixExpr) -> bool:
    scalar, _ = scalar_and_factors(part)
    return bool(scalar.could_extract_minus_sign())


def _scaled(scalar: Expr, factors: Sequence[MatrixExpr], out: MatrixSymbol, read: Read) -> str:
    match factors:
        case (OneMatrix() as ones, rest) | (rest, OneMatrix() as ones):
            text = _with_ones(ones, rest, out)
        case (MatAdd() as rest,):
            text = f"({entry(rest, out, read)})"
        case (rest,):
            text = entry(rest, out, read)
        case _:
            raise ValueError(f"no C for the product {factors}")
    if scalar == 1:
        return text
    if scalar == -1:
        return f"-{text}"
    return f"(F)({number(scalar)}) * {text}"


def _product(factors: list[MatrixExpr], out: MatrixSymbol, read: Read) -> str:
    """Factors multiplied, and what is let through where the slope of relu is 1."""
    gates = [each.expr for each in factors if is_gate(each)]
    texts = []
    for factor in factors:
        if not is_gate(factor):
            text = entry(factor, out, read)
            texts.append(f"({text})" if _is_open(factor) else text)
    text = " * ".join(texts) or "all(1)"
    for each in gates:
        text = f"gate({text}, {entry(each, out, read)})"
    return text


def _is_open(factor: MatrixExpr) -> bool:
    """Whether the text of a factor needs brackets."""
    return isinstance(factor, MatAdd) or (
        isinstance(factor, Elementwise) and isinstance(spelled(body_of(factor)), Add)
    )


# --- functions and numbers ---


def _function(body: Expr, argument: str, value: MatrixExpr) -> str:
    """An expression in `z` at an entry."""

    def text(each: Expr) -> str:
        match each:
            case Word(args=(inner,)) if (row := row_of(each)) and row.c:
                return row.c.format(text(inner))
            case Add():
                parts = sorted(each.args, key=lambda part: part.could_extract_minus_sign())
                return "".join(
                    f" - {text(-part)}" if part.could_extract_minus_sign() else f" + {text(part)}"
                    for part in parts
                ).removeprefix(" + ")
            case Mul():
                return " * ".join(
                    f"({text(part)})" if isinstance(part, Add) else text(part)
                    for part in each.as_ordered_factors()
                )
            case Pow(base=base, exp=Integer() as power) if power > 0:
                one = f"({text(base)})" if isinstance(base, Add) else text(base)
                return " * ".join([one] * int(power))
        if each == z:
            return argument
        if each.is_number:
            return f"(F){number(each)}"
        raise ValueError(f"no C for the function {each} in {value}")

    return text(body)


def number(value: Expr) -> str:
    """A number of 64 bits; sizes are integers, whose quotient would be one, too."""
    if value.is_number:
        if isinstance(value, Integer):
            return f"{value}.0"
        if isinstance(value, Rational):
            return f"({value.p}.0 / {value.q})"
        return repr(float(value))
    if isinstance(value, Symbol):
        return str(value)
    if isinstance(value, Add):
        parts = sorted(value.args, key=lambda part: part.could_extract_minus_sign())
        text = "".join(
            f" - {number(-part)}" if part.could_extract_minus_sign() else f" + {number(part)}"
            for part in parts
        )
        return f"({text.removeprefix(' + ')})"
    if not isinstance(value, Mul | Pow):
        raise ValueError(f"no C for the number {value}")
    minus = value.could_extract_minus_sign()
    above, below = (-value if minus else value).as_numer_denom()
    over = " * ".join(number(each) for each in Mul.make_args(above))
    under = " * ".join(_size(each) for each in Mul.make_args(below))
    return ("-" if minus else "") + (over if below == 1 else f"{over} / ({under})")


def _size(value: Expr) -> str:
    return str(value) if isinstance(value, Integer) else number(value)
