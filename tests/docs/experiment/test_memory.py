"""How much memory is needed is said before any is taken."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docs.experiment import memory
from docs.sinusoid import evaluate, train
from docs.sinusoid.family import SINUSOIDS
from tests.docs.sinusoid.commands import SMALL

if TYPE_CHECKING:
    import pytest


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
