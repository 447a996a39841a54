"""The pages as the tests look at them: as written, filled in, and a small site of three."""

from __future__ import annotations

import posixpath
import re
from functools import cache
from html import unescape
from typing import Any

from docs.render.manifest import ROOT
from docs.render.measure import measure
from docs.render.page import Site, places_of, render

DOCS = ROOT / "docs"

#: What MkDocs makes pages of.
PAGES = {
    path.relative_to(DOCS).as_posix(): path.read_text(encoding="utf-8")
    for path in sorted(DOCS.rglob("*.md"))
    if path.relative_to(DOCS).parts[0] not in ("assets", "theme")
    and path.parent != DOCS / "diagnose/vectors"
}
#: The numbered pages by chapter, and those that are packages.
CHAPTERS = {match[0]: name for name in PAGES if (match := re.match(r"\d+b?", name)) is not None} | {
    "11": "sinusoid/index.md",
    "15": "sinusoid/protocols.md",
    "16": "sinusoid/runs.md",
    "17": "diagnose/index.md",
    "17b": "check/index.md",
    "20": "sinusoid/best.md",
    "21": "characters/index.md",
}

SMALL = {
    "3-network.md": "{{eq:Z1_s}}",
    "8-rewrite.md": "{{eq:rewritten/Z1_q}}",
    "sinusoid/index.md": "",
}


def relative(target: str, page: str) -> str:
    """The address of one file from another."""
    return posixpath.relpath(target, posixpath.dirname(page) or ".") if target in PAGES else ""


def small_site() -> Site:
    """Three pages with two equations."""
    figures = {
        "speed": 0.5,
        "bad": "equal",
        "table": {"a": {"x": 1e-9, "y": 2}, "b": {"x": 3.5, "y": 4}},
        "mixed": {"one": 1.0, "several": {"x": 1.0}},
    }
    return Site(places=places_of(SMALL), url=relative, measured=figures, texts=SMALL)


def filled(markdown: str, page: str = "3-network.md", site: Site | None = None) -> str:
    return render(markdown, page, site or small_site())


@cache
def figures() -> dict[str, Any]:
    return measure()


@cache
def rendered() -> tuple[Site, dict[str, str]]:
    """The whole site, page by page in the order of their names."""
    site = Site(places=places_of(PAGES), url=relative, measured=figures(), texts=PAGES)
    return site, {name: render(markdown, name, site) for name, markdown in PAGES.items()}


def plain(html: str) -> str:
    """A page without its tags."""
    return unescape(re.sub(r"<[^>]*>", "", html))


def source_rows(html: str) -> list[str]:
    """The lines of a module on a page, the numbers of the lines checked."""
    rows = re.findall(r'<span class="row" id=L(\d+)>(.*)</span>(?=\n)', html)
    assert [int(number) for number, _ in rows] == list(range(1, len(rows) + 1))
    return [plain(row) for _, row in rows]
