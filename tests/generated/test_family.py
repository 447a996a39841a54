"""Packages of every algorithm, loss and activation, against the oracle.

A run draws a few of them, ``FAMILY=all`` takes every algorithm with every loss and every
activation. A failed test says which one it was: ``FAMILY=recipe-huber-gelu-1-3-penalty`` takes that
one alone.
"""

from __future__ import annotations

import inspect
import os
import random
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from itertools import pairwise, product
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derive import disk, making
from derive.language.elementwise import ACTIVATIONS
from derive.model.algorithms import ALGORITHMS
from derive.model.losses import LOSSES
from derive.model.network import Network
from derive.package.derivation import derive
from derive.package.modules import files_of, runtime_files
from generated.runtime.implicit import implicit_meta_loss_and_gradient
from tests.conftest import OTHERS, QUERIES, SHOTS, SIZES, TASKS, import_from, network

jax = pytest.importorskip("jax")
from tests.generated import oracle  # noqa: E402
from tests.generated.oracle import Scalars, Setting, Task  # noqa: E402

#: Relative to the largest gradient of its kind; float64 loses five digits to rounding at worst.
TOLERANCE, SINGLE = 1e-10, 1e-4
OUTPUTS, CONTEXT = 19, 23

# --- which packages ---

#: What a package may have on top.
EXTRAS = ("penalty", "task_weights")
FAMILY = os.environ.get("FAMILY", "")
DRAWN = 4
#: The same in every process of a run.
RUN = os.environ.get("PYTEST_XDIST_TESTRUNUID", secrets.token_hex())


def identity(setting: Setting) -> str:
    """The name of a setting, which `named` reads."""
    extras = ["no_bias"] * (not setting.bias) + [
        each for each in (*EXTRAS, "normalised") if getattr(setting, each)
    ]
    words = (setting.algorithm, setting.loss, setting.activation, setting.hidden, setting.steps)
    return "-".join(map(str, (*words, *extras)))


def named(identity: str) -> Setting:
    """The setting of a name."""
    algorithm, loss, activation, hidden, steps, *extras = identity.split("-")
    flags = {each: True for each in extras if each != "no_bias"}
    bias = "no_bias" not in extras
    return Setting(int(hidden), activation, int(steps), loss, algorithm, bias, **flags)


def possible(setting: Setting) -> Setting:
    """The nearest setting that there is: with a body or biases to adapt, or without a penalty."""
    hidden = max(setting.hidden, setting.algorithm == "boil")
    bias = setting.bias or setting.algorithm in ("biases", "cavia")
    penalty = setting.penalty and setting.algorithm != "cavia"
    return setting._replace(hidden=hidden, bias=bias, penalty=penalty)


def drawn() -> list[Setting]:
    """A few of all settings."""
    rng = random.Random(RUN)
    cells = rng.sample(list(product(ALGORITHMS, LOSSES, ACTIVATIONS)), DRAWN)
    return [
        possible(
            Setting(
                hidden=rng.choice((0, 1, 1, 2)),
                activation=activation,
                steps=rng.choice((1, 2, 2)),
                loss=loss,
                algorithm=algorithm,
                bias=rng.random() < 0.8,
                **{each: rng.random() < 0.3 for each in EXTRAS},
            )
        )
        for algorithm, loss, activation in cells
    ]


def every() -> list[Setting]:
    """Every algorithm with every loss and every activation.

    Several steps are what most of it costs: each pair of an algorithm and a loss has two steps with
    one activation, and each activation with several algorithms.
    """
    return [
        possible(
            Setting(
                hidden=1,
                activation=activation,
                steps=2 if (i + 3 * k - j) % 9 == 0 else 1,
                loss=loss,
                algorithm=algorithm,
                bias=(2 * i + j + 3 * k) % 7 > 0,
                **{each: (i + 2 * j + k + at) % 5 == 0 for at, each in enumerate(EXTRAS)},
            )
        )
        for i, algorithm in enumerate(oracle.ALGORITHMS)
        for j, activation in enumerate(oracle.ACTIVATIONS)
        for k, loss in enumerate(oracle.LOSSES)
    ]


def taken() -> list[Setting]:
    """What this run takes."""
    match FAMILY:
        case "":
            return drawn()
        case "all":
            return every()
    return [named(FAMILY)]


TAKEN = taken()


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Setting], Any]:
    """Derive and import the package of a setting, once."""
    folder, known = tmp_path_factory.mktemp("family"), dict[Setting, Any]()

    def made(setting: Setting) -> Any:
        if setting not in known:
            name = f"package{len(known)}"
            files = files_of(derive(name, Network(**setting._asdict())), ".runtime")
            disk.write(folder / name, files | making.inside("runtime", runtime_files()))
            known[setting] = import_from(folder / name, f"family_{name}")
        return known[setting]

    return made


@pytest.fixture
def by_operation() -> Iterator[None]:
    """Where there are many packages of the same sizes, compile single operations once for all."""
    with jax.disable_jit() if len(TAKEN) > DRAWN else nullcontext():
        yield


# --- numbers for them ---


class Case(NamedTuple):
    """What a package is called with, by name, as the oracle takes it."""

    setting: Setting
    weights: dict[str, Any]
    rates: dict[str, Any]
    batch: Task
    scalars: Scalars

    def cast(self, dtype: type) -> Case:
        """The arrays in another dtype."""

        def group(arrays: dict[str, Any]) -> dict[str, Any]:
            return {name: array.astype(dtype) for name, array in arrays.items()}

        return self._replace(
            weights=group(self.weights),
            rates=group(self.rates),
            batch=Task(**group(self.batch._asdict())),
            scalars=self.scalars._replace(tau=self.scalars.tau.astype(dtype)),
        )

    @property
    def values(self) -> dict[str, Any]:
        """Arguments of every function but those made of weights and rates."""
        one = {"X": self.batch.X_s[0], "Y": self.batch.Y_s[0]}
        return self.batch._asdict() | self.scalars._asdict() | one


def single(array: np.ndarray) -> np.ndarray:
    """Numbers in float64 that float32 has, too."""
    return array.astype(np.float32).astype(np.float64)


def case(
    setting: Setting, seed: int = 0, tasks: int = TASKS, shots: int = SHOTS,
    queries: int = QUERIES, sizes: Sequence[int] = (), context: int = CONTEXT,
) -> Case:  # fmt: skip
    """Random numbers that float32 has, in float64; by default distinct primes are the sizes."""
    rng = np.random.default_rng(seed)
    sizes = sizes or (*SIZES[: setting.hidden + 1], OUTPUTS)
    weights = {}
    for layer, (above, below) in enumerate(pairwise(sizes), start=1):
        weights[f"W{layer}"] = rng.normal(size=(above, below)) / np.sqrt(above)
        if setting.bias:
            weights[f"b{layer}"] = rng.normal(size=(1, below)) / 2
    shapes = {name: array.shape for name, array in weights.items()}
    if setting.algorithm == "cavia":
        weights["V1"] = rng.normal(size=(context, sizes[1])) / np.sqrt(context)
    if setting.algorithm == "recipe":
        shapes = {name: (setting.steps, *shape) for name, shape in shapes.items()}
    elif setting.algorithm == "maml_plus_plus":
        shapes = {f"layer{layer}": (setting.steps,) for layer in range(1, len(sizes))}
    elif setting.algorithm != "meta_sgd":
        shapes = {}
    # A learned rate may be negative.
    rates = {name: rng.uniform(-0.02, 0.08, shape) for name, shape in shapes.items()}
    X_s, Y_s, X_q, Y_q = (
        rng.normal(size=(tasks, rows, columns))
        for rows in (shots, queries)
        for columns in (sizes[0], sizes[-1])
    )
    if setting.loss == "cross_entropy":
        Y_s, Y_q = (np.exp(Y) / np.exp(Y).sum(-1, keepdims=True) for Y in (Y_s, Y_q))
    scalars = Scalars(0.05, 0.3, tuple(rng.uniform(0.2, 1, setting.steps)), rng.uniform(size=tasks))
    drawn = Case(setting, weights, rates, Task(X_s, Y_s, X_q, Y_q), scalars)
    return drawn.cast(np.float32).cast(np.float64)


def call(net: Any, function: Callable[..., Any], case: Case, **others: Any) -> Any:
    """Call a function of a package with what its signature asks for."""
    known = case.values | {"weights": net.Weights(**case.weights)} | others
    if case.rates:
        known["rates"] = net.Rates(**case.rates)
    return function(*(known[name] for name in inspect.signature(function).parameters))


# --- what is compared ---


def agree(
    what: str, found: Any, expected: tuple[Any, ...], tolerance: float, dtype: Any = np.float64
) -> None:
    """A loss and groups of arrays by name, each relative to the largest of its group.

    Raises
    ------
    AssertionError
        When a group, a name, a shape or a dtype is another, or a number is.
    """
    loss, *groups = found
    assert loss == pytest.approx(float(expected[0]), rel=tolerance), f"{what}: loss"
    wanted = [group for group in expected[1:] if group]
    assert len(groups) == len(wanted), f"{what}: {len(groups)} groups, not {len(wanted)}"
    for group, arrays in zip(groups, wanted, strict=True):
        assert set(group._fields) == set(arrays), f"{what}: {group._fields}"
        scale = max(np.linalg.norm(array) for array in arrays.values())
        for name, array in group._asdict().items():
            assert array.shape == arrays[name].shape, f"{what}: {name} is {array.shape}"
            assert array.dtype == dtype, f"{what}: {name} is {array.dtype}"
            error = np.linalg.norm(array - arrays[name])
            assert error <= tolerance * scale, f"{what}: {name} is {error:.1e} of {scale:.1e} away"


META = "meta_loss_and_gradient"


def forms(net: Any, case: Case) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The meta-gradient in every form that a package has it in."""
    yield "public", net.meta_loss_and_gradient
    yield "reference", net.reference.meta_loss_and_gradient
    one_class = case.setting.loss == "cross_entropy" and case.batch.Y_s.shape[2] == 1
    if hasattr(net, "workspace") and not one_class:
        arrays = [array for name, array in case.weights.items() if name[0] == "W"]
        sizes = (*(W.shape[0] for W in arrays), arrays[-1].shape[1])
        X_s, _, X_q, _ = case.batch
        context = {"context": len(case.weights["V1"])} if "V1" in case.weights else {}
        ws = net.workspace(sizes, len(X_s), X_s.shape[1], X_q.shape[1], X_s.dtype, **context)
        yield "workspace", ws.meta_loss_and_gradient


class Expected(NamedTuple):
    """What the oracle makes of a case; of the functions of one task, for the rows of the first."""

    meta: tuple[Any, ...]
    first_order: tuple[Any, ...]
    predictions: Any
    plain_loss: Any
    loss: tuple[Any, ...]
    product: tuple[Any, ...]
    adapted: tuple[Any, ...]


def expected_of(case: Case, direction: dict[str, Any]) -> Expected:
    """Ask the oracle; with rates of its own for every step, those beyond have the last ones."""
    setting, weights, rates, batch, scalars = case
    one, lam = (batch.X_s[0], batch.Y_s[0]), scalars.lam
    unpenalised = setting._replace(penalty=False)
    return Expected(
        meta=oracle.meta_loss_and_gradient(*case),
        first_order=oracle.meta_loss_and_gradient(*case, first_order=True),
        predictions=oracle.predict(setting, weights, one[0]),
        plain_loss=oracle.loss_and_gradient(unpenalised, weights, *one)[0],
        loss=oracle.loss_and_gradient(setting, weights, *one, lam),
        product=(0.0, oracle.hessian_product(setting, weights, direction, *one, lam)),
        adapted=(0.0, oracle.adapt(setting, weights, rates, *one, scalars, setting.steps + 1)),
    )


def compare_meta_gradients(net: Any, case: Case, expected: Expected, tolerance: float) -> None:
    """Every form of the meta-gradient, and that of the first order."""
    dtype = case.batch.X_s.dtype
    for form, function in forms(net, case):
        agree(f"{form}.{META}", call(net, function, case), expected.meta, tolerance, dtype)
    value = call(net, net.meta_loss, case)
    assert value == pytest.approx(float(expected.meta[0]), rel=tolerance), "meta_loss"
    for form, module in (("public", net), ("reference", net.reference)):
        found = call(net, module.first_order_meta_loss_and_gradient, case)
        agree(f"{form}.first_order_{META}", found, expected.first_order, tolerance, dtype)


def compare_inner(
    net: Any, case: Case, direction: dict[str, Any], expected: Expected, tolerance: float
) -> None:
    """What is computed of the rows of one task: predictions, gradient, Hessian, adaptation."""
    dtype = case.batch.X_s.dtype
    found = call(net, net.predict, case)
    assert found.dtype == dtype
    Z, scale = expected.predictions, tolerance * np.abs(expected.predictions).max()
    np.testing.assert_allclose(found, Z, rtol=0, atol=scale, err_msg="predict")
    plain = call(net, net.loss, case)
    assert plain == pytest.approx(float(expected.plain_loss), rel=tolerance), "loss"
    found = call(net, net.loss_and_gradient, case)
    agree("loss_and_gradient", found, expected.loss, tolerance, dtype)
    v = net.Weights(**{name: array.astype(dtype) for name, array in direction.items()})
    found = call(net, net.hessian_product, case, direction=v)
    agree("hessian_product", (0.0, found), expected.product, tolerance, dtype)
    one = {"X_s": case.batch.X_s[0], "Y_s": case.batch.Y_s[0], "steps": case.setting.steps + 1}
    found = call(net, net.adapt, case, **one)
    agree("adapt", (0.0, found), expected.adapted, tolerance, dtype)


def compare(net: Any, case: Case) -> None:
    """Everything that a package computes, in float64 and in float32, of the same numbers."""
    rng = np.random.default_rng(1)
    shapes = {name: array.shape for name, array in case.weights.items()}
    direction = {name: single(rng.normal(size=shape)) for name, shape in shapes.items()}
    expected = expected_of(case, direction)
    for dtype, tolerance in ((np.float64, TOLERANCE), (np.float32, SINGLE)):
        compare_meta_gradients(net, case.cast(dtype), expected, tolerance)
        compare_inner(net, case.cast(dtype), direction, expected, tolerance)


# --- that they agree ---


@pytest.mark.parametrize("name", ["linear", "relu2", *OTHERS])
def test_a_committed_package_is_the_oracle(name: str) -> None:
    net = network(name)
    compare(net, case(Setting(**net.NETWORK._asdict())))


NORMALISED = [
    Setting(2, "relu", 1, "cross_entropy", normalised=True),
    Setting(1, "tanh", 2, "cross_entropy", "meta_sgd", normalised=True),
]


@pytest.mark.parametrize("setting", NORMALISED, ids=identity)
def test_a_normalised_package_is_the_oracle(
    setting: Setting, package: Callable[[Setting], Any]
) -> None:
    net = package(setting)
    assert net.NETWORK._asdict() == setting._asdict()
    assert not hasattr(net, "workspace")
    compare(net, case(setting))


@pytest.mark.usefixtures("by_operation")
@pytest.mark.parametrize("setting", TAKEN, ids=identity)
def test_a_package_of_the_family_is_the_oracle(
    setting: Setting, package: Callable[[Setting], Any]
) -> None:
    net = package(setting)
    asked = {name: getattr(setting, name) for name in net.NETWORK._fields}
    assert net.NETWORK._asdict() == asked
    compare(net, case(setting))
    order = ["weights", *(["rates"] if hasattr(net, "Rates") else []), "X_s", "Y_s", "X_q", "Y_q"]
    algorithm = oracle.ALGORITHMS[setting.algorithm]
    order += ["alpha"] * (algorithm.rate is None) + ["lam"] * setting.penalty
    order += ["tau"] * setting.task_weights + ["omegas"] * algorithm.multi_step
    assert list(inspect.signature(net.meta_loss_and_gradient).parameters) == order


@pytest.mark.parametrize("setting", TAKEN[: DRAWN // 2], ids=identity)
def test_one_output_one_unit_one_row(setting: Setting, package: Callable[[Setting], Any]) -> None:
    net = package(setting)

    @settings(max_examples=25)
    @given(
        tasks=st.integers(1, 3),
        shots=st.integers(1, 3),
        queries=st.integers(1, 3),
        sizes=st.tuples(*[st.integers(1, 3)] * (setting.hidden + 2)),
        context=st.integers(1, 3),
        seed=st.integers(0, 10**6),
    )
    def forms_agree(**numbers: Any) -> None:
        given = case(setting, **numbers)
        expected = call(net, net.reference.meta_loss_and_gradient, given)
        arrays = (expected[0], *(group._asdict() for group in expected[1:]))
        for form, function in forms(net, given):
            agree(form, call(net, function, given), arrays, TOLERANCE)

    forms_agree()
    ones = [1] * (setting.hidden + 2)
    compare(net, case(setting, tasks=1, shots=1, queries=1, sizes=ones, context=1))


@pytest.mark.parametrize("loss", LOSSES)
def test_conjugate_gradients_give_the_implicit_gradient(
    loss: str, package: Callable[[Setting], Any]
) -> None:
    """At the optimum of the inner problem: arXiv:1909.04630, algorithm 2."""
    setting, lam = Setting(1, "tanh", 1, loss), 3.0
    net, numbers = package(setting), case(setting, shots=3, queries=3, sizes=(2, 3, 2))
    weights, batch = net.Weights(**numbers.weights), [array[:2] for array in numbers.batch]
    given: Any = (weights, *batch, 0.2, lam, 400)
    found = implicit_meta_loss_and_gradient(net, *given)
    of_tasks = []
    for at in range(2):
        one = Task(*(array[at] for array in batch))
        *expected, left = oracle.implicit_gradient(setting, numbers.weights, one, lam)
        assert np.abs(left).max() < 1e-13
        of_tasks.append(expected)
    mean = np.mean([value for value, _ in of_tasks])
    gradient = {
        name: np.mean([each[name] for _, each in of_tasks], axis=0) for name in numbers.weights
    }
    agree("implicit gradient", found, (mean, gradient), TOLERANCE)

    def twice(phi: Any, v: Any, *data: np.ndarray) -> Any:
        return net.Weights(*(2 * each for each in net.hessian_product(phi, v, *data)))

    broken = SimpleNamespace(loss_and_gradient=net.loss_and_gradient, hessian_product=twice)
    wrong = implicit_meta_loss_and_gradient(broken, *given)
    with pytest.raises(AssertionError, match=" away"):
        agree("implicit gradient", wrong, (mean, gradient), TOLERANCE)


def test_what_implicit_adaptation_refuses(package: Callable[[Setting], Any]) -> None:
    setting = Setting(1, "tanh", 1, "squared")
    net, numbers = package(setting), case(setting, shots=3, queries=3, sizes=(2, 3, 2))
    call: Any = implicit_meta_loss_and_gradient
    given: Any = (net, net.Weights(**numbers.weights), *numbers.batch)
    with pytest.raises(ValueError, match=r"^lam is 0.0; without it"):
        call(*given, 0.1, 0.0, 5)
    with pytest.raises(ValueError, match=r"^steps is -1; it must be a whole number"):
        call(*given, 0.1, 1.0, -1)

    def concave(phi: Any, v: Any, *_: np.ndarray) -> Any:
        return type(phi)(*(-2 * each for each in v))

    net = SimpleNamespace(loss_and_gradient=net.loss_and_gradient, hessian_product=concave)
    with pytest.raises(ValueError, match=r"^lam is too small: the curvature"):
        call(net, *given[1:], 0.1, 1.0, 5)


def test_the_oracle_knows_the_whole_family() -> None:
    assert set(ALGORITHMS) == set(oracle.ALGORITHMS)
    assert set(LOSSES) == set(oracle.LOSSES)
    assert set(ACTIVATIONS) == set(oracle.ACTIVATIONS)


def test_all_are_all() -> None:
    whole = every()
    algorithms, losses, activations = oracle.ALGORITHMS, oracle.LOSSES, oracle.ACTIVATIONS
    met = {(each.algorithm, each.loss, each.activation) for each in whole}
    assert met == set(product(algorithms, losses, activations))
    several = {(each.algorithm, each.loss) for each in whole if each.steps > 1}
    assert several == set(product(algorithms, losses))
    assert {each.activation for each in whole if each.steps > 1} == set(activations)
    assert [named(identity(each)) for each in whole] == whole


# --- that a wrong gradient is found ---


def wrong(setting: Setting, change: Callable[[Case], Any]) -> None:
    """Hold what the oracle makes of a changed case against what it makes of the case."""
    right = case(setting)
    value, *groups = change(right)
    named = [tuple_of(group) for group in groups if group]
    expected = oracle.meta_loss_and_gradient(*right)
    agree("right", (expected[0], *(tuple_of(g) for g in expected[1:] if g)), expected, TOLERANCE)
    with pytest.raises(AssertionError, match=" away"):
        agree("wrong", (expected[0], *named), expected, TOLERANCE)
    assert np.isfinite(value)


def tuple_of(group: dict[str, Any]) -> Any:
    fields = NamedTuple("Fields", [(name, Any) for name in group])  # type: ignore[misc]
    return fields(**group)


def scaled(factor: float) -> Callable[[Case], Any]:
    """A factor that is missing in the gradient of the weights."""

    def change(right: Case) -> Any:
        value, weights, rates = oracle.meta_loss_and_gradient(*right)
        return value, {name: factor * array for name, array in weights.items()}, rates

    return change


def without(name: str) -> Callable[[Case], Any]:
    """A gradient that was forgotten."""

    def change(right: Case) -> Any:
        value, weights, rates = oracle.meta_loss_and_gradient(*right)
        return value, {**weights, name: np.zeros_like(weights[name])}, rates

    return change


def shared(right: Case) -> Any:
    """One set of rates for all steps, instead of one a step."""
    first = {name: np.broadcast_to(each[:1], each.shape) for name, each in right.rates.items()}
    return oracle.meta_loss_and_gradient(*right._replace(rates=first))


def with_scalars(**scalars: Any) -> Callable[[Case], Any]:
    """Other numbers than those of the call."""
    return lambda right: oracle.meta_loss_and_gradient(
        *right._replace(scalars=right.scalars._replace(**scalars))
    )


def first_order(right: Case) -> Any:
    """The inner gradients held constant."""
    return oracle.meta_loss_and_gradient(*right, first_order=True)


MISTAKES: dict[str, tuple[Setting, Callable[[Case], Any]]] = {
    "a sum over tasks": (Setting(1), scaled(TASKS)),
    "a sum over outputs": (Setting(1, loss="huber"), scaled(OUTPUTS)),
    "a factor of one part in a million": (Setting(1), scaled(1 + 1e-6)),
    "the first order": (Setting(1, "gelu", 2), first_order),
    "shared rates, an entry": (Setting(1, "tanh", 2, algorithm="recipe"), shared),
    "shared rates, a layer": (Setting(1, "tanh", 2, algorithm="maml_plus_plus"), shared),
    "rates that take no derivative": (
        Setting(1, "tanh", algorithm="meta_sgd"),
        lambda right: (*oracle.meta_loss_and_gradient(*right)[:2], {
            name: np.zeros_like(each) for name, each in right.rates.items()
        }),
    ),
    "a forgotten V1": (Setting(1, "sin", 2, algorithm="cavia"), without("V1")),
    "a forgotten bias": (Setting(1, "elu"), without("b2")),
    "no penalty": (Setting(1, "tanh", penalty=True), with_scalars(lam=0.0)),
    "equal weights of steps": (
        Setting(1, "tanh", 2, algorithm="recipe"), with_scalars(omegas=(0.5, 0.5))
    ),
    "the mean over tasks": (
        Setting(1, "tanh", task_weights=True), with_scalars(tau=np.full(TASKS, 1 / TASKS))
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_wrong_gradient_is_found(name: str) -> None:
    wrong(*MISTAKES[name])


def test_another_shape_dtype_or_name_is_found() -> None:
    right = case(Setting(1))
    value, weights, _ = expected = oracle.meta_loss_and_gradient(*right)
    for group, match in (
        ({**weights, "b1": weights["b1"][0]}, "b1 is"),
        ({**weights, "W2": weights["W2"].astype(np.float32)}, "W2 is float32"),
        ({name: weights[name] for name in list(weights)[1:]}, "wrong: "),
    ):
        with pytest.raises(AssertionError, match=match):
            agree("wrong", (value, tuple_of(group)), expected, 1)
    with pytest.raises(AssertionError, match="2 groups, not 1"):
        agree("wrong", (value, tuple_of(weights), tuple_of(weights)), expected, 1)
    with pytest.raises(AssertionError, match="loss"):
        agree("wrong", (value * 2, tuple_of(weights)), expected, TOLERANCE)
