"""The article of a built page, copied for the book: with ids and links of one document."""

from __future__ import annotations

import base64
import mimetypes
import re
from collections.abc import Mapping
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

#: Elements without an end.
VOID = {"area", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}


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


def chapter_of(page: Page, names: Mapping[Path, str]) -> Chapter:
    """A page as the book has it."""
    article = _Article(page, names)
    article.feed(page.file.read_text(encoding="utf-8"))
    article.close()
    if not article.body:
        raise BookError(f"{page.file} has no article; make site builds it")
    answers = ["".join(each) for each in article.answers]
    return Chapter(page, "".join(article.body), article.sections, answers)


def number_of(ident: str) -> str:
    """The page where something stands, to be filled in."""
    return f'<span class="page" data-of="{ident}"></span>'


def data_url(path: Path) -> str:
    """A file as an address that holds it."""
    if not path.is_file():
        raise BookError(f"{path} is missing; make site builds it")
    kind = mimetypes.guess_type(path.name)[0] or "font/woff2"
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"


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
        """Whether an element is of no use on paper: scripts, the map, links, an answer's title."""
        classes = set((given.get("class") or "").split())
        of_answer = tag == "summary" and bool(self.details) and self.details[-1]
        return (
            tag in {"script", "maml-map"}
            or bool(classes & {"headerlink", "footnote-backref"})
            or of_answer
        )

    def open_details(self, given: dict[str, str | None]) -> None:
        """What is folded is open on paper; of an answer, the place where it stands is left."""
        given["open"] = None
        self.details.append(given.get("class") == "success")
        if not self.details[-1]:
            return
        number = len(self.answers) + 1
        here, there = self.own(f"exercise-{number}"), self.own(f"answer-{number}")
        link = f'<a href="#{there}">Answer on page {number_of(there)}</a>'
        self.body.append(f'<p class="answer" id="{here}">{link}</p>')
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
        target = (
            self.page.file if not parts.path else file / "index.html" if file.is_dir() else file
        )
        name = self.names.get(target)
        if name is None:
            return None
        return f"#{name}--{parts.fragment}" if parts.fragment else f"#{name}"
