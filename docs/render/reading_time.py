"""How long pages take to read, from what stands on them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from docs.render.manifest import PageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: Of plain prose in a minute, and minutes that a reader stays at an equation.
WORDS, AN_EQUATION = 200, 1.0

#: What a page does not ask to be read: its head, code, commands, and answers, which are folded.
NOT_PROSE = re.compile(
    r"\A---\n[\s\S]*?\n---\n|^```[\s\S]*?^```|\{\{[^}]*\}\}|<[^>]*>"
    r"|^ *\?\?\?.*\n(?:(?: {4,}.*)?\n)*",
    re.MULTILINE,
)


def minutes(markdown: str) -> float:
    """How long a page takes to read.

    Parameters
    ----------
    markdown
        The page as written.

    Returns
    -------
    float
        Minutes, with nothing of the exercises but their questions.
    """
    words = len(re.findall(r"\w+", NOT_PROSE.sub(" ", markdown)))
    shown = re.findall(r"\{\{\s*eq:([^}]*)\}\}", markdown)
    return words / WORDS + AN_EQUATION * sum(len(labels.split()) for labels in shown)


def reading_time(pages: Iterable[str], texts: Mapping[str, str]) -> str:
    """How long some pages take together, rounded as one would say it.

    Raises
    ------
    PageError
        When there is no such page.
    """
    if missing := [page for page in pages if page not in texts]:
        raise PageError(f"there is no page {missing[0]!r} to read")
    return in_words(sum(minutes(texts[page]) for page in pages))


def in_words(time: float) -> str:
    """Minutes as one would say them: to five of them, from an hour on to halves of an hour."""
    if time < 57.5:
        return f"{max(5, 5 * round(time / 5))} minutes"
    hours, half = divmod(round(time / 30), 2)
    if hours == 1:
        return "an hour and a half" if half else "an hour"
    return f"{hours} and a half hours" if half else f"{hours} hours"
