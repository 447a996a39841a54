"""The Gauss-Newton part of the meta-gradient, and what is left without it.

The Jacobian and the curvature of the predictions are differences here, of a network that is
written again. On fractions those of relu are exact: where no kink is crossed, predictions are of
first degree in each weight. Those of tanh are wrong in the digits beyond `DIGITS`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cache
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING, Any

import mpmath
import numpy as np
import pytest
from sympy import Float, ImmutableMatrix, MatAdd, MatrixSymbol, Rational

from derive.language.names import D, M, N, O, T, adjoint, alpha, width
from derive.language.program import evaluate
from derive.model.network import Network
from derive.model.programs import meta_gradient_program, without_gauss_newton

if TYPE_CHECKING:
    from derive.language.names import Named
    from derive.language.program import Program, Value

RELU = Network(hidden=1), Network(hidden=2)
TANH = Network(hidden=1, activation="tanh"), Network(hidden=2, activation="tanh")
SEVERAL = Network(hidden=1, steps=2), Network(hidden=1, activation="tanh", steps=2)

SIZES: dict[Named, int] = {N: 2, M: 3, D: 1, O: 2, T: 1, width(1): 2, width(2): 3}

#: Digits that are computed where fractions do not do, and those that are right: the error of a
#: difference is the square of its step.
PRECISION, DIGITS = 60, 25
STEP = Fraction(1, 2**50)

ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "relu": lambda z: np.maximum(z, 0),
    "tanh": np.vectorize(mpmath.tanh, otypes=[object]),
}


@pytest.fixture(autouse=True)
def _digits() -> Any:
    with mpmath.workdps(PRECISION):
        yield


def given(program: Program, network: Network) -> dict[Named, Value]:
    """A random number for every entry of every input: of a fraction, tanh would stay a formula."""
    rng, exact = random.Random(3), network.activation == "relu"

    def drawn() -> Value:
        value = Rational(rng.randint(-9, 9), 5)
        return value if exact else Float(value, PRECISION)

    values: dict[Named, Value] = {**SIZES, alpha: Rational(1, 8)}
    for symbol in program.inputs:
        if isinstance(symbol, MatrixSymbol):
            shape = [SIZES.get(size, 1) for size in symbol.shape]
            values[symbol] = ImmutableMatrix(*shape, lambda _i, _j: drawn())
    return values


@cache
def found(network: Network) -> tuple[dict[Named, Value], dict[Named, Value]]:
    """The values of the whole program, and of the one without."""
    program = meta_gradient_program(network)
    values = given(program, network)
    return evaluate(program, values), evaluate(without_gauss_newton(network), values)


def plain(matrix: ImmutableMatrix) -> np.ndarray:
    """The same numbers without SymPy."""
    entries = [
        mpmath.mpf(each) if isinstance(each, Float) else Fraction(each.p, each.q) for each in matrix
    ]
    return np.array(entries, object).reshape(matrix.shape)


def after(network: Network, step: int) -> list[MatrixSymbol]:
    """The weights after so many steps."""
    if step == 0:
        return list(network.weights)
    tail = "_fast" + (str(step) if network.steps > 1 else "")
    return [MatrixSymbol(f"{symbol.name}{tail}", *symbol.shape) for symbol in network.weights]


def vector(values: dict[Named, Value], symbols: Sequence[MatrixSymbol]) -> np.ndarray:
    """Some matrices as one."""
    return np.concatenate([plain(values[symbol]).reshape(-1) for symbol in symbols])


def adjoints(network: Network, values: dict[Named, Value], step: int) -> np.ndarray:
    """Of the weights after so many steps."""
    return vector(values, [adjoint(symbol) for symbol in after(network, step)])


# --- the Jacobian and the curvature, by differences ---


class Predictions:
    """The support predictions of a network, as a function of its weights after some steps."""

    def __init__(self, network: Network, step: int) -> None:
        values = found(network)[0]
        self.activation = ACTIVATIONS[network.activation]
        self.X, self.Y = (
            plain(values[MatrixSymbol(*each)]) for each in (("X_s", N, D), ("Y_s", N, O))
        )
        self.shapes = [values[symbol].shape for symbol in after(network, step)]
        self.point = vector(values, after(network, step))
        # Of the Hessian of half the sum of squares: alpha times 2/(N O). Powers of two, both.
        self.count = len(self.point)
        factor = Fraction(1, 8) * 2 / (SIZES[N] * SIZES[O])
        exact = network.activation == "relu"
        self.factor, self.step = (
            each if exact else mpmath.mpf(float(each)) for each in (factor, STEP)
        )

    def __call__(self, *moves: tuple[int, int]) -> np.ndarray:
        """Where some weights have moved by so many steps, as a vector."""
        point = self.point.copy()
        for place, steps in moves:
            point[place] = point[place] + steps * self.step
        ends = np.cumsum([rows * columns for rows, columns in self.shapes])
        parts = np.split(point, ends[:-1])
        arrays = [part.reshape(shape) for part, shape in zip(parts, self.shapes, strict=True)]
        H = self.X
        for W, b in zip(arrays[:-2:2], arrays[1:-2:2], strict=True):
            H = self.activation(H @ W + b)
        return (H @ arrays[-2] + arrays[-1]).reshape(-1)

    def jacobian(self) -> np.ndarray:
        """A row a prediction."""
        slopes = [self((i, 1)) - self((i, -1)) for i in range(self.count)]
        return np.asarray(np.stack(slopes, axis=1) / (2 * self.step))

    def gauss_newton(self, v: np.ndarray) -> np.ndarray:
        """What a step adds to adjoints v by way of the Jacobian."""
        J = self.jacobian()
        return np.asarray(-self.factor * J.T @ (J @ v))

    def residual(self, v: np.ndarray) -> np.ndarray:
        """What it adds by way of the second derivatives, each times the error of its prediction."""
        errors = self() - self.Y.reshape(-1)
        R = np.zeros((self.count, self.count), object)
        for i, j in combinations_with_replacement(range(self.count), 2):
            second = self((i, 1), (j, 1)) - self((i, 1), (j, -1))
            second += self((i, -1), (j, -1)) - self((i, -1), (j, 1))
            R[i, j] = R[j, i] = errors @ second / (2 * self.step) ** 2
        return np.asarray(-self.factor * R @ v)


def same(ours: np.ndarray, theirs: np.ndarray) -> bool:
    """Whether they are equal, and not zero: exactly where they are fractions."""
    gap, size = (max(map(abs, each)) for each in (ours - theirs, theirs))
    bound = 0 if isinstance(size, Fraction) else size / 10**DIGITS
    return bool(gap <= bound and size > 1e-3)


# --- what the door is worth ---


@pytest.mark.parametrize("network", [*RELU, *TANH], ids=str)
def test_what_is_dropped_is_the_gauss_newton_part(network: Network) -> None:
    whole, without = found(network)
    v = adjoints(network, whole, 1)
    assert (v == adjoints(network, without, 1)).all()
    dropped = adjoints(network, whole, 0) - adjoints(network, without, 0)
    assert same(dropped, Predictions(network, 0).gauss_newton(v))


@pytest.mark.parametrize("network", [*RELU, *TANH], ids=str)
def test_what_arrives_at_the_door_is_how_the_predictions_change(network: Network) -> None:
    whole, _ = found(network)
    arriving = vector(whole, [MatrixSymbol(f"dZ{network.hidden + 1}_s_bar", N, O)])
    predictions = Predictions(network, 0)
    # The factor has 2/(N O) in it, beside alpha.
    change = -predictions.factor * (predictions.jacobian() @ adjoints(network, whole, 1))
    assert same(arriving, change * SIZES[N] * SIZES[O] / 2)


@pytest.mark.parametrize("network", [*RELU, *TANH], ids=str)
def test_what_is_left_is_the_first_order_and_errors_times_curvature(network: Network) -> None:
    _, without = found(network)
    v = adjoints(network, without, 1)
    left = adjoints(network, without, 0) - v
    assert same(left, Predictions(network, 0).residual(v))


@pytest.mark.parametrize("steps", [1, 2])
def test_a_linear_network_has_no_other_second_order(steps: int) -> None:
    network = Network(hidden=0, steps=steps)
    first_order = meta_gradient_program(replace(network, algorithm="first_order"))
    assert without_gauss_newton(network) == first_order
    whole, without = found(network)
    v = adjoints(network, without, steps)
    predictions = Predictions(network, steps - 1)
    before = adjoints(network, whole, steps - 1)
    assert same(before - v, predictions.gauss_newton(v))
    assert not predictions.residual(v).any()


@pytest.mark.parametrize("network", SEVERAL, ids=str)
def test_every_step_leaves_its_own_part_out(network: Network) -> None:
    whole, without = found(network)
    v = adjoints(network, whole, 2)
    assert (v == adjoints(network, without, 2)).all()
    # Nothing is left out before the last step, so its part is all of the difference after it.
    dropped = adjoints(network, whole, 1) - adjoints(network, without, 1)
    assert same(dropped, Predictions(network, 1).gauss_newton(v))
    for step in (0, 1):
        predictions = Predictions(network, step)
        v = adjoints(network, without, step + 1)
        assert same(adjoints(network, without, step) - v, predictions.residual(v))
        v = adjoints(network, whole, step + 1)
        both = predictions.gauss_newton(v) + predictions.residual(v)
        assert same(adjoints(network, whole, step) - v, both)


# --- which equations it passes through ---


def terms(value: Any) -> tuple[Any, ...]:
    return value.args if isinstance(value, MatAdd) else (value,)


def with_zeros(program: Program, zeros: set[str]) -> dict[str, frozenset[Any]]:
    """By name the terms of each equation that are left where some adjoints are zero.

    What has no term left is zero, too, and what nobody reads is left out.
    """
    kept: dict[str, frozenset[Any]] = {}
    zero = set(zeros)
    for line in program:
        left = [
            term
            for term in terms(line.value)
            if not zero & {str(each.name) for each in term.atoms(MatrixSymbol)}
        ]
        if line.name in zero or not left:
            zero.add(line.name)
        else:
            kept[line.name] = frozenset(left)
    outputs = {str(output.name) for output in program.outputs}
    while unread := {
        name
        for name in kept
        if name.endswith("_bar") and name not in outputs and name not in read_by(kept)
    }:
        kept = {name: left for name, left in kept.items() if name not in unread}
    return kept


def read_by(kept: dict[str, frozenset[Any]]) -> set[str]:
    symbols = (each for left in kept.values() for term in left for each in term.atoms(MatrixSymbol))
    return {str(symbol.name) for symbol in symbols}


@pytest.mark.parametrize("network", [*RELU, *TANH, *SEVERAL], ids=str)
def test_it_passes_through_one_adjoint_a_step(network: Network) -> None:
    whole, without = meta_gradient_program(network), without_gauss_newton(network)
    last = network.hidden + 1
    steps = [str(k) for k in range(1, network.steps + 1)] if network.steps > 1 else [""]
    doors = {f"Z{last}_s{k}_bar" for k in steps}
    ours = {line.name: frozenset(terms(line.value)) for line in without}
    assert ours == with_zeros(whole, doors)
    # What leads to the doors and nowhere else is gone, too; nothing else is.
    feeding = {f"dZ{last}_s{k}_bar" for k in steps}
    feeding |= {f"db{last}_s{k}_bar" if k else f"db{last}_bar" for k in steps}
    assert {line.name for line in whole} - set(ours) == doors | feeding
    for name in doors:
        assert str(whole[name].value) == f"(2/(N*O))*d{name}"
    assert without.outputs == whole.outputs
