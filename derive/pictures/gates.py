"""An equation as a chain of operations, along which one of the quantities that it reads travels.

``Z2_s = H1_s W2 + 1 b2`` along ``H1_s`` is a product with ``W2``, then a sum with ``b2``.
Circuits are drawn from these chains. The signs are closed: a node without one is an error.
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

from derive.language.elementwise import body_of
from derive.language.program import product_of, scalar_and_factors

if TYPE_CHECKING:
    from collections.abc import Sequence


class Gate(NamedTuple):
    """An operation: its sign, and a matrix or a number that does not come along the lane."""

    sign: str
    text: str = ""
    operand: MatrixExpr | None = None


def gates(value: Expr, along: MatrixSymbol | None) -> list[Gate]:
    """The operations between what comes along the lane and the value, in order."""
    match value:
        case MatAdd():
            main, rest = split(value.args, along)
            return [*gates(main, along), *(added(term) for term in rest)]
        case MatMul():
            scalar, factors = scalar_and_factors(value)
            scale = [] if scalar == 1 else [Gate("×", scalar_text(scalar))]
            if isinstance(factors[0], OneMatrix):
                return [*gates(factors[1], along), Gate("Σ"), *scale]
            main, rest = split(factors, along)
            return [*gates(main, along), *(Gate("×", operand=each) for each in rest), *scale]
        case HadamardProduct():
            main, rest = split(value.args, along)
            return [*gates(main, along), *(Gate("⊙", operand=each) for each in rest)]
        case Elementwise():
            return [*gates(value.expr, along), Gate(str(body_of(value).func))]
        case MatrixSymbol() | Transpose():
            return []
    if value.has(Trace):
        error = next(iter(value.atoms(Trace))).arg.args[-1]
        return [*gates(error, along), Gate("mse")]
    raise ValueError(f"no gate for {type(value).__name__}: {value}")


def split(
    parts: Sequence[MatrixExpr], along: MatrixSymbol | None
) -> tuple[MatrixExpr, list[MatrixExpr]]:
    """The part that comes along the lane, or else the first one, and the others."""
    ahead = sorted(parts, key=lambda part: scalar_and_factors(part)[0].could_extract_minus_sign())
    main = next((part for part in parts if along is not None and part.has(along)), ahead[0])
    return main, [part for part in ahead if part is not main]


def added(term: MatrixExpr) -> Gate:
    """The operation that adds a term of a sum, or subtracts it."""
    scalar, factors = scalar_and_factors(term)
    rest = tuple(each for each in factors if not isinstance(each, OneMatrix))
    negative = scalar.could_extract_minus_sign()
    return Gate("−" if negative else "+", operand=product_of(rest, _unsigned(scalar)))


def _unsigned(scalar: Expr) -> Expr:
    """A scalar without its sign."""
    return -scalar if scalar.could_extract_minus_sign() else scalar


def scalar_text(value: Expr) -> str:
    """A scalar as a drawing writes it."""
    return str(value).replace("alpha", "α").replace("*", "").replace("-", "−")


def start_of(value: Expr) -> MatrixExpr:
    """What a lane begins with: the operand that no gate takes."""
    match value:
        case MatAdd() | HadamardProduct():
            return start_of(split(value.args, None)[0])
        case MatMul():
            return start_of(split(scalar_and_factors(value)[1], None)[0])
        case Elementwise():
            return start_of(value.expr)
    if value.has(Trace):
        return start_of(next(iter(value.atoms(Trace))).arg.args[-1])
    return value
