"""Sums of products: the normal form that the passes work on, and what they do to equations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

from sympy import Expr, Integer, MatAdd, MatMul, MatrixExpr, Mul, Transpose

from ..language.program import Equation, Program, product_of, scalar_and_factors

Factors = tuple[MatrixExpr, ...]
Term = tuple[Expr, Factors]


def terms_of(value: MatrixExpr) -> list[Term]:
    """Write a value as a sum of ``(scalar, factors)``, products distributed over sums."""
    match value:
        case MatAdd():
            return [term for part in value.args for term in terms_of(part)]
        case MatMul():
            scalar, factors = scalar_and_factors(value)
            return [
                (Mul(scalar, *(part[0] for part in parts)), sum((part[1] for part in parts), ()))
                for parts in product(*map(terms_of, factors))
            ]
        case Transpose():
            return [
                (scalar, tuple(factor.T for factor in reversed(factors)))
                for scalar, factors in terms_of(value.arg)
            ]
    return [(Integer(1), (value,))]


def value_of(terms: list[Term]) -> MatrixExpr:
    """Put the terms of a sum together again; SymPy sorts them."""
    return total([_product(factors, scalar) for scalar, factors in terms])


def _product(factors: Factors, scalar: Expr) -> MatrixExpr:
    """Multiply; SymPy would flatten a product in a product only where there is a scalar."""
    return product_of(
        sum((each.args if isinstance(each, MatMul) else (each,) for each in factors), ()), scalar
    )


def total(parts: list[MatrixExpr]) -> MatrixExpr:
    """Add matrices."""
    return parts[0] if len(parts) == 1 else MatAdd(*parts).doit(deep=False)


def transposed(value: MatrixExpr) -> MatrixExpr:
    """Transpose a sum of products, or any matrix."""
    return value_of(terms_of(Transpose(value)))


def changed(equation: Equation, value: Expr, sources: Sequence[str] = ()) -> Equation:
    """Give the equation another right-hand side, and say which equations went into it."""
    if value == equation.value and not sources and not equation.gains:
        return equation
    merged = tuple(dict.fromkeys((*equation.sources, *sources)))
    return replace(equation, value=value, sources=merged, gains=())


def with_equations(program: Program, equations: list[Equation]) -> Program:
    """Keep the program's inputs and outputs."""
    return replace(program, equations=tuple(equations))
