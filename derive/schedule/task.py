"""Operations as calls that compute one task at a time, for a language that is compiled.

Where numpy computes an array at a time, such a language takes the tasks in turn, and the matrices
of one of them stay in the cache. A product lets its tile go through a function before it is stored,
and an entry is computed by a whole expression. There are six calls::

    Tiles      out = then(start + left right + ...)    vectors run along the rows of `right`
    Dots       out = start + left right^T              vectors run along what is summed over
    Each       out = value                             entry by entry
    Unit       the constant unit of out = 0 or 1
    Sum        number = scalar * (the sum of the entries of value)
    Assign     number = value

What has the outputs as its columns lies transposed, and a column lies as a row, so that vectors run
along rows or units: there is often one output only. Everything else lies as it is written.

A sum over the tasks starts from what it is, so that each task adds its part.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from sympy import Expr, HadamardProduct, MatAdd, MatrixExpr, MatrixSymbol, Symbol, Transpose
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction as Elementwise

from ..language.elementwise import body_of, is_gate, z
from ..language.names import Name, O, parse, scratch
from .buffers import ALWAYS
from .operations import (
    Entrywise,
    InnerProduct,
    Number,
    Operation,
    Product,
    operation_of,
)
from .steps import untransposed
from .storage import Kind, is_total, storage_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .buffers import Under
    from .forms import Line
    from .plan import Plan


#: What the loss of all tasks is called.
LOSS = Symbol(str(Name("loss", rows="q")))


class Extent(NamedTuple):
    """How many there are of something, and whether a constant unit or a bias is among them."""

    size: Expr
    more: bool = False


class Factor(NamedTuple):
    """A matrix in a product; `across` where it meets it transposed to how it lies."""

    symbol: MatrixSymbol
    across: bool


class Term(NamedTuple):
    """A scalar times a product of two factors, and what that sums over."""

    scalar: Expr
    left: Factor
    right: Factor
    inner: Extent


class Then(NamedTuple):
    """What a sum becomes before it is stored: an expression of it and at most one other matrix."""

    value: MatrixExpr
    it: MatrixSymbol
    other: MatrixSymbol | None


class Tiles(NamedTuple):
    """A sum of products. What lies across on the right is read from a transposed copy."""

    writes: MatrixSymbol
    start: MatrixSymbol | None
    terms: tuple[Term, ...]
    then: Then | None


class Dots(NamedTuple):
    """A product whose right factor lies across: inner products of rows with rows."""

    writes: MatrixSymbol
    start: MatrixSymbol | None
    term: Term


class Each(NamedTuple):
    """An expression in which no entry depends on one of another row, as in `Entrywise`."""

    writes: MatrixSymbol
    value: MatrixExpr


class Unit(NamedTuple):
    """The constant unit of an activation is 1 again; that of a gradient is 0."""

    writes: MatrixSymbol
    value: int


class Sum(NamedTuple):
    """A scalar times a sum over the entries of a value, which is shaped like a matrix."""

    writes: Symbol
    scalar: Expr
    value: MatrixExpr
    like: MatrixSymbol
    adds: bool


class Assign(NamedTuple):
    """A number made of numbers; `adds` where it is more of what there is."""

    writes: Symbol
    value: Expr
    adds: bool


Call: TypeAlias = Tiles | Dots | Each | Unit | Sum | Assign


@dataclass(frozen=True)
class Work:
    """An operation, and the equations that it computes.

    Attributes
    ----------
    lines
        The equations: of a product and what becomes of it there are two. The first has the choice
        under which they are computed.
    operation
        What computes them.
    then
        What a product becomes before it is stored.
    """

    lines: tuple[Line, ...]
    operation: Operation
    then: Then | None = None

    @property
    def under(self) -> Under:
        """The choice under which it is done."""
        return self.lines[0].layer, self.lines[0].dense

    @property
    def reads(self) -> set[MatrixSymbol]:
        """The matrices that it reads."""
        match self.operation:
            case Product(_, terms, start):
                parts = [start, *(factor for term in terms for factor in (term.left, term.right))]
            case Entrywise(_, value):
                parts = [value]
            case InnerProduct(_, terms):
                parts = [factor for term in terms for factor in (term.left, term.right)]
            case Number():
                parts = []
        parts += [self.then.other] if self.then else []
        return {symbol for part in parts if part is not None for symbol in part.atoms(MatrixSymbol)}


@dataclass(frozen=True)
class TaskPlan:
    """What the form for one task at a time is made of.

    Attributes
    ----------
    works
        What is done in order, and the calls that do it.
    matrices
        All that needs memory.
    turned
        The weights of which there is a transposed copy as well, made once for all tasks.
    """

    works: tuple[tuple[Work, tuple[Call, ...]], ...]
    matrices: tuple[MatrixSymbol, ...]
    turned: tuple[MatrixSymbol, ...]


def task_plan_of(plan: Plan) -> TaskPlan:
    """Plan the form for one task at a time.

    Raises
    ------
    ValueError
        When an operation has no calls.
    """
    lines = slopes_inside([line for line, _ in plan.lines])
    works = applied([Work((line,), operation_of(line.equation)) for line in lines])
    calls_of = _Calls(
        frozenset(plan.weights), frozenset((*plan.outputs, *plan.slopes, LOSS)), biased(works)
    )
    done = tuple((work, tuple(calls_of.work(work))) for work in works)
    calls = [call for _, each in done for call in each]
    turned = {
        term.right.symbol
        for call in calls
        if isinstance(call, Tiles)
        for term in call.terms
        if term.right.across
    }
    written = [call.writes for call in calls if call.writes.is_Matrix]
    matrices = (*plan.weights, *plan.rates, *plan.data, *plan.outputs, *written)
    return TaskPlan(
        done,
        tuple(dict.fromkeys(matrices)),
        tuple(weight for weight in plan.weights if weight in turned),
    )


# --- how a matrix lies ---


def is_turned(symbol: MatrixSymbol) -> bool:
    """Whether a matrix lies transposed: its columns are the outputs, or it is a column."""
    return bool(symbol.shape[1] in (O, 1))


def has_unit(symbol: MatrixSymbol) -> bool:
    """Whether the last column of a matrix is a constant unit, 1."""
    return storage_of(symbol).constant == 1 and _base(symbol) != "Z"


def has_bias(symbol: MatrixSymbol) -> bool:
    """Whether the last row of a matrix is a bias, or what belongs to one."""
    return storage_of(symbol).kind in (Kind.LAYER, Kind.GRADIENT) and _base(symbol) != "V"


def extents(symbol: MatrixSymbol) -> tuple[Extent, Extent]:
    """Rows and columns of what is computed, as they lie; a constant unit is not computed."""
    rows, columns = symbol.shape
    pair = (Extent(rows, has_bias(symbol)), Extent(columns))
    return pair[::-1] if is_turned(symbol) else pair


def _base(symbol: MatrixSymbol) -> str:
    name = parse(symbol.name)
    return name.base if isinstance(name, Name) else ""


# --- from lines to operations ---


def slopes_inside(lines: Sequence[Line]) -> list[Line]:
    """Write a slope that is cheap to compute where it is read, and do not store it.

    ::

        G2_s = 1 - H2_s**2;  dZ2_s = dH2_s o G2_s    ->    dZ2_s = dH2_s o (1 - H2_s**2)
    """
    instead: dict[Expr, Expr] = {}
    kept = []
    for line in lines:
        equation = line.equation
        value = equation.value.xreplace(instead)
        cheap = isinstance(value, Elementwise) and (
            is_gate(value) or body_of(value).is_polynomial(z)
        )
        if cheap and _base(equation.symbol) == "G":
            instead[equation.symbol] = value
        else:
            kept.append(replace(line, equation=replace(equation, value=value, gains=())))
    return kept


def applied(works: Sequence[Work]) -> list[Work]:
    """Let a product go through the function that is all that reads it.

    ::

        Z1_s = X_s W1;  H1_s = relu(Z1_s)    ->    H1_s = relu(X_s W1)

    Where a product has two forms, both do.
    """
    made: list[Work] = []
    for work in works:
        then = _applied_to(work, made, works)
        if then is None:
            made.append(work)
            continue
        for at, maker in enumerate(made):
            if maker.operation.writes == then.it:
                operation = maker.operation._replace(writes=work.operation.writes)
                made[at] = Work((*maker.lines, *work.lines), operation, then)
    return made


def _applied_to(work: Work, made: Sequence[Work], works: Sequence[Work]) -> Then | None:
    """What becomes of a product in an operation that is not done apart; nothing where it is."""
    if not isinstance(work.operation, Entrywise) or is_total(work.operation.writes):
        return None
    for symbol in sorted(work.reads, key=str):
        then = _then(work.operation.value, symbol)
        makers = [at for at, maker in enumerate(made) if maker.operation.writes == symbol]
        if then is None or not makers:
            continue
        known = not any(each.operation.writes == then.other for each in made[makers[0] :])
        alone = not any(symbol in each.reads for each in works if each is not work)
        if known and alone and all(_may_apply(made[at], work) for at in makers):
            return then
    return None


def _may_apply(maker: Work, work: Work) -> bool:
    free = isinstance(maker.operation, Product) and maker.then is None
    return free and work.under in (ALWAYS, maker.under)


def _then(value: MatrixExpr, it: MatrixSymbol) -> Then | None:
    """A function of a matrix, or its product with another one or with a function of it."""
    match value:
        case Elementwise(expr=MatrixSymbol()):
            return Then(value, it, None)
        case HadamardProduct(args=(first, second)) if it in (first, second):
            factor = second if first == it else first
            other = factor.expr if isinstance(factor, Elementwise) else factor
            if isinstance(other, MatrixSymbol) and other.shape == it.shape:
                return Then(value, it, other)
    return None


def biased(works: Iterable[Work]) -> frozenset[MatrixSymbol]:
    """Gradients whose constant unit must be 0: the gradient of a bias has a row of it."""
    return frozenset(
        left
        for work in works
        if isinstance(work.operation, Product) and has_bias(work.operation.writes)
        for left in (untransposed(term.left) for term in work.operation.terms)
        if not has_unit(left)
    )


# --- from operations to calls ---


class _Calls(NamedTuple):
    """The calls of a program.

    Attributes
    ----------
    weights
        Those before adaptation, of which there may be transposed copies.
    totals
        What is a sum over the tasks.
    biased
        The gradients whose constant unit must be 0.
    """

    weights: frozenset[MatrixSymbol]
    totals: frozenset[Expr]
    biased: frozenset[MatrixSymbol]

    def work(self, work: Work) -> list[Call]:
        """Do an operation."""
        operation = work.operation
        match operation:
            case Number(symbol, value):
                return [Assign(symbol, value, symbol in self.totals)]
            case InnerProduct():
                return self.inner(operation)
            case Entrywise(symbol, value):
                return [Each(symbol, self.started(symbol, value)), *self.unit(symbol)]
            case Product():
                return [*self.product(operation, work.then), *self.unit(operation.writes)]

    def inner(self, operation: InnerProduct) -> list[Call]:
        """Compute inner products one after the other."""
        calls: list[Call] = []
        for scalar, left, right in operation.terms:
            value = right if left is None else HadamardProduct(left, right)
            like = next(iter(sorted(value.atoms(MatrixSymbol), key=str)))
            adds = bool(calls) or operation.writes in self.totals
            calls.append(Sum(operation.writes, scalar, value, like, adds))
        return calls

    def started(self, symbol: MatrixSymbol, value: MatrixExpr | None) -> MatrixExpr | None:
        """What a result starts from: a sum over the tasks also from what it is."""
        if symbol not in self.totals:
            return value
        return symbol if value is None else MatAdd(symbol, value)

    def unit(self, symbol: MatrixSymbol) -> list[Call]:
        """Restore the constant unit, which vectors may have run over."""
        if has_unit(symbol):
            return [Unit(symbol, 1)]
        return [Unit(symbol, 0)] if symbol in self.biased else []

    def product(self, operation: Product, then: Then | None) -> list[Call]:
        """Compute dot products one by one, and all others in one tile."""
        out = operation.writes
        calls: list[Call] = []
        start = self.started(out, operation.start)
        if start is not None and not isinstance(start, MatrixSymbol):
            calls.append(Each(out, start))
            start = out
        tiled = []
        for scalar, left, right in operation.terms:
            calls += summed(right)
            term = _term(out, scalar, left, right)
            if not term.right.across or term.right.symbol in self.weights:
                tiled.append(term)
                continue
            if term.left.across:
                raise ValueError(f"`{out}`: both factors of {left * right} lie across")
            calls.append(Dots(out, start, term))
            start = out
        if tiled:
            calls.append(Tiles(out, start, tuple(tiled), then))
        elif then:
            calls.append(Each(out, then.value.xreplace({then.it: out})))
        return calls


def _term(out: MatrixSymbol, scalar: Expr, left: MatrixExpr, right: MatrixExpr) -> Term:
    """A product as its factors lie: where the result lies transposed, they change places."""
    right = _sum_of(right) if isinstance(right, MatAdd) else right
    a, b = untransposed(left), untransposed(right)
    first, second = Factor(a, _is_across(left)), Factor(b, _is_across(right))
    if is_turned(out):
        first, second = Factor(b, not second.across), Factor(a, not first.across)
    if isinstance(left, Transpose):
        return Term(scalar, first, second, Extent(a.shape[0]))
    ones = has_unit(b) if isinstance(right, Transpose) else has_bias(b)
    return Term(scalar, first, second, Extent(a.shape[1], has_unit(a) and ones))


def summed(factor: MatrixExpr) -> list[Call]:
    """Compute a factor that is a sum."""
    return [Each(_sum_of(factor), factor)] if isinstance(factor, MatAdd) else []


def _sum_of(factor: MatAdd) -> MatrixSymbol:
    return scratch(next(iter(sorted(factor.atoms(MatrixSymbol), key=str))), "sum", factor)


def _is_across(factor: MatrixExpr) -> bool:
    return isinstance(factor, Transpose) != is_turned(untransposed(factor))
