"""The measurement of costs: that it runs, and writes what it must; nothing about time."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from docs.experiment import cost
from docs.experiment.recipes import Recipe
from docs.sinusoid.family import SINUSOIDS

if TYPE_CHECKING:
    from docs.experiment.family import TaskFamily

RECIPE = Recipe(hidden=(3, 3), iterations=1000, meta_batch=2, shots=3, queries=3)
ONES = replace(RECIPE, methods=("maml",))
FAMILY = replace(SINUSOIDS, recipes={"two": RECIPE, "one": ONES})


def test_the_arithmetic(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([0.3, 30.0, 0.1, 10.0, 0.2, 20.0])
    asked: list[tuple[Recipe, int]] = []

    def timed(_: TaskFamily, recipe: Recipe, iterations: int) -> float:
        asked.append((recipe, iterations))
        return next(times)

    monkeypatch.setattr(cost, "seconds", timed)
    found = cost.measured(FAMILY, ["two", "one"], 7, rounds=3)
    assert asked == [(RECIPE, 7), (ONES, 7)] * 3
    assert found["two"] == {
        "methods": ["maml", "joint"],
        "iterations": 1000,
        "milliseconds_of_an_iteration": pytest.approx(200),
        "least": pytest.approx(100),
        "most": pytest.approx(300),
        "seconds": pytest.approx(400),
    }
    assert found["one"]["seconds"] == pytest.approx(20_000)


def test_the_file_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "cost.json"
    arguments = ["--out", str(path), "--recipes", "one", "--iterations", "2", "--rounds", "2"]
    assert cost.main(FAMILY, arguments) == 0
    record = json.loads(path.read_text())
    assert list(record["recipes"]) == ["one"]
    assert record["recipes"]["one"]["seconds"] > 0
    assert (record["timed"], record["rounds"]) == (2, 2)
    assert "ms an iteration" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--recipes", "slow"], "invalid choice: 'slow'"),
        (["--iterations", "0"], "is '0'; it must be a whole number from 1"),
        (["--rounds", "x"], "is 'x'; it must be a whole number from 1"),
    ],
)
def test_bad_flags_are_refused_in_one_line(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cost.main(FAMILY, ["--out", str(tmp_path / "cost.json"), *arguments])
    assert ended.value.code == 2
    shown = capsys.readouterr().err
    assert len(shown.splitlines()) == 1
    assert message in shown


def test_a_training_that_diverges_has_no_cost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wild = replace(FAMILY, recipes={"one": replace(ONES, beta=1e38)})
    path = tmp_path / "cost.json"
    assert cost.main(wild, ["--out", str(path), "--iterations", "9", "--rounds", "1"]) == 2
    assert "the training must come to its end" in capsys.readouterr().err
    assert not path.exists()
