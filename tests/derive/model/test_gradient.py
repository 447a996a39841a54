"""The sweep by itself: a program of two lines, exactly, and what it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sympy import Expr, ImmutableMatrix, Integer, MatAdd, MatrixSymbol, Rational, Symbol, Trace

from derive.language import names
from derive.language.names import D, N, O, T, adjoint, alpha, omega
from derive.language.program import Equation, Group, Program, evaluate
from derive.model.gradient import gains_of, sweep
from derive.model.network import Network
from derive.model.programs import hessian_program, inner_program, meta_gradient_program
from tests.conftest import NAMES, derivation
from tests.exact import DIMENSIONS, given, in_digits, outputs

if TYPE_CHECKING:
    from collections.abc import Collection

X, Y, W = MatrixSymbol("X_s", N, D), MatrixSymbol("Y_s", N, O), MatrixSymbol("W1", D, O)
ONE = Integer(1)
Z, LOSS = MatrixSymbol("Z1_s", N, O), Symbol("loss_s")
LINES = (
    Equation(Z, X * W, "support"),
    Equation(LOSS, Trace((Z - Y).T * (Z - Y)) / N, "support"),
)


def swept(
    wrt: MatrixSymbol,
    seed: Expr = ONE,
    constants: Collection[MatrixSymbol] = (),
) -> tuple[Equation, ...]:
    return sweep(LINES, {LOSS: seed}, [wrt], adjoint, lambda _: "support adjoints", constants)


def gradient(adjoints: tuple[Equation, ...], numbers: list[list[int]]) -> ImmutableMatrix:
    """Run the lines and their adjoints on columns of X and Y and one weight."""
    program = Program((Group("given", (X, Y, W)),), (*LINES, *adjoints), (adjoint(W),))
    columns = {
        symbol: ImmutableMatrix(each) for symbol, each in zip((X, Y, W), numbers, strict=True)
    }
    sizes = {N: Integer(len(numbers[0])), D: Integer(1), O: Integer(1)}
    return evaluate(program, {**sizes, **columns})[adjoint(W)]


def test_a_linear_layer() -> None:
    adjoints = swept(W)
    assert [line.name for line in adjoints] == ["Z1_s_bar", "W1_bar"]
    assert str(adjoints[1].value) == "X_s.T*Z1_s_bar"
    # 2 / 2 (1 (4 - 3) + 2 (8 - 5))
    assert gradient(adjoints, [[1, 2], [3, 5], [4]]) == ImmutableMatrix([7])


def test_the_seed_is_a_factor() -> None:
    numbers = [[2], [3], [5]]
    assert gradient(swept(W), numbers) == ImmutableMatrix([28])
    assert gradient(swept(W, Rational(1, 7)), numbers) == ImmutableMatrix([4])


def test_what_is_constant_takes_no_derivative() -> None:
    with pytest.raises(ValueError, match="`loss_s` does not depend on `W1`"):
        swept(W, constants=(Z,))
    with pytest.raises(ValueError, match="`loss_s` does not depend on `W2`"):
        swept(MatrixSymbol("W2", D, O))


def test_a_gain_says_which_equation_it_comes_from() -> None:
    twice = (*LINES[:1], Equation(MatrixSymbol("H1_s", N, O), Z + X * W, "support"))
    last = Equation(LOSS, Trace((twice[1].symbol - Y).T * (twice[1].symbol - Y)) / N, "support")
    adjoints = sweep((*twice, last), {LOSS: ONE}, [W], adjoint, lambda _: "support adjoints")
    found = {line.name: [(str(each.term), each.reader) for each in line.gains] for line in adjoints}
    assert found["H1_s_bar"] == [("(2/N)*(H1_s - Y_s)", "loss_s")]
    assert found["Z1_s_bar"] == [("H1_s_bar", "H1_s")]
    # In the order of the equations, and each with the equation through which it came.
    assert found["W1_bar"] == [("X_s.T*Z1_s_bar", "Z1_s"), ("X_s.T*H1_s_bar", "H1_s")]


# --- seeds and numbers ---


def test_seeds_are_where_the_walk_begins() -> None:
    # Of <dW, v>, written out: 2/N X.T X v.
    inner = swept(W)
    v = MatrixSymbol("vW1", D, O)
    twice = sweep((*LINES, *renamed(inner)), {DW: v}, [W], adjoint, lambda _: "support adjoints")
    program = Program(
        (Group("given", (X, Y, W, v)),), (*LINES, *renamed(inner), *twice), (adjoint(W),)
    )
    numbers = {X: [[1, 2], [3, 4], [5, 6]], Y: [[1], [0], [2]], W: [[3], [-1]], v: [[2], [-5]]}
    given = {symbol: ImmutableMatrix(each) for symbol, each in numbers.items()}
    values = evaluate(program, {**given, N: Integer(3), D: Integer(2), O: Integer(1)})
    expected = Rational(2, 3) * given[X].T * given[X] * given[v]
    assert values[adjoint(W)] == expected
    # The adjoint of what has a seed is the seed, with no equation that it comes from.
    assert (twice[0].symbol, twice[0].value, twice[0].gains) == (adjoint(DW), v, ())


DW = MatrixSymbol("dW1", D, O)


def renamed(adjoints: tuple[Equation, ...]) -> tuple[Equation, ...]:
    """An inner gradient's own names for some adjoints."""
    instead = {adjoint(W): DW, adjoint(Z): MatrixSymbol("dZ1_s", N, O)}
    return tuple(
        Equation(instead[line.symbol], line.value.xreplace(instead), "inner gradient")
        for line in adjoints
    )


#: A function of an expression among the slopes, a column, a row that is added, a number.
CURVED = (
    Network(1, "tanh"),
    Network(1, "tanh", penalty=True),
    Network(2, "elu"),
    Network(1, "silu", loss="cross_entropy"),
    Network(1, "sin", loss="huber", bias=False),
    Network(0, loss="cross_entropy", penalty=True),
)


@pytest.mark.parametrize("network", CURVED, ids=str)
def test_a_hessian_product_is_how_the_gradient_changes(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(DIMENSIONS, O, 3)
    program, gradient = hessian_program(network), inner_program(network)
    values = in_digits(given(program, 3)) | {names.lam: Rational(1, 4)}
    products = outputs(program, values)
    h = Rational(1, 10**12)
    ends = [
        outputs(
            gradient,
            values | {w: values[w] + move * values[names.direction(w)] for w in network.weights},
        )[1:]
        for move in (h, -h)
    ]
    for above, below, found in zip(*ends, products, strict=True):
        assert max(map(abs, found)) > Rational(1, 100)
        assert max(map(abs, (above - below) / (2 * h) - found)) < Rational(1, 10**18)


def test_numbers_have_adjoints_too() -> None:
    # The loss of one step with a learned step size, on the way a loss that is no output.
    a, fast, loss = Symbol("aW1"), MatrixSymbol("W1_fast", D, O), Symbol("loss_q")
    dW = MatrixSymbol("dW1", D, O)
    first, last = Symbol("loss_q1"), Symbol("loss_q2")
    lines = (
        Equation(fast, W - 3 * a * dW, "step"),
        Equation(first, Trace(fast.T * fast), "query"),
        Equation(last, Trace((fast - W).T * (fast - W)) / 2, "query"),
        Equation(loss, omega(1) * first + omega(2) * last, "query"),
    )
    bars = sweep(lines, {loss: 1 / T}, [a], adjoint, lambda _: "meta-gradient")
    # The adjoints of the losses on the way are written out.
    assert [line.name for line in bars] == ["W1_fast_bar", "aW1_bar"]
    assert bars[-1].value == -3 * Trace(adjoint(fast).T * dW)
    groups = (
        Group("weights", (W, dW)),
        Group("rates", (a,)),
        Group("omegas", (omega(1), omega(2))),
    )
    program = Program(groups, (*lines, *bars), (adjoint(a),))
    numbers = {W: [[2], [1]], dW: [[5], [-1]]}
    start = {symbol: ImmutableMatrix(each) for symbol, each in numbers.items()}
    start |= {a: Rational(1, 3), omega(1): Integer(7), omega(2): Integer(11), T: Integer(2)}
    values = evaluate(program, {**start, D: Integer(2), O: Integer(1)})
    # fast = (-3, 2); -3 (2 7 fast + 11 (fast - W)) dW / 2
    assert values[adjoint(a)] == Rational(-3 * (14 * (-15 - 2) + 11 * (-25 - 1)), 2)


@pytest.mark.parametrize(
    ("algorithm", "rates"),
    [
        ("maml_plus_plus", ["alpha1_s1", "alpha1_s2", "alpha2_s1", "alpha2_s2"]),
        ("meta_sgd", ["aW1", "ab1", "aW2", "ab2"]),
        (
            "recipe",
            ["aW1_s1", "aW1_s2", "ab1_s1", "ab1_s2", "aW2_s1", "aW2_s2", "ab2_s1", "ab2_s2"],
        ),
    ],
)
def test_every_step_size_has_its_own_gradient(algorithm: str, rates: list[str]) -> None:
    network = Network(1, "relu", steps=2, algorithm=algorithm)
    program = meta_gradient_program(network)
    assert [str(rate.name) for rate in program.group("rates")] == rates
    loss, *gradient = program.outputs
    assert [str(each.name) for each in gradient] == [
        *(f"{weight}_bar" for weight in network.weights), *(f"{rate}_bar" for rate in rates),
    ]  # fmt: skip
    values = given(program, 4) | {
        symbol: Rational(index + 2, 40)
        for index, symbol in enumerate((*program.group("rates"), *program.group("omegas")))
        if not symbol.is_Matrix
    }
    found = evaluate(program, values)
    for rate in program.group("rates"):
        # relu of rational numbers is rational, and a difference may be as small as we like.
        h = Rational(1, 10**30)
        along = values[rate].ones(*values[rate].shape) if rate.is_Matrix else 1
        above, below = (
            evaluate(program, {**values, rate: values[rate] + move * along})[loss]
            for move in (h, -h)
        )
        promised = found[adjoint(rate)]
        total = sum(promised) if rate.is_Matrix else promised
        assert total != 0, rate
        assert abs((above - below) / (2 * h) - total) < Rational(1, 10**20), rate


def test_what_is_neither_matrix_nor_trace_is_no_part_of_a_loss() -> None:
    assert gains_of(alpha * Trace(X.T * X) + 2 * Symbol("loss_q1"), Symbol("loss_q1")) == (2,)
    assert gains_of(alpha * Trace(X.T * X), alpha) == (Trace(X.T * X),)
    assert gains_of(alpha * Trace(X.T * X), W) == ()


# --- the derivations ---


@pytest.mark.parametrize("name", NAMES)
def test_every_equation_that_reads_a_quantity_gives_its_adjoint_a_term(name: str) -> None:
    record = derivation(name)
    for program in (record.derived, record.first_order):
        adjoints = [line for line in program if line.gains]
        assert len(adjoints) > 3
        for line in adjoints:
            assert MatAdd(*(gain.term for gain in line.gains)).doit(deep=False) == line.value
            for gain in line.gains:
                assert gain.quantity in program[gain.reader].reads
                assert line.shape == tuple(gain.quantity.shape)
            readers = [gain.reader for gain in line.gains]
            assert readers == [each.name for each in program if each.name in readers]


@pytest.mark.parametrize("name", NAMES)
def test_the_first_order_of_a_meta_gradient_is_read_first(name: str) -> None:
    record = derivation(name)
    for symbol in record.network.weights:
        first, *others = record.derived[f"{symbol}_bar"].terms
        assert (first,) == record.first_order[f"{symbol}_bar"].terms
        assert others
