"""The site as one printable page and as a PDF: ``python -m docs.render.book``, or ``make book``.

The built site is read, not the pages as written, so the book has what readers of the site see. Its
chapters come in the order of the navigation. Answers stand at the end, so that chapters can be
handed out without them. Chromium prints; the numbers in the table of contents are those of the
PDF that it printed before.
"""

from __future__ import annotations

import argparse
import base64
import mimetypes
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from mkdocs.utils.yaml import yaml_load
from pypdf import PdfReader

from docs.render.manifest import ROOT

#: The parts of the navigation that are printed whole, and what is printed of the reference.
PARTS = ("The derivation", "The code")
REFERENCE = ("Notation", "Derivative rules", "Glossary", "Bibliography")

NAME = "maml-derived"
STYLE = Path(__file__).with_name("book.css")
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")

#: How often the book is printed until its page numbers are true; twice is enough as a rule.
MOST_PRINTS = 4


class BookError(Exception):
    """Why there is no book."""


class Page(NamedTuple):
    """A page of the site that is printed.

    Attributes
    ----------
    part
        The part of the navigation that it stands in.
    title
        Its title there.
    source
        Its path under ``docs``.
    file
        The page as built.
    """

    part: str
    title: str
    source: str
    file: Path

    @property
    def name(self) -> str:
        """What its ids begin with."""
        return self.source.removesuffix(".md").removesuffix("/index").replace("/", "-")

    @property
    def number(self) -> str:
        """The number of a chapter, with the full stop after it; nothing for another page."""
        return "".join(re.findall(r"^\d+\w?(?=\.)", self.title))


class Chapter(NamedTuple):
    """A page as the book has it.

    Attributes
    ----------
    page
        Which page.
    body
        Its HTML, without the answers.
    sections
        The ids and the titles of its sections.
    answers
        The HTML of each answer.
    """

    page: Page
    body: str
    sections: list[tuple[str, str]]
    answers: list[str]


# --- what is printed ---


def printed_pages(site: Path, navigation: Sequence[Mapping[str, Any]]) -> list[Page]:
    """The pages of the book, in the order of the navigation."""
    return [
        Page(part, title, source, built(site, source))
        for entry in navigation
        for part, pages in entry.items()
        if not isinstance(pages, str)
        for each in pages
        for title, source in each.items()
        if part in PARTS or title in REFERENCE
    ]


def built(site: Path, source: str) -> Path:
    """The file that MkDocs makes of a page, for a server or for the disk."""
    stem = source.removesuffix(".md").removesuffix("index")
    files = [site / stem / "index.html", site / f"{stem}.html"]
    found = next((file for file in files if file.is_file()), None)
    if found is None:
        raise BookError(f"{files[0]} is missing; make site builds it")
    return found


class _Article(HTMLParser):
    """Copies the article of a page; what it changes is said at each change.

    The standard library's parser is used by subclassing it.
    """

    def __init__(self, page: Page, names: Mapping[Path, str]) -> None:
        super().__init__(convert_charrefs=False)
        self.page, self.names = page, names
        self.inside = False
        self.dropped: list[str] = []
        self.body: list[str] = []
        self.answers: list[list[str]] = []
        self.details: list[bool] = []
        self.heading = 0
        self.sections: list[tuple[str, str]] = []

    @property
    def sink(self) -> list[str]:
        """Where the copy goes: an answer is kept apart."""
        return self.answers[-1] if True in self.details else self.body

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "article":
            self.inside = True
        elif self.inside and (self.dropped or self.is_dropped(tag, given)):
            self.dropped += [tag] if tag not in VOID else []
        elif self.inside:
            if tag == "details":
                self.open_details(given)
                if self.details[-1]:
                    return
            self.sink.append(f"<{tag}{self.attributes(given)}>")
            if tag == "h2":
                self.heading = len(self.sink)
                self.sections.append((self.own(given["id"] or ""), ""))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self.inside and not self.dropped:
            self.sink.append(f"<{tag}{self.attributes(dict(attrs))}/>")

    def handle_endtag(self, tag: str) -> None:
        if tag == "article":
            self.inside = False
        if not self.inside:
            return
        if self.dropped:
            if tag == self.dropped[-1]:
                self.dropped.pop()
            return
        if tag == "h2":
            self.sections[-1] = (self.sections[-1][0], "".join(self.sink[self.heading :]))
        if tag != "details" or not self.details.pop():
            self.sink.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self.copy(data)

    def handle_entityref(self, name: str) -> None:
        self.copy(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self.copy(f"&#{name};")

    def copy(self, text: str) -> None:
        """Text as it stands."""
        if self.inside and not self.dropped:
            self.sink.append(text)

    def is_dropped(self, tag: str, given: Mapping[str, str | None]) -> bool:
        """Whether an element is of no use on paper: scripts, marks of links, an answer's title."""
        classes = set((given.get("class") or "").split())
        of_answer = tag == "summary" and bool(self.details) and self.details[-1]
        return tag == "script" or bool(classes & {"headerlink", "footnote-backref"}) or of_answer

    def open_details(self, given: dict[str, str | None]) -> None:
        """What is folded is open on paper; of an answer, the place where it stands is left."""
        given["open"] = None
        self.details.append(given.get("class") == "success")
        if not self.details[-1]:
            return
        number = len(self.answers) + 1
        here, there = self.own(f"exercise-{number}"), self.own(f"answer-{number}")
        self.body.append(
            f'<p class="answer" id="{here}"><a href="#{there}">Answer on page {number_of(there)}</a></p>'
        )
        self.answers.append([])

    def attributes(self, given: Mapping[str, str | None]) -> str:
        """The attributes of a tag, with ids, links and addresses that hold in one document."""
        changed = {key: self.changed(key, value) for key, value in given.items()}
        return "".join(
            f" {key}" if value is None else f' {key}="{escape(value)}"'
            for key, value in changed.items()
            if value is not None or given[key] is None
        )

    def changed(self, key: str, value: str | None) -> str | None:
        """An attribute's value in the book; nothing where the attribute goes."""
        if value is None:
            return None
        if key in {"id", "aria-labelledby", "aria-describedby"}:
            return " ".join(map(self.own, value.split()))
        if key in {"href", "xlink:href"}:
            return self.link(value)
        if key == "src":
            return data_url(self.page.file.parent / unquote(value))
        return re.sub(r"url\(#([^)]+)\)", lambda match: f"url(#{self.own(match[1])})", value)

    def own(self, name: str) -> str:
        """An id of this page."""
        return f"{self.page.name}--{name}"

    def link(self, address: str) -> str | None:
        """Where a link leads; nothing where that is not printed."""
        parts = urlsplit(address)
        if parts.scheme:
            return address
        file = (self.page.file.parent / unquote(parts.path)).resolve()
        target = self.page.file if not parts.path else file / "index.html" if file.is_dir() else file
        name = self.names.get(target)
        if name is None:
            return None
        return f"#{name}--{parts.fragment}" if parts.fragment else f"#{name}"


VOID = {"area", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}


def number_of(ident: str) -> str:
    """The page where something stands, to be filled in."""
    return f'<span class="page" data-of="{ident}"></span>'


def chapter_of(page: Page, names: Mapping[Path, str]) -> Chapter:
    """A page as the book has it."""
    article = _Article(page, names)
    article.feed(page.file.read_text(encoding="utf-8"))
    article.close()
    if not article.body:
        raise BookError(f"{page.file} has no article; make site builds it")
    answers = ["".join(each) for each in article.answers]
    return Chapter(page, "".join(article.body), article.sections, answers)


# --- one document ---


def data_url(path: Path) -> str:
    """A file as an address that holds it."""
    if not path.is_file():
        raise BookError(f"{path} is missing; make site builds it")
    kind = mimetypes.guess_type(path.name)[0] or "font/woff2"
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"


def style_of(page: Path) -> str:
    """The style sheets of a page, with the fonts in them, and the book's own."""
    text = page.read_text(encoding="utf-8")
    sheets = [page.parent / name for name in re.findall(r'rel="stylesheet" href="([^"]+)"', text)]

    def held(match: re.Match[str], sheet: Path) -> str:
        url = match[1].strip("\"'")
        return match[0] if url.startswith(("data:", "#")) else f"url({data_url(sheet.parent / url)})"

    styles = [
        re.sub(
            r"url\(([^)]+)\)",
            lambda match, sheet=sheet: held(match, sheet),
            re.sub(r"/\*# sourceMappingURL.*?\*/", "", sheet.read_text(encoding="utf-8")),
        )
        for sheet in sheets
    ]
    return "\n".join([*styles, STYLE.read_text(encoding="utf-8")])


def heads_of(pages: Sequence[tuple[str, str]]) -> str:
    """The running head of each chapter: CSS knows it only as a kind of page."""
    return "\n".join(
        f'[id="{name}"] {{ page: p{number} }} @page p{number} {{ @top-left {{ content: "{title}" }} }}'
        for number, (name, title) in enumerate(pages)
    )


def contents(chapters: Sequence[Chapter]) -> Iterator[str]:
    """The table of contents, line by line."""
    part = ""
    for page, _, sections, _ in chapters:
        if page.part != part:
            part = page.part
            yield f'<p class="part">{part}</p>'
        yield content(page.name, escape(page.title), "of-page")
        yield from (content(ident, title, "of-section") for ident, title in sections)
    yield content("answers", "Answers", "of-page")


def content(ident: str, title: str, kind: str) -> str:
    """A line of the table of contents."""
    return f'<a class="{kind}" href="#{ident}"><span>{title}</span>{number_of(ident)}</a>'


def answers(chapters: Sequence[Chapter]) -> Iterator[str]:
    """The answers of all chapters, each with a link to its exercise."""
    for page, _, _, found in chapters:
        if found:
            yield f"<h2>{escape(page.title)}</h2>"
        for number, answer in enumerate(found, 1):
            ident = f"{page.name}--answer-{number}"
            of = f'<a href="#{page.name}--exercise-{number}">Exercise {page.number}.{number}</a>'
            yield f'<div class="answer" id="{ident}"><p class="of">{of}</p>{answer}</div>'


def document(chapters: Sequence[Chapter], name: str, description: str) -> str:
    """The book as one page, its page numbers still to be filled in."""
    first = chapters[0].page.file
    heads = [(each.page.name, each.page.title) for each in chapters] + [("answers", "Answers")]
    bodies = "\n".join(
        f'<article id="{each.page.name}">{each.body}</article>' for each in chapters
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{name}</title>
<style>{style_of(first)}
{heads_of(heads)}</style>
</head>
<body dir="ltr" data-md-color-scheme="default">
<main class="book md-typeset">
<header><p class="title">{name}</p><p>{description}</p>
<p>The answers to the exercises stand at the end, so that a chapter can be handed out without them.</p></header>
<nav id="contents"><h1>Contents</h1>
{"".join(contents(chapters))}</nav>
{bodies}
<article id="answers"><h1>Answers</h1>
{"".join(answers(chapters))}</article>
</main>
</body>
</html>
"""


# --- on paper ---


def page_numbers(pdf: Path) -> dict[str, int]:
    """The page of everything that a link of the PDF leads to, from 1."""
    reader = PdfReader(pdf)
    return {
        name.lstrip("/"): (reader.get_destination_page_number(place) or 0) + 1
        for name, place in reader.named_destinations.items()
    }


def numbered(html: str, numbers: Mapping[str, int]) -> str:
    """The book with its page numbers; where they are not known yet, with as much room."""
    return re.sub(
        r'(<span class="page" data-of="([^"]+)">)',
        lambda match: f"{match[1]}{numbers.get(match[2], '00')}",
        html,
    )


def print_page(html: Path, pdf: Path) -> None:
    """Have Chromium print a page, with bookmarks."""
    browser = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if browser is None:
        raise BookError(f"a browser that prints is needed: there is none of {', '.join(CHROMIUM)}")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"]
    done = subprocess.run(
        [browser, *flags, "--generate-pdf-document-outline", f"--print-to-pdf={pdf}", html.as_uri()],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode or not pdf.is_file():
        lines = done.stderr.strip().splitlines() or ["it does not say why"]
        raise BookError(f"{browser} could not print the book: {lines[-1]}")


def bind(html: str, folder: Path) -> None:
    """Print the book until its page numbers are true.

    Parameters
    ----------
    html
        The book without them.
    folder
        Where ``maml-derived.html`` and ``maml-derived.pdf`` go.
    """
    page, pdf = folder / f"{NAME}.html", folder / f"{NAME}.pdf"
    numbers: dict[str, int] = {}
    for _ in range(MOST_PRINTS):
        page.write_text(numbered(html, numbers), encoding="utf-8")
        print_page(page, pdf)
        found = page_numbers(pdf)
        if found == numbers:
            return
        numbers = found
    raise BookError(f"the page numbers still change when the book is printed {MOST_PRINTS} times")


def make(site: Path, out: Path) -> None:
    """Write the book of a built site into a folder; nothing is written unless all of it is."""
    config = yaml_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    pages = printed_pages(site.resolve(), config["nav"])
    names = {page.file: page.name for page in pages}
    chapters = [chapter_of(page, names) for page in pages]
    html = document(chapters, config["site_name"], config["site_description"])
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=".book-") as folder:
        bind(html, Path(folder))
        for file in sorted(Path(folder).iterdir()):
            file.replace(out / file.name)


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the book."""
    parser = argparse.ArgumentParser(prog="python -m docs.render.book", description=__doc__)
    parser.add_argument("--site", type=Path, default=ROOT / "site", help="the built site")
    parser.add_argument("--out", type=Path, default=ROOT / "book", help="where the book goes")
    given = parser.parse_args(arguments)
    try:
        make(given.site, given.out)
    except BookError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{given.out / NAME}.html and .pdf")
    return 0


if __name__ == "__main__":
    sys.exit(main())
