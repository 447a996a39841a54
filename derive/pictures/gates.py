"""An equation as a chain of gates, along which one of the quantities that it reads travels.

``Z2_s = H1_s W2 + 1 b2`` along ``H1_s`` is a product with ``W2``, then a sum with ``b2``. What does
not come along enters a gate as a label, or as several that meet in a gate of their own. Circuits
are drawn from these chains. The signs are closed: a node without one is an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sympy import (
    Expr,
    HadamardProduct,
    MatAdd,
    MatMul,
    MatrixExpr,
    MatrixSymbol,
    OneMatrix,
    Trace,
    Transpose,
)
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction as Elementwise

from ..language.elementwise import ACTIVATIONS, FUNCTIONS, body_of, is_gate, z
from ..language.program import product_of, scalar_and_factors

if TYPE_CHECKING:
    from collections.abc import Sequence


class Quantity(NamedTuple):
    """A matrix, as a label writes it."""

    name: str
    transposed: bool = False


#: Texts and quantities beside one another.
Label = tuple[str | Quantity, ...]


class Gate(NamedTuple):
    """An operation.

    Attributes
    ----------
    sign
        What is written in it.
    inputs
        What enters it beside what comes along.
    joined
        Where these are several, the sign of the gate in which they meet before.
    """

    sign: str
    inputs: tuple[Label, ...] = ()
    joined: str = ""


def chain(value: Expr, along: MatrixSymbol | None = None) -> tuple[Expr, list[Gate]]:
    """Where a value begins, and the gates from there to the value, in order.

    Parameters
    ----------
    value
        The right-hand side of an equation.
    along
        The quantity that the chain begins with; without it, it begins with the first one.

    Raises
    ------
    ValueError
        When a node has no sign.
    """
    main, rest = _apart(value, along)
    if not rest:
        return value, []
    start, before = chain(main, along)
    return start, [*before, *(_gate(sign, part) for sign, part in rest)]


def label(value: Expr) -> Label:
    """What is written for a value that no gate computes."""
    match value:
        case MatrixSymbol():
            return (Quantity(str(value.name)),)
        case Transpose():
            scalar, (symbol,) = scalar_and_factors(value.arg)
            return (*_scale(scalar), Quantity(str(symbol.name), transposed=True))
        case Elementwise() if is_gate(value):
            return ("1[", *label(value.expr), "\N{NO-BREAK SPACE}> 0]")
        case Elementwise():
            return (f"{_function(body_of(value))}(", *label(value.expr), ")")
        case MatMul():
            scalar, (factor,) = scalar_and_factors(value)
            return (*_scale(scalar), *label(factor))
        case Expr() if not isinstance(value, MatrixExpr):
            return _scale(value)
    raise ValueError(f"no label for {type(value).__name__}: {value}")


def _apart(value: Expr, along: MatrixSymbol | None) -> tuple[Expr, list[tuple[str, Expr | None]]]:
    """The part of a value that comes along, and the operations on it: a sign, and what enters."""
    match value:
        case MatAdd():
            main, rest = _split(value.args, along)
            return main, [_term(term) for term in rest]
        case HadamardProduct():
            main, rest = _split(value.args, along)
            return main, [("⊙", part) for part in rest]
        case MatMul():
            scalar, factors = scalar_and_factors(value)
            scale = [] if scalar == 1 else [("×", scalar)]
            if isinstance(factors[0], OneMatrix):
                return factors[1], [("Σ", None), *scale]
            main, rest = _split(factors, along)
            return main, [*(("×", part) for part in rest), *scale]
        case Elementwise():
            return value.expr, [(_function(body_of(value)), None)]
        case MatrixSymbol() | Transpose():
            return value, []
    if value.has(Trace):
        error = next(iter(value.atoms(Trace))).arg.args[-1]
        squares = Trace(error.T * error)
        if value == squares / (error.shape[0] * error.shape[1]):
            return error, [("mse", None)]
        if value.has(squares):
            return error, [("loss", None)]
    raise ValueError(f"no gate for {type(value).__name__}: {value}")


def _gate(sign: str, entering: Expr | None) -> Gate:
    """An operation with what enters it: a label, or several through a gate of their own."""
    if entering is None:
        return Gate(sign)
    main, rest = _apart(entering, None) if isinstance(entering, MatrixExpr) else (entering, [])
    if not any(isinstance(part, MatrixExpr) for _, part in rest):
        return Gate(sign, (label(entering),))
    (joined,) = {each for each, _ in rest}
    return Gate(sign, (label(main), *(label(part) for _, part in rest)), joined)


def _split(parts: Sequence[Expr], along: MatrixSymbol | None) -> tuple[Expr, list[Expr]]:
    """The part that comes along, or else the first one, and the others."""
    ahead = sorted(parts, key=lambda part: scalar_and_factors(part)[0].could_extract_minus_sign())
    main = next((part for part in parts if along is not None and part.has(along)), ahead[0])
    return main, [part for part in ahead if part is not main]


def _term(term: MatrixExpr) -> tuple[str, Expr]:
    """A term of a sum, added or subtracted; a row that is added to every row is written alone."""
    scalar, factors = scalar_and_factors(term)
    rest = tuple(each for each in factors if not isinstance(each, OneMatrix))
    if scalar.could_extract_minus_sign():
        return "−", product_of(rest, -scalar)
    return "+", product_of(rest, scalar)


def _function(body: Expr) -> str:
    """An activation, or its first or second derivative."""
    for order in range(3):
        for word in ACTIVATIONS:
            if (FUNCTIONS[word](z).diff(z, order) - body).expand() == 0:
                return word + "'" * order
    raise ValueError(f"no name for the function {body}")


def _scale(scalar: Expr) -> Label:
    """A scalar before a matrix, or alone."""
    text = str(scalar).replace("alpha", "α").replace("*", "").replace("-", "−")
    return () if scalar == 1 else (text,)
