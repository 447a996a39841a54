"""Equations as lines of numpy, in one of two layouts.

``batched``
    Every matrix as the equation has it, with a leading axis for the tasks where it differs from
    task to task; numpy's ``@`` broadcasts over it. Without that axis the same line computes one
    task.
``stacked``
    The rows of all tasks under one another, (T*N, H), so that a product with a weight matrix is
    one flat product. Kernels keep a task axis, (T, M, N), and a product over rows adds up the
    tasks, which is right for a gradient and refused for anything else (`check_sums`).

The printer is closed: a node it does not know is an error. The lines of the committed packages
come out as ``ruff format`` would leave them; a network with very many layers or steps may have
longer ones.
"""

from __future__ import annotations

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

from derive.notation import ROWS, is_row_free, reading_order
from derive.program import body_of, product_of, scalar_and_factors, z

if TYPE_CHECKING:
    from derive.program import Equation, Program

Layout = Literal["batched", "stacked"]

WIDTH = 100

#: Elementwise functions; logaddexp keeps softplus and its slope from overflowing.
FUNCTIONS = {
    "relu": "np.maximum({}, 0)",
    "step": "({} > 0)",
    "tanh": "np.tanh({})",
    "softplus": "np.logaddexp(0, {})",
    "sigmoid": "np.exp(-np.logaddexp(0, -{}))",
}


def statement(equation: Equation, layout: Layout, comment: str = "") -> list[str]:
    """Print an equation as an assignment.

    Parameters
    ----------
    equation
        What to print.
    layout
        Where the rows of several tasks stand.
    comment
        What to say at the end of the line.

    Returns
    -------
    list of str
        One line, or several where one would be longer than `WIDTH`.

    Raises
    ------
    ValueError
        When the right-hand side has a node that the layout does not know.
    """
    value = equation.value
    tail = f"  # {comment}" if comment else ""
    if isinstance(value, Elementwise) and str(body_of(value).func) == "step":
        # A gate that stands alone is multiplied several times: as a float it is faster.
        argument = _factor(value.expr, layout)
        return [f"{equation.name} = ({argument} > 0).astype({argument}.dtype){tail}"]
    if not equation.shape:
        return [f"{equation.name} = {_loss(value, layout)}{tail}"]
    terms = _signed_terms(value, layout)
    line = f"{equation.name} = {_joined(terms)}{tail}"
    if len(line) <= WIDTH - 4:
        return [line]
    *first, (sign, head, inside) = terms
    if len(first) <= 1 and inside:
        # ruff's own choice: the only parenthesis opens on the first line.
        start = f"{_joined(first)} {sign} {head}" if first else _joined([(sign, head, [])])
        return [f"{equation.name} = {start} (", *_block(inside, 8), f"){tail}"]
    return [f"{equation.name} = (", *_indented(_split(terms, 8)), f"){tail}"]


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

#: A sign, a term, and nothing; or a sign, what precedes a parenthesis, and the terms inside it.
SignedTerm = tuple[str, str, list["SignedTerm"]]


def _signed_terms(value: MatrixExpr, layout: Layout) -> list[SignedTerm]:
    """The terms of a sum, those with the same scalar in one parenthesis, positive ones first."""
    parts = value.args if isinstance(value, MatAdd) else (value,)
    by_scalar: dict[Expr, list[MatrixExpr]] = {}
    for part in parts:
        scalar, factors = scalar_and_factors(part)
        by_scalar.setdefault(scalar, []).append(product_of(factors))
    if all(_repeats_a_row(part) for part in parts):
        raise ValueError(f"nothing in {value} has all its rows")
    terms: list[SignedTerm] = []
    for scalar, cores in by_scalar.items():
        sign = "-" if scalar.could_extract_minus_sign() else "+"
        size = abs(scalar) if scalar.is_number else (-scalar if sign == "-" else scalar)
        if size == 1:
            terms += [(sign, *_head_and_inside(core, layout)) for core in cores]
        elif len(cores) == 1:
            text = _matrix(cores[0], layout)
            text = text if _is_atom(cores[0], text) else f"({text})"
            terms.append((sign, f"{scalar_text(size)} * {text}", []))
        else:
            inner = [term for core in cores for term in _signed_terms(core, layout)]
            terms.append((sign, f"{scalar_text(size)} *", inner))
    return sorted(terms, key=lambda term: term[0] == "-")


def _head_and_inside(core: MatrixExpr, layout: Layout) -> tuple[str, list[SignedTerm]]:
    """A product that ends with a sum keeps the sum's terms, so that a long one can be broken."""
    text = _matrix(core, layout)
    last = _factors(core)[-1]
    if isinstance(last, MatAdd) and " @ (" in text:
        return text[: text.index(" (")], _signed_terms(last, layout)
    if isinstance(last, Elementwise) and isinstance(body_of(last), Add) and last != core:
        argument = _factor(last.expr, layout)
        return text[: text.index(" (")], _function_terms(body_of(last), argument)
    return text, []


def _factors(value: MatrixExpr) -> list[MatrixExpr]:
    """The factors of a product in the order they are printed."""
    if isinstance(value, HadamardProduct):
        return sorted(value.args, key=reading_order)
    return list(scalar_and_factors(value)[1])


def _joined(terms: list[SignedTerm]) -> str:
    """A sum on one line."""
    text = ""
    for sign, head, inside in terms:
        lead = ("-" if sign == "-" else "") if not text else f" {sign} "
        text += lead + (f"{head} ({_joined(inside)})" if inside else head)
    return text


def _block(terms: list[SignedTerm], indent: int) -> list[str]:
    """The inside of a parenthesis: one line if it is short enough, else a line a term."""
    line = _joined(terms)
    return _indented([line] if len(line) + indent <= WIDTH else _split(terms, indent))


def _split(terms: list[SignedTerm], indent: int) -> list[str]:
    """A sum with a line a term."""
    lines: list[str] = []
    for sign, head, inside in terms:
        lead = ("-" if sign == "-" else "") if not lines else f"{sign} "
        whole = lead + _joined([("+", head, inside)])
        if not inside or len(whole) + indent <= WIDTH:
            lines.append(whole)
        else:
            operand, operator = head.rsplit(" ", 1)
            lines += [lead + operand, f"{operator} (", *_block(inside, indent + 4), ")"]
    return lines


def _indented(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _repeats_a_row(part: MatrixExpr) -> bool:
    return (
        isinstance(part, MatMul) and isinstance(part.args[0], OneMatrix) and part.args[0].cols == 1
    )


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
            return _function(body_of(value), _factor(value.expr, layout))
        case HadamardProduct():
            return " * ".join(_entrywise_factor(part, layout) for part in _factors(value))
        case MatMul() if len(_factors(value)) == 2:
            left, right = _factors(value)
            return _product(left, right, layout)
        case MatAdd():
            return _joined(_signed_terms(value, layout))
    raise ValueError(f"no numpy for {type(value).__name__}: {value}")


def _factor(value: MatrixExpr, layout: Layout) -> str:
    """A value that can stand in a product of matrices."""
    text = _matrix(value, layout)
    compound = isinstance(value, MatAdd | MatMul | HadamardProduct) or (
        isinstance(value, Elementwise) and isinstance(body_of(value), Add | Mul | Pow)
    )
    return f"({text})" if compound else text


def _entrywise_factor(value: MatrixExpr, layout: Layout) -> str:
    """A value that can stand in a product entry by entry, where powers and products bind alike."""
    is_power_or_product = isinstance(value, Elementwise) and isinstance(body_of(value), Mul | Pow)
    return _matrix(value, layout) if is_power_or_product else _factor(value, layout)


def _transposes(symbol: MatrixSymbol, layout: Layout) -> str:
    """The attribute: ``.mT`` swaps the last two of three axes, ``.T`` the only two."""
    flat = layout == "stacked" and not set(symbol.shape) <= ROWS
    return "T" if flat else "mT"


def _product(left: MatrixExpr, right: MatrixExpr, layout: Layout) -> str:
    """A product of two matrices."""
    first, second = _factor(left, layout), _factor(right, layout)
    rows, inner, columns = left.shape[0], left.shape[1], right.shape[1]
    if isinstance(left, OneMatrix):
        if left.cols == 1:
            return second
        if left.rows == 1:
            axis = "-2" if layout == "batched" else "0"
            return f"{second}.sum({axis}, keepdims=True)"
    elif layout == "batched" or not ROWS & {inner, columns} or (inner in ROWS and rows not in ROWS):
        return f"{first} @ {second}"
    elif inner in ROWS:
        return f"mix({first}, {_matrix(right, layout)})"
    elif columns in ROWS and isinstance(right, Transpose):
        return f"gram({first}, {_matrix(right.arg, layout)}, T)"
    raise ValueError(f"no numpy for the product {left * right} of {layout} rows")


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
        case Pow(base=base, exp=Integer() as power) if power > 1:
            inner = _function(base, argument)
            inner = f"({inner})" if isinstance(base, Add | Mul | Pow) else inner
            # ruff hugs the operator where its base is a name.
            return f"{inner}**{power}" if inner.isidentifier() else f"{inner} ** {power}"
        case Add():
            return _joined(_function_terms(body, argument))
        case Mul():
            parts = [
                f"({_function(part, argument)})"
                if isinstance(part, Add)
                else _function(part, argument)
                for part in body.args
            ]
            return " * ".join(parts)
    name = str(body.func)
    if name in FUNCTIONS and body.args == (z,):
        return FUNCTIONS[name].format(argument)
    raise ValueError(f"no numpy for the function {body}")


def _function_terms(body: Expr, argument: str) -> list[SignedTerm]:
    """The terms of an elementwise function, positive ones first."""
    terms: list[SignedTerm] = []
    for part in Add.make_args(body):
        negative = part.could_extract_minus_sign()
        text = _function(-part if negative else part, argument)
        terms.append(("-" if negative else "+", text, []))
    return sorted(terms, key=lambda term: term[0] == "-")


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
        parts = sorted(value.args, key=lambda part: part.could_extract_minus_sign())
        terms: list[SignedTerm] = [
            ("-", scalar_text(-part), [])
            if part.could_extract_minus_sign()
            else ("+", scalar_text(part), [])
            for part in parts
        ]
        return f"({_joined(terms)})"
    raise ValueError(f"no numpy for the scalar {value}")


def _loss(value: Expr, layout: Layout) -> str:
    """A multiple of a sum of squares, ``Trace(A.T * A)``."""
    scalar, trace = value.as_independent(Trace, as_Add=False)
    match trace:
        case Trace(arg=MatMul(args=(left, right))) if left == right.T:
            base = _factor(right, layout)
            square = f"{base}**2" if base.isidentifier() else f"{base} ** 2"
            axes = ", axis=(-2, -1)" if layout == "batched" else ""
            above, below = scalar.as_numer_denom()
            factor = "" if above == 1 else f"{scalar_text(above)} * "
            count = f"({scalar_text(below)})" if isinstance(below, Mul) else scalar_text(below)
            return f"{factor}np.sum({square}{axes})" + ("" if below == 1 else f" / {count}")
    raise ValueError(f"no numpy for the scalar {value}")
