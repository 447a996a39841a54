"""The functions that are applied entry by entry: one table, a row a function.

A row says what the function is at a number, its slope, and its text in every language that is
printed. Nothing else in this project spells a function, so a new activation is a row here (and
one for its slope, where that is a function that the table lacks).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import sympy
from sympy import Expr, Function, Integer, Lambda, MatrixExpr, Max, Symbol
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction as Elementwise

if TYPE_CHECKING:
    from collections.abc import Callable

#: The one bound variable of every elementwise function, so that equal functions compare equal.
z = Symbol("z")


class Row(NamedTuple):
    """What there is to know of a function.

    Attributes
    ----------
    at
        Its value at a number.
    slope
        Its derivative, in functions of the table.
    numpy
        An expression of numpy in its argument ``{}``.
    inplace
        Calls of numpy, each a function and its arguments, which leave the result in ``out``. The
        arguments are ``z`` (in the first call only: ``out`` may lie in its place), ``out``,
        ``zeros`` (an array of them), the numbers ``zero`` and ``sign`` (the place of the sign
        among a number's bits), and ``bits``, the result as integers, which such a call writes, too.
    latex
        LaTeX of its argument ``%s``.
    """

    at: Callable[[Expr], Expr]
    slope: str
    numpy: str
    inplace: tuple[tuple[str, ...], ...]
    latex: str


# --8<-- [start:table]
#: `relu` has a slope with a name because SymPy's ``Max(0, z)`` differentiates twice to a Dirac
#: delta; the slope of the slope is zero everywhere but at the kink, which a random pre-activation
#: does not meet. ``logaddexp`` keeps softplus and its slope from overflowing.
TABLE = {
    "relu": Row(
        at=lambda z: Max(0, z),
        slope="step(z)",
        numpy="np.maximum({}, 0)",
        inplace=(("maximum", "z", "zeros"),),
        latex=r"\operatorname{relu}(%s)",
    ),
    "step": Row(
        at=lambda z: Integer(bool(z > 0)),
        slope="0",
        numpy="({} > 0)",
        inplace=(("subtract", "zero", "z"), ("right_shift", "bits", "sign")),
        latex=r"\mathbf{1}[%s > 0]",
    ),
    "tanh": Row(
        at=sympy.tanh,
        slope="1 - tanh(z)**2",
        numpy="np.tanh({})",
        inplace=(("tanh", "z"),),
        latex=r"\tanh(%s)",
    ),
    "softplus": Row(
        at=lambda z: sympy.log(1 + sympy.exp(z)),
        slope="sigmoid(z)",
        numpy="np.logaddexp(0, {})",
        inplace=(("logaddexp", "zero", "z"),),
        latex=r"\operatorname{softplus}(%s)",
    ),
    "sigmoid": Row(
        at=lambda z: 1 / (1 + sympy.exp(-z)),
        slope="sigmoid(z) * (1 - sigmoid(z))",
        numpy="np.exp(-np.logaddexp(0, -{}))",
        inplace=(
            ("negative", "z"),
            ("logaddexp", "zero", "out"),
            ("negative", "out"),
            ("exp", "out"),
        ),
        latex=r"\sigma(%s)",
    ),
}
# --8<-- [end:table]


class Word(Function):
    """A function of the table: SymPy knows its name, its value at a number and its slope."""

    @classmethod
    def eval(cls, z: Expr) -> Expr | None:
        """Evaluate at a number."""
        return TABLE[cls.__name__].at(z) if z.is_Number else None

    def fdiff(self, argindex: int = 1) -> Expr:  # noqa: ARG002
        """Differentiate."""
        return SLOPES[self.func.__name__].xreplace({z: self.args[0]})


#: Every row as a function of SymPy.
FUNCTIONS: dict[str, type[Word]] = {name: type(name, (Word,), {}) for name in TABLE}
relu, step = FUNCTIONS["relu"], FUNCTIONS["step"]

#: Every slope as an expression in `z`.
SLOPES: dict[str, Expr] = {
    name: sympy.sympify(row.slope, locals={**FUNCTIONS, "z": z}) for name, row in TABLE.items()
}

#: What a network may be made with: a gradient passes through everything that has a slope.
ACTIVATIONS = tuple(name for name, slope in SLOPES.items() if slope != 0)


def row_of(body: Expr) -> Row | None:
    """The row of a function of `z`, or nothing where it is composed of several."""
    return TABLE.get(body.func.__name__) if body.args == (z,) else None


def elementwise(body: Expr, argument: MatrixExpr) -> MatrixExpr:
    """Apply the function `z` -> `body` to every entry; the identity leaves no trace."""
    return argument if body == z else Elementwise(Lambda(z, body), argument)


def body_of(node: Elementwise) -> Expr:
    """The function of an elementwise node, as an expression in `z`."""
    return node.function(z)


def is_gate(value: Expr) -> bool:
    """Whether a value is the slope of relu: 0 or 1 everywhere."""
    return isinstance(value, Elementwise) and body_of(value) == step(z)
