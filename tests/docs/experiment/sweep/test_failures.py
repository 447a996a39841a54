"""Runs of a sweep that fail."""

from __future__ import annotations

import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from docs.experiment.files import write_text
from docs.experiment.recipes import Recipe
from docs.experiment.sweep import member, runs
from docs.sinusoid.family import SINUSOIDS
from docs.sinusoid.sweep.__main__ import main
from docs.sinusoid.train import main as train_alone
from tests.docs.experiment.sweep.sweeps import BASE, GRID, SMALL, rows

if TYPE_CHECKING:
    from docs.experiment.family import TaskFamily

pytestmark = pytest.mark.usefixtures("threads")


def test_a_run_that_diverges_does_not_stop_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--grid", "beta=0.001,1e19", "--iterations", "40", *SMALL[2:], "--seeds", "2"]
    assert main([*arguments, "--run", str(tmp_path)]) == 1
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
    assert main([*arguments, "--run", str(tmp_path)]) == 1
    assert (tmp_path / "runs" / "beta=1e+19,seed=0" / "metrics.csv").read_bytes() == metrics


def test_when_every_run_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--beta", "1e19", "--iterations", "40", *SMALL[2:], "--seeds", "1"]
    write_text(tmp_path / "sweep.png", "of an earlier sweep")
    assert main([*arguments, "--run", str(tmp_path)]) == 1
    assert "1 of 1 runs failed" in capsys.readouterr().err
    assert rows(tmp_path) == []
    assert not (tmp_path / "sweep.png").exists()


def test_a_folder_that_cannot_be_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = tmp_path / "runs"
    runs.mkdir()
    (runs / "alpha=0.01,seed=0").write_text("a file")
    foreign = ["--alpha", "0.03", *BASE, "--quiet"]
    assert train_alone([*foreign, "--run", str(runs / "alpha=0.01,seed=1")]) == 0
    arguments = [*SMALL, "--grid", "alpha=0.01,0.02", "--seeds", "2", "--run", str(tmp_path)]
    assert main(arguments) == 1
    failures = json.loads((tmp_path / "sweep.json").read_text())["failures"]
    assert {name: reason.partition(";")[0].split("/")[-1] for name, reason in failures.items()} == {
        "alpha=0.01,seed=0": "alpha=0.01,seed=0: it is a file",
        "alpha=0.01,seed=1": "alpha=0.01,seed=1 holds another run",
    }
    assert {row["alpha"] for row in rows(tmp_path)} == {"0.02"}
    assert len(capsys.readouterr().err.splitlines()) == 3


def test_a_worker_waits_for_another_that_gets_on(tmp_path: Path) -> None:
    # As when a cluster moves the run of a worker that only seemed dead.
    recipe = asdict(Recipe(iterations=300, meta_batch=3))
    with ThreadPoolExecutor(3) as pool:
        given_twice = [
            pool.submit(member.work, SINUSOIDS, str(tmp_path), recipe, 0, 3) for _ in range(3)
        ]
        assert [future.result().finished for future in given_twice] == [True] * 3
    lines = (tmp_path / "metrics.csv").read_text().splitlines()
    assert len(lines) == len(set(lines)) == 1 + 2 * 300


def test_workers_that_write_to_another_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    done = member.Outcome(finished=True, reason="", seconds=0.0)
    monkeypatch.setattr(runs, "work", lambda *_: done)
    assert main([*SMALL, "--seeds", "1", "--run", str(tmp_path)]) == 1
    record = json.loads((tmp_path / "sweep.json").read_text())
    assert "workers must write to the same disk" in record["failures"]["seed=0"]
    assert "1 of 1 runs failed" in capsys.readouterr().err


def test_a_worker_that_raises(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def work(family: TaskFamily, folder: str, *arguments: Any) -> member.Outcome:
        if folder.endswith("seed=1"):
            raise RuntimeError("two\nlines")
        return member.work(family, folder, *arguments)

    monkeypatch.setattr(runs, "work", work)
    assert main([*SMALL, "--seeds", "3", "--run", str(tmp_path)]) == 1
    assert "seed=1 failed: RuntimeError: two lines\n" in capsys.readouterr().err
    assert {row["seed"] for row in rows(tmp_path)} == {"0", "2"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_results_file_that_cannot_be_written(finished: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(finished, tmp_path / "sweep")
    folder.chmod(0o500)
    try:
        assert main([*SMALL, *GRID, "--run", str(folder)]) == 2
    finally:
        folder.chmod(0o700)
