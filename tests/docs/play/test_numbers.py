"""The playground trains what Python trains: random numbers, tasks, steps and losses are its own."""

from __future__ import annotations

import io
import json
import shlex
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from docs.experiment.adam import Adam
from docs.experiment.metrics import read_metrics
from docs.experiment.networks import initial_weights, load_network
from docs.experiment.randomness import stream
from docs.experiment.recipes import Recipe
from docs.experiment.train import fresh, go_on
from docs.sinusoid import train
from docs.sinusoid.family import SINUSOIDS
from docs.sinusoid.tasks import batches
from tests.javascript import needs_node, script

pytestmark = needs_node

FLOAT32 = np.dtype("float32")
START = {
    "method": "maml", "shots": 10, "tasks": 25, "alpha": 0.01, "beta": 0.001, "width": 40,
    "seed": 0,
}  # fmt: skip
ITERATIONS, SMOOTHED = 300, 100


def numbers(*calls: tuple[str, dict[str, Any]]) -> list[Any]:
    """What the modules compute."""
    text = script(str(Path(__file__).parent / "numbers.mjs"), given=json.dumps(calls))
    found: list[Any] = json.loads(text)
    return found


def test_the_random_numbers_are_those_of_numpy() -> None:
    asked = [(0, 0), (0, 1), (7, 1), (123_456, 2), (2**32 - 1, 0)]
    found = numbers(*(("stream", {"seed": s, "purpose": p, "count": 100}) for s, p in asked))
    for (seed, purpose), values in zip(asked, found, strict=True):
        assert values == stream(seed, purpose).random(100).tolist()


def test_the_tasks_are_those_of_the_experiment() -> None:
    sizes = {"tasks": 3, "shots": 5, "queries": 7}
    [found] = numbers(("batches", {"seed": 4, "count": 3, **sizes}))
    expected = islice(batches(stream(4, 1), 3, 5, 7, FLOAT32), 3)
    for arrays, batch in zip(found, expected, strict=True):
        for at, array in enumerate(batch):
            # numpy's sine in float32 differs in the last bits.
            tolerance = 1e-6 if at % 2 else 0
            np.testing.assert_allclose(arrays[at], array.ravel(), rtol=0, atol=tolerance)


def test_the_first_weights_are_those_of_the_experiment() -> None:
    sizes = [1, 40, 40, 1]
    drawn = initial_weights(load_network("relu2"), sizes, stream(9, 0), FLOAT32)
    expected = np.concatenate([array.ravel() for array in drawn])
    [found] = numbers(("glorot", {"seed": 9, "sizes": sizes, "length": expected.size}))
    assert np.array_equal(np.array(found, FLOAT32), expected)


def test_a_step_of_adam_is_that_of_the_experiment() -> None:
    rng = np.random.default_rng(0)
    parameters, *gradients = rng.normal(size=(6, 50)).astype(FLOAT32)
    given = {"parameters": parameters.tolist(), "gradients": [each.tolist() for each in gradients]}
    [found] = numbers(("adam", {**given, "beta": 0.01}))
    adam = Adam(parameters, beta=0.01)
    for gradient in gradients:
        adam.update(gradient)
    np.testing.assert_allclose(found, parameters, rtol=0, atol=1e-6)


@pytest.mark.parametrize("method", ["maml", "first-order", "joint", "meta-sgd"])
def test_a_training_is_that_of_the_experiment(method: str, tmp_path: Path) -> None:
    """Of the same seed: float32 rounds differently, and the losses hardly part in 300 steps."""
    settings = {**START, "method": method, "seed": 3}
    [found] = numbers(("training", {"settings": settings, "iterations": ITERATIONS}))
    network = "meta_sgd" if method == "meta-sgd" else "relu2"
    recipe = Recipe(network=network, methods=(method,), iterations=ITERATIONS)
    go_on(tmp_path, fresh(SINUSOIDS, recipe, 3, {}), 1000, quiet=True)
    expected = read_metrics(tmp_path / "metrics.csv")[method].losses
    np.testing.assert_allclose(found["losses"][:20], expected[:20], rtol=1e-4)
    last = np.mean(found["losses"][-SMOOTHED:])
    assert last == pytest.approx(np.mean(expected[-SMOOTHED:]), rel=1e-3)
    assert last < 0.9 * np.mean(found["losses"][:SMOOTHED])
    assert np.isfinite(found["error"])


def test_downloaded_weights_are_read_by_numpy() -> None:
    [found] = numbers(("npz", {"values": [1, 2, 3, 4, 5, 6], "shape": [2, 3]}))
    with np.load(io.BytesIO(bytes(found))) as file:
        assert file["W1"].tolist() == [[1, 2, 3], [4, 5, 6]]
        assert file["b1"].tolist() == [[1.5]]
        assert file["W1"].dtype == FLOAT32


HASH = (
    "#steps=3&alpha=0.02&shown=maml+live&points=-1:2+0.5:-3&train-method=joint&train-shots=5"
    "&train-tasks=10&train-alpha=0.005&train-beta=0.002&train-width=20&train-seed=7"
)


def test_an_address_has_the_whole_state() -> None:
    state, again = numbers(("state", {"hash": HASH}), ("again", {"hash": HASH}))
    assert state["own"]
    assert (state["points"], state["steps"], state["shown"]) == (
        [[-1, 2], [0.5, -3]],
        3,
        ["maml", "live"],
    )
    assert state["training"] == {
        "method": "joint", "shots": 5, "tasks": 10, "alpha": 0.005, "beta": 0.002, "width": 20,
        "seed": 7,
    }  # fmt: skip
    [same] = numbers(("state", {"hash": again}))
    assert same == state


@pytest.mark.parametrize(
    "hash",
    [
        "",
        "#adapt",
        "#steps=11&alpha=-1&points=x",
        "#points=9:9",
        "#train-shots=6&train-beta=nan",
        "#points=",
    ],
)
def test_what_an_address_says_in_vain_is_as_at_first(hash: str) -> None:  # noqa: A002
    first, state = numbers(("state", {"hash": "#"}), ("state", {"hash": hash}))
    assert state == first


@pytest.mark.parametrize("method", ["maml", "meta-sgd"])
def test_the_copied_command_trains_the_same(method: str, tmp_path: Path) -> None:
    settings = {**START, "method": method, "width": 20, "seed": 5, "shots": 5, "tasks": 10}
    given = {"settings": settings, "iterations": 12}
    command, found = numbers(("command", given), ("training", given))
    python, flag, module, *arguments = shlex.split(command)
    assert (python, flag, module) == ("python", "-m", "docs.sinusoid.train")
    arguments[arguments.index("--run") + 1] = str(tmp_path / "play")
    assert train.main([*arguments, "--quiet"]) == 0
    with np.load(tmp_path / "play" / f"{method}.npz") as file:
        expected = np.concatenate([array.ravel() for array in file.values()])
    np.testing.assert_allclose(found["parameters"], expected, rtol=0, atol=1e-4)
