"""What is trained, against the definitions of the papers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from docs.experiment import gradcheck
from docs.experiment.adam import Adam
from docs.experiment.command import Refusal
from docs.experiment.evaluate import STEPS, Run, errors_by_step, load_run
from docs.experiment.methods import METHODS, Objective, angle_of, initial_of
from docs.experiment.networks import flatten, load_network
from docs.experiment.randomness import stream
from docs.experiment.recipes import Recipe, overridden
from docs.experiment.train import fresh, go_on, outer_loop
from docs.sinusoid.family import BY_METHOD, SINUSOIDS
from tests.docs.experiment.trainings import OF_TASKS

if TYPE_CHECKING:
    from docs.experiment.family import Batch

FLOAT64 = np.dtype(np.float64)


NET = load_network("relu2")


SMALL = Recipe(hidden=(5, 4), meta_batch=3, shots=4, queries=6, dtype="float64")


#: By method, a recipe that its network fits.
OWN = {recipe.methods[0]: recipe for recipe in BY_METHOD.values()}


def small(method: str) -> Recipe:
    """The recipe of a method in the sizes of `SMALL`."""
    sizes = {name: getattr(SMALL, name) for name in ("hidden", "meta_batch", "shots", "queries")}
    return replace(OWN[method], **sizes, dtype="float64")


def prepared(recipe: Recipe, method: str) -> tuple[Any, Objective, Iterator[Batch]]:
    """A workspace with initial weights, an objective, and meta-batches for it."""
    sizes = (recipe.meta_batch, recipe.shots, recipe.queries)
    net, told = load_network(recipe.network), METHODS[method].told
    ws = net.workspace(SINUSOIDS.layers(recipe.hidden, told), *sizes, FLOAT64)
    flatten(initial_of(SINUSOIDS, recipe, 0, method).arrays, ws.parameters)
    batches = SINUSOIDS.batches(stream(0, 1), *sizes, FLOAT64, told=told)
    return ws, METHODS[method].objective(net, ws, recipe), batches


def flat(gradient: Any) -> Any:
    return np.concatenate([array.ravel() for array in gradient])


@pytest.mark.parametrize("method", OF_TASKS)
def test_fifty_steps_lower_the_loss(method: str) -> None:
    recipe = replace(OWN[method], dtype="float64")
    ws, objective, batches = prepared(recipe, method)
    adam, good = Adam(ws.parameters), ws.parameters.copy()
    losses = list(islice(outer_loop(objective, ws, adam, recipe, repeat(next(batches)), good), 50))
    assert losses[-1] < 0.95 * losses[0]


@pytest.mark.parametrize("method", sorted({*OF_TASKS} - {"first-order", "reptile"}))
def test_a_gradient_is_that_of_its_loss(method: str) -> None:
    # Of the directions of the other two there is no loss: their definitions are other tests.
    ws, objective, batches = prepared(small(method), method)
    batch = next(batches)
    objective(batch, 0)
    gradient, (weights, rates) = ws.gradient.copy(), initial_of(SINUSOIDS, small(method), 0, method)

    def moved(weights: Any, rates: Any) -> float:
        flatten([*weights, *(rates or ())], ws.parameters)
        return float(objective(batch, 0))

    of_weights = gradcheck.central_difference(lambda w: moved(w, rates), weights)
    of_rates = rates and gradcheck.central_difference(lambda r: moved(weights, r), rates)
    expected = flat([*of_weights, *(of_rates or ())])
    assert gradcheck.relative_error(gradient, expected) < 1e-5


def test_first_order_maml_leaves_the_second_order_out() -> None:
    second, first = (prepared(SMALL, method) for method in ("maml", "first-order"))
    batch = next(second[2])
    assert second[1](batch, 0) == pytest.approx(first[1](batch, 0), rel=1e-12)
    expected = NET.first_order_meta_loss_and_gradient(first[0].weights, *batch, SMALL.alpha)[1]
    np.testing.assert_array_equal(first[0].gradient, flat(expected))
    assert gradcheck.relative_error(first[0].gradient, second[0].gradient) > 1e-3


def test_joint_training_is_joint() -> None:
    # Its gradient is the mean of the inner gradients of the tasks, each over all its points.
    ws, objective, batches = prepared(SMALL, "joint")
    batch = next(batches)
    loss = objective(batch, 0)
    X, Y = (
        np.concatenate([s, q], axis=1) for s, q in ((batch.X_s, batch.X_q), (batch.Y_s, batch.Y_q))
    )
    alone = [NET.loss_and_gradient(ws.weights, x, y) for x, y in zip(X, Y, strict=True)]
    assert loss == pytest.approx(np.mean([each for each, _ in alone]))
    np.testing.assert_allclose(ws.gradient, np.mean([flat(each) for _, each in alone], axis=0))


def test_the_oracle_is_joint_training_with_the_answer() -> None:
    ws, objective, batches = prepared(SMALL, "oracle")
    assert ws.weights.W1.shape == (3, 5)
    assert METHODS["oracle"].objective is METHODS["joint"].objective
    assert np.isfinite(objective(next(batches), 0))


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_reptile_is_its_definition(steps: int) -> None:
    # arXiv 1803.02999, algorithm 2: the mean of where k steps lead, minus the start; over the
    # inner step size it is a gradient (section 3), written out here from the losses alone.
    recipe = replace(SMALL, reptile_steps=steps)
    ws, objective, batches = prepared(recipe, "reptile")
    batch = next(batches)
    objective(batch, 0)
    summed = []
    for X_s, Y_s, X_q, Y_q in zip(*batch, strict=True):
        weights, gradients = ws.weights, []
        for step in range(steps):
            X, Y = [(X_s, Y_s), (X_q, Y_q)][step % 2]
            gradient = gradcheck.central_difference(
                lambda w, X=X, Y=Y: NET.loss(w, X, Y),  # type: ignore[misc]
                weights,
            )
            gradients.append(flat(gradient))
            weights = NET.Weights(
                *(w - recipe.alpha * g for w, g in zip(weights, gradient, strict=True))
            )
        summed.append(np.sum(gradients, axis=0))
    assert gradcheck.relative_error(ws.gradient, np.mean(summed, axis=0)) < 1e-5


def test_reptile_with_one_step_is_joint_training_on_the_support_sets() -> None:
    ws, objective, batches = prepared(replace(SMALL, reptile_steps=1), "reptile")
    batch = next(batches)
    loss = objective(batch, 0)
    X, Y = batch.X_s.reshape(-1, 1), batch.Y_s.reshape(-1, 1)
    expected_loss, expected = NET.loss_and_gradient(ws.weights, X, Y)
    assert loss == pytest.approx(expected_loss)
    np.testing.assert_allclose(ws.gradient, flat(expected), rtol=1e-9, atol=1e-12)


def test_a_context_is_drawn_after_the_weights() -> None:
    recipe = replace(small("cavia"), context=3)
    maml, cavia = (
        initial_of(SINUSOIDS, each, 0, "cavia").weights for each in (small("maml"), recipe)
    )
    for ours, theirs in zip(cavia, maml, strict=False):
        np.testing.assert_array_equal(ours, theirs)
    met = cavia._asdict()["V1"]
    assert met.shape == (3, recipe.hidden[0])
    bound = np.sqrt(6 / (3 + recipe.hidden[0]))  # as of a layer with the context as its inputs
    assert 0.5 * bound < np.abs(met).max() <= bound


def test_a_run_has_the_context_of_its_recipe(tmp_path: Path) -> None:
    recipe = replace(small("cavia"), context=3, iterations=2)
    state, _ = go_on(tmp_path, fresh(SINUSOIDS, recipe, 0, {}), 10, quiet=True)
    assert not state.stopped
    run = load_run(SINUSOIDS, tmp_path)
    before, after = (run.starts[name].weights._asdict()["V1"] for name in ("random", "cavia"))
    assert before.shape == after.shape == (3, recipe.hidden[0])
    assert not np.array_equal(before, after)


def test_every_method_that_can_be_trained_has_a_recipe() -> None:
    assert set(OWN) == set(OF_TASKS)
    for recipe in OWN.values():
        assert overridden(recipe, {}) == recipe
    # Where a row names an algorithm, another network is refused.
    for name in OF_TASKS:
        method = METHODS[name]
        other = "anil" if method.algorithm != "anil" else "boil"
        if method.algorithm is None:
            overridden(OWN[name], {"network": other})
        else:
            with pytest.raises(Refusal, match=f"network is {other}, of the algorithm {other}"):
                overridden(OWN[name], {"network": other, "step_weights": "last"})


def test_methods_start_from_the_same_weights() -> None:
    maml, joint, oracle = (
        initial_of(SINUSOIDS, SMALL, 3, name).weights for name in ("maml", "joint", "oracle")
    )
    for ours, theirs in zip(maml, joint, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert oracle[0].shape == (3, 5)
    assert not np.array_equal(initial_of(SINUSOIDS, SMALL, 4, "maml").weights[0], maml[0])


def test_the_angle_is_that_of_the_two_gradients() -> None:
    ws, _, batches = prepared(SMALL, "maml")
    batch = next(batches)
    # Without a step there is no second order.
    assert angle_of(NET, ws.weights, *batch, 0.0) == pytest.approx(0, abs=1e-5)
    angle = angle_of(NET, ws.weights, *batch, 0.05)
    second, first = (
        flat(function(ws.weights, *batch, 0.05)[1])
        for function in (NET.meta_loss_and_gradient, NET.first_order_meta_loss_and_gradient)
    )
    across = second - first * (second @ first) / (first @ first)
    assert np.sin(np.radians(angle)) == pytest.approx(
        np.linalg.norm(across) / np.linalg.norm(second)
    )


def test_errors_are_measured_before_and_after_every_step() -> None:
    start = initial_of(SINUSOIDS, SMALL, 0, "maml")
    X_s, Y_s, X, Y = (each[0] for each in SINUSOIDS.unseen(0, 2, 4, FLOAT64))
    run = Run(SINUSOIDS, SMALL, 0, {"maml": start})
    errors = errors_by_step(run, "maml", X_s, Y_s, X, Y)
    assert len(errors) == STEPS + 1 == 11
    for steps in (0, 1, 10):
        adapted = NET.adapt(start.weights, X_s, Y_s, 0.01, steps=steps)
        assert errors[steps] == pytest.approx(np.mean((NET.predict(adapted, X) - Y) ** 2))
