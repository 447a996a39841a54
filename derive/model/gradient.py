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

from sympy import Expr, HadamardProduct, MatAdd, MatrixExpr, MatrixSymbol, Trace, ZeroMatrix
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction as Elementwise

from derive.language.elementwise import body_of, elementwise
from derive.language.program import Equation, Gain

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from derive.language.program import Named


def sweep(
    equations: Sequence[Equation],
    output: Named,
    wrt: Sequence[MatrixSymbol],
    name: Callable[[MatrixSymbol], MatrixSymbol],
    stage: Callable[[MatrixSymbol], str],
    seed: Expr,
    constants: Collection[MatrixSymbol] = (),
) -> tuple[Equation, ...]:
    """Differentiate a scalar by walking its equations backwards.

    Parameters
    ----------
    equations
        The program so far.
    output
        The scalar to differentiate.
    wrt
        The matrices to differentiate with respect to; their gradients come last.
    name, stage
        The name of a symbol's adjoint, and the stage that its equation belongs to.
    seed
        The adjoint of `output` itself.
    constants
        Defined symbols through which no derivative flows.

    Returns
    -------
    tuple of Equation
        One equation an adjoint, which says of each term where it comes from.

    Raises
    ------
    ValueError
        When `output` does not depend on one of `wrt`.
    """
    # --8<-- [start:sweep]
    active = _active(equations, wrt, constants)
    gains: dict[Named, list[Gain]] = {symbol: [] for symbol in active}
    adjoints = []
    for equation in reversed(equations):
        if equation.symbol == output:
            pulled = seed * equation.value
        elif gains.get(equation.symbol):
            bar = name(equation.symbol)
            adjoints.append(_adjoint(bar, gains[equation.symbol], stage(bar)))
            pulled = Trace(bar.T * equation.value)
        else:
            continue
        for symbol in equation.reads:
            if symbol in active:
                found = gains_of(pulled, symbol)
                gains[symbol] += [Gain(term, symbol, equation.name) for term in found]
    for symbol in wrt:
        if not gains[symbol]:
            raise ValueError(f"`{output}` does not depend on `{symbol}`")
        bar = name(symbol)
        adjoints.append(_adjoint(bar, gains[symbol], stage(bar)))
    return tuple(adjoints)
    # --8<-- [end:sweep]


def _adjoint(bar: MatrixSymbol, gains: Sequence[Gain], stage: str) -> Equation:
    """An adjoint is the sum of its gains; the last equation was met first."""
    value = MatAdd(*(gain.term for gain in gains)).doit(deep=False)
    return Equation(bar, value, stage, gains=tuple(reversed(gains)))


def _active(
    equations: Sequence[Equation], wrt: Sequence[MatrixSymbol], constants: Collection[MatrixSymbol]
) -> set[Named]:
    """The symbols that change with `wrt`: the only ones that need an adjoint."""
    active = set(wrt)
    for equation in equations:
        if equation.symbol not in constants and active.intersection(equation.reads):
            active.add(equation.symbol)
    return active


def gains_of(pulled: Expr, symbol: MatrixSymbol) -> tuple[MatrixExpr, ...]:
    """What the adjoint of a symbol gains, or nothing.

    Under other names the same derivative comes up in every layer and every inner step, so SymPy is
    asked once, about symbols that stand in for those at hand.
    """
    symbols = sorted(pulled.atoms(MatrixSymbol), key=lambda each: each.name)
    stand_ins = {each: MatrixSymbol(f"S{i}", *each.shape) for i, each in enumerate(symbols)}
    names = {stand_in: each for each, stand_in in stand_ins.items()}
    try:
        gains = _derivative(pulled.xreplace(stand_ins), stand_ins[symbol])
    except Exception as error:
        # SymPy's own errors are of many kinds, and speak of its insides.
        raise ValueError(
            f"SymPy cannot differentiate {pulled} with respect to `{symbol}`; "
            "give a part of it an equation of its own"
        ) from error
    return tuple(gain.xreplace(names) for gain in gains)


@cache
def _derivative(pulled: Expr, symbol: MatrixSymbol) -> tuple[MatrixExpr, ...]:
    """SymPy's derivative, its functions written in `z`; nothing where it vanishes.

    The slope of relu's slope is 0, which arrives as a product with the function ``z -> 0``.
    """
    gain = pulled.diff(symbol)
    functions = {node: body_of(node).expand() for node in gain.atoms(Elementwise)}
    if 0 in functions.values() and not isinstance(gain, HadamardProduct):
        raise ValueError(f"a vanishing derivative stands in something else than a product: {gain}")
    if 0 in functions.values() or isinstance(gain, ZeroMatrix):
        return ()
    return (
        gain.xreplace({node: elementwise(body, node.expr) for node, body in functions.items()}),
    )
