"""Tables that set the methods beside each other, and beside what papers say."""

from __future__ import annotations

import re

import pytest

from docs.experiment.methods import TITLES
from docs.render.comparison import STEPS, WITHOUT, comparison, error, published
from docs.render.manifest import PageError
from docs.render.results import record, summary_of
from docs.sinusoid.family import BY_METHOD


def rows(text: str) -> list[list[str]]:
    """The cells of a table, without its header."""
    lines = [line for line in comparison(text).splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.mark.parametrize("shots", ["10shot", "5shot"])
def test_every_method_has_its_row(shots: str) -> None:
    found = rows(f"methods/{shots}")
    titles = [TITLES[recipe.methods[0]] for recipe in BY_METHOD.values()]
    own = [row for row in found if "](" not in row[0]]
    assert [row[0] for row in own] == [*titles, TITLES["random"]]
    for row, (name, recipe) in zip(own, BY_METHOD.items(), strict=False):
        summary = summary_of(f"{name}-{shots}", recipe.methods[0], {})
        assert float(row[1]) == pytest.approx(summary["capped"][0], rel=0.005)
        for cell, step in zip(row[2:5], STEPS[1:], strict=True):
            mean, tasks, seeds = map(float, re.findall(r"[\d.]+", cell)[:3])
            keys = ("capped", "capped_ci95", "seeds_ci95")
            expected = [summary[key][step] for key in keys]
            assert [mean, tasks, seeds] == pytest.approx(expected, abs=0.06 * max(expected[1:]))
            assert cell.endswith("%)") == (summary["diverged"][step] > 0)


def test_only_the_same_protocol_stands_beside_ours() -> None:
    beside = [row for shots in (10, 5) for row in rows(f"methods/{shots}shot") if "](" in row[0]]
    (maml,) = beside
    by_steps = {each["steps"]: each["mse"] for each in published()["same"]}
    assert maml[1:5] == ["", *(str(by_steps[step]) for step in STEPS[1:])]
    assert "Finn and others 2017" in maml[0]


def test_what_was_published_elsewhere_is_all_there() -> None:
    shown = {
        (row[1], float(cell.split(" ± ")[0]))
        for row in rows("elsewhere")
        for cell in row[3:]
        if cell
    }
    said = comparison("sources")
    for each in published()["other"]:
        assert (each["method"], each["mse"]) in shown
        assert each["where"] in said
        assert not each["differs"] or each["differs"] in said


def test_digits_follow_the_wider_interval() -> None:
    keys = ("capped", "capped_ci95", "seeds_ci95", "diverged")

    def cell(*values: float) -> str:
        return error({key: [value] for key, value in zip(keys, values, strict=True)}, 0)

    assert cell(0.0014732, 0.00031886, 0.00013838, 0.0286) == "0.00147 ± 0.00032 ± 0.00014 (2.9%)"
    assert cell(22.963, 0.61, 1.7, 0) == "23.0 ± 0.6 ± 1.7"


def test_what_is_undone_costs_something() -> None:
    first, *others = rows("without")
    assert first[0] == "nothing"
    assert {row[0] for row in others} == set(WITHOUT.values())
    times = [float(row[-1]) for row in others if row[-1]]
    assert times == sorted(times)
    assert all((row[-1] == "") == row[-2].startswith("0 of") for row in others)
    for name, title in WITHOUT.items():
        (row,) = [row for row in others if row[0] == title]
        made = record(f"without-{name}")
        assert row[-2] == f"{made['seeds'] - len(made['failures'])} of {made['seeds']}"


def test_what_the_family_gains_is_its_first_number() -> None:
    assert [row[0] for row in rows("gains")] == [
        "MAML", "first-order MAML", "Meta-SGD", "MAML++", "ANIL", "BOIL", "CAVIA", "recipe",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("winners", "comparisons are asked for as 'winners'; it must begin with methods,"),
        ("methods", "there are no comparisons 'methods'"),
        ("methods/7shot", "there are no results 'maml-7shot'"),
        ("seconds/never", "there are no comparisons 'seconds/never'"),
    ],
)
def test_a_page_cannot_ask_for_what_is_not_there(text: str, message: str) -> None:
    with pytest.raises(PageError, match=message):
        comparison(text)
