"""Sweeps: their grids, what they write, how they go on; failing runs, refusals."""

from __future__ import annotations

import csv
import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docs.sinusoid import checkpoint, evaluate, statistics, tasks, train
from docs.experiment.adam import Adam
from docs.experiment.command import Refusal, write_json
from docs.experiment.evaluate import STEPS, load_run
from docs.sinusoid.plot import __main__ as plot
from docs.experiment.recipes import FIELDS, Recipe, written
from docs.sinusoid.sweep import __main__ as sweep
from docs.sinusoid.sweep import comparison, grid, member
from docs.experiment.sweep.figure import figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BASE = ["--iterations", "6", "--meta-batch", "3", "--shots", "4", "--queries", "5"]
SMALL = [*BASE, "--tasks", "5", "--quiet"]
GRID = ["--grid", "alpha=0.005,0.01", "--grid", "network=relu2,relu1"]


@pytest.fixture(autouse=True)
def threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs in threads of this process: any executor will do, and these need no start-up."""
    monkeypatch.setattr(sweep, "executor", lambda _, workers: ThreadPoolExecutor(workers))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep of two settings and three seeds."""
    folder = tmp_path_factory.mktemp("sweep")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sweep, "executor", lambda _, workers: ThreadPoolExecutor(workers))
        assert sweep.main([*SMALL, *GRID, "--seeds", "3", "--run", str(folder)]) == 0
    return folder


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "sweep.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def times(folder: Path) -> dict[str, int]:
    """When the files of all runs were last written, but for the locks."""
    return {
        str(path.relative_to(folder)): path.stat().st_mtime_ns
        for path in (folder / "runs").rglob("*.*")
        if path.name != ".lock"
    }


# --- grids ---

STEP_SIZES = st.lists(st.floats(0, 1e300), min_size=1, max_size=4, unique=True)


@given(STEP_SIZES)
def test_an_axis_reads_what_is_written(values: list[float]) -> None:
    text = "alpha=" + ",".join(map(written, values))
    assert grid.axis(text) == grid.Axis("alpha", tuple(values))


@given(st.lists(st.lists(st.integers(1, 999), min_size=1, max_size=3), unique_by=tuple, min_size=1))
def test_an_axis_of_values_with_parts(values: list[list[int]]) -> None:
    text = "hidden=" + ",".join("+".join(map(str, each)) for each in values)
    assert grid.axis(text).values == tuple(map(tuple, values))


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        name, values = grid.axis(text)
    except Refusal:
        pass
    else:
        assert name in FIELDS
        assert len(set(values)) == len(values) > 0


@given(STEP_SIZES, st.permutations(["alpha", "network", "meta-batch"]), st.integers(1, 3))
def test_members_are_all_combinations(alphas: list[float], order: list[str], seeds: int) -> None:
    texts = {
        "alpha": "alpha=" + ",".join(map(written, alphas)),
        "network": "network=relu1,tanh2",
        "meta-batch": "meta-batch=3,4,5",
    }
    axes = grid.axes([texts[name] for name in order], ())
    assert [axis.name for axis in axes] == ["network", "meta_batch", "alpha"]
    made = grid.members(Recipe(), {}, axes, seeds)
    assert len(made) == len({each.name for each in made}) == 2 * 3 * len(alphas) * seeds
    for each in made:
        for name, value in each.settings:
            assert written(getattr(each.recipe, name)) == value
        assert each.recipe.hidden == (40,) * (1 + (each.recipe.network == "tanh2"))


def test_the_name_of_a_run() -> None:
    axes = grid.axes(["network=relu2", "alpha=0.005"], ())
    (made,) = grid.members(Recipe(), {}, axes, 1)
    assert made.name == "network=relu2,alpha=0.005,seed=0"
    first, second = (
        made._replace(settings=(("hidden", "+".join("9" * 200)),), seed=n) for n in (0, 1)
    )
    assert first.name != second.name
    assert len(first.name) < 255


def test_units_that_are_given_hold_for_every_network() -> None:
    axes = grid.axes(["network=relu2,tanh2"], ())
    made = grid.members(Recipe(), {"hidden": (7, 5)}, axes, 1)
    assert [each.recipe.hidden for each in made] == [(7, 5), (7, 5)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--grid", "alfa=1"], "the setting is 'alfa'; it must be one of network, hidden,"),
        (["--grid", "seed=1"], "the setting is 'seed'; it must be one of network, hidden,"),
        (["--grid", "alpha"], "the grid is 'alpha'; it must be NAME=VALUE,VALUE"),
        (["--grid", ""], "the grid is ''; it must be NAME=VALUE,VALUE"),
        (["--grid", "alpha="], "the grid 'alpha=' has an empty value; it must be NAME=VALUE"),
        (["--grid", "alpha=1,,2"], "the grid 'alpha=1,,2' has an empty value; it must be"),
        (["--grid", "alpha=1,1e0"], "the grid 'alpha=1,1e0' has a value twice; it must have each"),
        (["--grid", "alpha=x"], "alpha is 'x'; it must be a finite number, at least 0"),
        (["--grid", "network=relu9"], "network is 'relu9'; it must be one of relu1,"),
        (["--grid", "hidden=4+x"], "hidden is 'x'; it must be a whole number from 1 to"),
        (["--grid", "alpha=1", "--grid", "alpha=2"], "alpha is given by two grids; it must be"),
        (
            ["--grid", "reptile-steps=1", "--grid", "reptile_steps=2"],
            "reptile_steps is given by two grids; it must be given once",
        ),
        (["--alpha", "1", "--grid", "alpha=1"], "alpha is given by a flag and by the grid; it"),
        (
            ["--methods", "maml", "--grid", "methods=maml,joint"],
            "methods is given by a flag and by the grid; it must be given once",
        ),
        (
            ["--grid", "hidden=4,5+6", "--grid", "network=relu2"],
            "network=relu2,hidden=4: hidden has 1 numbers; relu2 has 2 hidden layers",
        ),
        (["--hidden", "4"], "hidden has 1 numbers; relu2 has 2 hidden layers"),
        (["--seeds", "0"], "argument --seeds: is '0'; it must be a whole number from 1 to"),
        (["--seed", "1"], "unrecognized arguments: --seed 1"),
        (["--workers", "0"], "argument --workers: is '0'; it must be a whole number from 1 to"),
        (["--tasks", "1"], "argument --tasks: is '1'; it must be a whole number from 2 to"),
        (["--executor", "ray"], "is 'ray'; it must be local or dask://HOST:PORT"),
        (["--executor", "dask://"], "is 'dask://'; it must be local or dask://HOST:PORT"),
        (["--executor", "dask://h"], "is 'dask://h'; it must be local or dask://HOST:PORT"),
        (["--executor", "dask://h:x"], "is 'dask://h:x'; it must be local or dask://HOST:PORT"),
        (["--executor", "dask://h:99999"], "it must be local or dask://HOST:PORT"),
        (["--executor", "dask://h:1/x"], "it must be local or dask://HOST:PORT"),
        (["--executor", "dask://a@h:1"], "it must be local or dask://HOST:PORT"),
        (["--run", "README.md"], "cannot write to README.md: it is a file; it must be"),
    ],
)
def test_a_sweep_refuses_in_one_line(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        status = sweep.main([*SMALL, "--run", str(tmp_path), *arguments])
    except SystemExit as end:
        status = int(str(end.code))
    assert status == 2
    said = capsys.readouterr()
    assert len(said.err.splitlines()) == 1
    assert message in said.err
    assert not list(tmp_path.iterdir())


def test_the_base_is_any_recipe(tmp_path: Path) -> None:
    arguments = ["--recipe", "paper-5shot", "--grid", "methods=maml,reptile+joint", "--seeds", "1"]
    changes = ["--iterations", "2", "--tasks", "2", "--quiet", "--grid", "initial=glorot,truncated"]
    assert sweep.main([*arguments, *changes, "--run", str(tmp_path)]) == 0
    record = json.loads((tmp_path / "sweep.json").read_text())
    assert (record["base"]["shots"], record["base"]["iterations"]) == (5, 2)
    assert record["grid"] == {
        "initial": ["glorot", "truncated"],
        "methods": ["maml", "reptile+joint"],
    }
    found = {(row["methods"], row["method"]) for row in rows(tmp_path)}
    both = {("maml", "random"), ("reptile+joint", "random")}
    assert found == both | {
        ("maml", "maml"),
        ("reptile+joint", "reptile"),
        ("reptile+joint", "joint"),
    }


# --- what it writes ---


def test_a_run_has_what_every_run_has(finished: Path) -> None:
    runs = sorted(path.name for path in (finished / "runs").iterdir())
    assert runs == sorted(
        f"network={network},alpha={alpha},seed={seed}"
        for network in ("relu2", "relu1")
        for alpha in ("0.005", "0.01")
        for seed in range(3)
    )
    needed = {"run.json", "maml.npz", "joint.npz", "metrics.csv", "evaluation.json"}
    for name in runs:
        folder = finished / "runs" / name
        assert needed | {checkpoint.CURRENT} <= {path.name for path in folder.iterdir()}


def test_a_run_is_the_same_as_without_a_sweep(finished: Path, tmp_path: Path) -> None:
    alone = ["--network", "relu1", "--alpha", "0.005", "--seed", "2", "--run", str(tmp_path)]
    assert train.main([*BASE, "--quiet", *alone]) == 0
    ours = finished / "runs" / "network=relu1,alpha=0.005,seed=2"
    for name in ("run.json", "maml.npz", "joint.npz", "metrics.csv"):
        assert (tmp_path / name).read_bytes() == (ours / name).read_bytes()
    assert plot.main(["--run", str(shutil.copytree(ours, tmp_path / "copy"))]) == 0


def test_the_rows_are_tidy(finished: Path) -> None:
    found = rows(finished)
    columns = ["network", "alpha", "seed", "method", "step", *comparison.COLUMNS]
    assert list(found[0]) == columns
    keys = [tuple(row[name] for name in columns[:5]) for row in found]
    assert len(set(keys)) == len(keys) == 2 * 2 * 3 * 3 * (STEPS + 1)
    assert {row["method"] for row in found} == {"maml", "joint", "random"}
    for row in found:
        name = ",".join(f"{key}={row[key]}" for key in ("network", "alpha", "seed"))
        record = json.loads((finished / "runs" / name / "evaluation.json").read_text())
        for column in comparison.COLUMNS:
            value = record["methods"][row["method"]][column][int(row["step"])]
            assert row[column] == ("" if value is None else repr(value))


def test_the_table_is_that_of_the_rows(finished: Path) -> None:
    record = json.loads((finished / "sweep.json").read_text())
    found = rows(finished)
    assert len(record["groups"]) == 2 * 2 * 3
    assert record["failures"] == {}
    for group, shown in zip(record["groups"], record["table"][1:], strict=True):
        assert group["seeds"] == [0, 1, 2]
        wanted = {**group["settings"], "method": group["method"]}
        for step in range(STEPS + 1):
            values = np.array(
                [
                    float(row["capped"])
                    for row in found
                    if int(row["step"]) == step and wanted.items() <= row.items()
                ]
            )
            assert values.shape == (3,)
            mean, half = values.mean(), statistics.half_interval(values)
            assert group["summary"]["capped"][step] == pytest.approx(mean, rel=1e-12)
            assert group["summary"]["seeds_ci95"][step] == pytest.approx(float(half), rel=1e-9)
            if step == 1:
                assert shown[5].startswith(f"{mean:#.3g} \N{PLUS-MINUS SIGN} {half:#.2g}")


def test_the_record_says_how_it_was_made(finished: Path) -> None:
    record = json.loads((finished / "sweep.json").read_text())
    arguments = " ".join([*SMALL, *GRID, "--seeds", "3", "--run", str(finished)])
    assert record["command"] == f"python -m docs.sinusoid.sweep {arguments}"
    assert record["base"]["iterations"] == 6
    assert record["grid"] == {"network": ["relu2", "relu1"], "alpha": ["0.005", "0.01"]}
    assert (record["seeds"], record["tasks"]) == (3, 5)
    assert set(record["versions"]) == {"python", "numpy"}


def test_first_order_has_its_own_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--grid", "methods=maml,first-order", "--seeds", "1", "--run", str(tmp_path)]
    assert sweep.main([*SMALL, *arguments]) == 0
    shown = capsys.readouterr().out
    assert "first-order  first-order MAML" in shown
    assert "maml         MAML" in shown
    assert "\N{PLUS-MINUS SIGN}" not in shown  # one seed has no interval


def drawn(*texts: str, seeds: int = 2) -> Figure:
    """The figure of a sweep in which every error is one more than its seed."""
    axes = grid.axes(texts, ())
    summary: statistics.Summary = {name: [1.0] * (STEPS + 1) for name in comparison.COLUMNS}
    results = [
        comparison.Result(
            each,
            {
                method: {**summary, "capped": [each.seed + 1.0] * (STEPS + 1)}
                for method in (*each.recipe.methods, "random")
            },
        )
        for each in grid.members(Recipe(), {}, axes, seeds)
    ]
    return figure(comparison.groups(results))


@pytest.mark.parametrize(
    ("texts", "labels"),
    [
        ((), ["gradient steps"]),
        (("methods=maml,joint+reptile+oracle",), ["gradient steps"]),
        (("alpha=0.1,0.2",), ["alpha"]),
        (
            ("alpha=1,2,3", "network=relu2,tanh2"),
            ["alpha\nnetwork = " + n for n in ("relu2", "tanh2")],
        ),
        (
            ("meta_batch=1,2", "alpha=1,2,3", "network=relu2,tanh2"),
            [
                f"alpha\nnetwork = {network}\nmeta_batch = {batch}"
                for network in ("relu2", "tanh2")
                for batch in (1, 2)
            ],
        ),
    ],
)
def test_the_figure_names_its_axes(texts: tuple[str, ...], labels: list[str]) -> None:
    made = drawn(*texts)
    panels = [panel for panel in made.axes if panel.get_visible()]
    assert [panel.get_xlabel() for panel in panels] == labels
    assert made.get_supylabel().startswith("mean squared error")
    assert all(panel.has_data() for panel in panels)
    (legend,) = made.legends
    assert {"MAML", "random initialisation"} <= {text.get_text() for text in legend.get_texts()}


def test_the_figure_shows_means_and_intervals() -> None:
    (panel,) = drawn("alpha=1,2").axes
    points, caps, _ = next(iter(panel.containers))
    assert list(points.get_ydata()) == [1.5, 1.5]
    half = float(statistics.half_interval(np.array([1.0, 2.0])))
    assert [list(cap.get_ydata()) for cap in caps] == [[1.5 - half] * 2, [1.5 + half] * 2]
    centres = [np.mean(np.asarray(each[0].get_xdata())) for each in panel.containers]
    assert all(after > before for before, after in pairwise(centres))  # none hides another


def test_the_figure_is_written(finished: Path) -> None:
    assert (finished / "sweep.png").read_bytes().startswith(b"\x89PNG")
    svg = (finished / "sweep.svg").read_text()
    for text in ("alpha", "network = relu1", "MAML", "joint training", "random initialisation"):
        assert f">{text}</text>" in svg


# --- going on ---


def test_the_same_command_trains_nothing_again(
    finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, written_before = times(finished), contents(finished)
    monkeypatch.setattr(sweep, "executor", lambda *_: pytest.fail("nothing is left to do"))
    assert sweep.main([*SMALL, *GRID, "--seeds", "3", "--run", str(finished)]) == 0
    assert times(finished) == before
    assert contents(finished) == written_before


def test_finished_work_is_not_done_again(finished: Path, tmp_path: Path) -> None:
    # As when a cluster gives a run away that was finished after all.
    folder = shutil.copytree(finished, tmp_path / "sweep")
    before = times(folder)
    run = load_run(folder / "runs" / "network=relu2,alpha=0.01,seed=1")
    place = str(folder / "runs" / "network=relu2,alpha=0.01,seed=1")
    assert member.work(place, asdict(run.recipe), 1, 5).finished
    assert times(folder) == before


def test_a_wider_sweep_keeps_the_runs(finished: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(finished, tmp_path / "sweep")
    before = times(folder)
    wider = ["--grid", "alpha=0.02,0.01", "--grid", "network=relu1", "--seeds", "4"]
    assert sweep.main([*SMALL, *wider, "--run", str(folder)]) == 0
    after = times(folder)
    assert before.items() <= after.items()
    assert {name.split("/")[1] for name in after.keys() - before.keys()} == {
        *(f"network=relu1,alpha=0.02,seed={seed}" for seed in range(4)),
        "network=relu1,alpha=0.01,seed=3",
    }
    assert {row["alpha"] for row in rows(folder)} == {"0.02", "0.01"}
    assert len(rows(folder)) == 2 * 4 * 3 * (STEPS + 1)


def test_other_tasks_are_another_evaluation_of_the_same_weights(
    finished: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(finished, tmp_path / "sweep")
    before = contents(folder)
    arguments = [*BASE, "--quiet", *GRID, "--seeds", "3", "--run", str(folder)]
    assert sweep.main([*arguments, "--tasks", "4"]) == 0
    after = contents(folder)
    for name in before:
        if name.endswith(("maml.npz", "metrics.csv")):
            assert after[name] == before[name]
    assert after["sweep.csv"] != before["sweep.csv"]
    assert sweep.main([*arguments, "--tasks", "5"]) == 0
    assert contents(folder)["sweep.csv"] == before["sweep.csv"]


@pytest.mark.parametrize("lost", ["evaluation.json", "maml.npz", "run.json", "checkpoint.npz"])
def test_a_run_that_has_lost_a_file_is_mended(lost: str, finished: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(finished, tmp_path / "sweep")
    before = contents(folder)
    run = folder / "runs" / "network=relu2,alpha=0.01,seed=1"
    (run / lost).write_bytes(b"")
    (run / "evaluation.json").unlink()
    assert sweep.main([*SMALL, *GRID, "--seeds", "3", "--run", str(folder)]) == 0
    after = contents(folder)
    for name in ("evaluation.json", "maml.npz", "run.json", "metrics.csv"):
        path = f"{run.relative_to(folder)}/{name}"
        assert after[path] == before[path]
    assert after["sweep.csv"] == before["sweep.csv"]


def test_a_half_finished_run_goes_on(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shutil.copytree(finished, tmp_path / "sweep")
    name = "network=relu1,alpha=0.01,seed=0"
    shutil.rmtree(folder / "runs" / name)
    (folder / "runs" / name).mkdir()
    (each,) = grid.members(Recipe(), {}, grid.axes(["network=relu1"], ()), 1)
    settings = dict(zip(BASE[::2], map(int, BASE[1::2]), strict=True))
    changes = {flag[2:].replace("-", "_"): value for flag, value in settings.items()}
    recipe = Recipe(**{**asdict(each.recipe), **changes})

    def stopping(original: Any) -> Any:
        def step(self: Any, *arguments: Any) -> None:
            original(self, *arguments)
            if self.steps == 4:
                raise OSError(28, "No space left on device")

        return step

    with monkeypatch.context() as patch:
        patch.setattr(Adam, "update", stopping(Adam.update))
        patch.setattr(member, "EVERY", 2)
        outcome = member.work(str(folder / "runs" / name), asdict(recipe), 0, 5)
    assert not outcome.finished
    state = checkpoint.load(folder / "runs" / name)
    assert state is not None
    assert (state.method, state.iteration) == ("maml", 2)
    # That somebody has evaluated what there is does not finish it.
    train.write_results(folder / "runs" / name, state)
    record = evaluate.record(load_run(folder / "runs" / name), (), 5, member.TASKS_SEED)
    write_json(folder / "runs" / name / "evaluation.json", record)

    begun: list[int] = []
    batches: Any = tasks.batches

    def noting(*arguments: Any, start: int = 0, **others: Any) -> Any:
        begun.append(start)
        return batches(*arguments, start=start, **others)

    monkeypatch.setattr(tasks, "batches", noting)
    assert sweep.main([*SMALL, *GRID, "--seeds", "3", "--run", str(folder)]) == 0
    assert begun[0] == 2
    for file in ("evaluation.json", "maml.npz", "joint.npz", "metrics.csv", "run.json"):
        ours, theirs = (each / "runs" / name / file for each in (folder, finished))
        assert ours.read_bytes() == theirs.read_bytes()


def test_another_base_is_refused(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shutil.copytree(finished, tmp_path / "sweep")
    before = contents(folder)
    other = [*SMALL, "--beta", "0.01", "--dtype", "float64", *GRID, "--run", str(folder)]
    assert sweep.main(other) == 2
    message = (
        "holds a sweep on another base (beta is 0.001, not 0.01, dtype is float32, not float64)"
    )
    assert message in capsys.readouterr().err
    assert contents(folder) == before
    for content in ("{", "[]", '{"base": []}', '{"base": {}}'):
        (folder / "sweep.json").write_text(content)
        assert sweep.main([*SMALL, *GRID, "--run", str(folder)]) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1


def test_two_sweeps_in_one_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with checkpoint.alone(tmp_path):
        assert sweep.main([*SMALL, *GRID, "--run", str(tmp_path)]) == 2
    assert "is in use by another process; it must be alone there" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


# --- failures ---


def test_a_run_that_diverges_does_not_stop_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--grid", "beta=0.001,1e19", "--iterations", "40", *SMALL[2:], "--seeds", "2"]
    assert sweep.main([*arguments, "--run", str(tmp_path)]) == 1
    said = capsys.readouterr()
    assert "beta=1e+19,seed=0 failed: maml: the loss is" in said.err
    assert "2 of 4 runs failed; see sweep.json" in said.err
    assert {(row["beta"], row["seed"]) for row in rows(tmp_path)} == {
        ("0.001", "0"),
        ("0.001", "1"),
    }
    record = json.loads((tmp_path / "sweep.json").read_text())
    assert set(record["failures"]) == {"beta=1e+19,seed=0", "beta=1e+19,seed=1"}
    assert "at iteration" in record["failures"]["beta=1e+19,seed=0"]
    assert [group["seeds"] for group in record["groups"]] == [[0, 1]] * 3
    # It would diverge again: what it has is kept.
    metrics = (tmp_path / "runs" / "beta=1e+19,seed=0" / "metrics.csv").read_bytes()
    assert sweep.main([*arguments, "--run", str(tmp_path)]) == 1
    assert (tmp_path / "runs" / "beta=1e+19,seed=0" / "metrics.csv").read_bytes() == metrics


def test_when_every_run_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--beta", "1e19", "--iterations", "40", *SMALL[2:], "--seeds", "1"]
    (tmp_path / "sweep.png").write_bytes(b"of an earlier sweep")
    assert sweep.main([*arguments, "--run", str(tmp_path)]) == 1
    assert "1 of 1 runs failed" in capsys.readouterr().err
    assert rows(tmp_path) == []
    assert not (tmp_path / "sweep.png").exists()


def test_a_folder_that_cannot_be_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = tmp_path / "runs"
    runs.mkdir()
    (runs / "alpha=0.01,seed=0").write_text("a file")
    foreign = ["--alpha", "0.03", *BASE, "--quiet"]
    assert train.main([*foreign, "--run", str(runs / "alpha=0.01,seed=1")]) == 0
    held = runs / "alpha=0.01,seed=2"
    held.mkdir()
    monkeypatch.setattr(member, "PATIENCE", 0.3)
    with checkpoint.alone(held):
        arguments = [*SMALL, "--grid", "alpha=0.01,0.02", "--seeds", "3", "--run", str(tmp_path)]
        assert sweep.main(arguments) == 1
    failures = json.loads((tmp_path / "sweep.json").read_text())["failures"]
    assert {name: reason.partition(";")[0].split("/")[-1] for name, reason in failures.items()} == {
        "alpha=0.01,seed=0": "alpha=0.01,seed=0: it is a file",
        "alpha=0.01,seed=1": "alpha=0.01,seed=1 holds another run",
        "alpha=0.01,seed=2": "alpha=0.01,seed=2 is in use by another process",
    }
    assert {row["alpha"] for row in rows(tmp_path)} == {"0.02"}
    assert len(capsys.readouterr().err.splitlines()) == 4


def test_a_worker_waits_for_another_that_gets_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As when a cluster moves the run of a worker that only seemed dead.
    monkeypatch.setattr(member, "PATIENCE", 60.0)
    recipe = asdict(Recipe(iterations=300, meta_batch=3))
    with ThreadPoolExecutor(3) as pool:
        given_twice = [pool.submit(member.work, str(tmp_path), recipe, 0, 3) for _ in range(3)]
        assert [future.result().finished for future in given_twice] == [True] * 3
    lines = (tmp_path / "metrics.csv").read_text().splitlines()
    assert len(lines) == len(set(lines)) == 1 + 2 * 300


def test_workers_that_write_to_another_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    done = member.Outcome(finished=True, reason="", seconds=0.0)
    monkeypatch.setattr(sweep, "work", lambda *_: done)
    assert sweep.main([*SMALL, "--seeds", "1", "--run", str(tmp_path)]) == 1
    record = json.loads((tmp_path / "sweep.json").read_text())
    assert "workers must write to the same disk" in record["failures"]["seed=0"]
    assert "1 of 1 runs failed" in capsys.readouterr().err


def test_a_worker_that_raises(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def work(folder: str, *arguments: Any) -> member.Outcome:
        if folder.endswith("seed=1"):
            raise RuntimeError("two\nlines")
        return member.work(folder, *arguments)

    monkeypatch.setattr(sweep, "work", work)
    assert sweep.main([*SMALL, "--seeds", "3", "--run", str(tmp_path)]) == 1
    assert "seed=1 failed: RuntimeError: two lines\n" in capsys.readouterr().err
    assert {row["seed"] for row in rows(tmp_path)} == {"0", "2"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_results_file_that_cannot_be_written(finished: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(finished, tmp_path / "sweep")
    folder.chmod(0o500)
    try:
        assert sweep.main([*SMALL, *GRID, "--run", str(folder)]) == 2
    finally:
        folder.chmod(0o700)
