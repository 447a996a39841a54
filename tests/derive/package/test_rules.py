"""Every derivative rule of the table, held against differences of explicit matrices."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING

import pytest
from sympy import (
    Expr,
    Float,
    HadamardProduct,
    ImmutableMatrix,
    MatAdd,
    MatrixExpr,
    MatrixSymbol,
    Rational,
    Symbol,
    Trace,
)
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction as Elementwise

from derive.language.elementwise import FUNCTIONS, step
from derive.language.names import D, M, N, O, T, parse, width
from derive.language.program import (
    Equation,
    Group,
    Program,
    evaluate,
    product_of,
    scalar_and_factors,
    shape_of,
)
from derive.model.network import Network
from derive.model.programs import meta_gradient_program
from derive.package.listing import rule_record
from derive.package.rules import C, Rule, rules_of
from derive.printers.latex import right_latex
from tests.conftest import derivation

if TYPE_CHECKING:
    from derive.language.program import Value

NETWORKS = ["relu1", "relu2", "tanh2"]

#: No two alike, so that a missing transpose does not fit.
SIZES = {N: 2, M: 3, D: 4, O: 5, T: 6, width(1): 3, width(2): 7}
DIGITS = 60


def rules(name: str) -> tuple[Rule, ...]:
    return derivation(name).rules


ALL = [
    pytest.param(rule, id=f"{name}-{number}")
    for name in NETWORKS
    for number, rule in enumerate(rules(name))
]


def random_matrix(symbol: MatrixSymbol, rng: random.Random) -> ImmutableMatrix:
    """Fractions, none of them near 0, where relu has its kink."""
    rows, columns = (int(size.subs(SIZES)) for size in symbol.shape)
    entries = [
        Rational(rng.choice((-1, 1)) * rng.randint(2, 9), rng.randint(5, 8))
        for _ in range(rows * columns)
    ]
    return ImmutableMatrix(rows, columns, entries)


def valued(expression: Expr, values: dict[Symbol | MatrixSymbol, Value]) -> Value:
    """A form as an explicit matrix or number, by the interpreter."""
    shape = shape_of(expression)
    result = MatrixSymbol("Z1", *shape) if shape else Symbol("loss")
    inputs = tuple(sorted(expression.atoms(MatrixSymbol), key=str))
    program = Program(
        (Group("given", (*inputs, C)),), (Equation(result, expression, "support"),), (result,)
    )
    return evaluate(program, {**SIZES, **values})[result]


def inner(left: Value, right: Value) -> Expr:
    """The sum of the products of the entries, ``trace(left.T right)``."""
    return (left.T * right).trace()


@pytest.mark.parametrize("rule", ALL)
def test_a_rule_is_the_directional_derivative(rule: Rule) -> None:
    rng = random.Random(0)
    symbols = sorted(rule.form.atoms(MatrixSymbol), key=str)
    assert {str(symbol) for symbol in symbols} - {"A", "B"} == {"U"}
    U = next(symbol for symbol in symbols if symbol.name == "U")
    shape = shape_of(rule.form)
    # The adjoint of a number is the seed, which the table counts to c.
    V_bar = MatrixSymbol("V_bar", *(shape or (1, 1)))
    values = {symbol: random_matrix(symbol, rng) for symbol in (*symbols, V_bar)}
    values[C] = Rational(3, 7)
    direction = random_matrix(U, rng)
    smooth = rule.form.atoms(Elementwise) and rule.form.has(FUNCTIONS["tanh"])
    h = Rational(1, 10**20)
    if smooth:
        values = {name: value.evalf(DIGITS) for name, value in values.items()}
    above, below = (
        valued(rule.form, {**values, U: values[U] + move * direction}) for move in (h, -h)
    )
    change = (above - below) / (2 * h)
    changed = inner(values[V_bar], change) if shape else change
    promised = Rational(0)
    if rule.gain is not None:
        gain = valued(rule.gain, values)
        promised = inner(gain, direction)
        assert abs(promised) > Rational(1, 100)
    if smooth:
        # An error of h**2 from the third derivative, rounding of 1e-60 over h.
        assert abs(changed - promised) < Float("1e-35")
    else:
        # A central difference of what is at most quadratic is the derivative itself.
        assert changed == promised


@pytest.mark.parametrize("name", NETWORKS)
def test_only_the_slope_of_relus_slope_vanishes(name: str) -> None:
    without = [rule for rule in rules(name) if rule.gain is None]
    if name == "tanh2":
        assert without == []
        return
    (rule,) = without
    assert isinstance(rule.form, HadamardProduct)
    (slope,) = rule.form.atoms(Elementwise)
    assert slope.expr.name == "U"
    assert slope.function.expr.func is step
    assert rule_record(rule) == {"form": r"A \odot \mathbf{1}[U > 0]", "gain": "0"}


@pytest.mark.parametrize("name", NETWORKS)
def test_no_rule_is_listed_twice(name: str) -> None:
    forms = [rule_record(rule)["form"] for rule in rules(name)]
    assert len(set(forms)) == len(forms)


@pytest.mark.parametrize(
    "network",
    [
        Network(1, algorithm="meta_sgd"),
        Network(1, algorithm="maml_plus_plus", steps=2, loss="cross_entropy"),
        Network(1, "silu", algorithm="cavia", loss="huber"),
    ],
    ids=str,
)
def test_a_family_has_its_rules_once_too(network: Network) -> None:
    found = [rule_record(rule) for rule in rules_of(meta_gradient_program(network))]
    # A repeated row and a column sum print their sizes.
    forms = [re.sub(r"[NMDO]\b|L_\{1\}", "n", record["form"]) for record in found]
    assert len(set(forms)) == len(forms)
    learned = {r"c \, A": r"\left\langle \overline{V}, A \right\rangle"}
    rows = {record["form"]: record["gain"] for record in found}
    assert (learned.items() <= rows.items()) is (network.algorithm == "maml_plus_plus")


def bare(value: Expr) -> str:
    """A form as the table prints it, any scalar and any size being like any other."""
    if isinstance(value, MatrixExpr):
        value = product_of(scalar_and_factors(value)[1])
    else:
        value = C * value.as_independent(Trace, as_Add=False)[1]
    return right_latex(value.xreplace(dict.fromkeys(SIZES, N)))


@pytest.mark.parametrize("name", NETWORKS)
def test_every_term_of_what_is_differentiated_has_its_rule(name: str) -> None:
    known = {bare(rule.form) for rule in rules(name)}
    missing = set()
    for equation in derivation(name).derived:
        if parse(equation.name).kind == "adjoint":
            continue
        value = equation.value
        for term in value.args if isinstance(value, MatAdd) else [value]:
            symbols = sorted(term.atoms(MatrixSymbol), key=str)
            for symbol in symbols:
                others = [each for each in symbols if each != symbol]
                names = {symbol: "U", **dict(zip(others, "AB", strict=False))}
                form = {each: MatrixSymbol(word, *each.shape) for each, word in names.items()}
                if parse(symbol.name).kind != "data":
                    missing |= {bare(term.xreplace(form))} - known
    assert missing == set()
