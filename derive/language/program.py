"""The language of the derivation: a program is a list of named matrix equations.

Its whole grammar::

    Program    ::= Equation ...              single assignment, defined before use
    Equation   ::= symbol = value | symbol = loss
    value      ::= symbol                    MatrixSymbol
                 | value + value             MatAdd
                 | scalar * value * value    MatMul
                 | value.T                   Transpose
                 | value o value             HadamardProduct
                 | f.(value)                 ElementwiseApplyFunction
                 | max(value)                RowMax: the largest entry of each row, a column
                 | 1                         OneMatrix: rows or columns repeated, or summed
    loss       ::= scalar | scalar * Trace(value) | loss + loss
    scalar     ::= rational expression of sizes, step sizes, weights of losses, and losses

Equations and programs are immutable and check themselves when they are made, so a broken pass
fails inside the pass. `evaluate` is the meaning of the language: an interpreter on explicit
SymPy matrices, exact or to any number of digits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, reduce
from itertools import pairwise
from operator import add, matmul
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from sympy import (
    Add,
    Expr,
    HadamardProduct,
    ImmutableMatrix,
    Integer,
    Lambda,
    MatAdd,
    MatMul,
    MatrixExpr,
    MatrixSymbol,
    Mul,
    OneMatrix,
    Symbol,
    Trace,
    Transpose,
    ones,
)
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction as Elementwise

if TYPE_CHECKING:
    from .names import Named

Shape = tuple[Expr, ...]
#: A matrix of SymPy or of numpy, or a number.
Value: TypeAlias = Any


def scalar_and_factors(value: MatrixExpr) -> tuple[Expr, tuple[MatrixExpr, ...]]:
    """Split a product; any other value is its own only factor."""
    if not isinstance(value, MatMul):
        return Integer(1), (value,)
    scalar, factors = value.as_coeff_matrices()
    return scalar, tuple(factors)


def product_of(factors: tuple[MatrixExpr, ...], scalar: Expr = Integer(1)) -> MatrixExpr:  # noqa: B008
    """Multiply in the order given; SymPy's ``doit`` would merge what is to stay apart."""
    if scalar != 1:
        return MatMul(scalar, *factors)
    return factors[0] if len(factors) == 1 else MatMul(*factors)


def flat(value: Expr) -> Expr:
    """Take scalars and inner products out of Hadamard products."""
    instead = {}
    for node in value.atoms(HadamardProduct):
        scalars: list[Expr] = []
        factors: list[MatrixExpr] = []
        for part in node.args:
            scalar, inner = scalar_and_factors(flat(part))
            parts = [scalar_and_factors(each) for each in inner]
            core = product_of(tuple(each for _, own in parts for each in own))
            scalars += [scalar, *(own for own, _ in parts)]
            factors += core.args if isinstance(core, HadamardProduct) else [core]
        ordered = sorted(factors, key=str)
        if ordered != sorted(node.args, key=str):
            instead[node] = product_of((HadamardProduct(*ordered),), Mul(*scalars))
    return value.xreplace(instead) if instead else value


def terms_in(value: Expr) -> tuple[Expr, ...]:
    """The terms of a sum as it stands; any other value is its own only term."""
    return tuple(value.args) if isinstance(value, MatAdd | Add) else (value,)


class RowMax(MatrixExpr):
    """The largest entry of each row, a column.

    SymPy never sees it: whoever reads it must not depend on it, as a softmax does not, so that the
    sweep holds it constant.
    """

    @property
    def arg(self) -> MatrixExpr:
        """Whose rows."""
        return self.args[0]

    @property
    def shape(self) -> Shape:
        """As many rows, one column."""
        return (self.arg.shape[0], Integer(1))


class Gain(NamedTuple):
    """What an adjoint gains from one equation that reads the quantity.

    Attributes
    ----------
    term
        A term of the adjoint.
    quantity
        What it is the adjoint of.
    reader
        The name of the equation that reads it.
    """

    term: Expr
    quantity: Named
    reader: str


@dataclass(frozen=True)
class Equation:
    """One line of a derivation.

    Attributes
    ----------
    symbol
        What is defined: a matrix, or a scalar for a loss.
    value
        Its right-hand side.
    stage
        The stage of the path it belongs to, a key of `names.STAGES`.
    sources
        Names of the equations that a pass has folded into this one.
    gains
        Where the terms of an adjoint come from, in the order of those equations; what a pass has
        changed has none.
    """

    symbol: Named
    value: Expr
    stage: str
    sources: tuple[str, ...] = ()
    gains: tuple[Gain, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        try:
            found = shape_of(self.value)
        except ValueError as error:
            raise ValueError(f"`{self.name}`: {error}") from None
        if found != shape_of(self.symbol):
            raise ValueError(
                f"`{self.name}` is {_text(shape_of(self.symbol))} but its right-hand side is "
                f"{_text(found)}: {self.value}"
            )

    @property
    def name(self) -> str:
        """The symbol's name."""
        return str(self.symbol.name)

    @property
    def shape(self) -> Shape:
        """``(rows, columns)``, or ``()`` for a scalar."""
        return shape_of(self.symbol)

    @cached_property
    def reads(self) -> tuple[MatrixSymbol, ...]:
        """The matrices on the right-hand side, sorted by name so that every run is the same."""
        return tuple(sorted(self.value.atoms(MatrixSymbol), key=lambda symbol: symbol.name))

    @cached_property
    def scalars(self) -> tuple[Symbol, ...]:
        """The scalars on the right-hand side that are no sizes, sorted by name."""
        found = (each for each in self.value.free_symbols if isinstance(each, Symbol))
        return tuple(sorted((each for each in found if not each.is_integer), key=str))

    @property
    def terms(self) -> tuple[Expr, ...]:
        """The terms of a sum in reading order.

        What is a quantity itself comes first, so that a meta-gradient begins with its first order;
        then the terms of an adjoint in the order of its gains, and others in SymPy's.
        """
        order = {gain.term: place for place, gain in enumerate(self.gains)}

        def place(term: Expr) -> tuple[bool, int]:
            return not isinstance(term, MatrixSymbol), order.get(term, len(order))

        return tuple(sorted(terms_in(self.value), key=place))


#: What inputs may be.
GROUPS = {
    "weights": "of a network",
    "rates": "step sizes that are learned",
    "context": "what adaptation starts from zero",
    "direction": "what a Hessian multiplies",
    "rows": "of any set",
    "support": "set of a task",
    "query": "set of a task",
    "numbers": "step size, weight of the penalty, weight of the task",
    "omegas": "weights of the losses after each step",
}


@dataclass(frozen=True)
class Group:
    """Inputs that belong together: an argument of a function, or a few that stand side by side.

    Attributes
    ----------
    name
        What they are, a key of `GROUPS`.
    symbols
        The inputs.
    """

    name: str
    symbols: tuple[Named, ...]


@dataclass(frozen=True)
class Program:
    """Equations in order of evaluation.

    Attributes
    ----------
    groups
        What is given: weights, data, numbers.
    equations
        Single assignment, every symbol defined before it is read.
    outputs
        What is asked for; each one is an input or defined by an equation.
    """

    groups: tuple[Group, ...]
    equations: tuple[Equation, ...]
    outputs: tuple[Named, ...]

    def __post_init__(self) -> None:
        known = {str(symbol.name): symbol for symbol in self.inputs}
        for equation in self.equations:
            for symbol in equation.reads:
                if symbol.name not in known:
                    raise ValueError(f"`{equation.name}` reads `{symbol}` before it is defined")
                if known[symbol.name] != symbol:
                    raise ValueError(
                        f"`{equation.name}` reads `{symbol}` as {_text(symbol.shape)}, "
                        f"but it is {_text(shape_of(known[symbol.name]))}"
                    )
            for scalar in equation.scalars:
                if known.get(str(scalar)) != scalar:
                    raise ValueError(f"`{equation.name}` reads `{scalar}` before it is defined")
            if equation.name in known:
                raise ValueError(f"`{equation.name}` is defined twice")
            known[equation.name] = equation.symbol
        for output in self.outputs:
            if known.get(str(output.name)) != output:
                raise ValueError(f"the output `{output}` is not defined")

    @property
    def inputs(self) -> tuple[Named, ...]:
        """What is given, one by one."""
        return tuple(symbol for group in self.groups for symbol in group.symbols)

    @property
    def weights(self) -> tuple[MatrixSymbol, ...]:
        """The weights among the inputs."""
        return self.group("weights")

    def group(self, name: str) -> tuple[Named, ...]:
        """The inputs of a group, none where the program does not have it."""
        return next((group.symbols for group in self.groups if group.name == name), ())

    def __iter__(self) -> Iterator[Equation]:
        return iter(self.equations)

    def __len__(self) -> int:
        return len(self.equations)

    def __getitem__(self, name: str) -> Equation:
        return next(equation for equation in self if equation.name == name)


def shape_of(value: Expr) -> Shape:
    """Shape of a right-hand side: ``(rows, columns)``, or ``()`` for a scalar.

    SymPy lets a product pass whose symbolic sizes differ, because it cannot know that they do.
    Here sizes agree only when they are the same expression.

    Raises
    ------
    ValueError
        When two parts do not fit, or a node is not of the grammar.
    """
    match value:
        case MatrixSymbol() | OneMatrix():
            return tuple(value.shape)
        case Transpose() | Elementwise():
            inner = shape_of(value.args[0] if isinstance(value, Transpose) else value.expr)
            return inner[::-1] if isinstance(value, Transpose) else inner
        case RowMax():
            return (shape_of(value.arg)[0], Integer(1))
        case MatAdd() | HadamardProduct():
            shapes = [shape_of(part) for part in value.args]
            if len(set(shapes)) > 1:
                raise ValueError(f"{' and '.join(map(_text, shapes))} do not add up in {value}")
            return shapes[0]
        case MatMul():
            shapes = [shape_of(part) for part in value.args if isinstance(part, MatrixExpr)]
            for left, right in pairwise(shapes):
                if left[1] != right[0]:
                    raise ValueError(f"{_text(left)} times {_text(right)} in {value}")
            return (shapes[0][0], shapes[-1][1])
        case MatrixExpr():
            pass
        case Expr() if all(
            not part.has(MatrixExpr) or isinstance(trace_in(part), Trace)
            for part in terms_in(value)
        ):
            for part in value.atoms(Trace):
                rows, columns = shape_of(part.arg)
                if rows != columns:
                    raise ValueError(f"the trace of {_text((rows, columns))} in {value}")
            return ()
    raise ValueError(f"{type(value).__name__} is not of the grammar: {value}")


class Arithmetic(NamedTuple):
    """What the interpreter computes with, where matrices of different kinds differ.

    Attributes
    ----------
    number
        Makes a scalar of a number of SymPy.
    ones
        Makes a matrix of ones of some rows and columns.
    hadamard
        Multiplies two matrices entry by entry.
    apply
        Applies a function to every entry of a matrix.
    row_max
        The largest entry of each row, a column.
    """

    number: Callable[[Expr], Value]
    ones: Callable[[int, int], Value]
    hadamard: Callable[[Value, Value], Value]
    apply: Callable[[Lambda, Value], Value]
    row_max: Callable[[Value], Value]


#: SymPy's matrices, exact or to any number of digits.
EXACT = Arithmetic(
    number=lambda value: value,
    ones=lambda rows, columns: ones(rows, columns).as_immutable(),
    hadamard=lambda left, right: left.multiply_elementwise(right),
    apply=lambda function, value: value.applyfunc(function),
    row_max=lambda value: ImmutableMatrix([max(row) for row in value.tolist()]),
)


def evaluate(
    program: Program, given: Mapping[Named, Value], arithmetic: Arithmetic = EXACT
) -> dict[Named, Value]:
    """Run a program on explicit matrices.

    Parameters
    ----------
    program
        What to run.
    given
        A value for every input, and a number for every symbolic size.
    arithmetic
        What the matrices are.

    Returns
    -------
    dict
        `given` and the value of every equation.
    """
    values = dict(given)
    for equation in program:
        values[equation.symbol] = _value(equation.value, values, arithmetic)
    return values


def _value(node: Expr, values: Mapping[Named, Value], using: Arithmetic) -> Value:
    def of(part: Expr) -> Value:
        return _value(part, values, using)

    match node:
        case MatrixSymbol():
            return values[node]
        case OneMatrix():
            return using.ones(*(int(size.xreplace(values)) for size in node.shape))
        case Transpose():
            return of(node.arg).T
        case MatAdd():
            return reduce(add, map(of, node.args))
        case MatMul():
            scalar, factors = scalar_and_factors(node)
            return of(scalar) * reduce(matmul, map(of, factors))
        case HadamardProduct():
            return reduce(using.hadamard, map(of, node.args))
        case Elementwise():
            return using.apply(node.function, of(node.expr))
        case RowMax():
            return using.row_max(of(node.arg))
        case Expr() if not isinstance(node, MatrixExpr):
            traces = {part: of(part.arg).trace() for part in node.atoms(Trace)}
            scalars = {name: value for name, value in values.items() if isinstance(name, Symbol)}
            return using.number(node.xreplace({**traces, **scalars}))
    raise ValueError(f"{type(node).__name__} is not of the grammar: {node}")


def trace_in(value: Expr) -> Expr:
    """Find the trace in ``scalar * Trace(...)``; 1 where there is none."""
    _, rest = value.as_independent(Trace, as_Add=False)
    return rest


def _text(shape: Shape) -> str:
    return f"({', '.join(map(str, shape))})" if shape else "a scalar"
