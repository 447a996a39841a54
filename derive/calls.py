"""Equations of the workspace form as numpy calls that write into buffers.

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
  task to task is a batched one, and never ``einsum``. [kernels by batched matmul: 2.09]
* Where all is contiguous the method ``dot`` is called, which has less to dispatch, also for sums
  over tasks, with a vector of ones. [the method dot, also for sums over tasks: 1.03]
* A product is written to the units of its result, so the constant unit is never computed, and every
  elementwise call runs over a contiguous array, constant unit and all.
* A gate is all bits or none, shifted down from the sign of ``0 - H``, and what passes it is
  ``and``-ed: no ``where=``, no product with booleans. Unlike a product with 0, a shut gate lets
  no NaN or infinity through. [gates as bits: 1.04]
* The maximum with zero is one with an array of zeros: numpy has a faster loop for that.
  [a maximum with an array of zeros: 1.05]
* What a call makes goes into a buffer (`buffers`), so that nothing is allocated.
  [buffers made once: 1.34]

Like every printer this one is closed: a node without a rule is an error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sympy import (
    Expr,
    HadamardProduct,
    Integer,
    MatAdd,
    MatMul,
    MatrixExpr,
    MatrixSymbol,
    Trace,
    Transpose,
)
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction as Elementwise

from derive.notation import ROWS, O, is_row_free, reading_order
from derive.numpy_code import scalar_text
from derive.program import body_of, product_of, scalar_and_factors, z
from derive.storage import constant_of, is_gate, is_shared, zeros_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from derive.program import Equation

#: Elementwise functions, as calls from an argument to a result.
FUNCTIONS = {
    "relu": ("maximum({z}, {zeros}, out={out})",),
    "step": ("subtract(zero, {z}, out={out})", "right_shift({bits}, sign, out={bits})"),
    "tanh": ("tanh({z}, out={out})",),
    "softplus": ("logaddexp(zero, {z}, out={out})",),
    "sigmoid": (
        "negative({z}, out={out})",
        "logaddexp(zero, {out}, out={out})",
        "negative({out}, out={out})",
        "exp({out}, out={out})",
    ),
}


#: What lets a gate's bits through.
GATED = "bitwise_and"


@dataclass(frozen=True)
class Call:
    """One numpy call.

    Attributes
    ----------
    text
        The call as it stands in the code.
    writes, reads
        The quantities that it writes and reads; what it adds to is among both.
    elementwise
        Whether its result may take the place of what it reads.
    """

    text: str
    writes: MatrixSymbol | None
    reads: tuple[MatrixSymbol, ...]
    elementwise: bool = True


def calls_of(equation: Equation, outputs: Collection[Expr], gates: Collection[Expr]) -> list[Call]:
    """Compute an equation.

    Parameters
    ----------
    equation
        What to compute.
    outputs
        The gradients of the weights: sums over all tasks.
    gates
        The quantities that are gates.

    Raises
    ------
    ValueError
        When its right-hand side has a node without a rule.
    """
    if not equation.shape:
        return [_loss(equation)]
    made = _Calls(equation.symbol, frozenset(outputs), frozenset(gates))
    calls = made.sum_into(equation.symbol, equation.value)
    if restored := _restored(equation):
        calls.append(restored)
    return calls


def _restored(equation: Equation) -> Call | None:
    """Set the constant unit of an activation to 1 again, where the activation is not 1 at 1."""
    symbol, value = equation.symbol, equation.value
    if not isinstance(value, Elementwise) or not constant_of(symbol):
        return None
    if body_of(value).xreplace({z: Integer(1)}) == 1:
        return None
    return Call(f"{symbol}.constant.fill(1)", symbol, (symbol,))


def _loss(equation: Equation) -> Call:
    scalar, trace = equation.value.as_independent(Trace, as_Add=False)
    match trace:
        case Trace(arg=MatMul(args=(Transpose(), MatrixSymbol() as error))):
            square = f"float(vdot({error}.all, {error}.all))"
            above, below = scalar.as_numer_denom()
            factor = "" if above == 1 else f"{scalar_text(above)} * "
            text = f"{equation.name} = {factor}{square} / ({scalar_text(below)})"
            return Call(text, None, (error,))
    raise ValueError(f"no numpy call for the scalar {equation.value}")


@dataclass(frozen=True)
class _Calls:
    """The calls of one equation.

    Attributes
    ----------
    symbol
        What the equation defines: its name is the first word of every scratch buffer's.
    outputs
        The gradients of the weights.
    gates
        Slopes of relu, which are bits.
    """

    symbol: MatrixSymbol
    outputs: frozenset[Expr]
    gates: frozenset[Expr]

    def scratch(self, word: str, like: MatrixExpr) -> MatrixSymbol:
        return MatrixSymbol(f"{self.symbol.name}_{word}", *like.shape)

    def over_tasks(self, symbol: MatrixSymbol) -> bool:
        """Whether a quantity is a sum over all tasks."""
        return symbol in self.outputs or str(symbol).removesuffix("_term") in map(str, self.outputs)

    def sum_into(self, out: MatrixSymbol, value: MatrixExpr) -> list[Call]:
        """Compute a sum; terms with the same scalar are added before they are scaled."""
        groups: dict[Expr, list[tuple[int, MatrixExpr]]] = {}
        for part in value.args if isinstance(value, MatAdd) else (value,):
            scalar, factors = scalar_and_factors(part)
            sign = -1 if scalar.could_extract_minus_sign() else 1
            groups.setdefault(sign * scalar, []).append((sign, product_of(factors)))
        calls: list[Call] = []
        for scalar, terms in sorted(groups.items(), key=lambda group: group[0] != 1):
            # A group without a positive term is subtracted, or has its sign in its scalar.
            minus = all(sign < 0 for sign, _ in terms)
            positive = [(abs(sign) if minus else sign, term) for sign, term in terms]
            target = self.scratch("term", out) if calls else out
            factor = -scalar if minus and not calls else scalar
            own = self.scaled_sum_into(target, factor, positive)
            if calls:
                own.append(self.elementwise("subtract" if minus else "add", out, out, target))
            calls += own
        return calls

    def scaled_sum_into(
        self, out: MatrixSymbol, scalar: Expr, terms: list[tuple[int, MatrixExpr]]
    ) -> list[Call]:
        """Compute a scalar times a sum of terms with signs."""
        if len(terms) == 1 and self.is_named(terms[0][1], out):
            return [self.scaled(out, scalar, terms[0][1])]
        calls = self.plain_sum_into(out, terms)
        return calls if scalar == 1 else [*calls, self.scaled(out, scalar, out)]

    def plain_sum_into(self, out: MatrixSymbol, terms: list[tuple[int, MatrixExpr]]) -> list[Call]:
        """Compute a sum: what is computed comes first, then what has a name is added."""
        (_, first), *rest = sorted(
            terms, key=lambda term: (term[0] < 0, self.is_named(term[1], out))
        )
        if rest and self.is_named(first, out) and self.is_named(rest[0][1], out):
            (sign, second), *rest = rest
            calls = [self.elementwise("add" if sign > 0 else "subtract", out, first, second)]
        else:
            calls = self.term_into(out, first)
        for sign, term in rest:
            named = self.is_named(term, out)
            target = term if named else self.scratch("term", out)
            calls += [] if named else self.term_into(target, term)
            calls.append(self.elementwise("add" if sign > 0 else "subtract", out, out, target))
        return calls

    def is_named(self, term: MatrixExpr, out: MatrixSymbol) -> bool:
        """Whether a term can be added as it stands: it is a buffer with the tasks of the sum."""
        if not isinstance(term, MatrixSymbol) or self.over_tasks(out):
            return False
        return not (is_row_free(term.shape) and is_shared(term))

    def term_into(self, out: MatrixSymbol, term: MatrixExpr) -> list[Call]:
        match term:
            case MatrixSymbol() if self.over_tasks(out):
                text = f"ones.dot({term}.each, {out}.reshape(-1))"
                return [Call(text, out, (term,), elementwise=False)]
            case MatrixSymbol():
                # A copy for each task: numpy would take memory to add what is shared.
                return [Call(f"copyto({self.whole(out)}, {term}.stored)", out, (term,))]
            case MatMul(args=(left, right)):
                return self.product_into(out, left, right)
            case HadamardProduct():
                return self.entrywise_into(out, sorted(term.args, key=reading_order))
            case Elementwise(expr=MatrixSymbol() as argument):
                return self.function_into(out, body_of(term), argument)
        raise ValueError(f"no numpy call for {type(term).__name__}: {term}")

    # --- products ---

    def product_into(self, out: MatrixSymbol, left: MatrixExpr, right: MatrixExpr) -> list[Call]:
        """Multiply two matrices."""
        calls: list[Call] = []
        if isinstance(right, MatAdd):
            total = self.scratch("sum", right)
            calls, right = self.sum_into(total, right), total
        a, b = _symbol(left), _symbol(right)
        flat = self.symbol in self.outputs or (is_row_free(b.shape) and is_shared(b))
        first, second, into = self.operands(left, right, out, flat)
        text = f"matmul({first}, {second}, out={into})"
        if flat and O in out.shape:
            # The method has less to dispatch, but copies what is not contiguous.
            text = f"{first}.dot({second}, {into})"
        return [*calls, Call(text, out, (a, b), elementwise=False)]

    def operands(
        self, left: MatrixExpr, right: MatrixExpr, out: MatrixSymbol, flat: bool
    ) -> tuple[str, str, str]:
        """The views of two factors and of their product."""
        a, b = _symbol(left), _symbol(right)
        whole, units = ("all", "units") if flat else ("task", "task_units")
        turned = "T" if flat else "mT"
        # The output layer has no constant unit.
        into = f"{out}.{'all' if flat and out.shape[1] == O else units}"
        match left, right:
            case Transpose(), MatrixSymbol() if is_row_free(out.shape):
                stored = str(out) if flat else f"{out}.stored"
                if b.shape[1] == O:
                    return f"{b}.{whole}.{turned}", f"{a}.{whole}", stored
                return f"{a}.{whole}.{turned}", f"{b}.{units}", stored
            case MatrixSymbol(), Transpose() if set(out.shape) <= ROWS:
                return f"{a}.task", f"{b}.task.mT", str(out)
            case _ if is_row_free(a.shape):
                pass
            case MatrixSymbol(), MatrixSymbol() if is_row_free(b.shape):
                return f"{a}.{whole}", f"{b}.forward", into
            case MatrixSymbol(), Transpose() if is_row_free(b.shape):
                return f"{a}.{units}", f"{b}.backward", into
            case _, MatrixSymbol() if set(a.shape) <= ROWS:
                kernel = f"{a}.mT" if isinstance(left, Transpose) else str(a)
                return kernel, f"{b}.task_units", into
        raise ValueError(f"no numpy call for the product {left * right}")

    # --- entry by entry ---

    def whole(self, symbol: MatrixSymbol) -> str:
        """A quantity as elementwise calls take it."""
        if self.over_tasks(symbol):
            return str(symbol)
        return f"{symbol}.stored" if is_row_free(symbol.shape) else f"{symbol}.all"

    def elementwise(self, name: str, out: MatrixSymbol, *factors: MatrixSymbol) -> Call:
        texts = [f"{each}.bits" if name == GATED else self.whole(each) for each in (*factors, out)]
        return Call(f"{name}({', '.join(texts[:-1])}, out={texts[-1]})", out, factors)

    def scaled(self, out: MatrixSymbol, scalar: Expr, symbol: MatrixSymbol) -> Call:
        text = f"multiply({self.whole(symbol)}, {signed(scalar)}, out={self.whole(out)})"
        return Call(text, out, (symbol,))

    def entrywise_into(self, out: MatrixSymbol, factors: list[MatrixExpr]) -> list[Call]:
        """Multiply entry by entry: a function is computed in place, the others multiply it."""
        functions = [each for each in factors if isinstance(each, Elementwise)]
        symbols = [each for each in factors if not isinstance(each, Elementwise)]
        if len(functions) > 1 or not all(isinstance(each, MatrixSymbol) for each in symbols):
            raise ValueError(f"no numpy calls for the factors {factors} of `{self.symbol}`")
        calls = self.term_into(out, functions[0]) if functions else []
        left = out if functions else symbols.pop(0)
        bits = any(map(is_gate, functions)) or left in self.gates
        for symbol in symbols:
            gated = bits or symbol in self.gates
            calls.append(self.elementwise(GATED if gated else "multiply", out, left, symbol))
            left, bits = out, bits and symbol in self.gates
        return calls

    def function_into(self, out: MatrixSymbol, body: Expr, argument: MatrixSymbol) -> list[Call]:
        """Apply a function, an expression in `z`, to every entry."""
        if body.is_polynomial(z):
            return self.polynomial_into(out, body, argument)
        name = str(body.func)
        if name not in FUNCTIONS or body.args != (z,):
            raise ValueError(f"no numpy call for the function {body}")
        zeros = zeros_of(argument)
        words = {
            "z": f"{argument}.all", "out": self.whole(out), "bits": f"{out}.bits", "zeros": zeros
        }  # fmt: skip
        return [
            Call(form.format(**words), out, (argument, zeros) if "{zeros}" in form else (argument,))
            for form in FUNCTIONS[name]
        ]

    def polynomial_into(self, out: MatrixSymbol, body: Expr, argument: MatrixSymbol) -> list[Call]:
        """Horner's scheme: ``1 - z (2 - z)``."""
        constant = body.xreplace({z: Integer(0)})
        rest = (body - constant).expand()
        if constant != 0:
            minus = rest.could_extract_minus_sign()
            calls = self.polynomial_into(out, -rest if minus else rest, argument)
            whole = self.whole(out)
            terms = f"{signed(constant)}, {whole}" if minus else f"{whole}, {signed(constant)}"
            name = "subtract" if minus else "add"
            return [*calls, Call(f"{name}({terms}, out={whole})", out, (out,))]
        quotient = (rest / z).expand()
        if quotient.is_number:
            return [self.scaled(out, quotient, argument)]
        if quotient == z:
            return [self.elementwise("multiply", out, argument, argument)]
        calls = self.polynomial_into(out, quotient, argument)
        return [*calls, self.elementwise("multiply", out, out, argument)]


def signed(scalar: Expr) -> str:
    """A scalar with its sign."""
    minus = scalar.could_extract_minus_sign()
    return ("-" if minus else "") + scalar_text(-scalar if minus else scalar)


def _symbol(factor: MatrixExpr) -> MatrixSymbol:
    match factor:
        case MatrixSymbol() | Transpose(arg=MatrixSymbol()):
            return factor.arg if isinstance(factor, Transpose) else factor
    raise ValueError(f"no numpy call for the factor {factor}")
