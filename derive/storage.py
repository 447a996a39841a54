"""What the workspace form knows of a quantity: how it lies in memory, and what it shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sympy import MatrixSymbol
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction as Elementwise

from derive.equations import step
from derive.notation import ROWS, O, is_row_free, parse
from derive.program import body_of, z

if TYPE_CHECKING:
    from sympy import Expr


def is_gate(value: Expr) -> bool:
    """Whether a value is the slope of relu: 0 or 1 everywhere."""
    return isinstance(value, Elementwise) and body_of(value) == step(z)


def is_shared(symbol: MatrixSymbol) -> bool:
    """Whether it is the weights of a layer before adaptation, the same for all tasks."""
    return is_row_free(symbol.shape) and not parse(symbol.name).fast


def zeros_of(symbol: MatrixSymbol) -> MatrixSymbol:
    """Zeros of the shape of a quantity."""
    rows, columns = symbol.shape
    return MatrixSymbol(f"zeros_{rows}_{columns}", rows, columns)


def is_zeros(symbol: MatrixSymbol) -> bool:
    """Whether it holds zeros, always."""
    return str(symbol.name).startswith("zeros_")


def constant_of(symbol: MatrixSymbol) -> int:
    """What the constant unit of a quantity is: 1 in inputs and activations, 0 in gradients."""
    if is_zeros(symbol) or str(symbol.name).startswith("K_"):
        return 0
    if str(symbol.name).endswith(("_term", "_sum")):
        return 0
    name = parse(symbol.name)
    return int(name.base in "XZH" and not name.inner and not name.bar and symbol.shape[1] != O)


def constructor(symbol: MatrixSymbol) -> str:
    """The call that makes the memory of a quantity."""
    name, (rows, columns) = str(symbol.name), symbol.shape
    if is_zeros(symbol):
        return f"arena.zeros({rows}, {columns})"
    if is_row_free(symbol.shape):
        kind = "layer" if parse(name.removesuffix("_term")).fast else "gradient"
        last = columns == O
        return f"arena.last_{kind}({rows})" if last else f"arena.{kind}({rows}, {columns})"
    if set(symbol.shape) <= ROWS:
        return f"arena.kernel({rows}, {columns})"
    if columns == O:
        return f"arena.predictions({rows})"
    constant = constant_of(symbol)
    return f"arena.rows({rows}, {columns}{', 1' if constant else ''})"
