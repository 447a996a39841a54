"""A toy task in exact numbers: what is given, and what every equation comes to.

The numbers below were searched for so that fractions stay short through the whole derivation, each
hidden layer has open and closed units, and no term of the second order vanishes. No weight matrix
is symmetric, so that a forgotten transpose shows. The values are those of the interpreter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sympy import ImmutableMatrix, Integer, MatrixBase, Rational

from ..language.names import T, alpha
from ..language.program import evaluate, shape_of
from ..model.network import Network

if TYPE_CHECKING:
    from ..language.names import Named
    from ..language.program import Program, Value

#: What is given of one task, by the name of each input: rows of numbers, or a number.
TABLES: dict[Network, dict[str, str]] = {
    Network(hidden=2, activation="relu"): {
        "W1": "-2 1",
        "b1": "-1 2",
        "W2": "2 -1; 1 1",
        "b2": "0 -2",
        "W3": "2; -2",
        "b3": "-2",
        "X_s": "1; -1",
        "Y_s": "3; 1",
        "X_q": "1; -2",
        "Y_q": "-2; -1",
        "alpha": "1/2",
    },
    Network(hidden=0, bias=False): {
        "W1": "1; 2",
        "X_s": "2 1; -1 -2",
        "Y_s": "1; 1",
        "X_q": "1 0; 1 2",
        "Y_q": "-5; -3",
        "alpha": "1/6",
    },
}


def given(network: Network, program: Program) -> dict[Named, Value]:
    """The numbers of a network's example for the inputs of a program, and the sizes.

    Nothing for a network without an example. There is one task.
    """
    table = TABLES.get(network)
    if table is None:
        return {}
    values: dict[Named, Value] = {T: Integer(1)}
    for symbol in program.inputs:
        text = table[str(symbol.name)]
        if symbol == alpha:
            values[symbol] = Rational(text)
            continue
        values[symbol] = ImmutableMatrix(
            [[Rational(entry) for entry in row.split()] for row in text.split(";")]
        )
        sizes = zip(shape_of(symbol), values[symbol].shape, strict=True)
        values |= {size: Integer(count) for size, count in sizes if size.is_Symbol}
    return values


def example(network: Network, program: Program) -> dict[str, str]:
    """What is given, and the value of each equation of a program, as text by its name.

    Nothing for a network without an example.
    """
    start = given(network, program)
    values = evaluate(program, start) if start else {}
    return {str(symbol.name): text_of(value) for symbol, value in values.items()}


def text_of(value: Value) -> str:
    """A rational number, or a matrix of them as ``[1 -1/2; 0 3]``.

    Raises
    ------
    ValueError
        When a number is not rational.
    """
    if isinstance(value, MatrixBase):
        rows = (" ".join(map(text_of, value.row(i))) for i in range(value.rows))
        return f"[{'; '.join(rows)}]"
    if not isinstance(value, Rational):
        raise ValueError(f"{value} is not a rational number")
    return str(value)
