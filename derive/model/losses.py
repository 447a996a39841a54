"""The losses: a row each. The same loss is that of the inner step and of the query set.

The grammar of `derive.language.program` knows one kind: a multiple of a sum of squares,
``scalar * Trace(E.T * E)``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sympy import Expr, MatrixSymbol, Trace

if TYPE_CHECKING:
    from collections.abc import Callable


class Loss(NamedTuple):
    """What is made small.

    Attributes
    ----------
    title
        What it is called, in a few words.
    meaning
        The same, and over what it is taken.
    value
        Its value, from predictions and targets, (N, O) both.
    """

    title: str
    meaning: str
    value: Callable[[MatrixSymbol, MatrixSymbol], Expr]


# --8<-- [start:losses]
def mean_squared_error(prediction: MatrixSymbol, target: MatrixSymbol) -> Expr:
    """The mean over rows and outputs of the squares of the errors."""
    error = prediction - target
    count = target.shape[0] * target.shape[1]
    return Trace(error.T * error) / count


LOSSES = {
    "squared": Loss(
        title="mean squared error",
        meaning="mean squared error over rows and outputs",
        value=mean_squared_error,
    )
}
# --8<-- [end:losses]
