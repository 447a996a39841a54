"""Equations as lines of numpy, in one of two layouts.

``batched``
    Every matrix as the equation has it, with a leading axis for the tasks where it differs from
    task to task; numpy's ``@`` broadcasts over it. Without that axis the same line computes one
    task.
``stacked``
    The rows of all tasks under one another, (T*N, H), so that a product with a weight matrix is
    one flat product. Kernels keep a task axis, (T, N, M), and a product over rows adds up the
    tasks, which is right for a gradient and refused for anything else.

The printer is closed: a node it does not know is an error. Lines come out as ``ruff format``
would leave them.
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

from derive.notation import ROWS, reading_order
from derive.program import body_of, product_of, scalar_and_factors, z

if TYPE_CHECKING:
    from derive.program import Equation

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
        argument = _matrix(value.expr, layout)
        return [f"{equation.name} = ({argument} > 0).astype({argument}.dtype){tail}"]
    if not equation.shape:
        return [f"{equation.name} = {_loss(value, layout)}{tail}"]
    terms = _signed_terms(value, layout)
    line = f"{equation.name} = {_joined(terms)}{tail}"
    if len(line) <= WIDTH - 4:
        return [line]
    return [f"{equation.name} = (", *_indented(_split(terms)), f"){tail}"]


# --- sums ---

SignedTerm = tuple[str, str, list["SignedTerm"]]  # sign, what precedes a parenthesis, its inside


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
            terms += [(sign, _matrix(core, layout), []) for core in cores]
        elif len(cores) == 1:
            inner = _signed_terms(cores[0], layout)
            plain = len(inner) == 1 and not isinstance(cores[0], MatMul)
            text = inner[0][1] if plain or _is_call(inner[0][1]) else f"({_joined(inner)})"
            terms.append((sign, f"{_scalar(size)} * {text}", []))
        else:
            inner = [term for core in cores for term in _signed_terms(core, layout)]
            terms.append((sign, _scalar(size), inner))
    return sorted(terms, key=lambda term: term[0] == "-")


def _joined(terms: list[SignedTerm]) -> str:
    """A sum on one line."""
    text = ""
    for sign, head, inside in terms:
        body = f"{head} * ({_joined(inside)})" if inside else head
        lead = ("-" if sign == "-" else "") if not text else f" {sign} "
        text += lead + body
    return text


def _split(terms: list[SignedTerm], indent: int = 8) -> list[str]:
    """A sum with a line a term."""
    lines: list[str] = []
    for sign, head, inside in terms:
        lead = ("-" if sign == "-" else "") if not lines else f"{sign} "
        whole = f"{lead}{head} * ({_joined(inside)})" if inside else f"{lead}{head}"
        if not inside or len(whole) + indent <= WIDTH:
            lines.append(whole)
        else:
            lines += [f"{lead}{head}", "* (", *_indented(_split(inside, indent + 4)), ")"]
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
            return _function(body_of(value), _matrix(value.expr, layout))
        case HadamardProduct():
            parts = sorted(value.args, key=reading_order)
            return " * ".join(_factor(part, layout) for part in parts)
        case MatMul():
            _, factors = scalar_and_factors(value)
            if len(factors) == 2:
                return _product(factors[0], factors[1], layout)
        case MatAdd():
            return _joined(_signed_terms(value, layout))
    raise ValueError(f"no numpy for {type(value).__name__}: {value}")


def _factor(value: MatrixExpr, layout: Layout) -> str:
    """A value that can stand in a product."""
    text = _matrix(value, layout)
    is_sum = isinstance(value, MatAdd) or (
        isinstance(value, Elementwise) and isinstance(body_of(value), Add)
    )
    return f"({text})" if is_sum else text


def _transposes(symbol: MatrixSymbol, layout: Layout) -> str:
    """numpy's attribute: ``.mT`` swaps the last two of three axes, ``.T`` the only two."""
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


def _is_call(text: str) -> bool:
    return text.startswith(("mix(", "gram(")) and text.endswith(")") and text.count("(") == 1


# --- scalars ---


def _function(body: Expr, argument: str) -> str:
    """An elementwise function, as an expression in `z`, of a printed argument."""
    match body:
        case Symbol() if body == z:
            return argument
        case Integer():
            return str(body)
        case Pow(base=base, exp=Integer() as power) if power > 1:
            inner = _function(base, argument)
            # ruff hugs the operator where its base is a name.
            return f"{inner}**{power}" if inner.isidentifier() else f"{inner} ** {power}"
        case Add():
            parts = sorted(body.args, key=lambda part: part.could_extract_minus_sign())
            text = _function(parts[0], argument)
            for part in parts[1:]:
                sign = "-" if part.could_extract_minus_sign() else "+"
                text += f" {sign} {_function(abs_of(part), argument)}"
            return text
        case Mul():
            return " * ".join(_function(part, argument) for part in body.args)
    name = str(body.func)
    if name in FUNCTIONS and body.args == (z,):
        return FUNCTIONS[name].format(argument)
    raise ValueError(f"no numpy for the function {body}")


def abs_of(part: Expr) -> Expr:
    """A term without its minus sign."""
    return -part if part.could_extract_minus_sign() else part


def _scalar(value: Expr) -> str:
    """A positive quotient of products: ``2 / (N * O)``."""
    above, below = value.as_numer_denom()
    over, under = (
        " * ".join(_name_or_number(part) for part in Mul.make_args(side)) for side in (above, below)
    )
    if below == 1:
        return over
    return f"{over} / ({under})" if isinstance(below, Mul) else f"{over} / {under}"


def _name_or_number(value: Expr) -> str:
    if isinstance(value, Symbol | Rational):
        return str(value)
    raise ValueError(f"no numpy for the scalar {value}")


def _loss(value: Expr, layout: Layout) -> str:
    """A multiple of a sum of squares, ``Trace(A.T * A)``."""
    scalar, trace = value.as_independent(Trace, as_Add=False)
    match trace:
        case Trace(arg=MatMul(args=(left, right))) if left == right.T:
            base = _factor(right, layout)
            square = f"{base}**2" if base.isidentifier() else f"{base} ** 2"
            axes = ", axis=(-2, -1)" if layout == "batched" else ""
            above, below = (_scalar(side) for side in scalar.as_numer_denom())
            count = below if below.isidentifier() else f"({below})"
            factor = "" if above == "1" else f"{above} * "
            return f"{factor}np.sum({square}{axes}) / {count}"
    raise ValueError(f"no numpy for the scalar {value}")
