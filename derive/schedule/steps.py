"""Operations as steps: one operator each, for a language that computes an array at a time.

::

    out = PRODUCT(left, right)          a product of two matrices
    out = TOTAL(a)                      the sum over the tasks of what each has for itself
    out = UNIT(out)                     the constant unit of an activation is 1 again
    out = INNER(scalar, left, right)    a number; without `left` a sum over all entries
    out = MORE(scalar, left, right)     what is added to such a number
    out = NUMBER(value)                 a number made of others
    out = ALONG(a), LARGEST(a)          the sum along each row, its largest entry
    out = DOWN(a)                       the sum of the rows of each task
    out = function(operands)            entry by entry

The function is a row of `elementwise.TABLE`, or ``add``, ``subtract``, ``multiply``, ``copy``, or
`GATE`, which lets an entry through or makes it 0. A column beside rows stands for one that is
repeated along them, a row for one that is repeated down the rows of its task. What an operation
needs on the way goes into a scratch quantity, whose name is that of its result with a word of
`Name.scratch` at the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

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
    Transpose,
)
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction as Elementwise

from ..language.elementwise import Word, body_of, is_gate, spelled, z
from ..language.names import name_of, reading_order, scratch
from ..language.program import RowMax, product_of, scalar_and_factors, shape_of
from .operations import (
    Entrywise,
    Inner,
    InnerProduct,
    Number,
    Product,
    operation_of,
)
from .storage import Kind, is_shared, is_total, storage_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sympy import Symbol

    from ..language.names import Named
    from ..language.program import Equation

PRODUCT, TOTAL, UNIT, INNER, GATE = "product", "total", "unit", "inner", "gate"
MORE, NUMBER, ALONG, LARGEST, DOWN = "more", "number", "along", "largest", "down"

#: Those that read what they do not write over.
REDUCTIONS = frozenset({PRODUCT, TOTAL, ALONG, LARGEST, DOWN})
#: What no row of the table may be called.
OPERATORS = REDUCTIONS | {UNIT, INNER, MORE, GATE, NUMBER, "add", "subtract", "multiply", "copy"}


@dataclass(frozen=True)
class Step:
    """One operator.

    Attributes
    ----------
    operator
        What is computed.
    writes
        Its result: a quantity, or a number.
    operands
        Quantities (in a product also their transposes) and scalars.
    """

    operator: str
    writes: Named
    operands: tuple[Expr, ...]

    @property
    def reads(self) -> tuple[MatrixSymbol, ...]:
        """The quantities among the operands."""
        matrices = (each for each in self.operands if isinstance(each, MatrixExpr))
        return tuple(dict.fromkeys(map(untransposed, matrices)))

    @property
    def in_place(self) -> bool:
        """Whether the result may lie where an operand lies."""
        kinds = {storage_of(each).kind for each in (self.writes, *self.reads) if each.is_Matrix}
        # Repeated along or down, what is small is read again and again.
        return self.operator not in REDUCTIONS and len(kinds) == 1


def steps_of(equation: Equation, gates: Collection[MatrixSymbol]) -> tuple[Step, ...]:
    """Compute an equation.

    Parameters
    ----------
    equation
        What to compute.
    gates
        The quantities that are gates.

    Raises
    ------
    ValueError
        When it is no operation, or an operation that has no steps.
    """
    operation = operation_of(equation)
    made = _Steps(equation, frozenset(gates))
    match operation:
        case Number(symbol, value):
            return (Step(NUMBER, symbol, (value,)),)
        case InnerProduct(symbol, terms):
            return tuple(
                step for at, term in enumerate(terms) for step in made.inner(at, symbol, term)
            )
        case Product():
            return tuple(made.product(operation))
        case Entrywise(symbol, value):
            return (*made.sum_into(symbol, value), *_unit(equation))


def _unit(equation: Equation) -> tuple[Step, ...]:
    """Restore the constant unit of an activation, where the function has changed it.

    Raises
    ------
    ValueError
        When it is an activation of the outputs that is not 0 at 0: beside a single output stands
        a second one that must stay 0.
    """
    symbol, value = equation.symbol, equation.value
    if not isinstance(value, Elementwise):
        return ()
    storage, body = storage_of(symbol), body_of(value)
    of_outputs = storage.kind is Kind.PREDICTIONS and name_of(symbol).base == "H"
    if of_outputs and body.xreplace({z: Integer(0)}) != 0:
        raise ValueError(
            f"`{equation.name}` applies {body} to the outputs; the workspace form needs a function "
            f"that is 0 at 0 there"
        )
    changed = storage.constant == 1 and body.xreplace({z: Integer(1)}) != 1
    return (Step(UNIT, symbol, (symbol,)),) if changed else ()


@dataclass(frozen=True)
class _Steps:
    """The steps of one equation.

    Attributes
    ----------
    equation
        What is computed.
    gates
        The quantities that are gates.
    """

    equation: Equation
    gates: frozenset[Expr]

    def inner(self, at: int, out: Symbol, term: Inner) -> list[Step]:
        """Compute one of several inner products, or add up what goes entry by entry."""
        operator = MORE if at else INNER
        if term.left is not None:
            return [Step(operator, out, (term.scalar, term.left, term.right))]
        like = next(iter(sorted(term.right.atoms(MatrixSymbol), key=str)))
        target = scratch(like, "term", like)
        return [*self.sum_into(target, term.right), Step(operator, out, (term.scalar, target))]

    def product(self, operation: Product) -> list[Step]:
        """Compute the products one by one, then add what they start from."""
        out = operation.writes
        steps: list[Step] = []
        for scalar, left, right in operation.terms:
            target = scratch(out, "term", out) if steps else out
            own = self.product_into(target, left, right)
            if scalar != 1:
                own.append(Step("multiply", target, (target, scalar)))
            steps += own if target == out else [*own, Step("add", out, (out, target))]
        return steps if operation.start is None else [*steps, *self.added(out, operation.start)]

    def product_into(self, out: MatrixSymbol, left: MatrixExpr, right: MatrixExpr) -> list[Step]:
        """Multiply two matrices; a sum is computed first."""
        for factor in (left, *(right.args if isinstance(right, MatAdd) else (right,))):
            if not isinstance(
                factor.arg if isinstance(factor, Transpose) else factor, MatrixSymbol
            ):
                raise self.refused(f"the factor {factor}")
        if not isinstance(right, MatAdd):
            return [Step(PRODUCT, out, (left, right))]
        total = scratch(next(iter(sorted(right.atoms(MatrixSymbol), key=str))), "sum", right)
        return [*self.sum_into(total, right), Step(PRODUCT, out, (left, total))]

    def added(self, out: MatrixSymbol, value: MatrixExpr) -> list[Step]:
        """Add a value to what is there."""
        scalar, factors = scalar_and_factors(value)
        if scalar == 1:
            value = product_of(_unrepeated(factors, out))
        if _is_named(value, out):
            return [Step("add", out, (out, value))]
        target = scratch(out, "term", out)
        return [*self.sum_into(target, value), Step("add", out, (out, target))]

    # --- entry by entry ---

    def sum_into(self, out: MatrixSymbol, value: MatrixExpr) -> list[Step]:
        """Compute a sum; terms with the same scalar are added before they are scaled."""
        groups: dict[Expr, list[tuple[int, MatrixExpr]]] = {}
        for part in value.args if isinstance(value, MatAdd) else (value,):
            scalar, factors = scalar_and_factors(part)
            factors = _unrepeated(factors, out)
            sign = -1 if scalar.could_extract_minus_sign() else 1
            groups.setdefault(sign * scalar, []).append((sign, product_of(factors)))
        steps: list[Step] = []
        for scalar, terms in sorted(groups.items(), key=lambda group: group[0] != 1):
            # A group without a positive term is subtracted, or has its sign in its scalar.
            minus = all(sign < 0 for sign, _ in terms)
            positive = [(abs(sign) if minus else sign, term) for sign, term in terms]
            target = scratch(out, "term", out) if steps else out
            factor = -scalar if minus and not steps else scalar
            own = self.scaled_sum_into(target, factor, positive)
            if steps:
                own.append(Step("subtract" if minus else "add", out, (out, target)))
            steps += own
        return steps

    def scaled_sum_into(
        self, out: MatrixSymbol, scalar: Expr, terms: list[tuple[int, MatrixExpr]]
    ) -> list[Step]:
        """Compute a scalar times a sum of terms with signs."""
        if len(terms) == 1 and _is_named(terms[0][1], out):
            if scalar == 1:
                return [Step("copy", out, (terms[0][1],))]
            return [Step("multiply", out, (terms[0][1], scalar))]
        steps = self.plain_sum_into(out, terms)
        return steps if scalar == 1 else [*steps, Step("multiply", out, (out, scalar))]

    def plain_sum_into(self, out: MatrixSymbol, terms: list[tuple[int, MatrixExpr]]) -> list[Step]:
        """Compute a sum: what is computed comes first, then what has a name is added."""
        (_, first), *rest = sorted(terms, key=lambda term: (term[0] < 0, _is_named(term[1], out)))
        if rest and _is_named(first, out) and _is_named(rest[0][1], out):
            (sign, second), *rest = rest
            steps: list[Step] = [Step(_sum_of(sign), out, (first, second))]
        else:
            steps = self.term_into(out, first)
        for sign, term in rest:
            named = _is_named(term, out)
            target = term if named else _target(out, term)
            steps += [] if named else self.term_into(target, term)
            steps.append(Step(_sum_of(sign), out, (out, target)))
        return steps

    def term_into(self, out: MatrixSymbol, term: MatrixExpr) -> list[Step]:
        """Compute a term of a sum."""
        match term:
            case MatrixSymbol() if is_total(out):
                return [Step(TOTAL, out, (term,))]
            case HadamardProduct() if is_total(out):
                each = scratch(out, "each", out)
                return [*self.term_into(each, term), Step(TOTAL, out, (each,))]
            case MatrixSymbol():
                # A copy for each task: what is shared has no tasks.
                return [Step("copy", out, (term,))]
            case RowMax(arg=MatrixSymbol() as rows):
                return [Step(LARGEST, out, (rows,))]
            case MatMul(args=(MatrixSymbol() as rows, OneMatrix())):
                return [Step(ALONG, out, (rows,))]
            case MatMul(args=(OneMatrix(), MatrixSymbol() as rows)):
                return [Step(DOWN, out, (rows,))]
            case HadamardProduct():
                return self.entrywise_into(out, sorted(term.args, key=reading_order))
            case Elementwise(expr=MatrixSymbol() as argument) if argument.shape != out.shape:
                small = scratch(out, "part", argument)
                return [*self.term_into(small, term), Step("copy", out, (small,))]
            case Elementwise(expr=MatrixSymbol() as argument):
                return self.function_into(out, spelled(body_of(term)), argument)
        raise self.refused(f"`{term}`")

    def entrywise_into(self, out: MatrixSymbol, factors: list[MatrixExpr]) -> list[Step]:
        """Multiply entry by entry: what is computed is so in place, the others multiply it."""
        made = [each for each in factors if not isinstance(each, MatrixSymbol)]
        symbols = [each for each in factors if isinstance(each, MatrixSymbol)]
        # A gate is no number: it comes first where there is one, the others multiply.
        made.sort(key=lambda each: not is_gate(each))
        if sum(map(is_gate, made)) > 1:
            raise self.refused(f"the factors {', '.join(map(str, factors))}")
        steps = self.term_into(out, made[0]) if made else []
        left = out if made else symbols.pop(0)
        gate = any(map(is_gate, made)) or left in self.gates
        for symbol in symbols:
            gated = gate or symbol in self.gates
            steps.append(Step(GATE if gated else "multiply", out, (left, symbol)))
            left, gate = out, gate and symbol in self.gates
        for other in made[1:]:
            part = scratch(out, "part", out)
            operator = GATE if gate else "multiply"
            steps += [*self.term_into(part, other), Step(operator, out, (out, part))]
            gate = False
        return steps

    # --- functions ---

    def function_into(self, out: MatrixSymbol, body: Expr, argument: MatrixSymbol) -> list[Step]:
        """Apply a function, an expression in `z`, to every entry."""
        if body.is_polynomial(z):
            return self.polynomial_into(out, body, argument)
        match body:
            case Word(args=(inner,)) if str(body.func) not in OPERATORS:
                if inner == z:
                    return [Step(str(body.func), out, (argument,))]
                steps = self.function_into(out, inner, argument)
                return [*steps, Step(str(body.func), out, (out,))]
            case Add():
                constant, rest = body.as_independent(z, as_Add=True)
                return self.parts_into(out, "add", Add.make_args(rest), constant, argument)
            case Mul():
                constant, rest = body.as_independent(z, as_Add=False)
                return self.parts_into(out, "multiply", Mul.make_args(rest), constant, argument)
            case Pow(base=base, exp=Integer() as power) if power == 2:
                steps = self.function_into(out, base, argument)
                return [*steps, Step("multiply", out, (out, out))]
        raise self.refused(f"the function {body}")

    def parts_into(
        self,
        out: MatrixSymbol,
        operator: str,
        parts: Sequence[Expr],
        constant: Expr,
        argument: MatrixSymbol,
    ) -> list[Step]:
        """Add or multiply functions, and a constant."""
        polynomial = [each for each in parts if each.is_polynomial(z)]
        rest = [each for each in parts if each not in polynomial]
        if polynomial:
            rest.append(Add(*polynomial) if operator == "add" else Mul(*polynomial))
        first, *others = rest
        steps = self.function_into(out, first, argument)
        for other in others:
            part = argument if other == z else scratch(out, "part", out)
            steps += [] if other == z else self.function_into(part, other, argument)
            steps.append(Step(operator, out, (out, part)))
        neutral = 0 if operator == "add" else 1
        return steps if constant == neutral else [*steps, Step(operator, out, (out, constant))]

    def polynomial_into(self, out: MatrixSymbol, body: Expr, argument: MatrixSymbol) -> list[Step]:
        """Horner's scheme: ``1 - z (2 - z)``."""
        constant = body.xreplace({z: Integer(0)})
        rest = (body - constant).expand()
        if constant != 0:
            minus = rest.could_extract_minus_sign()
            steps = self.polynomial_into(out, -rest if minus else rest, argument)
            operands = (constant, out) if minus else (out, constant)
            return [*steps, Step("subtract" if minus else "add", out, operands)]
        quotient = (rest / z).expand()
        if quotient.is_number:
            return [Step("multiply", out, (argument, quotient))]
        if quotient == z:
            return [Step("multiply", out, (argument, argument))]
        steps = self.polynomial_into(out, quotient, argument)
        return [*steps, Step("multiply", out, (out, argument))]

    def refused(self, what: str) -> ValueError:
        return ValueError(
            f"`{self.equation.name}` = {self.equation.value}: the workspace form has no steps for "
            f"{what}"
        )


def _is_named(term: MatrixExpr, out: MatrixSymbol) -> bool:
    """Whether a term can be added as it stands: it is a quantity with the tasks of the sum."""
    return isinstance(term, MatrixSymbol) and not is_total(out) and not is_shared(term)


def _unrepeated(factors: tuple[MatrixExpr, ...], out: MatrixSymbol) -> tuple[MatrixExpr, ...]:
    """What is repeated to the size of the result: numpy repeats it as it is read."""
    match factors:
        case (OneMatrix(), repeated) | (repeated, OneMatrix()) if (
            set(out.shape) & set(repeated.shape)
            and shape_of(repeated) != out.shape
            and 1 in shape_of(repeated)
        ):
            return (repeated,)
    return factors


def _target(out: MatrixSymbol, term: MatrixExpr) -> MatrixSymbol:
    """Where a term of a sum is computed: a function of a column stays a column."""
    small = isinstance(term, Elementwise) and shape_of(term) != out.shape
    return scratch(out, "part", term.expr) if small else scratch(out, "term", out)


def _sum_of(sign: int) -> str:
    return "add" if sign > 0 else "subtract"


def untransposed(factor: MatrixExpr) -> MatrixSymbol:
    """The quantity that a factor is, or is the transpose of."""
    return factor.arg if isinstance(factor, Transpose) else factor
