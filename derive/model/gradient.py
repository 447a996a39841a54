"""The reverse sweep: every gradient of this project, inner and outer, comes from these lines.

For an equation ``V = f(U)`` whose adjoint is ``A``, the loss changes by ``Trace(A.T * dV)``. So
the adjoint of ``U`` gains the derivative of ``Trace(A.T * f(U))`` with respect to ``U``, and SymPy
knows that derivative. No matrix derivative rule is written here.

The same sweep differentiates the support loss with respect to the weights (the inner gradient)
and the query loss through the program that already contains the inner gradient and the step (the
meta-gradient). Holding the inner gradients constant gives first-order MAML.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from sympy import (
    Add,
    Expr,
    Function,
    HadamardProduct,
    Integer,
    MatAdd,
    MatrixExpr,
    MatrixSymbol,
    Mul,
    OneMatrix,
    Symbol,
    Trace,
    ZeroMatrix,
)
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction as Elementwise

from ..language.elementwise import body_of, elementwise, slope_of, z
from ..language.program import (
    Equation,
    Gain,
    RowMax,
    flat,
    product_of,
    scalar_and_factors,
    terms_in,
    trace_in,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from ..language.names import Named


def sweep(
    equations: Sequence[Equation],
    seeds: Mapping[Named, Expr],
    wrt: Sequence[Named],
    name: Callable[[Named], Named],
    stage: Callable[[Named], str],
    constants: Collection[Named] = (),
) -> tuple[Equation, ...]:
    """Differentiate by walking equations backwards.

    Parameters
    ----------
    equations
        The program so far.
    seeds
        Where the walk begins: quantities, and the adjoint that each of them has from outside. A
        loss with seed 1 gives its gradient, a gradient with seed ``v`` the product of the Hessian
        with ``v``.
    wrt
        What to differentiate with respect to, matrices and numbers; their gradients come last.
    name, stage
        The name of a symbol's adjoint, and the stage that its equation belongs to.
    constants
        Defined symbols through which no derivative flows.

    Returns
    -------
    tuple of Equation
        One equation an adjoint, which says of each term where it comes from. The adjoints of
        numbers on the way, the losses, are not named but written out.

    Raises
    ------
    ValueError
        When nothing that has a seed depends on one of `wrt`.
    """
    # --8<-- [start:sweep]
    active = _active(equations, wrt, constants)
    gains: dict[Named, list[Gain]] = {symbol: [] for symbol in active}
    for symbol, seed in seeds.items():
        gains[symbol] = [Gain(seed, symbol, "")]
    adjoints = []
    for equation in reversed(equations):
        if not gains.get(equation.symbol):
            continue
        if equation.shape:
            bar = name(equation.symbol)
            adjoints.append(_adjoint(bar, gains[equation.symbol], stage(bar)))
            pulled = Trace(bar.T * equation.value)
        else:
            seed = Add(*(gain.term for gain in gains[equation.symbol]))
            pulled = Add(*(seed * part for part in terms_in(equation.value)))
        for symbol in (*equation.reads, *equation.scalars):
            if symbol in active:
                found = gains_of(pulled, symbol)
                gains[symbol] += [Gain(term, symbol, equation.name) for term in found]
    for symbol in wrt:
        if not gains[symbol]:
            raise ValueError(f"`{', '.join(map(str, seeds))}` does not depend on `{symbol}`")
        bar = name(symbol)
        adjoints.append(_adjoint(bar, gains[symbol], stage(bar)))
    return tuple(adjoints)
    # --8<-- [end:sweep]


def _adjoint(bar: Named, gains: Sequence[Gain], stage: str) -> Equation:
    """An adjoint is the sum of its gains; the last equation was met first."""
    terms = [gain.term for gain in gains]
    value = MatAdd(*terms).doit(deep=False) if bar.is_Matrix else Add(*terms)
    known = tuple(gain for gain in reversed(gains) if gain.reader)
    return Equation(bar, value, stage, gains=known)


def _active(
    equations: Sequence[Equation], wrt: Sequence[Named], constants: Collection[Named]
) -> set[Named]:
    """The symbols that change with `wrt`: the only ones that need an adjoint."""
    active = set(wrt)
    for equation in equations:
        constant = equation.symbol in constants or equation.value.has(RowMax)
        if not constant and active.intersection((*equation.reads, *equation.scalars)):
            active.add(equation.symbol)
    return active


def gains_of(pulled: Expr, symbol: Named) -> tuple[Expr, ...]:
    """What the adjoint of a symbol gains, term by term.

    Parameters
    ----------
    pulled
        A sum of scalars times traces.
    symbol
        What to differentiate with respect to, a matrix or a number.
    """
    terms = [part for part in _terms(pulled) if symbol in part.free_symbols]
    if isinstance(symbol, Symbol):
        return tuple(
            scalar.diff(symbol) * trace_in(part)
            for part in terms
            if symbol in (scalar := part.as_independent(Trace, as_Add=False)[0]).free_symbols
        )
    return tuple(gain for part in terms for gain in _gains(part, symbol))


def _terms(pulled: Expr) -> Iterator[Expr]:
    """The terms of a sum of traces, each a scalar times one trace of one product.

    SymPy's derivative of a sum of traces is 0, and of a trace of a sum with an entrywise product an
    error.
    """
    for part in terms_in(pulled):
        scalar, trace = part.as_independent(Trace, as_Add=False)
        if not isinstance(trace, Trace):
            yield part
            continue
        factor, factors = scalar_and_factors(trace.arg)
        *left, right = factors
        apart = isinstance(right, MatAdd) and left != [right.T]
        for inner in right.args if apart else (right,):
            # SymPy flattens a product in a product only where there is a scalar.
            parts = [scalar_and_factors(each) for each in (*left, inner)]
            matrices = tuple(each for _, own in parts for each in own)
            yield Mul(scalar, factor, *(own for own, _ in parts)) * Trace(product_of(matrices))


# --- what SymPy is asked ---

#: Stands in for a size of 1: SymPy takes a matrix with a single row or column for a vector, and
#: what it says of functions and entrywise products of vectors is wrong, or an error.
ONE = Symbol("R", integer=True, positive=True)


def _opaque(number: int) -> tuple[type[Function], type[Function]]:
    """A function and its slope, of which SymPy knows nothing.

    Where a slope is one function of an expression, as ``exp(-z)``, SymPy forgets the expression.
    """
    slope = type(f"dF{number}", (Function,), {})
    members = {"fdiff": lambda self, argindex=1: slope(self.args[0])}  # noqa: ARG005
    return type(f"F{number}", (Function,), members), slope


OPAQUE = tuple(map(_opaque, range(4)))


def _gains(term: Expr, symbol: MatrixSymbol) -> list[MatrixExpr]:
    """The derivative of one term.

    Under other names the same derivative comes up in every layer and every inner step, so SymPy is
    asked once, about symbols and functions that stand in for those at hand.
    """
    symbols = sorted(term.atoms(MatrixSymbol), key=lambda each: each.name)
    stand_ins = {each: MatrixSymbol(f"S{i}", *_wide(each)) for i, each in enumerate(symbols)}
    ones = {each: OneMatrix(*_wide(each)) for each in term.atoms(OneMatrix)}
    bodies = sorted({body_of(node) for node in term.atoms(Elementwise)}, key=str)
    if len(bodies) > len(OPAQUE):
        raise ValueError(f"{len(bodies)} functions in one term: {term}")
    pairs = list(zip(bodies, OPAQUE, strict=False))
    asked = _with_bodies(term, {body: F(z) for body, (F, _) in pairs}).xreplace(ones | stand_ins)
    try:
        found = _derivative(asked, stand_ins[symbol])
    except Exception as error:
        # SymPy's own errors are of many kinds, and speak of its insides.
        raise ValueError(
            f"SymPy cannot differentiate {term} with respect to `{symbol}`; "
            "give a part of it an equation of its own"
        ) from error
    back = {stand_in: each for each, stand_in in stand_ins.items()} | {ONE: Integer(1)}
    known = {F(z): body for body, (F, _) in pairs}
    known |= {slope(z): slope_of(body) for body, (_, slope) in pairs}
    return [
        flat(gain)
        for each in found
        if (gain := _unless_zero(_with_bodies(each.xreplace(back), known))) is not None
    ]


def _wide(matrix: MatrixExpr) -> tuple[Expr, ...]:
    """The shape of a matrix, with `ONE` for 1."""
    return tuple(ONE if size == 1 else size for size in matrix.shape)


def _with_bodies(value: Expr, bodies: Mapping[Expr, Expr]) -> Expr:
    """The same with other elementwise functions."""
    nodes = value.atoms(Elementwise)
    return value.xreplace({node: elementwise(bodies[body_of(node)], node.expr) for node in nodes})


@cache
def _derivative(term: Expr, symbol: MatrixSymbol) -> tuple[MatrixExpr, ...]:
    """SymPy's derivative of a multiple of a trace, term by term."""
    gain = term.diff(symbol)
    return () if isinstance(gain, ZeroMatrix) else terms_in(gain)


def _unless_zero(gain: MatrixExpr) -> MatrixExpr | None:
    """Nothing where a derivative vanishes.

    The slope of relu's slope is 0, which arrives as a product with the function ``z -> 0``.
    """
    if not any(body_of(node) == 0 for node in gain.atoms(Elementwise)):
        return gain
    _, factors = scalar_and_factors(gain)
    if not all(isinstance(factor, HadamardProduct | Elementwise) for factor in factors[:1]):
        raise ValueError(f"a vanishing derivative stands in something else than a product: {gain}")
    return None
