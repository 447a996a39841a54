"""What is said of planted mistakes, as it was written down."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from docs.diagnose import trial
from docs.diagnose.planted import MISTAKES
from docs.render.diagnose import TRIAL, diagnosed

ROWS = json.loads(TRIAL.read_text(encoding="utf-8"))
SAID = {each["planted"]: each["said"] for each in ROWS}


def test_every_planted_mistake_was_tried() -> None:
    assert [(each["kind"], each["planted"]) for each in ROWS] == [
        (kind, name) for kind, name, _ in trial.planted()
    ]


def test_one_mistake_is_named_by_its_name() -> None:
    assert "yes" not in SAID.values()
    for name in MISTAKES:
        assert SAID[name] == name
        assert SAID[f"first order, {name}"] == f"first order, {name}"
    for each in ROWS:
        assert each["said"] != "none of these" or each["kind"] in (
            "two mistakes",
            "not in the list",
        )


#: What each of these exercises: a number with another name in one case, one that is close in one
#: case, a number in company of a mistake, and of a factor.
AGAIN = (
    "alpha times 3",
    "weight decay 0.01",
    "only the head adapted; alpha times 0.7",
    "momentum 0.9; tasks added up",
)


@pytest.mark.parametrize("name", AGAIN)
def test_it_is_said_again(name: str) -> None:
    pytest.importorskip("torch")
    (planted,) = (each for each in trial.planted() if each[1] == name)
    assert trial.tried(*planted)["said"] == SAID[name] != "none of these"


def test_the_page_counts_them() -> None:
    rows = [line.strip("| ").split(" | ") for line in diagnosed("counts").splitlines()[2:]]
    assert sum(int(planted) for _, planted, _, _ in rows) == len(ROWS)
    for kind, planted, named, none in rows:
        assert int(named) + int(none) == int(planted)
        assert int(none) == 0 or kind in ("two mistakes", "not in the list")
    assert diagnosed("trial").count("\n") == len(ROWS) + 1


def test_a_file_that_cannot_be_written_is_refused_first(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(trial, "tried", lambda *_: pytest.fail("tried before the folder"))
    assert trial.main(["--out", f"{Path(__file__)}/x.json"]) == 2
    assert capsys.readouterr().err.startswith("error: cannot write")
