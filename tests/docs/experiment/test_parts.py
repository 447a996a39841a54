"""The meta-gradient in parts: against the derivation, and along trainings."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from derive.language.names import D, M, N, O, T, adjoint, alpha, width
from derive.language.program import evaluate
from derive.making import NETWORKS
from derive.model.programs import without_gauss_newton
from derive.package.trial import ARRAYS
from docs.experiment import gauss_newton
from docs.experiment.gradcheck import relative_error
from docs.experiment.methods import angle_of, parameters_of
from docs.experiment.networks import initial_weights, load_network
from docs.experiment.parts import ANGLES, LENGTHS, Parts, described, jacobian, parts, vector
from docs.experiment.randomness import stream
from docs.experiment.recipes import Recipe
from docs.experiment.train import fresh, go_on
from docs.sinusoid.family import SINUSOIDS
from docs.sinusoid.gauss_newton import main

if TYPE_CHECKING:
    from docs.experiment.family import Batch
    from docs.experiment.networks import Network, WeightTuple

FLOAT64 = np.dtype(np.float64)
TASKS, SHOTS, QUERIES, UNITS, STEP_SIZE = 3, 4, 5, (6, 7), 0.01

SMALL = Recipe(methods=("maml",), hidden=(5, 4), meta_batch=3, shots=4, queries=5, iterations=7)


def problem(name: str) -> tuple[Network, WeightTuple, Batch]:
    net = load_network(name)
    weights = initial_weights(net, [1, *UNITS[: net.NETWORK.hidden], 1], stream(0, 0), FLOAT64)
    # Zero biases would leave some of it untried.
    moved = [array + 0.1 * stream(0, 3).normal(size=array.shape) for array in weights]
    batch = next(SINUSOIDS.batches(stream(0, 1), TASKS, SHOTS, QUERIES, FLOAT64))
    return net, net.Weights(*moved), batch


def without(name: str, weights: WeightTuple, batch: Batch) -> np.ndarray:
    """What the derivation gives where the support predictions are constants, as one vector."""
    program = without_gauss_newton(NETWORKS[name])
    sizes: dict[Any, Any] = {N: SHOTS, M: QUERIES, D: 1, O: 1, T: TASKS, alpha: STEP_SIZE}
    sizes |= {width(layer): units for layer, units in enumerate(UNITS, start=1)}
    sizes |= dict(zip(program.weights, weights, strict=True))
    data = (*program.group("support"), *program.group("query"))
    found = np.zeros(sum(array.size for array in weights))
    for task in zip(*batch, strict=True):
        values = evaluate(program, {**sizes, **dict(zip(data, task, strict=True))}, ARRAYS)
        found += np.concatenate([values[adjoint(each)].reshape(-1) for each in program.weights])
    return found


@pytest.mark.parametrize("name", ["relu1", "relu2", "tanh2"])
def test_a_row_of_the_jacobian_is_the_slope_of_a_prediction(name: str) -> None:
    net, weights, batch = problem(name)
    X, step = batch.X_s[0], 1e-6
    columns = []
    for place in range(len(vector(weights))):
        ends = []
        for by in (step, -step):
            moved = [array.copy() for array in weights]
            index = place
            for array in moved:
                if 0 <= index < array.size:
                    array.reshape(-1)[index] += by
                index -= array.size
            ends.append(net.predict(net.Weights(*moved), X).reshape(-1))
        columns.append((ends[0] - ends[1]) / (2 * step))
    assert relative_error(jacobian(net, weights, X), np.stack(columns, axis=1)) < 1e-8


@pytest.mark.parametrize("name", ["relu1", "relu2", "tanh2"])
def test_the_parts_are_those_of_the_derivation(name: str) -> None:
    net, weights, batch = problem(name)
    found = parts(net, weights, batch, STEP_SIZE)
    left = without(name, weights, batch)
    whole = vector(net.meta_loss_and_gradient(weights, *batch, STEP_SIZE)[1])
    first = vector(net.first_order_meta_loss_and_gradient(weights, *batch, STEP_SIZE)[1])
    assert relative_error(found.first_order, first) < 1e-12
    assert relative_error(found.gauss_newton, whole - left) < 1e-12
    assert relative_error(found.residual, left - first) < 1e-12
    assert min(np.linalg.norm(part) for part in found) > 1e-2


def test_gauss_newton_shortens_the_gradient_of_a_task() -> None:
    net, weights, batch = problem("relu2")
    for task in range(TASKS):
        alone = type(batch)(*(array[task : task + 1] for array in batch))
        found = parts(net, weights, alone, STEP_SIZE)
        assert found.gauss_newton @ found.first_order < 0


def test_lengths_and_angles_are_those_of_the_parts() -> None:
    found = described(Parts(*(np.array(each, float) for each in ([4, 0, 0], [0, 3, 0], [0, 0, 1]))))
    assert set(found) == {*LENGTHS, *ANGLES}
    expected = {
        "whole": np.sqrt(26),
        "first_order": 4,
        "gauss_newton": 3,
        "residual": 1,
        "only_first_order": np.degrees(np.arccos(4 / np.sqrt(26))),
        "without_gauss_newton": np.degrees(np.arccos(np.sqrt(17 / 26))),
        "without_residual": np.degrees(np.arccos(5 / np.sqrt(26))),
        "between_orders": 90,
        "between_parts": 90,
    }
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-12), name


def test_it_is_measured_along_the_training_of_train(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gauss_newton, "EVERY", 3)
    monkeypatch.setattr(gauss_newton, "BATCHES", 1)
    found = gauss_newton.along(SINUSOIDS, SMALL, seed=1)
    batch = next(SINUSOIDS.batches(stream(1, 4), 3, 4, 5, FLOAT64))
    points = [fresh(SINUSOIDS, SMALL, 1, {}).parameters]
    for iterations in (3, 6):
        state = fresh(SINUSOIDS, replace(SMALL, iterations=iterations), 1, {})
        folder = tmp_path / str(iterations)
        folder.mkdir()
        state, _ = go_on(folder, state, every=100, quiet=True)
        points.append(state.finished["maml"])
    for point, angle in zip(points, found["only_first_order"], strict=True):
        weights = parameters_of(SINUSOIDS, SMALL, "maml", point.astype(np.float64)).weights
        expected = angle_of(load_network("relu2"), weights, *batch, SMALL.alpha)
        assert angle == pytest.approx(expected, rel=1e-9)
    assert {len(values) for values in found.values()} == {3}


def test_a_summary_is_of_the_means_over_seeds() -> None:
    assert gauss_newton.summary([[1, 2, 3], [3, 6, 11]]) == {
        "start": 2,
        "mean": 5.5,
        "least": 4,
        "most": 7,
    }


# --- the command ---


FLAGS = ["--hidden", "5", "4", "--meta-batch", "2", "--shots", "3", "--queries", "3"]


def test_the_command_leaves_its_numbers_and_prints_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gauss_newton, "EVERY", 2)
    flags = [*FLAGS, "--iterations", "5", "--seeds", "2", "--run", str(tmp_path)]
    assert main(flags) == 0
    made = {f"gauss_newton.{suffix}" for suffix in ("json", "png", "svg")}
    assert {path.name for path in tmp_path.iterdir()} == {"written.txt", *made}
    record = json.loads((tmp_path / "gauss_newton.json").read_text())
    assert record["iterations"] == [0, 2, 4]
    assert record["base"]["methods"] == ["maml"]
    assert record["command"].startswith("python -m docs.sinusoid.gauss_newton --hidden 5 4")
    for name, by_seed in record["by_seed"].items():
        assert np.shape(by_seed) == (2, 3)
        assert record["summary"][name] == gauss_newton.summary(by_seed)
    rows = capsys.readouterr().out.splitlines()[-len(record["summary"]) :]
    for row, numbers in zip(rows, record["summary"].values(), strict=True):
        printed = [float(text.rstrip("°")) for text in re.split(r"\s{2,}", row)[1:]]
        assert printed == pytest.approx(list(numbers.values()), rel=6e-3)
    svg = (tmp_path / "gauss_newton.svg").read_bytes()
    assert main(flags) == 0
    assert (tmp_path / "gauss_newton.svg").read_bytes() == svg


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--network", "relu2_5steps"], "relu2_5steps takes 5 inner steps; it must take one"),
        (["--methods", "joint"], "methods is joint; it must have one of maml, first-order"),
        (["--iterations", "499"], "iterations is 499; it must be at least 500"),
        (["--seeds", "0"], "argument --seeds: is '0'; it must be a whole number from 1 to"),
        (["--beta", "1e38", "--iterations", "500", *FLAGS], "the training must come to its end"),
    ],
)
def test_what_cannot_be_measured_is_refused(
    flags: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "made"
    try:
        code = main([*flags, "--run", str(folder)])
    except SystemExit as ended:
        code = int(ended.code or 0)
    assert code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert message in line
    # The folder may have been taken, and is empty but for its list.
    assert not folder.exists() or [path.name for path in folder.iterdir()] in ([], ["written.txt"])
