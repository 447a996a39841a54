"""What pages show of the experiment's results."""

from __future__ import annotations

import pytest

from docs.experiment.parts import ANGLES, LENGTHS
from docs.render.manifest import PageError
from docs.render.results import record, results
from tests.docs.render.pages import PAGES


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("speed/quick", "it must begin with table, at,"),
        ("table/nowhere", "there are no results 'nowhere'; make results writes them"),
        ("at/quick/nobody/0", "0 groups of 'quick' are of nobody"),
        ("at/quick/maml/99", "there are no results 'at/quick/maml/99'"),
        ("at/quick", "there are no results 'at/quick'"),
        ("setting/quick/colour", "there are no results 'setting/quick/colour'"),
        ("scaling/colour", "nothing was measured under 'colour'"),
        ("scaling", "nothing was measured under ''"),
        ("parts/quick/summary", "nothing was measured under 'summary'"),
        ("parts/nowhere/summary", "there are no results 'nowhere'; make results writes them"),
        ("parts", "there are no results 'parts': "),
    ],
)
def test_a_page_cannot_ask_for_what_is_not_there(text: str, message: str) -> None:
    with pytest.raises(PageError, match=message):
        results(text)


def test_a_table_says_what_it_was_made_with() -> None:
    text = results("table/quick")
    header, _, *rows = [line for line in text.splitlines() if line.startswith("|")]
    assert header == "| method | 0 steps | 1 step | 5 steps | 10 steps |"
    assert {row.split(" | ")[0] for row in rows[:3]} == {
        "| MAML",
        "| joint training",
        "| random initialisation",
    }
    assert "python -m docs.sinusoid.sweep --recipe quick --seeds 5" in text
    assert "| joint training |" not in results("table/quick/maml")


def test_a_number_is_that_of_the_file() -> None:
    (expected,) = (
        group["summary"]["capped"][1]
        for group in record("quick")["groups"]
        if group["method"] == "maml"
    )
    assert float(results("at/quick/maml/1")) == pytest.approx(expected, rel=1e-2)


def test_the_table_of_parts_is_that_of_the_files() -> None:
    rows = [line for line in results("parts/table").splitlines() if line.startswith("|")]
    assert rows[0] == "| of what | relu, start | relu, training | tanh, start | tanh, training |"
    summaries = [record(name)["summary"] for name in ("gauss-newton", "gauss-newton-tanh")]
    for row, name in zip(rows[2:], {**LENGTHS, **ANGLES}, strict=True):
        title, *numbers = row.strip("| ").split(" | ")
        assert title == {**LENGTHS, **ANGLES}[name]
        shown = [float(number.rstrip("°")) for number in numbers]
        assert all(number.endswith("°") == (name in ANGLES) for number in numbers)
        expected = [each[name][when] for each in summaries for when in ("start", "mean")]
        assert shown == pytest.approx(expected, rel=6e-3)


def test_what_a_star_of_the_forecast_means_stands_on_the_page() -> None:
    sweeps = record("scaling")["foretold"]["sweeps"]
    rows = [line for line in results("scaling/foretold").splitlines() if line.startswith("|")][2:]
    for each, row in zip(sweeps, rows, strict=True):
        starred = "*" in row
        assert starred == (each["workers"] > max(record("scaling")["sizes"]["workers"]))
        assert not starred or f"\n\\* {each['basis']}.\n" in PAGES["sinusoid/runs.md"]
