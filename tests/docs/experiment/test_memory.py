"""How much memory is needed is said before any is taken."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from docs.experiment import memory
from docs.sinusoid import evaluate, train
from docs.sinusoid.family import SINUSOIDS
from docs.sinusoid.sweep import __main__ as sweep
from tests.docs.sinusoid.commands import SMALL


def test_what_there_is_is_more_than_nothing() -> None:
    assert memory.available() > 0


def test_larger_sizes_need_more() -> None:
    usual = SINUSOIDS.recipe()
    least = memory.of_training(SINUSOIDS, usual)
    changes: list[dict[str, Any]] = [{"hidden": (400, 400)}, {"meta_batch": 10**4}]
    for change in (*changes, {"dtype": "float64"}):
        assert memory.of_training(SINUSOIDS, replace(usual, **change)) > least
    assert least < 1e8


def test_what_there_is_no_memory_for_is_not_begun(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = ["--run", str(tmp_path)]
    assert train.main([*run, "--meta-batch", "1000000000"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: the training would take about ")
    assert "GB of memory, and there are" in line
    assert {path.name for path in tmp_path.iterdir()} <= {".maml-derived.lock"}
    assert train.main([*run, *SMALL, "--quiet"]) == 0
    monkeypatch.setattr(memory, "available", lambda: 1e6)
    assert evaluate.main([*run, "--tasks", "100000"]) == 2
    assert "the evaluation would take about" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "what"),
    [
        (["--grid", "meta_batch=2,1000000000"], "the largest training, 2 at a time,"),
        (["--tasks", "1000000000"], "the largest evaluation, 1 at a time,"),
    ],
)
def test_nor_is_a_sweep_of_it(
    flags: list[str], what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ["--seeds", "1", "--workers", "2", "--run", str(tmp_path / "sweep")]
    assert sweep.main([*flags, *run]) == 2
    assert capsys.readouterr().err.startswith(f"error: {what} would take about ")
    assert not (tmp_path / "sweep").exists()
