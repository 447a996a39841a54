"""The oracle itself: by hand, against sums written out, and against finite differences."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

pytest.importorskip("jax")
from tests.generated import oracle
from tests.generated.oracle import Scalars, Setting, Task

STEP, TOLERANCE = 1e-5, 1e-8
SIZES = (2, 5, 3)
OMEGAS, TAU = (0.3, 0.9), np.array([0.2, 1.1, 0.4])
SCALARS = Scalars(0.1, 0.3, OMEGAS, TAU)

#: Every algorithm once, and with it every loss, a penalty and weights of tasks.
SETTINGS = [
    Setting(1, "tanh", 2, loss, algorithm, penalty=at % 2 == 0, task_weights=at % 4 < 2)
    for at, (algorithm, loss) in enumerate(
        zip(oracle.ALGORITHMS, 3 * list(oracle.LOSSES), strict=True)
    )
]


def numbers(setting: Setting) -> tuple[Any, Any, Task]:
    """Weights, rates and a meta-batch."""
    rng = np.random.default_rng(3)
    weights = {}
    for layer, (above, below) in enumerate(pairwise(SIZES), start=1):
        weights[f"W{layer}"] = rng.normal(size=(above, below)) / 2
        weights[f"b{layer}"] = rng.normal(size=(1, below)) / 2
    rates: dict[str, Any] = {}
    if setting.algorithm == "meta_sgd":
        rates = {name: rng.uniform(0.05, 0.2, array.shape) for name, array in weights.items()}
    elif setting.algorithm == "recipe":
        rates = {name: rng.uniform(0.05, 0.2, (2, *array.shape)) for name, array in weights.items()}
    elif setting.algorithm == "maml_plus_plus":
        rates = {name: rng.uniform(0.05, 0.2, 2) for name in ("layer1", "layer2")}
    elif setting.algorithm == "cavia":
        weights["V1"] = rng.normal(size=(4, SIZES[1])) / 2
    arrays = [rng.normal(size=(3, rows, columns)) for rows in (4, 6) for columns in (2, 3)]
    if setting.loss == "cross_entropy":
        arrays[1::2] = [np.exp(Y) / np.exp(Y).sum(-1, keepdims=True) for Y in arrays[1::2]]
    return weights, rates, Task(*arrays)


def task(batch: Task, at: int = 0) -> Task:
    return Task(*(array[at] for array in batch))


def random_like(arrays: dict[str, Any], seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=array.shape) for name, array in arrays.items()}


def moved(arrays: dict[str, Any], direction: dict[str, Any], step: float) -> dict[str, Any]:
    return {name: array + step * direction[name] for name, array in arrays.items()}


def dot(one: dict[str, Any], other: dict[str, Any]) -> float:
    return float(sum(np.sum(one[name] * other[name]) for name in one))


# --- what everything is made of ---

FORMULAS = {
    "relu": lambda z: max(z, 0.0),
    "tanh": lambda z: (math.exp(z) - math.exp(-z)) / (math.exp(z) + math.exp(-z)),
    "softplus": lambda z: math.log(1 + math.exp(z)),
    "sigmoid": lambda z: 1 / (1 + math.exp(-z)),
    "leaky_relu": lambda z: z if z > 0 else z / 100,
    "elu": lambda z: z if z > 0 else math.exp(z) - 1,
    "silu": lambda z: z / (1 + math.exp(-z)),
    "gelu": lambda z: z / 2 * (1 + math.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z**3))),
    "sin": math.sin,
}


@pytest.mark.parametrize("name", oracle.ACTIVATIONS)
def test_an_activation_is_its_formula(name: str) -> None:
    z = np.linspace(-3, 3, 13)
    one = {"W1": np.ones((1, 1)), "W2": np.ones((1, 1))}
    found = oracle.predict(Setting(1, name), one, z[:, None])[:, 0]
    np.testing.assert_allclose(found, [FORMULAS[name](each) for each in z], rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("name", oracle.LOSSES)
def test_a_loss_is_its_sum(name: str) -> None:
    Z, Y = [[0.5, -2.0], [3.0, 1.0], [0.0, 0.2]], [[1.0, 0.0], [0.25, 0.75], [0.5, 0.5]]
    total = 0.0
    for row, targets in zip(Z, Y, strict=True):
        for z, y in zip(row, targets, strict=True):
            e = abs(z - y)
            total += {
                "squared": e**2 / 6,
                "huber": (e**2 / 2 if e < 1 else e - 1 / 2) / 6,
                "cross_entropy": -y * math.log(math.exp(z) / sum(map(math.exp, row))) / 3,
            }[name]
    identity = Setting(0, loss=name)
    found, _ = oracle.loss_and_gradient(identity, {"W1": np.eye(2)}, np.array(Z), np.array(Y))
    assert found == pytest.approx(total, rel=1e-14)


# --- one weight, by hand ---


def by_hand(algorithm: str, rates: Any, steps: int) -> tuple[float, float, Any]:
    """The loss w^2 of one weight w = 3, on both sets."""
    setting = Setting(0, steps=steps, algorithm=algorithm, bias=False)
    one = Task(*(np.full((1, 1, 1), number) for number in (1.0, 0.0, 1.0, 0.0)))
    value, weights, rates = oracle.meta_loss_and_gradient(
        setting, {"W1": np.full((1, 1), 3.0)}, rates, one, Scalars(0.1, omegas=OMEGAS)
    )
    return float(value), float(weights["W1"][0, 0]), rates


def test_one_weight_by_hand() -> None:
    # Each step multiplies w by 1 - 2 alpha.
    assert by_hand("maml", {}, 1)[:2] == pytest.approx((9 * 0.8**2, 6 * 0.8**2))
    assert by_hand("maml", {}, 2)[:2] == pytest.approx((9 * 0.8**4, 6 * 0.8**4))
    assert by_hand("first_order", {}, 2)[:2] == pytest.approx((9 * 0.8**4, 6 * 0.8**2))
    value, weight, rates = by_hand("meta_sgd", {"W1": np.full((1, 1), 0.1)}, 2)
    assert (value, weight) == pytest.approx((9 * 0.8**4, 6 * 0.8**4))
    assert rates["W1"][0, 0] == pytest.approx(-9 * 8 * 0.8**3)
    value, weight, rates = by_hand("maml_plus_plus", {"layer1": np.array([0.1, 0.2])}, 2)
    # 9 (0.3 (1 - 2 a)^2 + 0.9 (1 - 2 a)^2 (1 - 2 b)^2) at a = 0.1, b = 0.2.
    assert value == pytest.approx(9 * 0.8**2 * (0.3 + 0.9 * 0.6**2))
    assert weight == pytest.approx(6 * 0.8**2 * (0.3 + 0.9 * 0.6**2))
    expected = [-36 * 0.8 * (0.3 + 0.9 * 0.6**2), -36 * 0.9 * 0.8**2 * 0.6]
    assert rates["layer1"] == pytest.approx(expected)


# --- derivatives ---


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda each: each.algorithm)
def test_a_gradient_is_what_differences_are(setting: Setting) -> None:
    weights, rates, batch = numbers(setting)
    if setting.algorithm == "first_order":
        setting = setting._replace(algorithm="maml")

    def value(along: float) -> float:
        near = moved(weights, u, along), moved(rates, v, along)
        return float(oracle.meta_loss_and_gradient(setting, *near, batch, SCALARS)[0])

    _, *gradients = oracle.meta_loss_and_gradient(setting, weights, rates, batch, SCALARS)
    for seed in range(3):
        u, v = random_like(weights, seed), random_like(rates, seed)
        expected = (value(STEP) - value(-STEP)) / (2 * STEP)
        assert dot(gradients[0], u) + dot(gradients[1], v) == pytest.approx(expected, rel=TOLERANCE)


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda each: each.algorithm)
def test_a_hessian_product_is_the_difference_of_gradients(setting: Setting) -> None:
    weights, _, batch = numbers(setting)
    one, v = task(batch), random_like(weights, 1)
    found = oracle.hessian_product(setting, weights, v, one.X_s, one.Y_s, 0.3)
    above, below = (
        oracle.loss_and_gradient(setting, moved(weights, v, step), one.X_s, one.Y_s, 0.3)[1]
        for step in (STEP, -STEP)
    )
    assert found.keys() == weights.keys()
    for name, product in found.items():
        expected = (above[name] - below[name]) / (2 * STEP)
        np.testing.assert_allclose(product, expected, rtol=1e-6, atol=1e-8)


def test_the_first_order_is_the_query_gradient_after_adaptation() -> None:
    setting = SETTINGS[1]
    assert setting.algorithm == "first_order"
    weights, _, batch = numbers(setting)
    _, found, _ = oracle.meta_loss_and_gradient(setting, weights, {}, batch, SCALARS)
    same = oracle.meta_loss_and_gradient(
        setting._replace(algorithm="maml"), weights, {}, batch, SCALARS, first_order=True
    )[1]
    after = [
        oracle.adapt(setting, weights, {}, each.X_s, each.Y_s, SCALARS, setting.steps)
        for each in (task(batch, at) for at in range(3))
    ]
    gradients = [
        TAU[at]
        * oracle.loss_and_gradient(setting, after[at], batch.X_q[at], batch.Y_q[at])[1][name]
        for name in weights
        for at in range(3)
    ]
    for at, name in enumerate(weights):
        expected = sum(gradients[3 * at : 3 * at + 3])
        np.testing.assert_allclose(found[name], expected, rtol=1e-12)
        np.testing.assert_array_equal(found[name], same[name])


# --- adaptation ---


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda each: each.algorithm)
def test_a_step_goes_down_the_inner_gradient(setting: Setting) -> None:
    weights, rates, batch = numbers(setting)
    if "V1" in weights:
        return
    one = task(batch)
    fast, _ = oracle.split(setting, weights)
    _, gradient = oracle.loss_and_gradient(setting, weights, one.X_s, one.Y_s, SCALARS.lam)
    after = oracle.adapt(setting, weights, rates, one.X_s, one.Y_s, SCALARS, 1)
    rate = {
        "meta_sgd": rates.get,
        "recipe": lambda name: rates[name][0],
        "maml_plus_plus": lambda name: rates[f"layer{name[1]}"][0],
    }.get(setting.algorithm, lambda _: SCALARS.alpha)
    for name, array in weights.items():
        step = rate(name) * gradient[name] if name in fast else 0
        np.testing.assert_allclose(after[name], array - step, rtol=1e-13)
    adapted = {"anil": {"W2", "b2"}, "boil": {"W1", "b1"}, "biases": {"b1", "b2"}}
    assert set(fast) == adapted.get(setting.algorithm, set(weights))


@pytest.mark.parametrize("algorithm", ["maml_plus_plus", "recipe"])
def test_a_step_has_its_own_rates_and_those_beyond_have_the_last(algorithm: str) -> None:
    setting = Setting(1, "tanh", 2, algorithm=algorithm)
    weights, rates, batch = numbers(setting)
    one = task(batch)

    def after(rates: Any, steps: int, weights: Any = weights) -> Any:
        return oracle.adapt(setting, weights, rates, one.X_s, one.Y_s, SCALARS, steps)

    second = {name: array[[1, 1]] for name, array in rates.items()}
    for name in weights:
        expected = after(second, 2, after(rates, 1))[name]
        np.testing.assert_allclose(after(rates, 3)[name], expected, rtol=1e-13)
        assert np.abs(after(second, 3)[name] - expected).max() > 1e-4


def test_a_context_is_a_bias() -> None:
    setting = Setting(1, "tanh", 2, algorithm="cavia")
    weights, _, batch = numbers(setting)
    one, c = task(batch), np.full((1, 4), 0.5)
    shifted = {**weights, "b1": weights["b1"] + c @ weights["V1"]}
    np.testing.assert_allclose(
        oracle.predict(setting, {**weights, "c": c}, one.X_s),
        oracle.predict(setting, shifted, one.X_s),
        rtol=1e-13,
    )
    at_once = oracle.adapt(setting, weights, {}, one.X_s, one.Y_s, SCALARS, 2)
    again = weights
    for _ in range(2):
        again = oracle.adapt(setting, again, {}, one.X_s, one.Y_s, SCALARS, 1)
    for name, array in at_once.items():
        np.testing.assert_allclose(array, again[name], rtol=1e-13)
        assert (name == "b1") == (np.abs(array - weights[name]).max() > 1e-4)


# --- the implicit gradient ---


@pytest.mark.parametrize("name", oracle.LOSSES)
def test_the_implicit_gradient_is_what_differences_are(name: str) -> None:
    setting, lam = Setting(1, "tanh", loss=name), 2.0
    weights, _, batch = numbers(setting)
    one, v = task(batch), random_like(weights, 1)
    _, gradient, left = oracle.implicit_gradient(setting, weights, one, lam)
    assert np.abs(left).max() < 1e-13
    above, below = (
        oracle.implicit_gradient(setting, moved(weights, v, step), one, lam)[0]
        for step in (STEP, -STEP)
    )
    assert dot(gradient, v) == pytest.approx((above - below) / (2 * STEP), rel=TOLERANCE)
