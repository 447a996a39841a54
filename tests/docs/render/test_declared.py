"""What pages say of algorithms, activations and refusals comes from where it is declared."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest
from sympy import Symbol, latex

from derive.command import parse_arguments
from derive.language.elementwise import ACTIVATIONS, TABLE
from derive.model.algorithms import ALGORITHMS
from derive.model.losses import LOSSES
from docs.render.declared import activation_table, declared, family_letters, refused
from docs.render.manifest import PageError
from tests.docs.render.pages import PAGES, filled


@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_declared_algorithm_is_its_row(name: str) -> None:
    (line,) = declared(name).splitlines()[1:-1]
    key, _, row = line.partition(": ")
    assert key == f'"{name}"'
    rule = ALGORITHMS[name]
    assert row.startswith(f'Algorithm("{rule.title}", ...')
    for field in fields(rule)[2:]:
        value = getattr(rule, field.name)
        word = value.__name__ if callable(value) else str(value) if value is True else f'"{value}"'
        assert (f", {field.name}={word}" in row) == (value != field.default), field.name


def test_the_page_of_the_family_shows_every_algorithm() -> None:
    shown = re.findall(r"\{\{declared:(\w+)\}\}", PAGES["18-family.md"])
    assert sorted(shown) == sorted(ALGORITHMS)


def test_the_table_of_activations_is_that_of_the_derivation() -> None:
    _, _, *rows = activation_table().splitlines()
    assert [row.split("`")[1] for row in rows] == list(ACTIVATIONS)
    for name, row in zip(ACTIVATIONS, rows, strict=True):
        assert f"| ${latex(TABLE[name].at(Symbol('z', real=True)))}$ |" in row
    slopes = dict(zip(ACTIVATIONS, (row.split(" | ")[2] for row in rows), strict=True))
    assert slopes["relu"] == r"$\mathbf{1}[z > 0]$ |"
    assert slopes["tanh"] == r"$1 - \tanh^{2}(z)$ |"
    assert slopes["silu"] == r"$z \, \sigma'(z) + \sigma(z)$ |"
    assert not re.search(r"\\odot|\\circ|Z", "".join(slopes.values()))
    assert filled("{{activations}}") == activation_table()


def test_the_letters_of_the_family_are_those_that_relu2_lacks() -> None:
    shown = family_letters()
    for row in (r"| $\lambda$ | weight of the penalty |", "| $c$ | context of a task, a row |"):
        assert row in shown
    assert not re.search(r"\$(T|X|\\alpha|K|\\ell)\$", shown)
    assert len(shown.splitlines()) == 2 + 5 + 4 + 5


def test_a_refusal_is_what_the_command_says() -> None:
    assert refused("--hidden -1") == "build.py: error: --hidden is -1; it must be at least 0"
    with pytest.raises(PageError, match="'--hidden 3' are not refused"):
        refused("--hidden 3")
    with pytest.raises(PageError, match="there is no algorithm 'reptile'"):
        declared("reptile")


def test_derive_your_own_names_every_flag_and_every_row(
    capsys: pytest.CaptureFixture[str],
) -> None:
    page = PAGES["derive-your-own.md"]
    with pytest.raises(SystemExit):
        parse_arguments(["--help"])
    flags = set(re.findall(r"--[a-z-]+", capsys.readouterr().out)) - {"--help", "--bias"}
    named = set(re.findall(r"^\| `(--[a-z-]+)`", page, re.MULTILINE))
    assert named == flags
    (losses,) = re.findall(r"^\| `--loss` \| (.*?),? the same", page, re.MULTILINE)
    assert re.findall(r"`(\w+)`", losses) == list(LOSSES)
