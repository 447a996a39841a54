r"""The derivative rules that a derivation used, found by applying them.

No rule is written in this project; SymPy knows them. This table shows them all the same: every form
that an equation of a derivation takes is stripped of its names, as ``V = C U``, and the sweep's own
question is asked about it. Its answer is what the adjoint of ``U`` gains.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from sympy import Expr, HadamardProduct, Integer, MatrixExpr, MatrixSymbol, OneMatrix, Symbol, Trace

from ..language.names import parse
from ..language.program import (
    RowMax,
    product_of,
    scalar_and_factors,
    shape_of,
    terms_in,
)
from ..model.gradient import gains_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..language.names import Named
    from ..language.program import Equation, Program

#: The names of the parts: what is differentiated, what else is read, any scalar.
U, OTHERS, C = "U", ("A", "B"), Symbol("c")


class Rule(NamedTuple):
    """A form and what the adjoint of `U` gains from it.

    Attributes
    ----------
    form
        The value of ``V``, as a function of ``U``.
    gain
        The term in terms of ``V_bar``, the adjoint of ``V``; nothing where the derivative vanishes.
    """

    form: Expr
    gain: MatrixExpr | None


def rules_of(program: Program) -> tuple[Rule, ...]:
    """The rules that the outer sweep through a program needs, each once, in order."""
    found: dict[tuple[str, ...], Rule] = {}
    learned = {symbol for symbol in program.group("rates") if not symbol.is_Matrix}
    for equation in program:
        if parse(equation.name).bar:
            continue
        for part in _parts(equation.value):
            for symbol in sorted(part.atoms(MatrixSymbol), key=lambda each: each.name):
                if parse(symbol.name).kind != "data":
                    rule = _rule(part, symbol)
                    found.setdefault(_key(rule.form), rule)
            if learned.intersection(part.free_symbols):
                rule = _rule_of_scalar(part)
                found.setdefault(_key(rule.form), rule)
    return tuple(found.values())


def applied(rules: Sequence[Rule], reader: Equation, quantity: Named) -> list[int]:
    """The places of the rules by which an equation gives the adjoint of what it reads its gain."""
    keys = [_key(rule.form) for rule in rules]
    parts = [part for part in _parts(reader.value) if part.has(quantity)]
    return [keys.index(_key(_rule(part, quantity).form)) for part in parts]


def _parts(value: Expr) -> Iterator[Expr]:
    """The terms of a sum are differentiated one by one; a row's maximum is held constant."""
    for part in terms_in(value):
        if part.has(MatrixSymbol) and not part.has(RowMax):
            yield part


@cache
def _rule(value: Expr, symbol: Named) -> Rule:
    if isinstance(symbol, Symbol):
        return _rule_of_scalar(value)
    others = sorted(value.atoms(MatrixSymbol) - {symbol}, key=lambda each: each.name)
    if len(others) > len(OTHERS):
        raise ValueError(f"no names for {len(others)} matrices beside `{symbol}`: {value}")
    names = {symbol: U, **dict(zip(others, OTHERS, strict=False))}
    form = _unscaled(value).xreplace(
        {each: MatrixSymbol(name, *each.shape) for each, name in names.items()}
    )
    unknown = MatrixSymbol(U, *symbol.shape)
    shape = shape_of(form)
    pulled = Trace(MatrixSymbol("V_bar", *shape).T * form) if shape else form
    gains = gains_of(pulled, unknown)
    return Rule(form, gains[0] if gains else None)


def _rule_of_scalar(value: MatrixExpr) -> Rule:
    """A step size times a matrix: what the step size gains is an inner product."""
    _, (factor, *_) = scalar_and_factors(value)
    shape = shape_of(factor)
    form = C * MatrixSymbol(OTHERS[0], *shape)
    (gain,) = gains_of(Trace(MatrixSymbol("V_bar", *shape).T * form), C)
    return Rule(form, gain)


def _unscaled(value: Expr) -> Expr:
    """Any scalar factor is one rule."""
    if not isinstance(value, MatrixExpr):
        scalar, trace = value.as_independent(Trace, as_Add=False)
        return C * trace
    scalar, factors = scalar_and_factors(value)
    return product_of(factors, Integer(1) if scalar == 1 else C)


@cache
def _key(form: Expr) -> tuple[str, ...]:
    """What tells two forms apart: the same form of other sizes is the same rule.

    SymPy prints every matrix of ones as 1, be it a repeated row or a column sum, and the factors of
    an entrywise product in the order in which they were given.
    """
    products = {
        node: HadamardProduct(*sorted(node.args, key=str)) for node in form.atoms(HadamardProduct)
    }
    form = form.xreplace(products)
    ones = ("row" if each.cols == 1 else "sum" for each in form.atoms(OneMatrix))
    return (str(form), *sorted(ones))
