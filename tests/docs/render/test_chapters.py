"""The chapters: their numbers, their titles, and how each of them ends."""

from __future__ import annotations

import re

import pytest

from docs.render.manifest import ROOT
from tests.docs.render.pages import CHAPTERS, PAGES


def front_matter(page: str) -> dict[str, str]:
    match = re.match(r"---\n(.*?)\n---\n", PAGES[page], re.DOTALL)
    assert match is not None, page
    pairs = [line.partition(": ") for line in match[1].splitlines() if not line.startswith(" ")]
    return {key: value.strip('"') for key, _, value in pairs}


def sections(page: str) -> dict[str, str]:
    """The text under each heading of the second level."""
    parts = re.split(r"^## (.+)\n", PAGES[page], flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def place(chapter: str) -> tuple[int, str]:
    """What chapters are sorted by: 2, 2b, 3."""
    number = chapter.rstrip("b")
    return int(number), chapter.removeprefix(number)


def test_the_chapters_are_numbered_without_a_gap() -> None:
    numbers = [number for number, between in sorted(map(place, CHAPTERS)) if not between]
    assert numbers == list(range(1, max(numbers) + 1))
    assert {number for number, _ in map(place, CHAPTERS)} == set(numbers)


@pytest.mark.parametrize("page", CHAPTERS.values())
def test_a_chapter_ends_with_a_check_and_exercises(page: str) -> None:
    found = sections(page)
    assert list(found)[-2:] == ["Check it yourself", "Exercises"]
    assert re.search(r"^```text\n\S", found["Check it yourself"], re.MULTILINE)
    exercises = re.split(r"^(?=\d+\. )", found["Exercises"], flags=re.MULTILINE)
    assert not exercises[0].strip()
    assert len(exercises) >= 3
    for number, exercise in enumerate(exercises[1:], 1):
        assert exercise.startswith(f"{number}. ")
        (answer,) = exercise.split('    ??? success "Answer"\n')[1:]
        assert re.match(r" {8}\S", answer), exercise


def test_every_page_has_a_title_and_a_description_of_its_own() -> None:
    found = [front_matter(page) for page in PAGES]
    for key in ("title", "description"):
        values = [each[key] for each in found]
        assert all(len(value) > 3 for value in values)
        assert len(set(values)) == len(values)


def test_navigation_file_names_and_headings_have_the_same_numbers() -> None:
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    nav = text.partition("\nnav:\n")[2].partition("\n\n")[0]
    entries = re.findall(r"- (?:(\d+b?)\. )?([^:\n]+): (\S+\.md)$", nav, re.MULTILINE)
    assert [page for _, _, page in entries if page.startswith("reference")]
    assert sorted(page for _, _, page in entries) == sorted(PAGES)
    chapters = [(number, title, page) for number, title, page in entries if number]
    in_order = sorted(CHAPTERS.items(), key=lambda each: place(each[0]))
    assert [(number, page) for number, _, page in chapters] == in_order
    for number, title, page in chapters:
        without_code = re.sub(r"```.*?```", "", PAGES[page], flags=re.DOTALL)
        (heading,) = re.findall(r"^# (.+)$", without_code, re.MULTILINE)
        assert heading == f"{number}. {title}"
        assert front_matter(page)["title"] == title
