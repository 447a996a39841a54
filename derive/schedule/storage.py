"""How a quantity lies in the memory of a workspace, whatever the language.

The rows of all tasks stand under one another. A constant unit is the last column of every layer, so
a bias is the last row of its weights; the outputs have none.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from ..language.names import ROWS, Kernel, O, is_row_free, name_of, parse

if TYPE_CHECKING:
    from sympy import Expr, MatrixSymbol


class Kind(Enum):
    """What a quantity is, as memory is concerned."""

    ROWS = "rows"
    """Rows of a hidden layer, or inputs, with a constant unit."""
    PREDICTIONS = "predictions"
    """Rows of outputs, without one."""
    KERNEL = "kernel"
    """Inner products of rows, for each task."""
    LAYER = "layer"
    """Fast weights or their adjoint, for each task."""
    GRADIENT = "gradient"
    """What all tasks share: weights, step sizes, and their gradients, sums over the tasks."""
    COLUMN = "column"
    """A number a row: the largest of its outputs, or their sum."""
    ROW = "row"
    """A row a task, without a constant unit: a context, or a bias that changes alone."""


class Storage(NamedTuple):
    """What two quantities must have in common to take the same memory.

    Attributes
    ----------
    kind
        What it is.
    rows, columns
        Its shape, without the constant unit.
    constant
        What the constant unit is: 1 in inputs and activations, 0 in gradients. That of a slope is
        whatever the slope of the unit is, and nobody else's.
    """

    kind: Kind
    rows: Expr
    columns: Expr
    constant: int | None = 0

    @property
    def last(self) -> bool:
        """Whether it belongs to the output layer, whose memory is transposed."""
        return bool(self.columns == O)


def storage_of(symbol: MatrixSymbol) -> Storage:
    """How a quantity lies in memory."""
    rows, columns = symbol.shape
    return Storage(_kind_of(symbol), rows, columns, _constant_of(symbol))


def _kind_of(symbol: MatrixSymbol) -> Kind:
    if symbol.shape[0] == 1:
        return Kind.ROW
    if symbol.shape[1] == 1:
        return Kind.COLUMN
    if is_row_free(symbol.shape):
        name = name_of(symbol)
        of_task = name.fast or name.inner or "each" in name.scratch
        return Kind.LAYER if of_task else Kind.GRADIENT
    if set(symbol.shape) <= ROWS:
        return Kind.KERNEL
    return Kind.PREDICTIONS if symbol.shape[1] == O else Kind.ROWS


def _constant_of(symbol: MatrixSymbol) -> int | None:
    name = parse(symbol.name)
    if isinstance(name, Kernel):
        return 0
    # The constant unit of a slope or a part of a function is whatever the function makes of it.
    if name.base == "G" or "part" in name.scratch:
        return None
    of_forward_pass = name.base in "XZH" and not (name.inner or name.bar or name.scratch)
    return int(of_forward_pass and symbol.shape[1] != O)


def is_shared(symbol: MatrixSymbol) -> bool:
    """Whether all tasks have the same: weights before adaptation, step sizes, a gradient."""
    return _kind_of(symbol) is Kind.GRADIENT


def is_total(symbol: MatrixSymbol) -> bool:
    """Whether it is a sum over all tasks: the gradient of a layer, or a part of it."""
    return is_shared(symbol) and name_of(symbol).bar
