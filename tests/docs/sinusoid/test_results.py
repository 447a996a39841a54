"""The committed results: what they were made with, and whether they are to be believed."""

from __future__ import annotations

import json
from dataclasses import asdict
from math import hypot
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from docs.experiment import gauss_newton
from docs.experiment.command import Parser
from docs.experiment.evaluate import Run, evaluate
from docs.experiment.methods import initial_of, parameters_of
from docs.experiment.recipes import Recipe, add_options, from_options
from docs.experiment.statistics import summary
from docs.experiment.train import fresh, go_on
from docs.sinusoid import results
from docs.sinusoid.family import SINUSOIDS

#: Mean squared error after one step, after 10,000, 30,000 and 70,000 iterations: the same recipes
#: in an independent implementation with automatic differentiation, over 1,000 tasks of its own.
INDEPENDENT = {
    ("10shot", "maml", "glorot"): (0.456, 0.388, 0.331),
    ("10shot", "maml", "truncated"): (0.609, 0.465, 0.407),
    ("5shot", "maml", "glorot"): (0.748, 0.634, 0.595),
    ("5shot", "maml", "truncated"): (0.899, 0.704, 0.638),
    ("10shot", "first-order", "truncated"): (0.97, 0.69, 0.68),
    ("5shot", "first-order", "truncated"): (1.09, 0.85, 0.71),
}
#: Half the 95 % intervals that it came with, over tasks and over seeds.
TASKS, SEEDS = 0.05, 0.035


def record(name: str) -> dict[str, Any]:
    return json.loads((results.COMMITTED / f"{name}.json").read_text())  # type: ignore[no-any-return]


def found(name: str, method: str, **settings: str) -> dict[str, list[float]]:
    """What a sweep found of a method; of equal groups, such as the random start's, one."""
    summaries = [
        group["summary"]
        for group in record(name)["groups"]
        if group["method"] == method and settings.items() <= group["settings"].items()
    ]
    assert summaries, (name, method, settings)
    return summaries[0]  # type: ignore[no-any-return]


# --- what they were made with ---


#: Networks that are derived for a sweep are not there; these have the same algorithm.
STAND_INS = {"recipe_relu": "recipe", "recipe_1step": "recipe", "maml_tanh_5steps": "relu2"}

#: Files of results; that each sweep has one is a test of its own.
COMMITTED = {path.stem for path in results.COMMITTED.glob("*.json")}


@pytest.mark.parametrize("name", sorted(COMMITTED & set(results.SWEEPS)))
def test_results_are_those_of_their_command(name: str) -> None:
    kept = record(name)
    assert kept["command"] == f"python -m docs.sinusoid.sweep {results.SWEEPS[name]}"
    assert set(kept["versions"]) == {"python", "numpy"}
    failures = kept["failures"]
    assert all("the loss is" in reason for reason in failures.values())
    assert name.startswith("without-") or not failures
    assert kept["tasks"] == 1000
    options = Parser()
    add_options(options, SINUSOIDS)
    network, flags = kept["base"]["network"], results.SWEEPS[name]
    instead = STAND_INS.get(Path(network).name, network)
    known, rest = options.parse_known_args(flags.replace(network, instead).split())
    base = json.loads(json.dumps(asdict(from_options(SINUSOIDS, known))))
    assert kept["base"] == {**base, "network": network}
    grid = {"=".join(each.split("=")[1:]) for each in rest if "=" in each}
    assert {",".join(values) for values in kept["grid"].values()} == grid
    for group in kept["groups"]:
        assert group["seeds"] == [n for n in range(kept["seeds"]) if f"seed={n}" not in failures]


def test_every_network_of_a_sweep_is_derived() -> None:
    assert set(STAND_INS) == set(results.OWN)
    for name in results.OWN:
        assert any(f"/{name} " in flags for flags in results.SWEEPS.values())


def test_no_file_is_left_over_or_missing() -> None:
    assert set(COMMITTED) == {
        *results.SWEEPS,
        *results.PARTS,
        "cost",
        "scaling",
    }


# --- whether they are to be believed ---


@pytest.mark.parametrize("case", INDEPENDENT, ids="-".join)
def test_the_results_are_those_of_an_independent_implementation(
    case: tuple[str, str, str],
) -> None:
    shots, kind, initial = case
    for iterations, theirs in zip(("10000", "30000", "70000"), INDEPENDENT[case], strict=True):
        ours = found(f"{shots}-{kind}", kind, initial=initial, iterations=iterations)
        bound = hypot(ours["capped_ci95"][1], TASKS, SEEDS)
        if kind == "first-order":
            # Its seeds lie far apart: three of them fix the mean to within 0.2 and more.
            bound = hypot(bound, ours["seeds_ci95"][1])
        assert abs(ours["capped"][1] - theirs) < bound


def test_a_smooth_network_does_not_diverge() -> None:
    ours = found("tanh", "maml")
    assert ours["diverged"] == [0.0] * 11
    for step, theirs in ((1, 0.37), (5, 0.143), (10, 0.115)):
        assert abs(ours["capped"][step] - theirs) < hypot(ours["capped_ci95"][step], TASKS)


@pytest.mark.parametrize(("shots", "most"), [("10shot", 0.005), ("5shot", 0.012)])
def test_the_best_recipe_is_as_good_as_it_is_said_to_be(shots: str, most: float) -> None:
    # An independent implementation reached 0.003 with ten points and 0.012 with five, one seed.
    ours = found(f"best-{shots}", "recipe")
    assert ours["diverged"] == [0.0] * 11
    assert ours["capped"][5] + ours["seeds_ci95"][5] < most


@pytest.mark.parametrize(("shots", "one", "ten"), [("10shot", 2.35, 1.74), ("5shot", 2.43, 2.15)])
def test_joint_training_is_as_good_as_elsewhere(shots: str, one: float, ten: float) -> None:
    # The independent one began with the original's initial weights, and has intervals as wide.
    ours = found(f"{shots}-baselines", "joint", methods="joint", initial="truncated")
    for step, theirs in ((1, one), (10, ten)):
        tasks, seeds = ours["capped_ci95"][step], ours["seeds_ci95"][step]
        bound = hypot(tasks, tasks, seeds, SEEDS)
        assert abs(ours["capped"][step] - theirs) < bound


def test_zero_steps_have_closed_forms() -> None:
    # The variance about the mean function, -5.1 / pi cos x, and about zero; A has the second
    # moment (5^3 - 0.1^3) / (3 * 4.9), and a sinusoid over its phases and inputs the mean square
    # A^2 sin^2. The tasks are stratified, so their mean is closer than their interval says.
    second = (5**3 - 0.1**3) / (3 * 4.9)
    x = np.linspace(-5, 5, 100)
    phases = np.linspace(0, np.pi, 2001)
    zero = second * np.mean(np.sin(x[:, None] - phases) ** 2)
    mean = zero - np.mean((5.1 / np.pi * np.cos(x)) ** 2)
    joint = found("10shot-baselines", "joint", methods="joint", initial="truncated")
    random = found("10shot-baselines", "random", initial="truncated")
    assert abs(joint["capped"][0] - mean) < 0.3 * joint["capped_ci95"][0]
    assert abs(random["capped"][0] - zero) < 0.3 * random["capped_ci95"][0]
    for shots in ("10shot", "5shot"):
        assert found(f"{shots}-baselines", "oracle", initial="glorot")["capped"][0] < 0.004


@pytest.mark.parametrize(
    ("shots", "initial"), [(10, "glorot"), (10, "truncated"), (5, "glorot"), (5, "truncated")]
)
def test_a_short_training_reaches_the_table(shots: int, initial: str, tmp_path: Path) -> None:
    recipe = Recipe(shots=shots, queries=shots, initial=initial, methods=("maml",))
    state, caught = go_on(tmp_path, fresh(SINUSOIDS, recipe, 0, {}), every=10**6, quiet=True)
    assert not caught
    learned = parameters_of(SINUSOIDS, recipe, "maml", state.finished["maml"])
    run = Run(SINUSOIDS, recipe, 0, {"maml": learned})
    ours = summary(evaluate(run, shots, 1000, 0)["maml"], SINUSOIDS.score)
    mean, tasks = ours["capped"][1], ours["capped_ci95"][1]
    assert mean is not None
    assert tasks is not None
    theirs = INDEPENDENT[f"{shots}shot", "maml", initial][0]
    assert abs(mean - theirs) < hypot(tasks, TASKS, SEEDS)
    start = initial_of(SINUSOIDS, recipe, 0, "maml")
    assert not np.array_equal(learned.weights[0], start.weights[0])


# --- how they are made ---


def test_results_are_made_from_real_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small = "--iterations 3 --meta-batch 2 --shots 3 --queries 3 --tasks 3"
    monkeypatch.setattr(results, "COMMITTED", tmp_path / "kept")
    monkeypatch.setattr(results, "FIGURES", tmp_path / "figures")
    monkeypatch.setattr(results, "DRAWN", ("two", "three"))
    monkeypatch.setattr(results, "RUNS", {"one": (small, ("fits",))})
    monkeypatch.setattr(
        results, "SWEEPS", {"two": f"{small} --seeds 2 --grid alpha=0.01,0.02 --quiet"}
    )
    monkeypatch.setattr(results, "PARTS", {"three": "--hidden 3 3 --iterations 2 --seeds 1"})
    monkeypatch.setattr(gauss_newton, "EVERY", 1)
    assert results.main(["--run", str(tmp_path / "runs")]) == 0
    kept = json.loads((tmp_path / "kept" / "two.json").read_text())
    assert str(tmp_path) not in json.dumps(kept)
    assert [group["seeds"] for group in kept["groups"]] == [[0, 1]] * len(kept["groups"])
    assert (tmp_path / "figures/one/fits.svg").stat().st_size > 1000
    assert (tmp_path / "figures/sweeps/two.svg").stat().st_size > 1000
    parts = json.loads((tmp_path / "kept" / "three.json").read_text())
    assert parts["command"].endswith("gauss_newton --hidden 3 3 --iterations 2 --seeds 1")
    assert parts["iterations"] == [0, 1, 2]
    assert (tmp_path / "figures/parts/three.svg").stat().st_size > 1000
    # A run that fails is no result.
    monkeypatch.setattr(results, "SWEEPS", {"bad": f"{small} --seeds 1 --beta 1e38 --quiet"})
    assert results.main(["--run", str(tmp_path / "runs"), "--only", "bad"]) == 1
    assert "error: bad ended with status 1; it is no result" in capsys.readouterr().err
    assert not (tmp_path / "kept" / "bad.json").exists()


def test_five_digits_are_kept() -> None:
    assert results.rounded({"a": [1.23456789, None, 3], "b": "x"}) == {
        "a": [1.2346, None, 3],
        "b": "x",
    }
