"""Steps of the workspace form as numpy calls that write into buffers: straight-line code.

The rows of all tasks stand under one another, a constant unit is the last column of every layer,
and each quantity has the views that its products need::

    H.all    (T*N, L+1)     H.task        (T, N, L+1)
    H.units  (T*N, L)       H.task_units  (T, N, L)       without the constant unit

    W.forward   (L+1, L')   the weights, their bias the last row; (T, L+1, L') of fast weights
    W.backward  (L', L)     transposed, without the bias
    W.stored                as it lies in memory: like `forward`, the output layer's transposed

What is written here as a rule was measured. In brackets is how many times as long a call of the
sinusoid experiment takes where the rule is undone; `tests/benchmark/undone.py` undoes each once.

* A product with shared weights is one flat product over the rows of all tasks; what differs from
  task to task is a batched one, and never ``einsum``. [kernels by batched matmul: 2.13]
* Where all is contiguous the method ``dot`` is called, which has less to dispatch, also for sums
  over tasks, with a vector of ones. [the method dot, also for sums over tasks: 1.01]
* A product is written to the units of its result, so the constant unit is never computed, and every
  elementwise call runs over a contiguous array, constant unit and all.
* A gate is all bits or none, shifted down from the sign of ``0 - H``, and what passes it is
  ``and``-ed: no ``where=``, no product with booleans. Unlike a product with 0, a shut gate lets
  no NaN or infinity through. [gates as bits: 1.04]
* The maximum with zero is one with an array of zeros: numpy has a faster loop for that.
  [a maximum with an array of zeros: 1.05]
* What a call makes goes into a buffer (`buffers`), so that nothing is allocated.
  [buffers made once: 1.39]

Like every printer this one is closed: a step without a rule is an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sympy import Expr, MatrixExpr, MatrixSymbol, Mul, Transpose

from ..language.elementwise import TABLE
from ..language.names import ROWS, O, is_row_free, name_of
from ..schedule.steps import untransposed
from ..schedule.storage import Kind, is_shared, is_total, storage_of
from .numpy import number_text, scalar_text

if TYPE_CHECKING:
    from ..schedule.steps import Step


class Call(NamedTuple):
    """A call as it stands in the code, and the function of numpy that it calls by name."""

    function: str
    text: str


def calls_of(step: Step) -> list[Call]:
    """The calls of a step.

    Raises
    ------
    ValueError
        When it is a product for which numpy has no call here.
    """
    out = step.writes
    match step.operator, step.operands:
        case "product", (left, right):
            return [_product(out, left, right)]
        case "total", (summand,):
            return [Call("", f"ones.dot({summand}.each, {out}.reshape(-1))")]
        case "unit", _:
            return [Call("", f"{out}.constant.fill(1)")]
        case "inner" | "more", (scalar, left, right):
            product = f"vdot({_whole(left)}, {_whole(right)})"
            return [Call("vdot", _inner(step, scalar, product))]
        case "inner" | "more", (scalar, summed):
            return [Call("", _inner(step, scalar, f"{summed}.all.sum()"))]
        case "number", (value,):
            return [Call("", f"{out} = {number_text(value)}")]
        case "along" | "largest" as name, (rows,):
            function = {"along": "add", "largest": "maximum"}[name]
            call = f"{function}.reduce({rows}.all, axis=1, keepdims=True, out={out}.all)"
            return [Call(function, call)]
        case "down", (rows,):
            call = f"add.reduce({rows}.{_units(rows)}, axis=1, keepdims=True, out={out}.task)"
            return [Call("add", call)]
        case "copy", (small,) if not is_shared(small):
            return [Call("copyto", f"copyto({_view(out, step)}, {_view(small, step)})")]
        case "copy", (shared,):
            return [Call("copyto", f"copyto({_whole(out)}, {shared}.stored)")]
        case "gate", (left, right):
            return [Call("bitwise_and", f"bitwise_and({left}.bits, {right}.bits, out={out}.bits)")]
        case "add" | "subtract" | "multiply" as name, operands:
            texts = ", ".join(_operand(each, step) for each in operands)
            return [Call(name, f"{name}({texts}, out={_view(out, step)})")]
    return _function(step)


def _inner(step: Step, scalar: Expr, summed: str) -> str:
    """A number: a scalar times a sum over entries."""
    minus = scalar.could_extract_minus_sign()
    above, below = (-scalar if minus else scalar).as_numer_denom()
    factor = "" if above == 1 else f"{scalar_text(above)} * "
    over = "" if below == 1 else f" / ({scalar_text(below)})"
    assign = "=" if step.operator == "inner" else "+="
    return f"{step.writes} {assign} {'-' * minus}{factor}float({summed}){over}"


def _function(step: Step) -> list[Call]:
    """A row of the table: one or several calls, entry by entry."""
    out = step.writes
    words = {
        "z": _operand(step.operands[0], step), "out": _whole(out), "bits": f"{out}.bits",
        "zeros": _zeros_for(out), "zero": "zero", "sign": "sign",
    }  # fmt: skip
    return [
        Call(
            name,
            f"{name}({', '.join(words.get(word, word) for word in arguments)}, "
            f"out={words['bits' if 'bits' in arguments else 'out']})",
        )
        for name, *arguments in TABLE[step.operator].inplace
    ]


def _operand(value: Expr, step: Step) -> str:
    """A quantity, or a scalar with its sign."""
    if isinstance(value, MatrixSymbol):
        return _view(value, step)
    if value.is_number and not value.is_Rational:
        return repr(float(value))
    minus = value.could_extract_minus_sign()
    return ("-" if minus else "") + scalar_text(-value if minus else value)


def _view(symbol: MatrixSymbol, step: Step) -> str:
    """A quantity as a step takes it: by task where a row of each task meets its rows."""
    kinds = {storage_of(each).kind for each in (step.writes, *step.reads)}
    if Kind.ROW not in kinds or len(kinds) == 1:
        return _whole(symbol)
    return f"{symbol}.{_units(symbol)}"


def _units(symbol: MatrixSymbol) -> str:
    """The rows of a quantity by task, without a constant unit."""
    return "task_units" if storage_of(symbol).kind is Kind.ROWS else "task"


def _whole(symbol: MatrixSymbol) -> str:
    """A quantity as elementwise calls take it."""
    if is_total(symbol):
        return str(symbol)
    if storage_of(symbol).kind is Kind.ROW:
        return f"{symbol}.all"
    return f"{symbol}.stored" if is_row_free(symbol.shape) else f"{symbol}.all"


def _product(out: MatrixSymbol, left: MatrixExpr, right: MatrixExpr) -> Call:
    """A product: flat over the rows of all tasks, or for each task."""
    flat = is_total(out) or is_shared(untransposed(right))
    first, second, into = _operands(out, left, right, flat)
    if flat and O in out.shape:
        # The method has less to dispatch, but copies what is not contiguous.
        return Call("", f"{first}.dot({second}, {into})")
    return Call("matmul", f"matmul({first}, {second}, out={into})")


def _operands(
    out: MatrixSymbol, left: MatrixExpr, right: MatrixExpr, flat: bool
) -> tuple[str, str, str]:
    """The views of two factors and of their product."""
    a, b = untransposed(left), untransposed(right)
    whole, units = ("all", "units") if flat else ("task", "task_units")
    turned = "T" if flat else "mT"
    # The output layer has no constant unit.
    into = f"{out}.{'all' if flat and out.shape[1] == O else units}"
    match left, right:
        case Transpose(), MatrixSymbol() if is_total(out) and name_of(out).base == "V":
            return f"{a}.all.T", f"{b}.all", str(out)
        case Transpose(), MatrixSymbol() if _is_weight(out):
            stored = str(out) if flat else f"{out}.stored"
            if b.shape[1] == O:
                return f"{b}.{whole}.{turned}", f"{a}.{whole}", stored
            return f"{a}.{whole}.{turned}", f"{b}.{units}", stored
        case MatrixSymbol(), Transpose() if set(out.shape) <= ROWS:
            return f"{a}.task", f"{b}.task.mT", str(out)
        case _ if _is_weight(a):
            pass
        case MatrixSymbol(), MatrixSymbol() if _is_weight(b):
            return f"{a}.{whole}", f"{b}.forward", into
        case MatrixSymbol(), Transpose() if _is_weight(b):
            return f"{a}.{units}", f"{b}.backward", into
        case _, MatrixSymbol() if set(a.shape) <= ROWS:
            kernel = f"{a}.mT" if isinstance(left, Transpose) else str(a)
            return kernel, f"{b}.task_units", into
    raise ValueError(f"`{out}`: the workspace form has no call for the product {left * right}")


def _is_weight(symbol: MatrixSymbol) -> bool:
    """Whether it is stored as the weights of a layer are."""
    return storage_of(symbol).kind in (Kind.LAYER, Kind.GRADIENT)


# --- memory ---


def constructor(symbol: MatrixSymbol) -> str:
    """The call that makes the memory of a quantity."""
    storage = storage_of(symbol)
    match storage.kind:
        case Kind.ROWS:
            constant = ", 1" if storage.constant else ""
            return f"arena.rows({storage.rows}, {storage.columns}{constant})"
        case Kind.PREDICTIONS:
            return f"arena.predictions({storage.rows})"
        case Kind.COLUMN:
            return f"arena.column({storage.rows})"
        case Kind.ROW:
            return f"arena.row({'max(O, 2)' if storage.last else storage.columns})"
        case Kind.GRADIENT if name_of(symbol).base == "V":
            return f"arena.plain_gradient({storage.rows}, {storage.columns})"
        case kind if storage.last:
            return f"arena.last_{kind.value}({storage.rows})"
    return f"arena.{storage.kind.value}({storage.rows}, {storage.columns})"


def zeros_of(step: Step) -> tuple[str, str] | None:
    """The name of the zeros that a step compares with, and the call that makes them."""
    calls = TABLE[step.operator].inplace if step.operator in TABLE else ()
    if not any("zeros" in call for call in calls):
        return None
    rows, columns = step.writes.shape
    # A single output has a second one beside it, where others have their constant unit.
    units = "max(O, 2) - 1" if columns == O else columns
    return _zeros_for(step.writes), f"arena.zeros({rows}, {units})"


def _zeros_for(symbol: MatrixSymbol) -> str:
    rows, columns = symbol.shape
    return f"zeros_{rows}_{columns}"


def polynomial(value: Expr) -> str:
    """A sum of products, as Python."""
    terms = (" * ".join(map(str, Mul.make_args(term))) for term in value.as_ordered_terms())
    return " + ".join(terms)
