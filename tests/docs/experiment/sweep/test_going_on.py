"""Sweeps that go on."""

from __future__ import annotations

import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from docs.experiment import checkpoint, evaluate, train
from docs.experiment.adam import Adam
from docs.experiment.evaluate import STEPS, load_run
from docs.experiment.files import write_json
from docs.experiment.recipes import Recipe
from docs.experiment.sweep import grid, member, runs
from docs.sinusoid import tasks
from docs.sinusoid.family import SINUSOIDS
from docs.sinusoid.sweep.__main__ import main
from tests.docs.experiment.sweep.sweeps import BASE, GRID, SMALL, contents, rows, times

pytestmark = pytest.mark.usefixtures("threads")


def test_the_same_command_trains_nothing_again(
    finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, written_before = times(finished), contents(finished)
    monkeypatch.setattr(runs, "executor", lambda *_: pytest.fail("nothing is left to do"))
    assert main([*SMALL, *GRID, "--seeds", "3", "--run", str(finished)]) == 0
    assert times(finished) == before
    assert contents(finished) == written_before


def test_finished_work_is_not_done_again(finished: Path, tmp_path: Path) -> None:
    # As when a cluster gives a run away that was finished after all.
    folder = shutil.copytree(finished, tmp_path / "sweep")
    before = times(folder)
    run = load_run(SINUSOIDS, folder / "runs" / "network=relu2,alpha=0.01,seed=1")
    place = str(folder / "runs" / "network=relu2,alpha=0.01,seed=1")
    assert member.work(SINUSOIDS, place, asdict(run.recipe), 1, 5).finished
    assert times(folder) == before


def test_a_wider_sweep_keeps_the_runs(finished: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(finished, tmp_path / "sweep")
    before = times(folder)
    wider = ["--grid", "alpha=0.02,0.01", "--grid", "network=relu1", "--seeds", "4"]
    assert main([*SMALL, *wider, "--run", str(folder)]) == 0
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
    assert main([*arguments, "--tasks", "4"]) == 0
    after = contents(folder)
    for name in before:
        if name.endswith(("maml.npz", "metrics.csv")):
            assert after[name] == before[name]
    assert after["sweep.csv"] != before["sweep.csv"]
    assert main([*arguments, "--tasks", "5"]) == 0
    assert contents(folder)["sweep.csv"] == before["sweep.csv"]


@pytest.mark.parametrize("lost", ["evaluation.json", "maml.npz", "run.json", "checkpoint.npz"])
def test_a_run_that_has_lost_a_file_is_mended(lost: str, finished: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(finished, tmp_path / "sweep")
    before = contents(folder)
    run = folder / "runs" / "network=relu2,alpha=0.01,seed=1"
    (run / lost).write_bytes(b"")
    (run / "evaluation.json").unlink()
    assert main([*SMALL, *GRID, "--seeds", "3", "--run", str(folder)]) == 0
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
        outcome = member.work(SINUSOIDS, str(folder / "runs" / name), asdict(recipe), 0, 5)
    assert not outcome.finished
    state = checkpoint.load(folder / "runs" / name, SINUSOIDS)
    assert state is not None
    assert (state.method, state.iteration) == ("maml", 2)
    # That somebody has evaluated what there is does not finish it.
    train.write_results(folder / "runs" / name, state)
    record = evaluate.record(load_run(SINUSOIDS, folder / "runs" / name), (), 5, member.TASKS_SEED)
    write_json(folder / "runs" / name / "evaluation.json", record)

    begun: list[int | None] = []

    def noting(*arguments: Any, **others: Any) -> Any:
        begun.append(others.get("start"))
        return tasks.batches(*arguments, **others)

    family = replace(SINUSOIDS, batches=noting)
    assert runs.main(family, [*SMALL, *GRID, "--seeds", "3", "--run", str(folder)]) == 0
    assert 2 in begun
    for file in ("evaluation.json", "maml.npz", "joint.npz", "metrics.csv", "run.json"):
        ours, theirs = (each / "runs" / name / file for each in (folder, finished))
        assert ours.read_bytes() == theirs.read_bytes()


def test_another_base_is_refused(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shutil.copytree(finished, tmp_path / "sweep")
    before = contents(folder)
    other = [*SMALL, "--beta", "0.01", "--dtype", "float64", *GRID, "--run", str(folder)]
    assert main(other) == 2
    message = (
        "holds a sweep on another base (beta is 0.001, not 0.01, dtype is float32, not float64)"
    )
    assert message in capsys.readouterr().err
    assert contents(folder) == before
    # One that is damaged is made again: all that it counts on is in the runs.
    for content in ("{", "[]", '{"base": []}', '{"base": {}}'):
        (folder / "sweep.json").write_text(content)
        assert main([*SMALL, *GRID, "--seeds", "3", "--run", str(folder)]) == 0
        assert "is not what was written; it is now sweep.refused" in capsys.readouterr().err
        assert contents(folder)["sweep.csv"] == before["sweep.csv"]


def test_two_sweeps_in_one_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with checkpoint.alone(tmp_path):
        assert main([*SMALL, *GRID, "--run", str(tmp_path)]) == 2
    assert "is in use by another process; it must be alone there" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()
