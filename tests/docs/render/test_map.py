"""The strip of stages: all of them in the order of the program, and those that a page shows."""

from __future__ import annotations

import re

import pytest

from derive.language.names import STAGES
from docs.render.manifest import PAGE_NETWORK, manifest
from docs.render.map import program_map
from docs.render.page import Site, places_of
from tests.docs.render.pages import CHAPTERS, PAGES, relative

ITEM = re.compile(
    r'<li( class=here)? style="--equations:(\d+)"><a class="q-\w+" href="([^"]*)">([^<]*)</a></li>'
)


def stages(page: str) -> list[tuple[str, ...]]:
    html = program_map(page, Site(places_of(PAGES), relative))
    return ITEM.findall(html)


@pytest.mark.parametrize(
    ("chapter", "here"),
    [
        ("3", {"support forward"}),
        ("4", {"inner gradient"}),
        ("5", {"inner step"}),
        ("6", {"query forward"}),
        ("7", {"query backward", "back through the step", "support backward", "meta-gradient"}),
    ],
)
def test_a_chapter_shows_its_stages(chapter: str, here: set[str]) -> None:
    assert {title for shown, _, _, title in stages(CHAPTERS[chapter]) if shown} == here


def test_every_equation_of_the_program_is_counted_in_its_stage() -> None:
    lines = manifest(PAGE_NETWORK)["derived"]
    names = [STAGES[line["stage"]] for line in lines]
    found = stages(CHAPTERS["7"])
    assert [title for _, count, _, title in found for _ in range(int(count))] == names
    first = [lines[names.index(title)]["name"] for *_, title in found]
    assert [address.partition("#eq-")[2] for _, _, address, _ in found] == first


def test_a_page_without_an_equation_of_the_program_has_no_map() -> None:
    for page in ("index.md", CHAPTERS["2"], CHAPTERS["2b"], CHAPTERS["12"], CHAPTERS["19"]):
        assert program_map(page, Site(places_of(PAGES), relative)) == ""
