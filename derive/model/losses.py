"""The losses: a row each. The same loss is that of the inner step and of the query set.

A loss is a few equations, the last of them a number. What a matrix is multiplied with may be
summed over its entries as an inner product, ``Trace(A.T * B)``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from sympy import Expr, Integer, MatrixSymbol, OneMatrix, Trace

from ..language.elementwise import FUNCTIONS, elementwise, z
from ..language.program import RowMax

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Names a quantity of the rows at hand, with one column or, as usual, one for every output.
Naming: TypeAlias = "Callable[[str, Expr], MatrixSymbol]"
#: What the loss is computed by on the way, a symbol and its value, and last the loss.
Lines: TypeAlias = "Iterator[tuple[MatrixSymbol | None, Expr]]"


class Loss(NamedTuple):
    """What is made small.

    Attributes
    ----------
    title
        What it is called, in a few words.
    meaning
        The same, and over what it is taken.
    lines
        Its equations, from predictions and targets, (N, O) both; the loss itself has no symbol.
    labels
        Whether targets are probabilities of classes, or numbers of classes.
    """

    title: str
    meaning: str
    lines: Callable[[MatrixSymbol, MatrixSymbol, Naming], Lines]
    labels: bool = False


# --8<-- [start:losses]
def squared(Z: MatrixSymbol, Y: MatrixSymbol, _: Naming) -> Lines:
    """The mean over rows and outputs of the squares of the errors."""
    yield None, Trace((Z - Y).T * (Z - Y)) / entries(Y)


def huber(Z: MatrixSymbol, Y: MatrixSymbol, named: Naming) -> Lines:
    """The mean of ``e**2 / 2`` where the error is below 1, and of ``abs(e) - 1 / 2`` beyond."""
    E = named("E", Y.shape[1])
    yield E, Z - Y
    every = OneMatrix(*Y.shape)
    yield None, Trace(every.T * elementwise(FUNCTIONS["huber"](z), E)) / entries(Y)


def cross_entropy(Z: MatrixSymbol, Y: MatrixSymbol, named: Naming) -> Lines:
    """The mean over rows of ``-y log(softmax(z))``.

    The largest logit of a row is taken off before anything is exponentiated, so that nothing
    overflows and a sum is at least 1. The loss does not depend on it, so that holding it constant
    is exact at every order.
    """
    outputs = Y.shape[1]
    along, summed = OneMatrix(1, outputs), OneMatrix(outputs, 1)
    R, S = named("R", Integer(1)), named("S", Integer(1))
    A, Q, P = (named(letter, outputs) for letter in "AQP")
    yield R, RowMax(Z)
    yield A, Z - R * along
    yield Q, elementwise(FUNCTIONS["exp"](z), A)
    yield S, Q * summed
    yield P, A - elementwise(FUNCTIONS["log"](z), S) * along
    yield None, -Trace(Y.T * P) / Y.shape[0]


LOSSES = {
    "squared": Loss(
        title="mean squared error",
        meaning="mean squared error over rows and outputs",
        lines=squared,
    ),
    "huber": Loss(
        title="Huber loss",
        meaning="Huber loss with threshold 1, mean over rows and outputs",
        lines=huber,
    ),
    "cross_entropy": Loss(
        title="softmax cross-entropy",
        meaning="softmax cross-entropy, mean over rows",
        lines=cross_entropy,
        labels=True,
    ),
}
# --8<-- [end:losses]


def entries(Y: MatrixSymbol) -> Expr:
    """How many entries a matrix has."""
    return Y.shape[0] * Y.shape[1]
