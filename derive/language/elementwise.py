"""The functions that are applied entry by entry: one table, a row a function.

A row says what the function is at a number, its slope, and its text in every language that is
printed, or of which others of the table it is made. Nothing else in this project spells a
function, so a new activation is a row here (and one for its slope, where that is a function that
the table lacks).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import sympy
from sympy import Expr, Function, Integer, Lambda, MatrixExpr, Max, Min, Rational, Symbol
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
    latex
        LaTeX of its argument ``%s``.
    slope
        Its derivative, in functions of the table; nothing where it follows from `made_of`.
    numpy
        An expression of numpy in its argument ``{}``, of the argument's dtype.
    inplace
        Calls of numpy, each a function and its arguments, which leave the result in ``out``. The
        arguments are ``z`` (in the first call only: ``out`` may lie in its place), ``out``,
        ``zeros`` (an array of them), the numbers ``zero`` and ``sign`` (the place of the sign
        among a number's bits), ``bits``, the result as integers, which such a call writes, too,
        and numbers as they are.
    c, javascript
        A call of ``kernels.h`` with its argument ``{}``; an expression of JavaScript, or of
        ``kernels.js``.
    made_of
        The function in others of the table, where it has no code of its own.
    activation
        Whether a network may be made with it.
    """

    at: Callable[[Expr], Expr]
    latex: str
    slope: str = ""
    numpy: str = ""
    inplace: tuple[tuple[str, ...], ...] = ()
    c: str = ""
    javascript: str = ""
    made_of: str = ""
    activation: bool = True


# --8<-- [start:table]
#: `relu` has a slope with a name because SymPy's ``Max(0, z)`` differentiates twice to a Dirac
#: delta; the slope of a slope is zero everywhere but at a kink, which a random pre-activation
#: does not meet. ``logaddexp`` keeps softplus and its slopes from overflowing. `gelu` is the form
#: with tanh, written with the logistic function.
TABLE = {
    "relu": Row(
        at=lambda z: Max(0, z),
        slope="step(z)",
        numpy="np.maximum({}, 0)",
        inplace=(("maximum", "z", "zeros"),),
        c="relu({})",
        javascript="relu({})",
        latex=r"\operatorname{relu}(%s)",
    ),
    "tanh": Row(
        at=sympy.tanh,
        slope="1 - tanh(z)**2",
        numpy="np.tanh({})",
        inplace=(("tanh", "z"),),
        c="tanh_({})",
        javascript="Math.tanh({})",
        latex=r"\tanh(%s)",
    ),
    "softplus": Row(
        at=lambda z: sympy.log(1 + sympy.exp(z)),
        slope="sigmoid(z)",
        numpy="np.logaddexp(0, {})",
        inplace=(("logaddexp", "zero", "z"),),
        c="softplus({})",
        javascript="softplus({})",
        latex=r"\operatorname{softplus}(%s)",
    ),
    "sigmoid": Row(
        at=lambda z: 1 / (1 + sympy.exp(-z)),
        slope="bell(z)",
        numpy="np.exp(-np.logaddexp(0, -{}))",
        inplace=(
            ("negative", "z"),
            ("logaddexp", "zero", "out"),
            ("negative", "out"),
            ("exp", "out"),
        ),
        c="sigmoid({})",
        javascript="sigmoid({})",
        latex=r"\sigma(%s)",
    ),
    "leaky_relu": Row(
        at=lambda z: Max(z, z / 100),
        slope="1/100 + 99 * above(z) / 100",
        made_of="z / 100 + 99 * relu(z) / 100",
        latex=r"\operatorname{leaky}(%s)",
    ),
    "elu": Row(
        at=lambda z: Max(0, z) + sympy.exp(Min(0, z)) - 1,
        slope="decay(z)",
        made_of="relu(z) + dip(z)",
        latex=r"\operatorname{elu}(%s)",
    ),
    "silu": Row(
        at=lambda z: z / (1 + sympy.exp(-z)),
        made_of="z * sigmoid(z)",
        latex=r"\operatorname{silu}(%s)",
    ),
    "gelu": Row(
        at=lambda z: (
            z / 2 * (1 + sympy.tanh(sympy.sqrt(2 / sympy.pi) * (z + Rational("0.044715") * z**3)))
        ),
        made_of="z * sigmoid(sqrt(8 / pi) * (z + 44715 * z**3 / 1000000))",
        latex=r"\operatorname{gelu}(%s)",
    ),
    "sin": Row(
        at=sympy.sin,
        slope="cos(z)",
        numpy="np.sin({})",
        inplace=(("sin", "z"),),
        c="sin_({})",
        javascript="Math.sin({})",
        latex=r"\sin(%s)",
    ),
    # --- slopes, and the slopes of slopes ---
    "step": Row(
        at=lambda z: Integer(bool(z > 0)),
        slope="0",
        numpy="({} > 0)",
        inplace=(("subtract", "zero", "z"), ("right_shift", "bits", "sign")),
        c="gate(all(1), {})",
        javascript="gate(1, {})",
        latex=r"\mathbf{1}[%s > 0]",
        activation=False,
    ),
    # The same as a number, which may be added to others: a product with `step` is a gate.
    "above": Row(
        at=lambda z: Integer(bool(z > 0)),
        slope="0",
        numpy="np.heaviside({}, 0)",
        inplace=(("heaviside", "z", "zero"),),
        c="above({})",
        javascript="above({})",
        latex=r"\mathbf{1}[%s > 0]",
        activation=False,
    ),
    "below": Row(
        at=lambda z: Integer(bool(z < 0)),
        slope="0",
        numpy="np.heaviside(-{}, 0)",
        inplace=(("negative", "z"), ("heaviside", "out", "zero")),
        c="below({})",
        javascript="below({})",
        latex=r"\mathbf{1}[%s < 0]",
        activation=False,
    ),
    # s (1 - s) of the logistic function s, without a difference that loses digits.
    "bell": Row(
        at=lambda z: 1 / (2 + sympy.exp(z) + sympy.exp(-z)),
        slope="-bell(z) * tanh(z / 2)",
        made_of="sigmoid(z) * sigmoid(-z)",
        latex=r"\sigma'(%s)",
        activation=False,
    ),
    "dip": Row(
        at=lambda z: sympy.exp(Min(0, z)) - 1,
        slope="fall(z)",
        numpy="np.expm1(np.minimum({}, 0))",
        inplace=(("minimum", "z", "zero"), ("expm1", "out")),
        c="dip({})",
        javascript="dip({})",
        latex=r"(e^{\min(%s, 0)} - 1)",
        activation=False,
    ),
    "decay": Row(
        at=lambda z: sympy.exp(Min(0, z)),
        slope="fall(z)",
        numpy="np.exp(np.minimum({}, 0))",
        inplace=(("minimum", "z", "zero"), ("exp", "out")),
        c="decay({})",
        javascript="decay({})",
        latex=r"e^{\min(%s, 0)}",
        activation=False,
    ),
    "fall": Row(
        at=lambda z: sympy.exp(z) if z < 0 else Integer(0),
        slope="fall(z)",
        made_of="decay(z) * below(z)",
        latex=r"\operatorname{elu}''(%s)",
        activation=False,
    ),
    "cos": Row(
        at=sympy.cos,
        slope="-sin(z)",
        numpy="np.cos({})",
        inplace=(("cos", "z"),),
        c="cos_({})",
        javascript="Math.cos({})",
        latex=r"\cos(%s)",
        activation=False,
    ),
    # --- of losses ---
    "huber": Row(
        at=lambda z: z**2 / 2 if abs(z) < 1 else abs(z) - Rational(1, 2),
        slope="clip(z)",
        made_of="clip(z) * (z - clip(z) / 2)",
        latex=r"\operatorname{huber}(%s)",
        activation=False,
    ),
    "clip": Row(
        at=lambda z: Max(-1, Min(1, z)),
        slope="within(z)",
        numpy="np.clip({}, -1, 1)",
        inplace=(("minimum", "z", "1"), ("maximum", "out", "-1")),
        c="clip({})",
        javascript="clip({})",
        latex=r"\operatorname{clip}(%s)",
        activation=False,
    ),
    "within": Row(
        at=lambda z: Integer(bool(abs(z) < 1)),
        slope="0",
        numpy="np.heaviside(1 - np.abs({}), 0)",
        inplace=(("absolute", "z"), ("subtract", "1", "out"), ("heaviside", "out", "zero")),
        c="within({})",
        javascript="within({})",
        latex=r"\mathbf{1}[\lvert %s \rvert < 1]",
        activation=False,
    ),
    "exp": Row(
        at=sympy.exp,
        slope="exp(z)",
        numpy="np.exp({})",
        inplace=(("exp", "z"),),
        c="exp_({})",
        javascript="Math.exp({})",
        latex=r"\exp(%s)",
        activation=False,
    ),
    "log": Row(
        at=sympy.log,
        slope="reciprocal(z)",
        numpy="np.log({})",
        inplace=(("log", "z"),),
        c="log_({})",
        javascript="Math.log({})",
        latex=r"\log(%s)",
        activation=False,
    ),
    "reciprocal": Row(
        at=lambda z: 1 / z,
        slope="-reciprocal(z)**2",
        numpy="np.reciprocal({})",
        inplace=(("reciprocal", "z"),),
        c="reciprocal({})",
        javascript="reciprocal({})",
        latex=r"(%s)^{\circ -1}",
        activation=False,
    ),
}
# --8<-- [end:table]


class Word(Function):
    """A function of the table: SymPy knows its name, its value at a number and its slope."""

    @classmethod
    def eval(cls, z: Expr) -> Expr | None:
        """Evaluate at a number."""
        return TABLE[cls.__name__].at(z) if z.is_number else None

    def fdiff(self, argindex: int = 1) -> Expr:  # noqa: ARG002
        """Differentiate."""
        return SLOPES[self.func.__name__].xreplace({z: self.args[0]})


#: Every row as a function of SymPy.
FUNCTIONS: dict[str, type[Word]] = {name: type(name, (Word,), {}) for name in TABLE}
relu, step = FUNCTIONS["relu"], FUNCTIONS["step"]


def _read(text: str) -> Expr:
    return sympy.sympify(text, locals={**FUNCTIONS, "z": z})


def slope_of(body: Expr) -> Expr:
    """Differentiate an expression in `z`: multiplied out, unless it has functions of expressions.

    Those would stand in every term, and be computed in every term.
    """
    found = body.diff(z)
    plain = all(word.args == (z,) for word in found.atoms(Word))
    return found.expand() if plain else found


#: What is made of other functions, as an expression in `z`.
MADE_OF: dict[str, Expr] = {name: _read(row.made_of) for name, row in TABLE.items() if row.made_of}

#: Every slope as an expression in `z`.
SLOPES: dict[str, Expr] = {name: _read(row.slope) for name, row in TABLE.items() if row.slope}
SLOPES |= {name: slope_of(body) for name, body in MADE_OF.items() if not TABLE[name].slope}

#: What a network may be made with.
ACTIVATIONS = tuple(name for name, row in TABLE.items() if row.activation)


def row_of(body: Expr) -> Row | None:
    """The row of a function of `z`, or of an expression in `z`; nothing where it is no word."""
    return TABLE.get(body.func.__name__) if isinstance(body, Word) else None


def spelled(body: Expr) -> Expr:
    """Write a function in those of the table that have code of their own."""
    made = {
        node: MADE_OF[node.func.__name__].xreplace({z: node.args[0]})
        for node in body.atoms(Word)
        if node.func.__name__ in MADE_OF
    }
    return spelled(body.xreplace(made)) if made else body


def elementwise(body: Expr, argument: MatrixExpr) -> MatrixExpr:
    """Apply the function `z` -> `body` to every entry; the identity leaves no trace."""
    return argument if body == z else Elementwise(Lambda(z, body), argument)


def body_of(node: Elementwise) -> Expr:
    """The function of an elementwise node, as an expression in `z`."""
    return node.function(z)


def is_gate(value: Expr) -> bool:
    """Whether a value is the slope of relu: 0 or 1 everywhere."""
    return isinstance(value, Elementwise) and body_of(value) == step(z)
