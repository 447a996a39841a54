"""Step sizes, multi-step weights and lengths of gradients, as the outer loop goes on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from docs.experiment import train
from docs.experiment.adam import Adam
from docs.experiment.methods import METHODS
from docs.experiment.networks import load_network
from docs.experiment.randomness import stream
from docs.experiment.recipes import Recipe
from docs.experiment.schedules import SCHEDULES, STEP_WEIGHTS, clipped, step_weights
from docs.sinusoid.family import SINUSOIDS
from docs.sinusoid.tasks import batches
from tests.docs.experiment.trainings import OF_TASKS, results

if TYPE_CHECKING:
    from docs.experiment.family import Batch
    from docs.experiment.networks import Array

SMALL = Recipe(
    iterations=40, hidden=(5, 4), meta_batch=3, shots=4, queries=5, methods=("maml", "joint")
)
NET = load_network("relu2")
FLOAT32 = np.dtype(np.float32)


# --- the functions ---


def test_a_cosine_goes_from_one_to_zero() -> None:
    left = [SCHEDULES["cosine"](progress) for progress in (0, 1 / 3, 0.5, 2 / 3, 1)]
    assert left == pytest.approx([1, 0.75, 0.5, 0.25, 0], abs=1e-15)
    assert left[0] == 1
    assert {SCHEDULES["constant"](progress) for progress in (0, 0.3, 1)} == {1}


@pytest.mark.parametrize(
    ("name", "progress", "expected"),
    [
        ("last", 0, [0, 0, 0, 0, 1]),
        ("last", 0.7, [0, 0, 0, 0, 1]),
        ("uniform", 0, [0.2] * 5),
        ("uniform", 1, [0.2] * 5),
        # max(0, 1 - 2 progress) is shared, and the rest is the last one's.
        ("annealed", 0, [0.2] * 5),
        ("annealed", 0.125, [0.15] * 4 + [0.4]),
        ("annealed", 0.25, [0.1] * 4 + [0.6]),
        ("annealed", 0.5, [0, 0, 0, 0, 1]),
        ("annealed", 0.9, [0, 0, 0, 0, 1]),
    ],
)
def test_the_weights_of_the_steps(name: str, progress: float, expected: list[float]) -> None:
    assert step_weights(name, 5, progress) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("name", STEP_WEIGHTS)
def test_the_weights_of_the_steps_are_shares(name: str) -> None:
    for steps in (1, 2, 7):
        for progress in np.linspace(0, 1, 13):
            found = step_weights(name, steps, progress)
            assert len(found) == steps
            assert min(found) >= 0
            assert sum(found) == pytest.approx(1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_gradient_is_clipped_as_a_whole(dtype: type) -> None:
    gradient: Array = np.array([3, -4, 12], dtype)  # of length 13
    for longest in (0, 13, 1e9):
        assert clipped(gradient, longest) is gradient
    shorter = clipped(gradient, 6.5)
    assert shorter.dtype == dtype
    np.testing.assert_array_equal(shorter, [1.5, -2, 6])
    np.testing.assert_array_equal(gradient, [3, -4, 12])


def test_a_gradient_whose_square_overflows_is_clipped_too() -> None:
    gradient = np.array([3e30, -4e30], np.float32)
    np.testing.assert_allclose(clipped(gradient, 1.0), [0.6, -0.8], rtol=1e-6)
    assert not np.isfinite(clipped(np.array([np.nan, 1]), 1.0)).all()


# --- the outer loop ---


def steps_taken(recipe: Recipe, gradient: list[float]) -> tuple[list[float], list[Any]]:
    """Step sizes and gradients that reach Adam, where every gradient is the same."""
    sizes, found = [], []

    class Watched(Adam):
        def update(self, gradient: Any) -> None:
            sizes.append(self.beta)
            found.append(gradient.copy())
            super().update(gradient)

    class Memory:
        parameters, gradient, weights = np.zeros(2), np.zeros(2), None

    def objective(_: Batch, __: float) -> float:
        ws.gradient[:] = gradient
        return 1.0

    ws: Any = Memory()
    drawn = batches(stream(0, 1), 1, 1, 1, FLOAT32)
    loop = train.outer_loop(objective, ws, Watched(ws.parameters), recipe, drawn, np.zeros(2))
    assert list(islice(loop, recipe.iterations)) == [1.0] * recipe.iterations
    return sizes, found


def test_the_loop_takes_steps_of_the_scheduled_size() -> None:
    sizes, _ = steps_taken(Recipe(iterations=4, beta=0.5, schedule="cosine"), [3, 4])
    # beta (1 + cos(pi i / 4)) / 2
    root = np.sqrt(0.5)
    assert sizes == pytest.approx([0.5, 0.25 * (1 + root), 0.25, 0.25 * (1 - root)])
    assert steps_taken(Recipe(iterations=4, beta=0.5), [3, 4])[0] == [0.5] * 4


def test_the_loop_clips() -> None:
    _, found = steps_taken(Recipe(iterations=2, clip=1.0), [3, 4])
    np.testing.assert_allclose(found, [[0.6, 0.8]] * 2)
    _, found = steps_taken(Recipe(iterations=2), [3, 4])
    np.testing.assert_array_equal(found, [[3, 4]] * 2)


@pytest.mark.parametrize("method", OF_TASKS)
def test_without_a_schedule_a_run_is_that_of_plain_steps(method: str, tmp_path: Path) -> None:
    # The loop as it is without any of these settings, bit for bit.
    recipe = replace(SMALL, methods=(method,))
    sizes = (recipe.meta_batch, recipe.shots, recipe.queries)
    told = METHODS[method].told
    ws = NET.workspace(SINUSOIDS.layers(recipe.hidden, told), *sizes, FLOAT32)
    state = train.fresh(SINUSOIDS, recipe, 0, {})
    ws.parameters[:] = state.parameters
    adam, objective = Adam(ws.parameters, recipe.beta), METHODS[method].objective(NET, ws, recipe)
    for batch in islice(batches(stream(0, 1), *sizes, FLOAT32, told=told), recipe.iterations):
        objective(batch, 0)
        adam.update(ws.gradient)
    state, _ = train.go_on(tmp_path, state, 10, quiet=True)
    assert state.finished[method].tobytes() == ws.parameters.tobytes()


@pytest.mark.parametrize("change", [{"schedule": "cosine"}, {"clip": 0.1}])
def test_the_settings_change_a_run(change: dict[str, Any], tmp_path: Path) -> None:
    ends = []
    for recipe in (SMALL, replace(SMALL, **change)):
        state = train.fresh(SINUSOIDS, recipe, 0, {})
        state, _ = train.go_on(tmp_path, state, 10, quiet=True)
        ends.append(state.finished["maml"])
    assert not np.array_equal(ends[0], ends[1])


@pytest.mark.parametrize("stop", [1, 13, 39, 52])
def test_a_scheduled_run_goes_on_bit_for_bit(stop: int, tmp_path: Path) -> None:
    flags = ["--iterations", "40", "--meta-batch", "3", "--shots", "4", "--queries", "5"]
    flags += ["--schedule", "cosine", "--clip", "0.5", "--checkpoint", "7", "--quiet"]
    left = [stop]

    def ending(*arguments: Any, **options: Any) -> Iterator[Batch]:
        for batch in batches(*arguments, **options):
            left[0] -= 1
            if left[0] < 0:
                raise RuntimeError("no power")
            yield batch

    cut, whole = tmp_path / "cut", tmp_path / "whole"
    family = replace(SINUSOIDS, batches=ending)
    assert train.main(family, [*flags, "--run", str(cut)]) == 2
    assert train.main(SINUSOIDS, ["--resume", "--run", str(cut), "--quiet"]) == 0
    assert train.main(SINUSOIDS, [*flags, "--run", str(whole)]) == 0
    assert results(cut) == results(whole)
