"""Another way to the meta-gradient: SymPy's own derivative of the composed scalar meta-loss.

Matrices are tiny and explicit, numbers are rational, and everything is evaluated in 50 digits.
Nothing of the sweep is used here: the meta-loss is written out as one scalar expression in the
weights and differentiated entry by entry. The network has one hidden layer of two tanh units.
"""

from __future__ import annotations

import random
from functools import cache
from typing import TYPE_CHECKING

import mpmath
from sympy import (
    Expr,
    Float,
    ImmutableMatrix,
    MatrixSymbol,
    Rational,
    Symbol,
    diff,
    lambdify,
    tanh,
)
from sympy import symbols as scalars

from ..language.names import D, M, N, O, T, adjoint, alpha, width
from ..language.program import evaluate

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..language.program import Program

DIGITS = 50
SIZES = {N: 2, M: 2, D: 1, O: 1, T: 1, width(1): 2}

#: Real, or SymPy spends minutes on asking whether tanh has a pole.
ENTRIES = {
    "W1": scalars("w11 w12", real=True),
    "b1": scalars("b11 b12", real=True),
    "W2": scalars("w21 w22", real=True),
    "b2": scalars("b21:22", real=True),
    "X_s": scalars("x1 x2", real=True),
    "Y_s": scalars("y1 y2", real=True),
    "X_q": scalars("u1 u2", real=True),
    "Y_q": scalars("v1 v2", real=True),
}
WEIGHTS = [entry for name in ("W1", "b1", "W2", "b2") for entry in ENTRIES[name]]
STEP_SIZE = Symbol("alpha", real=True)


def point(seed: int) -> dict[Symbol, Rational]:
    """A random rational number for every entry."""
    rng = random.Random(seed)
    entries = [entry for row in ENTRIES.values() for entry in row]
    values = {entry: Rational(rng.randint(-40, 40), rng.randint(17, 29)) for entry in entries}
    return {**values, STEP_SIZE: Rational(rng.randint(1, 9), 31)}


def scalar_loss(weights: list[Expr], rows: str) -> Expr:
    """The mean squared error of the tanh network, as one scalar expression."""
    w11, w12, b11, b12, w21, w22, b2 = weights
    errors = [
        w21 * tanh(x * w11 + b11) + w22 * tanh(x * w12 + b12) + b2 - y
        for x, y in zip(ENTRIES[f"X_{rows}"], ENTRIES[f"Y_{rows}"], strict=True)
    ]
    return sum(error**2 for error in errors) / len(errors)


# --8<-- [start:composed]
@cache
def composed_gradient(steps: int) -> Callable[..., list[mpmath.mpf]]:
    """The derivative of the composed meta-loss by each weight, as a function of the entries."""
    inner_gradient = [diff(scalar_loss(WEIGHTS, "s"), entry) for entry in WEIGHTS]
    weights = list(WEIGHTS)
    for _ in range(steps):
        here = dict(zip(WEIGHTS, weights, strict=True))
        weights = [
            weight - STEP_SIZE * derivative.xreplace(here)
            for weight, derivative in zip(weights, inner_gradient, strict=True)
        ]
    meta_loss = scalar_loss(weights, "q")
    derivatives = [diff(meta_loss, entry) for entry in WEIGHTS]
    function: Callable[..., list[mpmath.mpf]] = lambdify(
        list(point(0)), derivatives, "mpmath", cse=True
    )
    return function


# --8<-- [end:composed]


def expected_gradient(steps: int, seed: int) -> list[mpmath.mpf]:
    """The derivative at a random point, in 50 digits and ten to spare."""
    with mpmath.workdps(DIGITS + 10):
        numbers = [mpmath.mpf(value.p) / value.q for value in point(seed).values()]
        return composed_gradient(steps)(*numbers)


def program_gradient(program: Program, seed: int) -> list[Expr]:
    """The derivative at the same point, by the interpreter."""
    numbers = {entry: Float(value, DIGITS + 10) for entry, value in point(seed).items()}
    given: dict[Symbol | MatrixSymbol, Expr] = {**SIZES, alpha: numbers[STEP_SIZE]}
    for symbol in program.inputs:
        if isinstance(symbol, MatrixSymbol):
            entries = [numbers[entry] for entry in ENTRIES[symbol.name]]
            shape = [int(size.subs(SIZES)) for size in symbol.shape]
            given[symbol] = ImmutableMatrix(*shape, entries)
    values = evaluate(program, given)
    return [entry for symbol in program.weights for entry in values[adjoint(symbol)]]


def largest_gap(program: Program, steps: int, seed: int) -> Float:
    """The largest relative difference between a program's gradient and the composed one.

    Parameters
    ----------
    program
        The meta-gradient of a network with one hidden layer and tanh.
    steps
        Its inner steps.
    seed
        Chooses the random rational point.
    """
    with mpmath.workdps(DIGITS + 10):
        pairs = zip(program_gradient(program, seed), expected_gradient(steps, seed), strict=True)
        return max(abs(ours - Float(theirs, DIGITS)) / abs(theirs) for ours, theirs in pairs)
