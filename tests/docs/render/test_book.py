"""The book: one page, and what Chromium prints of it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from pypdf import PdfReader

from docs.render import book
from docs.render.article import Chapter, chapter_of
from docs.render.manifest import PAGE_NETWORK, manifest
from tests.docs.render.browser import Site, needs_browser
from tests.docs.render.page_problems import STILL, layout_problems
from tests.docs.render.pages import CHAPTERS
from tests.docs.render.site_links import findings

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

#: A4 without its margins, in pixels of CSS.
TEXT_WIDTH = 605
CUT_OFF = """() => {
    const edge = document.querySelector("main").getBoundingClientRect().right, lines = []
    for (const formula of document.querySelectorAll(".katex-html, .formula, svg, img, pre, table"))
        if (formula.getBoundingClientRect().right > edge + 1 || formula.matches(".formula, pre")
            && formula.scrollWidth > formula.clientWidth + 1)
            lines.push(`cut off: ${formula.textContent.trim().slice(0, 100)}`)
    return lines
}"""

#: A site of two pages and what belongs to them.
PAGE = """<html><head><link rel="stylesheet" href="../a.css"></head><body><nav>no</nav>
<article class="x">{}</article><footer>no</footer></body></html>"""
ONE = """<h1 id="one">1. One<a class="headerlink" href="#one">&para;</a></h1>
<p>A&nbsp;&amp; <a href="../2-two/#there">there</a>, <a href="../2-two/">two</a>,
<a href="#one">one</a>, <a href="../3/">away</a>, <a href="https://a.paper/?x=1&amp;y">paper</a></p>
<h2 id="next">Next <em>one</em><a class="headerlink" href="#next">&para;</a></h2>
<svg viewBox="0 0 1 1"><marker id="tip"/><path marker-end="url(#tip)"/>
<a xlink:href="../2-two/#there"><text>t</text></a></svg><img src="../a.svg" alt="a">
<details><summary>More</summary><p>more</p></details>
<ol><li>Why?<details class="success"><summary>Answer</summary><p>Because of
<a href="#next">this</a>.</p><details><summary>Aside</summary>x</details></details></li></ol>
<script>no</script>"""
TWO = '<h1 id="two">2b. Two</h1><p id="there">here <a href="../1-one/#next">back</a></p>'
NAVIGATION: list[dict[str, Any]] = [
    {"Start": "index.md"},
    {"The derivation": [{"1. One": "1-one.md"}, {"2b. Two": "2-two.md"}]},
    {"Reference": [{"The functions": "reference/api.md"}]},
]


def small(folder: Path) -> Path:
    """A built site of two pages."""
    for name, article in {"1-one": ONE, "2-two": TWO}.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "index.html").write_text(PAGE.format(article), encoding="utf-8")
    (folder / "a.css").write_text("p { src: url(a.svg) }", encoding="utf-8")
    (folder / "a.svg").write_text("<svg/>", encoding="utf-8")
    return folder


def chapters(site: Path) -> list[Chapter]:
    pages = book.printed_pages(site, NAVIGATION)
    return [chapter_of(page, {each.file: each.name for each in pages}) for page in pages]


# --- one page ---


def test_pages_become_one_document(tmp_path: Path) -> None:
    one, two = chapters(small(tmp_path / "site"))
    text = book.document([one, two], "A book", "About.")
    assert "no" not in re.findall(r"\b\w+\b", one.body)
    assert "&para;" not in text
    assert "A&nbsp;&amp; " in one.body
    for link in (
        '<a href="#2-two--there">there</a>',
        '<a href="#2-two">two</a>',
        '<a href="#1-one--one">one</a>',
        "<a>away</a>",
        '<a href="https://a.paper/?x=1&amp;y">paper</a>',
        'marker-end="url(#1-one--tip)"',
        '<a xlink:href="#2-two--there">',
    ):
        assert link in one.body
    assert 'src="data:image/svg+xml;base64,' in one.body
    assert "<details open><summary>More</summary>" in one.body
    assert one.sections == [("1-one--next", "Next <em>one</em>")]
    (tmp_path / "out").mkdir()
    (tmp_path / "out/book.html").write_text(text, encoding="utf-8")
    assert findings(tmp_path / "out") == []


def test_an_answer_stands_at_the_end(tmp_path: Path) -> None:
    one, two = chapters(small(tmp_path))
    assert "Because" not in one.body
    (answer,) = one.answers
    assert answer.startswith("<p>Because of\n")
    assert answer.endswith("<details open><summary>Aside</summary>x</details>")
    assert '<a href="#1-one--answer-1">Answer on page' in one.body
    text = "".join(book.answers([one, two]))
    assert '<a href="#1-one--exercise-1">Exercise 1.1</a>' in text
    assert "2b. Two" not in text


def test_a_page_that_is_not_built_is_said_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert book.main(["--site", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines == [f"{tmp_path}/1-maml/index.html is missing; make site builds it"]
    assert not (tmp_path / "out").exists()


def test_without_a_browser_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    site, out = small(tmp_path / "site"), tmp_path / "out"
    monkeypatch.setattr(book, "yaml_load", lambda _: CONFIGURATION)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert book.main(["--site", str(site), "--out", str(out)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("a browser that prints is needed: there is none of chromium")
    assert list(out.iterdir()) == []


CONFIGURATION = {"nav": NAVIGATION, "site_name": "A book", "site_description": "About."}


# --- on paper ---


class Printed(NamedTuple):
    """The derivation as printed: the page, its PDF, and the text of each sheet."""

    html: Path
    pdf: PdfReader
    texts: list[str]


@pytest.fixture(scope="session")
def printed(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Printed:
    """The derivation; the other parts of the site would take twice as long again."""
    out = tmp_path_factory.mktemp("book")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(book, "PARTS", ("The derivation",))
        book.make(site.folder, out)
    pdf = PdfReader(out / "maml-derived.pdf")
    return Printed(out / "maml-derived.html", pdf, [page.extract_text() for page in pdf.pages])


def squeezed(text: str) -> str:
    return re.sub(r"\s", "", text)


@needs_browser
def test_every_chapter_is_a_bookmark_on_the_page_that_the_contents_say(printed: Printed) -> None:
    pages = {
        squeezed(str(each.title)): (printed.pdf.get_destination_page_number(each) or 0) + 1
        for each in printed.pdf.outline
        if not isinstance(each, list)
    }
    html = printed.html.read_text(encoding="utf-8")
    lines = re.findall(
        r'<a class="of-page" [^>]*><span>([^<]+)</span><span[^>]*>(\d+)</span></a>', html
    )
    assert [title for title, _ in lines if title[0].isdigit()][: len(CHAPTERS)]
    for title, number in lines:
        assert pages[squeezed(title)] == int(number), title
        assert squeezed(title) in squeezed(printed.texts[int(number) - 1]), title
    contents = "".join(map(squeezed, printed.texts[1 : int(lines[0][1]) - 1]))
    for title, number in lines:
        assert f"{squeezed(title)}{number}" in contents


@needs_browser
def test_every_section_is_on_the_page_that_the_contents_say(printed: Printed) -> None:
    html = printed.html.read_text(encoding="utf-8")
    lines = re.findall(
        r'<a class="of-section" [^>]*><span>([^<]+)</span><span[^>]*>(\d+)</span></a>', html
    )
    assert len(lines) > len(CHAPTERS)
    for title, number in lines:
        assert squeezed(title) in squeezed(printed.texts[int(number) - 1]), title


@needs_browser
def test_every_equation_is_printed(printed: Printed) -> None:
    text = squeezed("".join(printed.texts))
    equations = [line for name in ("warm_up", PAGE_NETWORK) for line in manifest(name)["derived"]]
    missing = [line["number"] for line in equations if f"({line['number']})" not in text]
    assert missing == []
    assert r"\(" not in text


@needs_browser
def test_every_link_leads_somewhere(printed: Printed) -> None:
    assert findings(printed.html.parent) == []
    places = printed.pdf.named_destinations
    links = [
        link
        for page in printed.pdf.pages
        for annotation in page.get("/Annots", [])
        if (link := annotation.get_object()).get("/Subtype") == "/Link"
    ]
    inner = [str(link["/Dest"]) for link in links if "/Dest" in link]
    assert len(inner) > 500
    assert {name for name in inner if name not in places} == set()
    outer = {str(link["/A"]["/URI"]) for link in links if "/A" in link}
    assert all(address.startswith("https://") for address in outer)


@needs_browser
def test_no_formula_is_cut_off(printed: Printed, context: BrowserContext) -> None:
    page = context.new_page()
    page.set_viewport_size({"width": TEXT_WIDTH, "height": 900})
    page.emulate_media(media="print")
    page.goto(printed.html.as_uri())
    page.wait_for_function(STILL)
    lines = page.evaluate(CUT_OFF) + layout_problems(page)
    assert not lines, "\n".join(lines)
