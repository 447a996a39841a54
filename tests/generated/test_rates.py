"""Learned step sizes, weights of losses and classes, through the functions of a package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from derive.model.network import Network
from derive.package.derivation import derive
from derive.package.modules import files_of, runtime_files
from tests.conftest import Problem, import_from, problem

SIZES, STEPS = (2, 5, 3), 2
OMEGAS = (0.25, 0.75)


def imported(folder: Path, network: Network) -> Any:
    """A package of one's own, imported from a folder."""
    name = f"{network.algorithm}_{network.loss}"
    files = files_of(derive(name, network), ".runtime")
    files |= {f"runtime/{each}": text for each, text in runtime_files().items()}
    for each, text in files.items():
        path = folder / name / each
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return import_from(folder / name, name)


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A rate an entry and step, a multi-step loss of classes."""
    network = Network(1, "tanh", STEPS, loss="cross_entropy", algorithm="recipe")
    return imported(tmp_path_factory.mktemp("recipe"), network)


@pytest.fixture(scope="module")
def layers(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A rate a layer and step, squares."""
    network = Network(1, "tanh", STEPS, algorithm="maml_plus_plus")
    return imported(tmp_path_factory.mktemp("layers"), network)


@pytest.fixture(scope="module")
def entries(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A rate an entry, the same in every step."""
    network = Network(1, "tanh", STEPS, algorithm="meta_sgd")
    return imported(tmp_path_factory.mktemp("entries"), network)


def drawn(net: Any, seed: int = 0) -> tuple[Problem, Any]:
    """A problem, and step sizes of either sign."""
    p, rng = problem(net, seed, sizes=SIZES), np.random.default_rng(seed + 1)
    if net.NETWORK.loss == "cross_entropy":
        p = p._replace(Y_s=np.abs(p.Y_s), Y_q=np.abs(p.Y_q))
    rates = net.initial_rates(p.weights, 0.1)
    return p, net.Rates(*(each * rng.normal(size=each.shape) for each in rates))


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("recipe", {"W1": (2, 2, 5), "b1": (2, 1, 5), "W2": (2, 5, 3), "b2": (2, 1, 3)}),
        ("layers", {"layer1": (2,), "layer2": (2,)}),
        ("entries", {"W1": (2, 5), "b1": (1, 5), "W2": (5, 3), "b2": (1, 3)}),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_step_sizes_begin_with_one_number(
    name: str, shapes: dict[str, tuple[int, ...]], dtype: Any, request: pytest.FixtureRequest
) -> None:
    net = request.getfixturevalue(name)
    p = problem(net, sizes=SIZES).cast(dtype)
    rates = net.initial_rates(p.weights, 0.25)
    assert {field: each.shape for field, each in rates._asdict().items()} == shapes
    for each in rates:
        assert each.dtype == dtype
        assert (each == 0.25).all()
        assert each.flags.writeable
    for wrong in (-0.1, np.nan, "0.1"):
        with pytest.raises(ValueError, match=r"^alpha is .*; it must be a finite number, at least"):
            net.initial_rates(p.weights, wrong)


def stepped(net: Any, p: Problem, rates: Any, sets: list[int]) -> Any:
    """Steps from the gradients, each with a set of step sizes."""
    weights = p.weights
    for at in sets:
        gradient = net.loss_and_gradient(weights, p.X_s[0], p.Y_s[0])[1]
        if net.NETWORK.algorithm == "maml_plus_plus":
            scales = [layer[at] for layer in rates for _ in "Wb"]
        else:
            scales = [each[at] if net.NETWORK.algorithm == "recipe" else each for each in rates]
        weights = net.Weights(
            *(w - a * g for w, a, g in zip(weights, scales, gradient, strict=True))
        )
    return weights


@pytest.mark.parametrize("steps", [0, 1, 2, 4])
@pytest.mark.parametrize("name", ["recipe", "layers", "entries"])
def test_beyond_the_sets_the_last_one_goes_on(
    name: str, steps: int, request: pytest.FixtureRequest
) -> None:
    net = request.getfixturevalue(name)
    p, rates = drawn(net)
    found = net.adapt(p.weights, rates, p.X_s[0], p.Y_s[0], steps=steps)
    expected = stepped(net, p, rates, [0, 1, 1, 1][:steps])
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", ["recipe", "layers", "entries"])
def test_without_a_number_of_steps_there_are_as_many_as_there_are_sets(
    name: str, request: pytest.FixtureRequest
) -> None:
    net = request.getfixturevalue(name)
    p, rates = drawn(net)
    plain = net.adapt(p.weights, rates, p.X_s[0], p.Y_s[0])
    counted = net.adapt(
        p.weights, rates, p.X_s[0], p.Y_s[0], steps=STEPS if name != "entries" else 1
    )
    for ours, theirs in zip(plain, counted, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_last_loss_alone_is_the_loss_after_adaptation(layers: Any) -> None:
    p, rates = drawn(layers)
    found = layers.meta_loss(p.weights, rates, *p[1:], omegas=[0, 1])
    losses = []
    for X_s, Y_s, X_q, Y_q in zip(*p[1:], strict=True):
        adapted = layers.adapt(p.weights, rates, X_s, Y_s, steps=STEPS)
        losses.append(layers.loss(adapted, X_q, Y_q))
    assert found == pytest.approx(np.mean(losses), rel=1e-12)


def test_wrong_arguments_are_named(recipe: Any) -> None:
    p, rates = drawn(recipe)
    for function in (
        recipe.meta_loss,
        recipe.meta_loss_and_gradient,
        recipe.first_order_meta_loss_and_gradient,
        recipe.reference.meta_loss_and_gradient,
    ):
        for wrong, message in (
            (
                (rates[:1], *p[1:], OMEGAS),
                r"^rates is a tuple; it must be Rates\(W1, b1, W2, b2\)$",
            ),
            (
                (rates._replace(W1=rates.W1[:1]), *p[1:], OMEGAS),
                r"^rates.W1 is float64 \(1, 2, 5\)",
            ),
            (
                (rates, *p[1:], OMEGAS[:1]),
                r"^omegas is \(0.25,\); it must be 2 numbers, one a step$",
            ),
            ((rates, p.X_s, -p.Y_s, *p[3:], OMEGAS), "^Y_s is negative or not finite"),
            ((rates, *p[1:4], p.Y_q * np.inf, OMEGAS), "^Y_q is negative or not finite"),
            (
                (rates, p.X_s, np.full(p.Y_s.shape[:2], 3), *p[3:], OMEGAS),
                "^Y_s has the class 3; it must be from 0 to 2$",
            ),
        ):
            with pytest.raises(ValueError, match=message):
                function(p.weights, *wrong)
    with pytest.raises(ValueError, match=r"^rates is a tuple; it must be Rates"):
        recipe.adapt(p.weights, rates[:2], p.X_s[0], p.Y_s[0])
    with pytest.raises(ValueError, match=r"^rates.b2 is not finite"):
        recipe.adapt(p.weights, rates._replace(b2=rates.b2 * np.inf), p.X_s[0], p.Y_s[0])
    with pytest.raises(ValueError, match=r"^direction is a NoneType; it must be like the weights$"):
        recipe.hessian_product(p.weights, None, p.X_s[0], p.Y_s[0])


def test_classes_are_rows_with_a_single_1(recipe: Any) -> None:
    p, rates = drawn(recipe)
    rng = np.random.default_rng(2)
    numbers = [rng.integers(0, SIZES[-1], size=Y.shape[:2]) for Y in (p.Y_s, p.Y_q)]
    rows = [np.eye(SIZES[-1])[each] for each in numbers]
    found, expected = (
        recipe.meta_loss_and_gradient(p.weights, rates, p.X_s, Y_s, p.X_q, Y_q, OMEGAS)
        for Y_s, Y_q in (numbers, rows)
    )
    assert found[0] == expected[0]
    for ours, theirs in zip((*found[1], *found[2]), (*expected[1], *expected[2]), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    for function, before in (
        (recipe.loss, (p.weights,)),
        (recipe.loss_and_gradient, (p.weights,)),
        (recipe.hessian_product, (p.weights, p.weights)),
        (recipe.adapt, (p.weights, rates)),
    ):
        ours, theirs = (function(*before, p.X_s[0], Y[0]) for Y in (numbers[0], rows[0]))
        assert str(ours) == str(theirs)
