"""Another task family uses everything that an experiment needs, without a line of its own."""

from __future__ import annotations

import csv
import json
import pickle
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from docs.experiment import evaluate, gradcheck, train
from docs.experiment.family import Batch, Score, TaskFamily
from docs.experiment.plot.curves import angle, learning_curve
from docs.experiment.plot.errors import error_by_step
from docs.experiment.plot.files import material
from docs.experiment.randomness import skip, stream
from docs.experiment.recipes import Recipe
from docs.experiment.statistics import summary
from docs.experiment.sweep import runs
from docs.sinusoid.family import SINUSOIDS

#: So many classes of points in a plane, as targets of zeros and a one; a shot is a point of each.
WAYS = 3


def task_of(rng: np.random.Generator, shots: int, dtype: np.dtype) -> tuple[Any, Any]:
    """Points around `WAYS` centres, and their classes."""
    classes = np.tile(np.eye(WAYS), (shots, 1))
    near = classes @ rng.random((WAYS, 2)) + 0.1 * rng.random((shots * WAYS, 2))
    return near.astype(dtype), classes.astype(dtype)


def drawn(rng: np.random.Generator, sizes: tuple[int, int, int], dtype: np.dtype) -> Batch:
    """A meta-batch."""
    tasks, shots, queries = sizes
    pairs = [task_of(rng, shots + queries, dtype) for _ in range(tasks)]
    X, Y = (np.stack(each) for each in zip(*pairs, strict=True))
    rows = shots * WAYS
    X_s, X_q, Y_s, Y_q = (
        np.ascontiguousarray(a) for Z in (X, Y) for a in (Z[:, :rows], Z[:, rows:])
    )
    return Batch(X_s, Y_s, X_q, Y_q)


def batches(
    rng: np.random.Generator,
    tasks: int,
    shots: int,
    queries: int,
    dtype: np.dtype,
    *,
    start: int = 0,
    told: bool = False,
) -> Iterator[Batch]:
    """Meta-batches, each of so many numbers of the stream."""
    assert not told
    skip(rng, start * tasks * (WAYS * 2 + (shots + queries) * WAYS * 2))
    while True:
        yield drawn(rng, (tasks, shots, queries), dtype)


def unseen(seed: int, tasks: int, shots: int, dtype: np.dtype, told: bool = False) -> Batch:
    """Tasks with five query points of each class."""
    return next(batches(stream(seed, 2), tasks, shots, 5, dtype, told=told))


def accuracy(net: Any, weights: Any, X: Any, Y: Any) -> float:
    """The share of points whose largest output is that of their class."""
    return float(np.mean(net.predict(weights, X).argmax(axis=1) == Y.argmax(axis=1)))


CLASSES = TaskFamily(
    name="classes",
    module="docs.classes",
    inputs=2,
    outputs=WAYS,
    recipes={"small": Recipe(network="relu1", hidden=(8,), iterations=300, shots=2, queries=3)},
    batches=batches,
    unseen=unseen,
    score=Score("accuracy", "accuracy", accuracy, worst=0, higher_is_better=True),
    points=(1,),
    folder=Path("results/classes"),
)
METHODS = ["--methods", "maml", "first-order", "joint", "reptile"]
FEW = ["--meta-batch", "4", "--quiet"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of every method that has nothing to be told, trained and evaluated."""
    made = tmp_path_factory.mktemp("classes")
    assert train.main(CLASSES, [*METHODS, *FEW, "--alpha", "0.5", "--run", str(made)]) == 0
    assert evaluate.main(CLASSES, ["--tasks", "40", "--run", str(made)]) == 0
    return made


def test_its_score_and_its_sizes_are_its_own(folder: Path) -> None:
    record = json.loads((folder / "evaluation.json").read_text())
    assert set(record["methods"]) == {"maml", "first-order", "joint", "reptile", "random"}
    assert list(record["other_points"]) == ["1"]
    learned, chance = (record["methods"][name]["accuracy"] for name in ("maml", "random"))
    assert 0 <= min(learned) <= max(learned) <= 1
    assert chance[0] == pytest.approx(1 / WAYS)
    assert learned[1] > 1.2 * chance[1]
    assert record["methods"]["maml"]["diverged"] == [0.0] * 11
    with np.load(folder / "maml.npz") as weights:
        assert (weights["W1"].shape, weights["W2"].shape) == ((2, 8), (8, WAYS))


def test_its_figures_say_what_it_measures(folder: Path) -> None:
    found = material(CLASSES, folder)
    figure = error_by_step(found.run, found.evaluation)
    texts = [panel.get_ylabel() for panel in figure.axes] + [figure.get_supxlabel()]
    assert "accuracy" in texts
    assert "gradient steps on each of 40 unseen classes" in texts
    made = [learning_curve(found.run, found.curves), angle(found.run, "maml", found.curves["maml"])]
    assert all(isinstance(each, Figure) for each in made)


def test_it_resumes_and_is_swept(tmp_path: Path) -> None:
    arguments = [*METHODS[:2], *FEW, "--alpha", "0.5", "--iterations", "30"]
    cut = [*arguments, "--run", str(tmp_path / "cut"), "--checkpoint", "7"]
    stopping = TaskFamily(**{**vars(CLASSES), "batches": interrupted})
    assert train.main(stopping, cut) == 2
    assert train.main(CLASSES, [*cut, "--resume"]) == 0
    sweep = [*arguments, "--seeds", "2", "--tasks", "5", "--workers", "1"]
    assert runs.main(CLASSES, [*sweep, "--run", str(tmp_path / "sweep")]) == 0
    for name in ("maml.npz", "metrics.csv", "run.json"):
        swept = tmp_path / "sweep" / "runs" / "seed=0" / name
        assert (tmp_path / "cut" / name).read_bytes() == swept.read_bytes()
    with (tmp_path / "sweep" / "sweep.csv").open(newline="") as file:
        assert "accuracy" in next(csv.reader(file))


def interrupted(*arguments: Any, **options: Any) -> Iterator[Batch]:
    """Meta-batches that end too soon."""
    for number, batch in enumerate(batches(*arguments, **options)):
        if number == 10:
            raise RuntimeError("the end of the data")
        yield batch


def test_it_is_refused_what_it_cannot_tell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train.main(CLASSES, ["--methods", "oracle", *FEW, "--run", str(tmp_path)]) == 2
    message = "error: classes have nothing to tell; the methods must be others\n"
    assert capsys.readouterr().err == message


def test_a_run_of_another_family_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Also one with the same sizes, whose arrays would fit.
    alike = replace(CLASSES, name="groups")
    for family in (SINUSOIDS, alike):
        for main in (evaluate.main, gradcheck.main):
            assert main(family, ["--run", str(folder)]) == 2
            error = capsys.readouterr().err
            assert error.endswith(f"run.json is of 'classes'; it must be of {family.name}\n")
        assert train.main(family, ["--resume", "--run", str(folder)]) == 2
        error = capsys.readouterr().err
        assert f"is of classes, not of {family.name}" in error
        assert len(error.splitlines()) == 1


def test_a_task_without_predictions_has_diverged() -> None:
    accuracies = np.array([[0.5, 1.0], [np.nan, 0.0]])
    found = summary(accuracies, CLASSES.score)
    assert found["diverged"] == [0.5, 0]
    assert found["capped"] == [0.25, 0.5]
    errors = np.array([[1.0, 30.0], [np.nan, np.inf], [25.0, 0.0]])
    found = summary(errors, SINUSOIDS.score)
    assert found["diverged"] == pytest.approx([1 / 3, 2 / 3])
    assert found["capped"] == pytest.approx([17, 50 / 3])


def test_its_gradients_are_checked(capsys: pytest.CaptureFixture[str]) -> None:
    assert gradcheck.main(CLASSES, ["--network", "tanh2"]) == 0
    assert "every relative error is at most" in capsys.readouterr().out


def test_a_family_goes_to_other_processes() -> None:
    for family in (SINUSOIDS, CLASSES):
        assert pickle.loads(pickle.dumps(family)) == family
