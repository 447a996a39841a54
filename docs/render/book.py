"""The site as one printable page and as a PDF: ``python -m docs.render.book``, or ``make book``.

The built site is read, not the pages as written, so the book has what readers of the site see. Its
chapters come in the order of the navigation. Answers stand at the end, so that chapters can be
handed out without them. Chromium prints; the numbers in the table of contents are those of the
PDF that it printed before.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from mkdocs.utils.yaml import yaml_load
from pypdf import PdfReader

from docs.render.article import BookError, Chapter, Page, chapter_of, data_url, number_of
from docs.render.manifest import ROOT

#: The parts of the navigation that are printed whole, and what is printed of the reference.
PARTS = ("The derivation", "The code")
REFERENCE = ("Notation", "Derivative rules", "Glossary", "Bibliography")

NAME = "maml-derived"
STYLE = Path(__file__).with_name("book.css")
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-pdf-header-footer",
    "--generate-pdf-document-outline",
)

PREFACE = """The answers to the exercises stand at the end, so that a chapter can be handed out
without them. Pages that the text names and that are not printed here are on the site."""

#: How often the book is printed until its page numbers are true; twice is enough as a rule.
MOST_PRINTS = 4


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


# --- one document ---


def style_of(page: Path) -> str:
    """The style sheets of a page, with the fonts in them, and the book's own."""
    text = page.read_text(encoding="utf-8")
    sheets = [page.parent / name for name in re.findall(r'rel="stylesheet" href="([^"]+)"', text)]

    return "\n".join([*map(held, sheets), STYLE.read_text(encoding="utf-8")])


def held(sheet: Path) -> str:
    """A style sheet that holds the files which it names."""

    def filled(match: re.Match[str]) -> str:
        url = match[1].strip("\"'")
        inside = url.startswith(("data:", "#"))
        return match[0] if inside else f"url({data_url(sheet.parent / url)})"

    text = re.sub(r"/\*.*?\*/", "", sheet.read_text(encoding="utf-8"), flags=re.DOTALL)
    return re.sub(r"url\(([^)]+)\)", filled, text)


def heads_of(pages: Sequence[tuple[str, str]]) -> str:
    """The running head of each chapter: CSS knows it only as a kind of page."""
    return "\n".join(
        f'[id="{name}"] {{ page: p{number} }}\n'
        f'@page p{number} {{ @top-left {{ content: "{title}" }} }}'
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
    bodies = "\n".join(f'<article id="{each.page.name}">{each.body}</article>' for each in chapters)
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
<header><p class="title">{name}</p><p>{description}</p><p>{PREFACE}</p></header>
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
    done = subprocess.run(
        [browser, *FLAGS, f"--print-to-pdf={pdf}", html.as_uri()],
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
