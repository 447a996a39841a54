"""Chapters as notebooks: the format, what is in them, and that they run."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

from docs.render.manifest import PAGE_NETWORK, PageError, manifest
from docs.render.notebook import (
    NOTEBOOKS,
    cells_of,
    given,
    literal,
    main,
    notebook,
    notebook_name,
    prose,
)
from tests.docs.render.pages import PAGES


@pytest.mark.parametrize("page", NOTEBOOKS)
def test_a_notebook_is_valid_and_always_the_same(page: str, tmp_path: Path) -> None:
    text = notebook(page, PAGES[page])
    nbformat.validate(json.loads(text))
    assert main(["--out", str(tmp_path)]) == 0
    assert (tmp_path / notebook_name(page)).read_text(encoding="utf-8") == text
    assert "import docs" not in text
    assert "generated" not in "".join(
        cell.text for cell in cells_of(PAGES[page], NOTEBOOKS[page]) if cell.kind == "code"
    )


@pytest.mark.parametrize(("page", "network"), NOTEBOOKS.items())
def test_every_equation_and_exercise_of_the_page_is_there(page: str, network: str) -> None:
    cells = cells_of(PAGES[page], network)
    texts = "\n".join(cell.text for cell in cells)
    for line in manifest(network)["derived"]:
        if line["number"].partition(".")[0] in page:
            assert f"\\tag{{{line['number']}}}" in texts
            assert f"{line['code']}  # ({line['number']})\ncheck({line['name']}, " in texts
    asked = len(re.findall(r"^\d+\. ", PAGES[page].partition("## Exercises")[2], re.MULTILINE))
    assert [cell.name for cell in cells if cell.name.startswith("answer-")] == [
        f"answer-{place}" for place in range(1, asked + 1)
    ]
    # Nothing is left of what only the site understands.
    assert not re.search(r"\{\{|\[eq:|\[sym:|\?\?\?|\]\((?!https:)", texts)


def run(text: str, folder: Path) -> Any:
    """A notebook after all its cells have run, in a folder where nothing can be imported from."""
    made = nbformat.reads(text, as_version=4)  # type: ignore[no-untyped-call]
    return NotebookClient(made, resources={"metadata": {"path": str(folder)}}).execute()


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("page", NOTEBOOKS)
def test_a_notebook_runs_and_shows_what_the_page_states(page: str, tmp_path: Path) -> None:
    cells = run(notebook(page, PAGES[page]), tmp_path).cells
    printed = {cell.id: "".join(each.text for each in cell.get("outputs", [])) for cell in cells}
    values = {line["name"]: line["example"] for line in manifest(NOTEBOOKS[page])["derived"]}
    for name, value in values.items():
        if f"code-{name}" in printed:
            shown = np.array(re.findall(r"-?[\d.]+", printed[f"code-{name}"]), dtype=float)
            assert shown == pytest.approx(np.ravel(eval(literal(value))), abs=1e-6)
    assert printed["central-difference"]


@pytest.mark.filterwarnings("default")
def test_a_notebook_with_a_wrong_line_fails(tmp_path: Path) -> None:
    text = notebook("2-warm-up.md", PAGES["2-warm-up.md"])
    wrong = text.replace("w_bar = w_fast_bar * (1 - ", "w_bar = w_fast_bar * (1 + ")
    assert wrong != text
    with pytest.raises(Exception, match=r"the page states -4\.48"):
        run(wrong, tmp_path)


def test_the_lines_of_a_network_give_the_values_of_its_example() -> None:
    """What a notebook of matrices would run, on the network that has every kind of line."""
    scope: dict[str, Any] = {}
    exec(given(PAGE_NETWORK), scope)
    for line in manifest(PAGE_NETWORK)["derived"]:
        exec(line["code"], scope)
        scope["check"](scope[line["name"]], eval(literal(line["example"])))


def test_numbers_are_read_from_latex() -> None:
    assert literal("-7/2") == "-3.5"
    assert literal("1/3") == "1 / 3"
    matrix = r"\begin{pmatrix} -\frac{1}{3} & 2 \\[0.3em] 0 & \frac{1}{4} \end{pmatrix}"
    assert literal(matrix) == "[[-1 / 3, 2], [0, 0.25]]"
    assert Fraction(-1, 3) == pytest.approx(eval(literal(matrix))[0][0])


def test_prose_keeps_what_can_be_read_anywhere() -> None:
    text = prose("See [chapter 8](8-rewrite.md) and [Finn](https://a.paper): [sym:w].", "warm_up")
    assert text == "See chapter 8 and [Finn](https://a.paper): $w$."
    assert prose("It is so. Measured was", "warm_up", whole=False) == "It is so."
    with pytest.raises(PageError, match="there is no quantity 'v'"):
        prose("[sym:v]", "warm_up")
    with pytest.raises(PageError, match=r"a notebook has no '\{\{speed:ratios\}\}'"):
        prose("{{speed:ratios}}", "warm_up")
