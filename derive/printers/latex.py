r"""Equations as LaTeX, for the site and for a package's own listing.

The printer is closed: a node it does not know is an error. The words are those of the code:
``Z1_s_bar`` is ``\overline{Z_1^{s}}``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sympy import (
    Add,
    Expr,
    HadamardProduct,
    Integer,
    MatAdd,
    MatMul,
    MatrixBase,
    MatrixExpr,
    MatrixSymbol,
    Mul,
    OneMatrix,
    Pow,
    Rational,
    Symbol,
    Trace,
    Transpose,
    latex,
)
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction as Elementwise

from ..language.elementwise import TABLE, body_of, row_of, z
from ..language.names import Kernel, Name, parse, reading_order
from ..language.program import RowMax, scalar_and_factors, terms_in

if TYPE_CHECKING:
    from ..language.program import Equation, Shape, Value


def equation_latex(equation: Equation) -> str:
    """Print an equation, ``left = right``."""
    right = " ".join(text for _, text in terms_latex(equation))
    return f"{name_latex(equation.name)} = {right}"


def terms_latex(equation: Equation) -> list[tuple[Expr, str]]:
    """Print the terms of a right-hand side in reading order, each with its sign as it stands."""
    printed = _term if isinstance(equation.value, MatrixExpr) else _scalar_term
    terms = [(*printed(term), term) for term in equation.terms]
    in_order = sorted(terms, key=lambda each: each[0] == "-")
    first = in_order[0][2]
    return [
        (term, body if term is first and sign == "+" else f"{sign} {body}")
        for sign, body, term in in_order
    ]


def right_latex(value: Expr) -> str:
    """Print a right-hand side, a matrix or a loss."""
    if isinstance(value, MatrixExpr):
        return value_latex(value)
    return _sum([_scalar_term(term) for term in terms_in(value)])


def shape_latex(shape: Shape) -> str:
    r"""Print a shape, ``N \times L_1``, or ``1 \times 1`` for a scalar."""
    return r" \times ".join(_size(size) for size in shape or (Integer(1), Integer(1)))


def name_latex(name: str) -> str:
    """Print a name of the notation."""
    parts = parse(name)
    return _kernel(parts) if isinstance(parts, Kernel) else _name(parts)


def polynomial_latex(value: Expr) -> str:
    """Print a sum of products of sizes."""
    return " + ".join(
        r" \, ".join(_size(part) for part in Mul.make_args(term))
        for term in value.as_ordered_terms()
    )


def letter_latex(letter: str) -> str:
    """Print a letter of the notation table."""
    greek = {"loss": r"\ell", "lam": r"\lambda", "a": r"\alpha"}
    return greek.get(letter, rf"\{letter}" if letter in ("alpha", "tau", "omega") else letter)


def number_latex(value: Value) -> str:
    """Print a rational number, or a matrix of them."""
    if isinstance(value, MatrixBase):
        rows = (" & ".join(map(number_latex, value.row(i))) for i in range(value.rows))
        # Fractions of two rows would touch.
        apart = r" \\[0.3em] " if any(each.q != 1 for each in value) else r" \\ "
        return r"\begin{pmatrix} " + apart.join(rows) + r" \end{pmatrix}"
    if not isinstance(value, Rational):
        raise ValueError(f"{value} is not a rational number")
    return f"-{_scalar(-value)}" if value < 0 else _scalar(value)


def _name(name: Name) -> str:
    letter = letter_latex(name.base)
    below = f"_{{{name.layer}}}" if name.layer else ""
    above = f"^{{{_rows(name.rows)}}}" if name.rows else ""
    if name.fast:
        above = f"^{{({name.step})}}" if name.step else "'"
    text = letter + below + above
    if name.rate or name.direction:
        mark = r"\alpha" if name.rate else "v"
        text = rf"{mark}_{{{letter}{below}}}{above}"
    if name.inner:
        text = rf"\mathrm{{d}}{text}"
    return rf"\overline{{{text}}}" if name.bar else text


def _kernel(name: Kernel) -> str:
    """``K_Z2_bar_dZ2_q_s1``: the stems below, the rows above."""
    below, above = r",\,".join(map(_name, name.stems)), ",".join(map(_rows, name.rows))
    return rf"K_{{{below}}}^{{{above}}}"


def _rows(rows: str) -> str:
    return f"{rows[0]}_{{{rows[1:]}}}" if rows[1:] else rows


def _size(size: Expr) -> str:
    text = str(size)
    return f"{text[0]}_{{{text[1:]}}}" if text[1:].isdigit() and text[0].isalpha() else text


def value_latex(value: MatrixExpr) -> str:
    """Print a matrix."""
    return _sum([_term(term) for term in (value.args if isinstance(value, MatAdd) else [value])])


def _sum(terms: list[tuple[str, str]]) -> str:
    """Signed terms, positive ones first."""
    text = "".join(
        f" {sign} {body}" for sign, body in sorted(terms, key=lambda term: term[0] == "-")
    )
    return text.removeprefix(" + ").removeprefix(" ")


def _term(value: MatrixExpr) -> tuple[str, str]:
    """A sign and what follows it."""
    scalar, factors = scalar_and_factors(value)
    sign = "-" if scalar.could_extract_minus_sign() else "+"
    size = -scalar if sign == "-" else scalar
    body = r" \, ".join(_factor(f) if len(factors) == 1 else _matrix_factor(f) for f in factors)
    return sign, body if size == 1 else rf"{_scalar(size)} \, {body}"


def _factor(value: MatrixExpr) -> str:
    match value:
        case MatrixSymbol():
            return name_latex(str(value.name))
        case Transpose(arg=MatrixSymbol() as symbol):
            text = name_latex(str(symbol.name))
            return rf"{text}{{}}^{{\top}}"
        case RowMax():
            return rf"\max\nolimits_{{\text{{row}}}} {_matrix_factor(value.arg)}"
        case OneMatrix():
            return rf"\mathbf{{1}}_{{{shape_latex(value.shape)}}}"
        case Elementwise():
            return _function(body_of(value), _matrix_factor(value.expr))
        case HadamardProduct():
            parts = sorted(value.args, key=reading_order)
            return r" \odot ".join(_in_product(part) for part in parts)
        case MatAdd() | MatMul():
            return rf"\left({value_latex(value)}\right)"
    raise ValueError(f"no LaTeX for {type(value).__name__}: {value}")


def _matrix_factor(value: MatrixExpr) -> str:
    """A value that can stand in a product of matrices."""
    text = _factor(value)
    compound = isinstance(value, HadamardProduct) or (
        isinstance(value, Elementwise) and isinstance(body_of(value), Add | Mul)
    )
    return rf"\left({text}\right)" if compound else text


def _in_product(value: MatrixExpr) -> str:
    text = _factor(value)
    body = body_of(value) if isinstance(value, Elementwise) else z
    signed = isinstance(body, Add) or body.could_extract_minus_sign()
    return rf"\left({text}\right)" if signed else text


def _function(body: Expr, argument: str) -> str:
    """An elementwise function, as an expression in `z`, of a printed argument."""
    match body:
        case Symbol() if body == z:
            return argument
        case Rational():
            # A number stands for the matrix that has it everywhere.
            return _scalar(body)
        case Expr() if body.is_number:
            return str(latex(body))
        case Pow(base=base, exp=Integer() as power) if power > 1:
            row = row_of(base)
            if row and (operator := re.fullmatch(r"(\\\w+)\(%s\)", row.latex)):
                return rf"{operator[1]}^{{{power}}}({_function(base.args[0], argument)})"
            if row is TABLE["reciprocal"]:
                return rf"{{{argument}}}^{{\circ -{power}}}"
            inner = _function(base, argument)
            return rf"({inner})^{{\circ {power}}}"
        case Add():
            return _sum([_signed(part, argument) for part in body.args])
        case Mul() if body.could_extract_minus_sign():
            return f"-{_function(-body, argument)}"
        case Mul():
            number, rest = body.as_independent(z, as_Add=False)
            text = r" \odot ".join(
                rf"\left({_function(part, argument)}\right)"
                if isinstance(part, Add)
                else _function(part, argument)
                for part in Mul.make_args(rest)
            )
            return text if number == 1 else rf"{_function(number, argument)} \, {text}"
    if row := row_of(body):
        return row.latex % _function(body.args[0], argument)
    raise ValueError(f"no LaTeX for the function {body}; it needs a row in elementwise.TABLE")


def _signed(part: Expr, argument: str) -> tuple[str, str]:
    """A term of an elementwise function."""
    negative = part.could_extract_minus_sign()
    return "-" if negative else "+", _function(-part if negative else part, argument)


def _scalar(value: Expr) -> str:
    above, below = value.as_numer_denom()
    over, under = (
        r" \, ".join(_symbol(part) for part in Mul.make_args(side)) for side in (above, below)
    )
    return over if below == 1 else rf"\frac{{{over}}}{{{under}}}"


def _symbol(value: Expr) -> str:
    if isinstance(value, Integer):
        return str(value)
    if isinstance(value, Pow) and value.exp.is_Integer:
        return rf"{_symbol(value.base)}^{{{value.exp}}}"
    if isinstance(value, Add):
        terms = [
            ("-", _scalar(-part)) if part.could_extract_minus_sign() else ("+", _scalar(part))
            for part in value.args
        ]
        return rf"\left({_sum(terms)}\right)"
    if isinstance(value, Symbol):
        return str(value) if value.is_integer else name_latex(str(value))
    raise ValueError(f"no LaTeX for the scalar {value}")


def _scalar_term(value: Expr) -> tuple[str, str]:
    """A sign and a multiple of a sum over entries, or of other scalars."""
    sign = "-" if value.could_extract_minus_sign() else "+"
    scalar, trace = (-value if sign == "-" else value).as_independent(Trace, as_Add=False)
    if not isinstance(trace, Trace):
        return sign, _scalar(scalar * trace)
    summed = _summed(trace.arg)
    return sign, summed if scalar == 1 else rf"{_scalar(scalar)} {summed}"


def _summed(value: MatrixExpr) -> str:
    """What a trace is the sum of."""
    match value:
        case MatMul(args=(left, right)) if left == right.T:
            return rf"\left\lVert {value_latex(right)} \right\rVert^2"
        case MatMul(args=(OneMatrix(), right)):
            return rf"\left\langle \mathbf{{1}}, {value_latex(right)} \right\rangle"
        case MatMul(args=(Transpose(arg=left), right)):
            return rf"\left\langle {value_latex(left)}, {value_latex(right)} \right\rangle"
    raise ValueError(f"no LaTeX for the trace of {value}")
