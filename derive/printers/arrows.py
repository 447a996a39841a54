"""Equations as arrow functions of JavaScript, on the matrices of ``matrices.js``.

::

    ({ H1_s, W2, b2, N }) => add(matmul(H1_s, W2), matmul(ones(N, 1), b2))

An equation is one function of what it reads, as it stands on the page, so that a reader's browser
can compute any of them by itself. For speed there is the form of `printers.javascript`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sympy import (
    Dummy,
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

from ..language.elementwise import body_of, spelled
from ..language.program import RowMax, scalar_and_factors
from .javascript import FLAT

if TYPE_CHECKING:
    from ..language.program import Equation


def arrow(equation: Equation) -> str:
    """Print the right-hand side of an equation as a function of what it reads.

    Parameters
    ----------
    equation
        What to print.

    Raises
    ------
    ValueError
        When there is no text for what is in it.
    """
    matrices = [symbol.name for symbol in equation.reads]
    numbers = sorted(map(str, equation.value.free_symbols - set(equation.reads)))
    value = equation.value
    is_matrix = isinstance(value, MatrixExpr)
    text = _matrix(value, equation.terms) if is_matrix else _number(value)
    return f"({{ {', '.join([*matrices, *numbers])} }}) => {text}"


def _matrix(value: MatrixExpr, terms: tuple[Expr, ...] = ()) -> str:
    match value:
        case MatrixSymbol():
            return str(value.name)
        case OneMatrix(shape=(rows, columns)):
            return f"ones({FLAT.number(rows)}, {FLAT.number(columns)})"
        case Transpose(arg=inner):
            return f"transpose({_matrix(inner)})"
        case MatAdd():
            parts = terms or value.args
            less = [part for part in parts if scalar_and_factors(part)[0] == -1]
            if len(parts) == 2 and len(less) == 1:
                (more,) = (part for part in parts if part != less[0])
                return f"subtract({_matrix(more)}, {_matrix(-less[0])})"
            return f"add({', '.join(map(_matrix, parts))})"
        case HadamardProduct():
            return f"hadamard({', '.join(map(_matrix, value.args))})"
        case MatMul():
            scalar, factors = scalar_and_factors(value)
            texts = [_matrix(factor) for factor in factors]
            text = f"matmul({', '.join(texts)})" if len(texts) > 1 else texts[0]
            return text if scalar == 1 else f"scale({_number(scalar)}, {text})"
        case Elementwise(expr=inner):
            function = FLAT.function(spelled(body_of(value)), "z", value)
            return f"map({_matrix(inner)}, (z) => {function})"
        case RowMax(arg=inner):
            return f"rowMax({_matrix(inner)})"
    raise ValueError(f"no JavaScript for {type(value).__name__}: {value}")


def _number(value: Expr) -> str:
    """A number, in which traces may stand."""
    traces = {each: Dummy() for each in sorted(value.atoms(Trace), key=str)}
    text = FLAT.number(value.xreplace(traces))
    for trace, stand_in in traces.items():
        text = text.replace(str(stand_in), f"trace({_matrix(trace.arg)})")
    return text
