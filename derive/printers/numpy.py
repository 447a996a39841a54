"""Equations as lines of numpy, in one of three layouts.

``batched``
    Every matrix as the equation has it, with a leading axis for the tasks where it differs from
    task to task; numpy's ``@`` broadcasts over it. Without that axis the same line computes one
    task.
``stacked``
    The rows of all tasks under one another, (T*N, H), so that a product with a weight matrix is
    one flat product. Kernels keep a task axis, (T, M, N), and a product over rows adds up the
    tasks, which is right for a gradient and refused for anything else (`check_sums`).

``dense``
    As batched, but a product with a matrix that all tasks share is one flat product of the rows of
    all tasks, and the gradient of what they share is summed over them as it is made.

The printer is closed: a node it does not know is an error. A formatter breaks long lines.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from sympy import (
    Add,
    Expr,
    HadamardProduct,
    Integer,
    MatAdd,
    MatMul,
    MatrixExpr,
    MatrixSymbol,
    Mul,
    OneMatrix,
    Pow,
    Rational,
    Symbol,
    Trace,
    Transpose,
)
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction as Elementwise

from ..language.elementwise import body_of, is_gate, row_of, spelled, z
from ..language.names import ROWS, is_row_free, name_of, reading_order, tau
from ..language.program import RowMax, product_of, scalar_and_factors, terms_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..language.program import Equation, Program

Layout = Literal["batched", "stacked", "dense"]


def statement(equation: Equation, layout: Layout) -> str:
    """Print an equation as an assignment, on one line.

    Parameters
    ----------
    equation
        What to print.
    layout
        Where the rows of several tasks stand.

    Raises
    ------
    ValueError
        When the right-hand side has a node that the layout does not know.
    """
    try:
        return f"{equation.name} = {_right(equation, layout)}"
    except ValueError as error:
        raise ValueError(f"`{equation.name}`: {error}") from None


def unpacked(names: Iterable[str], value: str) -> str:
    """Print an assignment of the parts of a value to names; a single name is not the whole."""
    left = list(names)
    return f"{', '.join(left)} = {value}" if len(left) > 1 else f"({left[0]},) = {value}"


def names_in(lines: Iterable[str]) -> set[str]:
    """The names that stand in lines of code, without those of attributes."""
    return set(re.findall(r"(?<![.\w])[A-Za-z_]\w*", " ".join(lines)))


def taken(names: str, value: str, read: set[str]) -> str:
    """Print an assignment of the parts of a value, without names for those that nobody reads."""
    left = re.sub(r"\w+", lambda name: name[0] if name[0] in read else "_", names)
    if set(left) <= set("_, ()"):
        return "" if value.isidentifier() else value
    return f"{left} = {value}"


def _right(equation: Equation, layout: Layout) -> str:
    value = equation.value
    if is_gate(value):
        # A gate that stands alone is multiplied several times: as a float it is faster.
        argument = _factor(value.expr, layout)
        return f"({argument} > 0).astype({argument}.dtype)"
    if not isinstance(value, MatrixExpr):
        return _joined([_signed(part, layout) for part in equation.terms])
    for axis, repeats in ((0, _repeats_a_row), (1, _repeats_a_column)):
        if layout != "stacked" * (1 - axis) and all(map(repeats, equation.terms)):
            # Nothing on the right-hand side has all its rows or columns.
            text = _sum(equation.terms, layout)
            return f"repeated({text}, {value.shape[axis]}, axis={axis - 2})"
    return _sum(equation.terms, layout)


def sum_over_tasks(equation: Equation) -> str:
    """Print the gradient of what all tasks share, in the dense layout: a sum over the tasks."""
    if not equation.shape:
        return f"{equation.name} = {_joined([_signed(part, 'stacked') for part in equation.terms])}"
    terms: list[SignedTerm] = []
    others: list[MatrixExpr] = []
    for part in equation.terms:
        scalar, factors = scalar_and_factors(part)
        match factors:
            case (OneMatrix(rows=Integer() as rows), right) if rows == 1:
                text = f"down_all({_matrix(right, 'dense')})"
            case (Transpose(arg=left), right) if right.shape[0] in (*ROWS, 1):
                text = f"total({_matrix(left, 'dense')}, {_matrix(right, 'dense')})"
            case _:
                others.append(part)
                continue
        sign = "-" if scalar.could_extract_minus_sign() else "+"
        size = -scalar if sign == "-" else scalar
        terms.append((sign, text if size == 1 else f"{scalar_text(size)} * {text}"))
    if others:
        # A sign is cheaper after the sum.
        minus = len(others) == 1 and others[0].could_extract_minus_sign()
        text = _sum([-others[0]] if minus else others, "dense")
        alone = len(others) == 1 and isinstance(others[0], MatrixSymbol)
        summed = f"{text}.sum(0)" if alone else f"({text}).sum(0)"
        terms.append(("-" if minus else "+", summed))
    return f"{equation.name} = {_joined(terms)}"


def check_sums(program: Program) -> None:
    """Check that stacked rows may be added up over the tasks.

    In the stacked layout a product over rows is the sum over the tasks, and nothing shaped like a
    weight can differ from task to task. So such an equation must be an output, and each of its
    terms a product over rows.

    Raises
    ------
    ValueError
        When an equation would lose its tasks.
    """
    for equation in program:
        if tau in equation.scalars:
            raise ValueError(f"`{equation.name}` has the weight of a task, which stacked rows lack")
        if is_row_free(equation.shape):
            parts = equation.value.args if isinstance(equation.value, MatAdd) else [equation.value]
            over_rows = all(
                isinstance(part, MatMul) and part.args[-1].shape[0] in ROWS for part in parts
            )
            if equation.symbol not in program.outputs or not over_rows:
                raise ValueError(
                    f"`{equation.name}` is shaped like a weight but is not a sum over rows: "
                    f"{equation.value}"
                )


# --- sums ---

#: A sign and a term.
SignedTerm = tuple[str, str]


def _sum(parts: Sequence[MatrixExpr], layout: Layout) -> str:
    """A sum, terms with the same scalar in one parenthesis, positive ones first."""
    by_scalar: dict[Expr, list[MatrixExpr]] = {}
    for part in parts:
        scalar, factors = scalar_and_factors(part)
        by_scalar.setdefault(scalar, []).append(product_of(factors))
    if layout == "stacked" and all(map(_repeats_a_row, parts)):
        raise ValueError(
            f"numpy would give {MatAdd(*parts)} a single row: "
            "add it to something that has all its rows"
        )
    terms: list[SignedTerm] = []
    for scalar, cores in by_scalar.items():
        sign = "-" if scalar.could_extract_minus_sign() else "+"
        size = abs(scalar) if scalar.is_number else (-scalar if sign == "-" else scalar)
        if size == 1:
            terms += [(sign, _matrix(core, layout)) for core in cores]
        elif len(cores) == 1:
            text = _matrix(cores[0], layout)
            text = text if _is_atom(cores[0], text) else f"({text})"
            terms.append((sign, f"{scalar_text(size)} * {text}"))
        else:
            inside = _sum(cores, layout)
            terms.append((sign, f"{scalar_text(size)} * ({inside})"))
    return _joined(terms)


def _factors(value: MatrixExpr) -> list[MatrixExpr]:
    """The factors of a product in the order they are printed."""
    if isinstance(value, HadamardProduct):
        return sorted(value.args, key=reading_order)
    return list(scalar_and_factors(value)[1])


def _joined(terms: list[SignedTerm]) -> str:
    """Signed terms, positive ones first."""
    text = ""
    for sign, term in sorted(terms, key=lambda each: each[0] == "-"):
        text += (f" {sign} " if text else "-" * (sign == "-")) + term
    return text


def _repeats_a_row(part: MatrixExpr) -> bool:
    """Whether numpy gives it a single row: ``1 b``."""
    _, (first, *others) = scalar_and_factors(part)
    return bool(others) and isinstance(first, OneMatrix) and first.cols == 1


def _repeats_a_column(part: MatrixExpr) -> bool:
    """Whether numpy gives it a single column: ``s 1``."""
    _, (*others, last) = scalar_and_factors(part)
    return bool(others) and isinstance(last, OneMatrix) and last.rows == 1


# --- matrices ---


def _matrix(value: MatrixExpr, layout: Layout) -> str:
    """A value that can stand in a sum."""
    match value:
        case MatrixSymbol():
            return str(value.name)
        case Transpose(arg=MatrixSymbol() as symbol):
            return f"{symbol.name}.{_transposes(symbol, layout)}"
        case OneMatrix():
            return "1"
        case Elementwise():
            return _function(spelled(body_of(value)), _factor(value.expr, layout))
        case RowMax():
            return f"{_factor(value.arg, layout)}.max(-1, keepdims=True)"
        case HadamardProduct():
            return " * ".join(_entrywise_factor(part, layout) for part in _factors(value))
        case MatMul() if scalar_and_factors(value)[0] != 1:
            return _sum((value,), layout)
        case MatMul() if len(value.args) == 2:
            return _product(value.args[0], value.args[1], layout)
        case MatAdd():
            return _sum(value.args, layout)
    raise ValueError(f"no numpy for {type(value).__name__}: {value}")


def _factor(value: MatrixExpr, layout: Layout) -> str:
    """A value that can stand in a product of matrices."""
    text = _matrix(value, layout)
    compound = isinstance(value, MatAdd | MatMul | HadamardProduct) or (
        isinstance(value, Elementwise) and isinstance(spelled(body_of(value)), Add | Mul | Pow)
    )
    return f"({text})" if compound else text


def _entrywise_factor(value: MatrixExpr, layout: Layout) -> str:
    """A value that can stand in a product entry by entry, where powers and products bind alike."""
    is_power_or_product = isinstance(value, Elementwise) and isinstance(
        spelled(body_of(value)), Mul | Pow
    )
    return _matrix(value, layout) if is_power_or_product else _factor(value, layout)


def _transposes(symbol: MatrixSymbol, layout: Layout) -> str:
    """The attribute: ``.mT`` swaps the last two of three axes, ``.T`` the only two."""
    flat = layout == "stacked" and not set(symbol.shape) <= ROWS
    return "T" if flat else "mT"


def _product(left: MatrixExpr, right: MatrixExpr, layout: Layout) -> str:
    """A product of two matrices."""
    first, second = _factor(left, layout), _factor(right, layout)
    rows, inner, columns = left.shape[0], left.shape[1], right.shape[1]
    if isinstance(right, OneMatrix):
        if right.rows == 1:
            return first
        if right.cols == 1:
            return f"{first}.sum(-1, keepdims=True)"
    elif isinstance(left, OneMatrix):
        if left.cols == 1:
            return second
        if left.rows == 1 and layout == "dense":
            return f"down({_matrix(right, layout)})"
        if left.rows == 1:
            axis = "0" if layout == "stacked" else "-2"
            return f"{second}.sum({axis}, keepdims=True)"
    elif layout == "dense" and (rows in ROWS or rows == 1) and _is_shared(right):
        return f"flat({first}, {_matrix(right, 'stacked')})"
    elif layout != "stacked" or not ROWS & {inner, columns} or (inner in ROWS and rows not in ROWS):
        return f"{first} @ {second}"
    elif inner in ROWS:
        return f"mix({first}, {_matrix(right, layout)})"
    elif columns in ROWS and isinstance(right, Transpose):
        return f"gram({first}, {_matrix(right.arg, layout)}, T)"
    raise ValueError(f"no numpy for the product {left * right} of {layout} rows")


def _is_shared(value: MatrixExpr) -> bool:
    """Whether it is a matrix of weights before adaptation, or their transpose."""
    symbol = value.arg if isinstance(value, Transpose) else value
    if not isinstance(symbol, MatrixSymbol) or not is_row_free(symbol.shape):
        return False
    name = name_of(symbol)
    return name.base in "WV" and not (name.inner or name.fast or name.bar)


def _is_atom(value: MatrixExpr, text: str) -> bool:
    """Whether a scalar can stand before the text without a parenthesis."""
    match value:
        case MatAdd():
            return False
        case Elementwise():
            return not isinstance(body_of(value), Add)
        case MatMul():
            return text.endswith(")") and " @ " not in text
    return True


# --- scalars ---


def _function(body: Expr, argument: str) -> str:
    """An elementwise function, as an expression in `z`, of a printed argument."""
    match body:
        case Symbol() if body == z:
            return argument
        case Rational():
            return str(body).replace("/", " / ")
        case Expr() if body.is_number:
            return repr(float(body))
        case Pow(base=base, exp=Integer() as power) if power > 1:
            inner = _function(base, argument)
            inner = f"({inner})" if isinstance(base, Add | Mul | Pow) else inner
            return f"{inner} ** {power}"
        case Add():
            return _joined([_signed_function(part, argument) for part in body.args])
        case Mul() if body.could_extract_minus_sign():
            return f"-{_function(-body, argument)}"
        case Mul():
            # What is a number, be it of roots, is one number.
            number, rest = body.as_independent(z, as_Add=False)
            parts = [
                f"({_function(part, argument)})"
                if isinstance(part, Add)
                else _function(part, argument)
                for part in ([] if number == 1 else [number]) + list(Mul.make_args(rest))
            ]
            return " * ".join(parts)
    if row := row_of(body):
        inner = _function(body.args[0], argument)
        signed = "-{}" in row.numpy and not isinstance(body.args[0], Symbol)
        return row.numpy.format(f"({inner})" if signed else inner)
    raise ValueError(f"no numpy for the function {body}; it needs a row in elementwise.TABLE")


def _signed_function(body: Expr, argument: str) -> SignedTerm:
    """A term of an elementwise function."""
    if body.could_extract_minus_sign():
        return "-", _function(-body, argument)
    return "+", _function(body, argument)


def scalar_text(value: Expr) -> str:
    """A positive quotient of products: ``2 / (N * O)``."""
    above, below = value.as_numer_denom()
    over, under = (
        " * ".join(_name_or_number(part) for part in Mul.make_args(side)) for side in (above, below)
    )
    if below == 1:
        return over
    return f"{over} / ({under})" if isinstance(below, Mul) else f"{over} / {under}"


def _name_or_number(value: Expr) -> str:
    if isinstance(value, Symbol | Integer):
        return str(value)
    if isinstance(value, Pow) and value.exp.is_Integer:
        return f"{_name_or_number(value.base)}**{value.exp}"
    if isinstance(value, Add):
        terms: list[SignedTerm] = [
            ("-", scalar_text(-part))
            if part.could_extract_minus_sign()
            else ("+", scalar_text(part))
            for part in value.args
        ]
        return f"({_joined(terms)})"
    raise ValueError(f"no numpy for the scalar {value}")


def number_text(value: Expr) -> str:
    """A sum of products of numbers."""
    return _joined([_signed(part, "stacked") for part in terms_in(value)])


def _signed(value: Expr, layout: Layout) -> SignedTerm:
    """A term of a scalar."""
    if value.could_extract_minus_sign():
        return "-", _loss(-value, layout)
    return "+", _loss(value, layout)


def _loss(value: Expr, layout: Layout) -> str:
    """A multiple of a sum over entries, ``Trace(A.T * B)``, or of other scalars."""
    scalar, trace = value.as_independent(Trace, as_Add=False)
    if not isinstance(trace, Trace):
        return scalar_text(value)
    axes = "" if layout == "stacked" else ", axis=(-2, -1)"
    above, below = scalar.as_numer_denom()
    factor = "" if above == 1 else f"{scalar_text(above)} * "
    count = f"({scalar_text(below)})" if isinstance(below, Mul) else scalar_text(below)
    summed = f"np.sum({_summed(trace.arg, layout)}{axes})"
    return f"{factor}{summed}" + ("" if below == 1 else f" / {count}")


def _summed(value: MatrixExpr, layout: Layout) -> str:
    """What a trace is the sum of, entry by entry."""
    match value:
        case MatMul(args=(left, right)) if left == right.T:
            return f"{_factor(right, layout)} ** 2"
        case MatMul(args=(OneMatrix(), right)):
            return _matrix(right, layout)
        case MatMul(args=(Transpose(arg=left), right)):
            return f"{_entrywise_factor(left, layout)} * {_entrywise_factor(right, layout)}"
    raise ValueError(f"no numpy for the trace of {value}")
