"""The site as files: how the tests build it, and what is wrong with its links."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).parents[3]
ADDRESSES = {"href", "xlink:href", "src", "poster", "data"}
STYLE_URL = re.compile(
    r"""url\(\s*(?P<quote>["']?)(?P<url>.*?)(?P=quote)\s*\)|@import\s*["'](?P<sheet>[^"']+)"""
)


def build(folder: Path, **settings: str) -> None:
    """Build the site, strict.

    Parameters
    ----------
    folder
        Where to.
    **settings
        Environment variables that ``mkdocs.yml`` reads; the caller's own do not count.
    """
    defaults = {"SITE_URL": "", "OFFLINE": "false", "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder],
        cwd=ROOT,
        env=os.environ | defaults | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


class Link(NamedTuple):
    """An address as it is written."""

    tag: str
    attribute: str
    value: str


class Document(NamedTuple):
    """What a file can be asked for, and what it asks for."""

    ids: list[str]
    links: list[Link]


def style_links(tag: str, attribute: str, style: str) -> Iterator[Link]:
    """The addresses in a style sheet or an attribute."""
    for match in STYLE_URL.finditer(re.sub(r"/\*.*?\*/", "", style, flags=re.DOTALL)):
        yield Link(tag, attribute, match["sheet"] or match["url"])


def attribute_links(tag: str, attribute: str, value: str) -> Iterator[Link]:
    """The addresses in an attribute."""
    if attribute in ADDRESSES:
        yield Link(tag, attribute, value)
    elif attribute == "srcset":
        for candidate in value.split(","):
            yield Link(tag, attribute, candidate.split()[0])
    else:
        yield from style_links(tag, attribute, value)


class _Reader(HTMLParser):
    """Collects ids and links. The standard library's parser is used by subclassing it."""

    def __init__(self) -> None:
        super().__init__()
        self.document = Document([], [])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # A canonical link states the page's public address and loads nothing.
        if ("rel", "canonical") in attrs:
            return
        for attribute, value in attrs:
            if attribute == "id" and value:
                self.document.ids.append(value)
            self.document.links.extend(attribute_links(tag, attribute, value or ""))

    def handle_data(self, data: str) -> None:
        if self.cdata_elem == "style":
            self.document.links.extend(style_links("style", "url", data))


def read(path: Path) -> Document:
    """The ids and links of an HTML, SVG or CSS file."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".css":
        return Document([], list(style_links("style", "url", text)))
    reader = _Reader()
    reader.feed(text)
    reader.close()
    return reader.document


def destination(path: str, page: Path, root: Path) -> Path:
    """The file that a path on a page names."""
    start = root if path.startswith("/") else page.parent
    place = Path(os.path.normpath(start / path.lstrip("/"))) if path else page
    return place / "index.html" if place.is_dir() else place


def wrong(link: Link, page: Path, root: Path, documents: dict[Path, Document]) -> str:
    """What is wrong with a link; nothing where it is right."""
    address = urlsplit(link.value.strip())
    if address.scheme == "data":
        return ""
    if address.scheme or address.netloc:
        if link.tag != "a":
            return "is loaded from elsewhere"
        return "" if address.scheme in {"https", "mailto"} else "is neither https nor mailto"
    # A host shows 404.html at any depth, so only there a relative path cannot work.
    if address.path.startswith("/") and page != root / "404.html":
        return "works only where the site is at the root of its host"
    target = destination(unquote(address.path), page, root)
    if not target.is_relative_to(root):
        return "leads out of the site"
    if not target.is_file():
        return "leads to no file"
    fragment = unquote(address.fragment)
    if fragment and target in documents and fragment not in documents[target].ids:
        return "leads to no id"
    return ""


def doubled(ids: list[str]) -> list[str]:
    """The ids that stand on a page more than once; those of code lines are Pygments' affair."""
    counted = Counter(name for name in ids if not name.startswith("__codelineno-"))
    return [name for name, times in counted.items() if times > 1]


def findings(root: Path) -> list[str]:
    """What is wrong with the ids and links of a built site.

    Parameters
    ----------
    root
        Its folder.

    Returns
    -------
    list of str
        A line for each finding: the file, the attribute as written, what is wrong.
    """
    paths = [path for path in sorted(root.rglob("*")) if path.suffix in {".html", ".svg", ".css"}]
    documents = {path: read(path) for path in paths}
    lines = []
    for path, document in documents.items():
        name = path.relative_to(root).as_posix()
        lines += [f'{name}: id="{ident}" stands there twice' for ident in doubled(document.ids)]
        for link in dict.fromkeys(document.links):
            if problem := wrong(link, path, root, documents):
                lines.append(f'{name}: {link.attribute}="{link.value}" {problem}')
    return lines
