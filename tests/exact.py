"""Numbers for a program's inputs, and what the interpreter makes of them."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from sympy import ImmutableMatrix, MatrixSymbol, Rational

from derive.language import names
from derive.language.program import evaluate

if TYPE_CHECKING:
    from derive.language.names import Named
    from derive.language.program import Program, Value

DIMENSIONS = {
    names.N: 2, names.M: 4, names.D: 2, names.O: 1, names.T: 1,
    names.width(1): 4, names.width(2): 4,
}  # fmt: skip


def given(program: Program, seed: int) -> dict[Named, Value]:
    """A random number for every entry of every input; powers of two below keep fractions short."""
    rng = random.Random(seed)
    values: dict[Named, Value] = {**DIMENSIONS, names.alpha: Rational(1, 8)}
    for symbol in program.inputs:
        if isinstance(symbol, MatrixSymbol):
            shape = [DIMENSIONS.get(size, 1) for size in symbol.shape]
            values[symbol] = ImmutableMatrix(*shape, lambda _i, _j: Rational(rng.randint(-7, 7), 4))
    return values


def in_digits(values: dict[Named, Value]) -> dict[Named, Value]:
    """The same in 40 digits: tanh of a fraction would stay a formula."""
    return {
        name: value.evalf(40) if isinstance(value, ImmutableMatrix) else value
        for name, value in values.items()
    }


def outputs(program: Program, values: dict[Named, Value]) -> list[Value]:
    """What a program makes of them."""
    results = evaluate(program, values)
    return [results[output] for output in program.outputs]
