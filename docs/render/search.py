"""What the search finds besides sections of pages: every equation, glossary term and letter."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from docs.render.manifest import PAGE_NETWORK, Label, find, manifest, symbols
from docs.render.tables import KINDS, letter_anchor

if TYPE_CHECKING:
    from collections.abc import Iterable

    from docs.render.page import Site

GLOSSARY, NOTATION, START = "reference/glossary.md", "reference/notation.md", "index.md"

#: How much more than a section these count: who types a name or a term asks for that.
EQUATION, TERM = 2.0, 4.0

#: Sections of every chapter that nobody looks for: the answers would be given away.
LEFT_OUT = ("#check-it-yourself", "#exercises")

FORMS = {"derived": "", "rewritten": ", rewritten", "first_order": ", first order"}


def with_own(entries: Iterable[dict[str, Any]], site: Site) -> list[dict[str, Any]]:
    """The entries of the search index, those of equations, terms and letters among them.

    Parameters
    ----------
    entries
        What the theme has indexed: pages and their sections. A page's tags stay with the page, so
        that a word for a whole chapter does not find each of its sections.
    site
        Where equations are shown, and the pages as written.
    """
    pages = [
        {
            key: value
            for key, value in entry.items()
            if key != "tags" or "#" not in entry["location"]
        }
        for entry in entries
        if not entry["location"].endswith(LEFT_OUT)
    ]
    equations = [_equation(label, page, site) for label, page in site.places.items()]
    return [*pages, *equations, *_terms(site), *_letters(site)]


def _equation(label: Label, page: str, site: Site) -> dict[str, Any]:
    """An equation, to be found by its number, its name, and what it is."""
    record = find(label)
    network = "" if label.network in (PAGE_NETWORK, "warm_up") else f", {label.network}"
    title = f"{label.name}{FORMS[label.form]}{network}"
    # The warm-up has no stages.
    what = [KINDS[symbols(label.network)[label.name]["kind"]], record.get("stage", "one weight")]
    # Who types alpha looks for the letter first, not for one of many learned step sizes.
    behind = 0.01 if label.name.startswith("alpha") else 1
    return {
        "location": f"{site.url(page, START)}#{label.anchor}",
        "title": f"({record['number']}) {title}",
        "text": f"<p>{', '.join(what)}: <code>{record['code']}</code></p>",
        "boost": weight(EQUATION, record["number"], title) * behind,
    }


def _terms(site: Site) -> list[dict[str, Any]]:
    """The terms of the glossary, each with its own meaning alone."""
    return [
        {
            "location": f"{site.url(GLOSSARY, START)}#{anchor}",
            "title": term,
            "text": f"<p>{plain(meaning)}</p>",
            "boost": weight(TERM, term),
        }
        for term, anchor, meaning in re.findall(
            r"^(\w.*?) \{ #([\w-]+) \}\n: +((?:.+\n?)+)", site.texts.get(GLOSSARY, ""), re.MULTILINE
        )
    ]


def _letters(site: Site) -> list[dict[str, Any]]:
    """The letters of the notation; a Greek one under its name."""
    return [
        {
            "location": f"{site.url(NOTATION, START)}#{letter_anchor(row['latex'])}",
            "title": row["latex"].removeprefix("\\"),
            "text": f"<p>{row['meaning']}</p>",
            "boost": weight(TERM, row["latex"]),
        }
        for row in manifest(PAGE_NETWORK)["notation"]
    ]


def weight(base: float, *words: str) -> float:
    """More for what is short: of two that begin with what is typed, the shorter is meant."""
    return round(base * (1 + sum(1 / len(word) for word in words)), 3)


def plain(markdown: str) -> str:
    """Words without links and formulas; a Greek letter becomes its name."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", markdown)
    text = re.sub(r"\$\\(alpha|beta|theta)\$", r"\1", text)
    text = re.sub(r"\$[^$]*\$|[*`]", "", text)
    return re.sub(r"\s+([,.])", r"\1", " ".join(text.split()))
