"""Equations of the workspace form as operations, whatever language they are printed in.

There are four, each a value that says what it writes and what it is given::

    Product        out = start + left right + ...     what it starts from is entrywise, or nothing
    Entrywise      out = value                        no entry depends on one of another row
    InnerProduct   loss = scalar * <left, right>      a sum of squares where both are the same;
                                                      there may be several, which add up
    Number         loss = value                       of numbers alone

What has no operation is an error that names its equation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from sympy import MatAdd, MatMul, MatrixExpr, MatrixSymbol, OneMatrix, Trace, Transpose

from ..language.program import scalar_and_factors, terms_in

if TYPE_CHECKING:
    from sympy import Expr, Symbol

    from ..language.program import Equation


class Term(NamedTuple):
    """A product of two matrices; the second may be a sum of matrices."""

    scalar: Expr
    left: MatrixExpr
    right: MatrixExpr


class Product(NamedTuple):
    """Products of matrices, at least one, added to what they start from, or to nothing."""

    writes: MatrixSymbol
    terms: tuple[Term, ...]
    start: MatrixExpr | None = None


class Entrywise(NamedTuple):
    """An expression in which no entry depends on one of another row.

    Beside what goes entry by entry, these are the sums and the largest entries of rows, sums down
    the rows of a task, and what is repeated along a row or down the rows of a task.
    """

    writes: MatrixSymbol
    value: MatrixExpr


class Inner(NamedTuple):
    """A scalar times the sum over all entries of two matrices multiplied entry by entry.

    The first may be nothing, which stands for ones.
    """

    scalar: Expr
    left: MatrixSymbol | None
    right: MatrixExpr


class InnerProduct(NamedTuple):
    """A sum of inner products, at least one."""

    writes: Symbol
    terms: tuple[Inner, ...]


class Number(NamedTuple):
    """A number made of numbers."""

    writes: Symbol
    value: Expr


Operation: TypeAlias = Product | Entrywise | InnerProduct | Number


def operation_of(equation: Equation) -> Operation:
    """Say what computes an equation.

    Raises
    ------
    ValueError
        When its right-hand side is none of the four.
    """
    if not equation.shape:
        return _number(equation)
    value = equation.value
    terms, entries = [], []
    for part in value.args if isinstance(value, MatAdd) else (value,):
        scalar, factors = scalar_and_factors(part)
        if len(factors) > 2:
            raise ValueError(f"`{equation.name}` has a product of more than two matrices: {part}")
        if len(factors) == 2 and not any(isinstance(each, OneMatrix) for each in factors):
            terms.append(Term(scalar, *factors))
        else:
            entries.append(part)
    if not terms:
        return Entrywise(equation.symbol, value)
    start = None
    if entries:
        start = entries[0] if len(entries) == 1 else MatAdd(*entries)
    return Product(equation.symbol, tuple(terms), start)


def _number(equation: Equation) -> InnerProduct | Number:
    if not equation.value.has(Trace):
        return Number(equation.symbol, equation.value)
    return InnerProduct(
        equation.symbol, tuple(_inner(part, equation) for part in terms_in(equation.value))
    )


def _inner(part: Expr, equation: Equation) -> Inner:
    scalar, trace = part.as_independent(Trace, as_Add=False)
    match trace:
        case Trace(
            arg=MatMul(args=(Transpose(arg=MatrixSymbol() as left), MatrixSymbol() as right))
        ):
            return Inner(scalar, left, right)
        case Trace(arg=MatMul(args=(OneMatrix(), right))):
            return Inner(scalar, None, right)
    raise ValueError(f"`{equation.name}` is no sum of inner products: {equation.value}")
