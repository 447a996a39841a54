"""What a program costs: equations, products, multiply-adds, and weight matrices per task."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from sympy import (
    Expr,
    HadamardProduct,
    Integer,
    MatAdd,
    MatMul,
    MatrixExpr,
    Mul,
    OneMatrix,
    Trace,
    Transpose,
)
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction as Elementwise

from . import names
from .program import scalar_and_factors, shape_of

if TYPE_CHECKING:
    from .program import Program

#: Sizes at which costs are counted: those of the sinusoid experiment.
SIZES = {names.N: 10, names.M: 10, names.D: 1, names.O: 1}
WIDTH = 40


class Cost(NamedTuple):
    """The cost of a program, for one task.

    Attributes
    ----------
    equations
        Lines.
    products
        Products of two matrices; a repeated bias row and a column sum are not products.
    operations
        Multiplications and additions, a multiply-add counted as two.
    weight_matrices
        Matrices shaped like a weight that are made for each task, outputs aside.
    """

    equations: int
    products: int
    operations: int
    weight_matrices: int


def cost_of(program: Program) -> Cost:
    """Count a program's cost at the sizes of the sinusoid experiment."""
    counts = [_count(equation.value) for equation in program]
    per_task = [
        equation
        for equation in program
        if names.is_row_free(equation.shape) and equation.symbol not in program.outputs
    ]
    return Cost(
        equations=len(program),
        products=sum(products for products, _ in counts),
        operations=sum(operations for _, operations in counts),
        weight_matrices=len(per_task),
    )


def entries(value: Expr) -> int:
    """Entries of a value at the sizes of the sinusoid experiment; 1 for a scalar."""
    return at_sizes(Mul(*shape_of(value)))


def multiply_adds(left: MatrixExpr, right: MatrixExpr) -> Expr:
    """Multiply-adds of a product, in terms of sizes."""
    (rows, inner), (_, columns) = shape_of(left), shape_of(right)
    return rows * inner * columns


def work_of(value: Expr) -> Expr:
    """Multiply-adds of all products of a right-hand side, in terms of sizes."""
    work: Expr = Integer(0)
    for product in value.atoms(MatMul):
        _, factors = scalar_and_factors(product)
        for left, right in pairwise(factors):
            work += multiply_adds(left, right)
    return work


def at_sizes(count: Expr) -> int:
    """A count at the sizes of the sinusoid experiment."""
    return int(count.xreplace({size: SIZES.get(size, WIDTH) for size in count.free_symbols}))


def _count(value: Expr) -> tuple[int, int]:
    """Products and operations of a right-hand side, evaluated from left to right."""
    match value:
        case MatMul():
            scalar, factors = scalar_and_factors(value)
            inner = [_count(factor) for factor in factors]
            products = sum(part[0] for part in inner)
            operations = sum(part[1] for part in inner) + (scalar not in (1, -1)) * entries(value)
            left = factors[0]
            for right in factors[1:]:
                if isinstance(left, OneMatrix) or isinstance(right, OneMatrix):
                    # A row repeated is read, not computed; a column sum adds every entry once.
                    operations += 0 if left.shape[1] == 1 else entries(right)
                else:
                    products += 1
                    operations += 2 * at_sizes(multiply_adds(left, right))
                left = MatMul(left, right)
            return products, operations
        case MatAdd() | HadamardProduct():
            inner = [_count(part) for part in value.args]
            own = (len(inner) - 1) * entries(value)
            return sum(part[0] for part in inner), own + sum(part[1] for part in inner)
        case Elementwise():
            products, operations = _count(value.expr)
            return products, operations + entries(value)
        case Transpose():
            return _count(value.arg)
        case Expr() if value.has(Trace):
            return 0, sum(2 * entries(trace.arg.args[-1]) for trace in value.atoms(Trace))
    return 0, 0
