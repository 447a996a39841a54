"""Kernel or dense: when forming the fast weights of a layer is less work than avoiding it.

What the choice gives, as the time with a layer in its other form over the time as chosen:

* [dense first and last layer: 1.07], [kernels in the middle layer: 1.16] at the sizes of the
  sinusoid experiment;
* [kernels, where a layer is wide: 2.05] with 256 units;
* [dense, where rows are many: 1.41] with as many points as units.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from sympy import Add, Expr, Integer, MatMul, Poly

from derive.lower import forms_of
from derive.program import scalar_and_factors

if TYPE_CHECKING:
    from derive.program import Equation, Program


def dense_if(program: Program, layer: int) -> tuple[Expr, Expr]:
    """Two polynomials in the sizes: a layer's dense form is cheaper where the first is smaller.

    The multiply-adds of the products that only one of the forms has are counted, what they have
    in common is cancelled, and so are common factors. For a hidden layer and one step this is
    ``L1 L2 < M (L1 + L2)``: kernels pay while the query rows are fewer than half the units.
    """
    lines = [line for line in forms_of(program) if line.layer == layer]
    less, more = (
        sum((work_of(line.equation) for line in lines if line.dense is dense), Integer(0))
        for dense in (True, False)
    )
    difference = Poly(less - more)
    _, reduced = difference.terms_gcd()
    _, reduced = reduced.primitive()
    terms = Add.make_args(reduced.as_expr())
    return (
        Add(*(term for term in terms if not term.could_extract_minus_sign())),
        Add(*(-term for term in terms if term.could_extract_minus_sign())),
    )


def work_of(equation: Equation) -> Expr:
    """Multiply-adds of the products on a right-hand side."""
    total: Expr = Integer(0)
    for product in equation.value.atoms(MatMul):
        _, factors = scalar_and_factors(product)
        for left, right in pairwise(factors):
            total += left.shape[0] * left.shape[1] * right.shape[1]
    return total
