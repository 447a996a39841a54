"""LaTeX that a pointer finds its way in, and lines of the generated modules."""

from __future__ import annotations

import re
from typing import NamedTuple

import pytest

from docs.render.manifest import (
    MODULES,
    PAGE_NETWORK,
    Label,
    PageError,
    manifest,
    marked,
    source_line,
    symbols,
)


class Marked(NamedTuple):
    """LaTeX without its marks, and the marks: each name with its kind."""

    latex: str
    names: list[tuple[str, str]]


def unmarked(latex: str) -> Marked:
    """Take the marks off, brace by brace."""
    mark = re.compile(r"\\q\{(\w+)\}\{(\w+)\}\{")
    text, names = "", []
    while (match := mark.search(latex)) is not None:
        depth, end = 1, match.end()
        while depth:
            depth += {"{": 1, "}": -1}.get(latex[end], 0)
            end += 1
        # No quantity stands in another one.
        inside = latex[match.end() : end - 1]
        assert "\\q{" not in inside
        text += latex[: match.start()] + inside
        names.append((match[2], match[1]))
        latex = latex[end:]
    return Marked(text + latex, names)


@pytest.mark.parametrize("network", ["relu1", "relu2", "tanh2", "relu2_5steps", "warm_up"])
def test_marks_change_nothing_and_name_every_quantity(network: str) -> None:
    known = symbols(network)
    lines = [line for form in MODULES for line in manifest(network).get(form, [])]
    assert len(lines) >= 6
    for line in lines:
        latex, found = unmarked(marked(line["latex"], network))
        assert latex == line["latex"]
        assert {name for name, _ in found} == {line["name"], *line["reads"]}, line["name"]
        assert all(kind == known[name]["kind"] for name, kind in found)


@pytest.mark.parametrize("network", ["relu1", "relu2", "tanh2", "relu2_5steps", "warm_up"])
def test_no_two_quantities_are_written_alike(network: str) -> None:
    written = [symbol["latex"] for symbol in symbols(network).values()]
    assert len(set(written)) == len(written)


def test_a_line_number_that_is_not_there_is_named() -> None:
    with pytest.raises(PageError, match=r"kernel.py of relu2 does not compute W1_fast"):
        source_line(Label(PAGE_NETWORK, "rewritten", "W1_fast"))
