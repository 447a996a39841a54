"""Weights and learned rates are trained, kept and used together, in the place of a package."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import wraps
from itertools import islice, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from docs.experiment import checkpoint, evaluate, gauss_newton, gradcheck, train
from docs.experiment.adam import Adam
from docs.experiment.checkpoint import CURRENT, packed, unpacked
from docs.experiment.command import Refusal
from docs.experiment.evaluate import STEPS, Run, errors_by_step, load_run
from docs.experiment.methods import METHODS, angle_of, arguments, initial_of, parameters_of
from docs.experiment.networks import flatten, load_network
from docs.experiment.parameters import Parameters, load_parameters, save_parameters
from docs.experiment.randomness import stream
from docs.experiment.recipes import Recipe, overridden
from docs.experiment.train import outer_loop
from docs.sinusoid.family import SINUSOIDS
from docs.sinusoid.plot.error_map import cell
from docs.sinusoid.plot.examples import example, predictions
from docs.sinusoid.tasks import batches
from tests.docs.experiment import learned as stand_in
from tests.docs.experiment.trainings import results

if TYPE_CHECKING:
    from docs.experiment.family import Batch

pytestmark = pytest.mark.usefixtures("learned")

SMALL = Recipe(
    network="relu1",
    hidden=(3,),
    methods=("recipe", "joint"),
    iterations=8,
    meta_batch=2,
    shots=4,
    queries=5,
    alpha=0.02,
    schedule="cosine",
    clip=0.5,
    step_weights="annealed",
    dtype="float64",
)
FLAGS = [
    "--methods",
    "recipe",
    "joint",
    "--network",
    "relu1",
    "--hidden",
    "3",
    "--iterations",
    "8",
    "--meta-batch",
    "2",
]
FLAGS += ["--shots", "4", "--queries", "5", "--alpha", "0.02", "--schedule", "cosine"]
FLAGS += ["--clip", "0.5", "--step-weights", "annealed", "--dtype", "float64", "--quiet"]
FLOAT64 = np.dtype(np.float64)
#: Of 1-3-1 units, and of as many rates for each of two steps.
WEIGHTS, RATES = 10, 20


def some() -> Parameters:
    """Parameters that are all different, with negative rates."""
    like = initial_of(SINUSOIDS, SMALL, 0, "maml")
    return like.filled(np.linspace(0.03, -0.03, WEIGHTS + RATES))


def batch() -> Batch:
    return next(batches(stream(0, 1), 2, 4, 5, FLOAT64))


def in_training(method: str, recipe: Recipe = SMALL) -> tuple[Any, Any]:
    """A workspace where a method begins, and its objective."""
    ws = stand_in.workspace((1, 3, 1), 2, 4, 5, FLOAT64)
    flatten(initial_of(SINUSOIDS, recipe, 0, method).arrays, ws.parameters)
    return ws, METHODS[method].objective(load_network("relu1"), ws, recipe)


# --- the value ---


def test_a_vector_has_the_weights_and_then_the_rates() -> None:
    parameters = some()
    assert parameters.rates is not None
    vector = np.concatenate([array.ravel() for array in parameters.arrays])
    np.testing.assert_array_equal(vector, np.linspace(0.03, -0.03, WEIGHTS + RATES))
    assert [array.shape for array in parameters.weights] == [(1, 3), (1, 3), (3, 1), (1, 1)]
    assert parameters.rates._asdict()["W2"].shape == (2, 3, 1)
    again = parameters_of(SINUSOIDS, SMALL, "maml", vector)
    assert list(again.named) == list(parameters.named)
    for name, array in again.named.items():
        np.testing.assert_array_equal(array, parameters.named[name])


def test_learned_rates_begin_as_the_step_size() -> None:
    parameters = initial_of(SINUSOIDS, SMALL, 0, "maml")
    assert parameters.rates is not None
    assert all((rate == 0.02).all() for rate in parameters.rates)
    assert len(train.fresh(SINUSOIDS, SMALL, 0, {}).parameters) == WEIGHTS + RATES


def test_learned_rates_stand_before_the_data_and_a_given_one_after() -> None:
    parameters, data = some(), (np.ones(1), np.zeros(1))
    assert parameters.arguments(data, 0.5) == (parameters.weights, parameters.rates, *data)
    given = Parameters(parameters.weights)
    assert given.arguments(data, 0.5) == (parameters.weights, *data, 0.5)
    assert given.arrays == list(parameters.weights)


def test_rates_are_saved_beside_the_weights(tmp_path: Path) -> None:
    parameters, path = some(), tmp_path / "maml.npz"
    save_parameters(path, parameters)
    with np.load(path) as file:
        weights = ["W1", "b1", "W2", "b2"]
        assert list(file) == [*weights, *(f"rate_{name}" for name in weights)]
        np.testing.assert_array_equal(file["rate_W2"], parameters.named["rate_W2"])
    again = load_parameters(path, initial_of(SINUSOIDS, SMALL, 1, "maml"))
    assert again.rates is not None
    assert any((rate < 0).any() for rate in again.rates)  # a learned rate may be
    for name, array in again.named.items():
        np.testing.assert_array_equal(array, parameters.named[name])


def test_files_without_rates_or_with_others_are_refused(tmp_path: Path) -> None:
    parameters, path = some(), tmp_path / "maml.npz"
    save_parameters(path, Parameters(parameters.weights))
    with pytest.raises(Refusal, match=r"holds W1, W2, b1, b2; .* b2, rate_W1, rate_b1, rate_W2"):
        load_parameters(path, parameters)
    assert parameters.rates is not None
    one_step = type(parameters.rates)(*(rate[:1] for rate in parameters.rates))
    save_parameters(path, Parameters(parameters.weights, one_step))
    with pytest.raises(Refusal, match=r"rate_W1 is float64 \(1, 1, 3\); it must be float64 \(2, 1"):
        load_parameters(path, parameters)
    parameters.rates[3][:] = np.nan
    save_parameters(path, parameters)
    with pytest.raises(Refusal, match="rate_b2 is not finite; it must be"):
        load_parameters(path, parameters)
    save_parameters(path, some())
    with pytest.raises(Refusal, match=r"holds .* it must be a \.npz file with the arrays W1"):
        load_parameters(path, Parameters(parameters.weights))


def test_a_step_later_the_next_rates_are_the_first() -> None:
    weights = some().weights
    entries = [np.stack([k + np.zeros_like(w) for k in range(3)]) for w in weights]
    layers = [np.arange(3.0), np.arange(3.0)]
    for rates in (entries, layers):
        per_step = Parameters(weights, stand_in.Rates(*rates, *rates[: 4 - len(rates)]))  # type: ignore[arg-type]
        for expected in ([1, 2, 2], [2, 2, 2], [2, 2, 2]):
            per_step = per_step.after(weights)
            assert per_step.rates is not None
            for rate, before in zip(per_step.rates, rates, strict=False):
                assert rate.shape == before.shape
                assert [each.flat[0] for each in rate] == expected
    # One an entry, the same at all steps.
    assert Parameters(weights, weights).after(weights).rates == weights
    assert Parameters(weights).after(weights) == Parameters(weights)


# --- training ---


@pytest.mark.parametrize(
    ("schedule", "progress", "omegas"),
    [
        ("last", 0.0, [0, 1]),
        ("uniform", 0.9, [0.5, 0.5]),
        ("annealed", 0.0, [0.5, 0.5]),
        ("annealed", 0.25, [0.25, 0.75]),
        ("annealed", 0.5, [0, 1]),
    ],
)
@pytest.mark.parametrize("method", ["maml", "first-order"])
def test_the_loss_weighs_the_steps_as_training_goes_on(
    method: str, schedule: str, progress: float, omegas: list[float]
) -> None:
    ws, objective = in_training(method, replace(SMALL, step_weights=schedule))
    expected = stand_in.meta_loss(ws.weights, ws.rates, *batch(), omegas)
    assert objective(batch(), progress) == pytest.approx(expected, rel=1e-14)


def test_first_order_leaves_both_gradients() -> None:
    ws, objective = in_training("first-order")
    objective(batch(), 0)
    _, *expected = stand_in.first_order_meta_loss_and_gradient(
        ws.weights, ws.rates, *batch(), [0.5, 0.5]
    )
    flat = np.concatenate([array.ravel() for each in expected for array in each])
    np.testing.assert_array_equal(ws.gradient, flat)
    assert np.abs(ws.gradient[WEIGHTS:]).max() > 0


def test_one_adam_trains_weights_and_rates() -> None:
    ws, objective = in_training("maml")
    start, good = ws.parameters.copy(), ws.parameters.copy()
    loop = outer_loop(objective, ws, Adam(ws.parameters), SMALL, repeat(batch()), good)
    losses = list(islice(loop, 8))
    assert losses[-1] < losses[0]
    moved = ws.parameters != start
    assert moved[:WEIGHTS].mean() > 0.7
    assert moved[WEIGHTS:].mean() > 0.7
    np.testing.assert_array_equal(ws.rates.W1.ravel(), ws.parameters[WEIGHTS : WEIGHTS + 6])


def test_joint_training_leaves_the_rates() -> None:
    ws, objective = in_training("joint")
    ws.gradient[:] = 7  # of an earlier call
    objective(batch(), 0)
    assert np.abs(ws.gradient[:WEIGHTS]).max() > 0
    np.testing.assert_array_equal(ws.gradient[WEIGHTS:], 0)


def test_the_angle_is_that_of_the_weights() -> None:
    ws, _ = in_training("maml")
    given = arguments(load_network("relu1"), ws, SMALL)(batch(), 0.25)
    assert [*given[-1]] == [0.25, 0.75]
    net = load_network("relu1")
    second, first = (
        np.concatenate([array.ravel() for array in function(*given)[1]])
        for function in (net.meta_loss_and_gradient, net.first_order_meta_loss_and_gradient)
    )
    cosine = first @ second / np.linalg.norm(first) / np.linalg.norm(second)
    assert angle_of(net, *given) == pytest.approx(np.degrees(np.arccos(cosine)), rel=1e-6)


def test_the_angle_is_measured_with_the_weights_of_its_iteration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[float, float]] = []

    def watched(_: Any, *given: Any) -> float:
        seen.append(given[-1])
        return 45.0

    monkeypatch.setattr(train, "angle_of", watched)
    monkeypatch.setattr(train, "ANGLE_EVERY", 2)
    monkeypatch.setattr(train, "ANGLE_TASKS", 2)
    train.go_on(tmp_path, train.fresh(SINUSOIDS, SMALL, 0, {}), 10, quiet=True)
    # At 0, 2, 4 and 6 of 8 iterations.
    assert seen == [(0.5, 0.5), (0.25, 0.75), (0, 1), (0, 1)]


def ending(*arguments: Any, **options: Any) -> Iterator[Batch]:
    """Meta-batches that end too soon."""
    yield from islice(batches(*arguments, **options), 5)
    raise RuntimeError("no power")


def test_a_run_is_resumed_and_evaluated_with_its_rates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "ANGLE_TASKS", 2)  # or the finite differences take long
    cut, whole = tmp_path / "cut", tmp_path / "whole"
    stopping = replace(SINUSOIDS, batches=ending)
    assert train.main(stopping, [*FLAGS, "--checkpoint", "3", "--run", str(cut)]) == 2
    state = checkpoint.load(cut, SINUSOIDS)
    assert state is not None
    assert (state.iteration, state.recipe) == (3, SMALL)
    assert train.main(SINUSOIDS, ["--resume", "--run", str(cut), "--quiet"]) == 0
    assert train.main(SINUSOIDS, [*FLAGS, "--run", str(whole)]) == 0
    assert results(cut) == results(whole)
    loaded = load_run(SINUSOIDS, whole)
    recipe, joint, random = (loaded.starts[name] for name in ("recipe", "joint", "random"))
    for name in ("rate_W1", "rate_b2"):
        assert (recipe.named[name] != 0.02).any()
        assert (joint.named[name] == 0.02).all()
        assert (random.named[name] == 0.02).all()
    assert evaluate.main(SINUSOIDS, ["--tasks", "3", "--run", str(whole)]) == 0
    record = json.loads((whole / "evaluation.json").read_text())
    assert set(record["methods"]) == {"recipe", "joint", "random"}
    # Other rates are another run, with the same weights.
    before = record["weights"]
    save_parameters(whole / "recipe.npz", Parameters(recipe.weights, random.rates))
    assert evaluate.digest(load_run(SINUSOIDS, whole)) != before


def test_a_checkpoint_without_its_rates_is_refused(tmp_path: Path) -> None:
    state = train.fresh(SINUSOIDS, SMALL, 0, {})
    checkpoint.save(tmp_path, state)
    content = (tmp_path / CURRENT).read_bytes()
    assert packed(unpacked(content, SINUSOIDS)) == content
    state.mean = state.mean[:WEIGHTS]
    with pytest.raises(Refusal, match="has parameters of size 10; its recipe has 30"):
        unpacked(packed(state), SINUSOIDS)


# --- evaluation ---


def test_each_step_has_its_rates_and_later_ones_the_last() -> None:
    start = some()
    run = Run(SINUSOIDS, SMALL, 0, {"maml": start})
    X_s, Y_s, X, Y = (each[0] for each in SINUSOIDS.unseen(0, 2, 4, FLOAT64))
    net, weights = run.net, start.weights
    expected = [net.loss(weights, X, Y)]
    assert start.rates is not None
    for step in range(STEPS):
        gradient = net.loss_and_gradient(weights, X_s, Y_s)[1]
        rates = [rate[0 if step == 0 else 1] for rate in start.rates]
        weights = net.Weights(
            *(w - r * g for w, r, g in zip(weights, rates, gradient, strict=True))
        )
        expected.append(net.loss(weights, X, Y))
    found = errors_by_step(run, "maml", X_s, Y_s, X, Y)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert len(set(found)) == len(found)


def test_figures_take_learned_rates() -> None:
    start = some()
    run = Run(SINUSOIDS, SMALL, 0, {"maml": start})
    task = example(run, 0)
    for steps, Y in zip((0, 1, 3), predictions(run, "maml", task, (0, 1, 3)), strict=True):
        adapted = stand_in.adapt(start.weights, start.rates, task.X_s, task.Y_s, steps)
        np.testing.assert_array_equal(Y, run.net.predict(adapted, task.X))
    drawn = np.linspace(-4, 4, 4).reshape(1, 4, 1)
    other = Run(SINUSOIDS, SMALL, 0, {"maml": Parameters(start.weights, some().rates)})
    assert other.starts["maml"].rates is not None
    for rate in other.starts["maml"].rates:
        rate[0] *= 2
    assert cell(run, "maml", 2, 1, drawn) != cell(other, "maml", 2, 1, drawn)


# --- the other commands ---


def test_gradients_for_rates_are_checked(
    learned: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert gradcheck.main(SINUSOIDS, ["--network", "relu1"]) == 0
    shown = capsys.readouterr().out
    assert "meta-gradient, 2 inner steps" in shown
    assert shown.count("rate_") == 4
    right = learned.meta_loss_and_gradient

    @wraps(right)  # its arguments say that it takes omegas
    def wrong(*given: Any) -> Any:
        loss, weights, rates = right(*given)
        return loss, weights, rates._replace(b2=rates.b2[::-1])  # of the other step

    monkeypatch.setattr(learned, "meta_loss_and_gradient", wrong)
    assert gradcheck.main(SINUSOIDS, ["--network", "relu1"]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "1 failed"


def test_a_wrong_first_order_gradient_of_a_multi_step_loss_is_found(
    learned: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    right = learned.first_order_meta_loss_and_gradient
    monkeypatch.setattr(
        learned,
        "first_order_meta_loss_and_gradient",
        lambda *given: right(*given[:-1], given[-1][::-1]),  # the weights of the other steps
    )
    assert gradcheck.main(SINUSOIDS, ["--network", "relu1"]) == 1
    assert "FAILED" in capsys.readouterr().out


def test_what_needs_a_given_rate_is_refused() -> None:
    with pytest.raises(Refusal, match="relu1, of the algorithm recipe; for the method reptile it"):
        overridden(SMALL, {"methods": ("reptile",)})
    with pytest.raises(Refusal, match="relu1 learns its rates; it must be given one"):
        gauss_newton.measurable(SMALL)
