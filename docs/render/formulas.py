r"""Formulas, rendered while the site is built.

A page arrives with LaTeX in its ``.arithmatex`` elements and leaves with what KaTeX's own
``renderToString`` makes of it: boxes for the eye, MathML for everything else. The heights of a page
are then right from the start, and no reader loads KaTeX's script.

KaTeX runs in V8, embedded by ``mini-racer``: one wheel serves every Python, for Linux, macOS and
Windows on Intel and ARM alike, and releases follow V8. ``quickjs`` is a tenth of its size, but its
last wheels are for Python 3.12, and for Linux on Intel alone.

A quantity is written ``\q{kind}{name}{...}``, so that it has the colour of its kind and a pointer
can find it; ``\href`` leads to an address within the site.
"""

from __future__ import annotations

import atexit
import json
import re
from functools import cache
from html import escape, unescape
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from py_mini_racer import MiniRacer

from docs.render.manifest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

KATEX = ROOT / "docs/assets/katex/katex.min.js"

_RENDER = r"""
function render(latex, displayMode) {
    const problems = new Set();
    globalThis.console = { warn: text => problems.add(text), error: text => problems.add(text) };
    const trust = ({ command, url, protocol }) => {
        const own = command === "\\htmlData"
            || (command === "\\href" && protocol === "_relative" && !url.startsWith("/"));
        if (!own) problems.add(`${command}${url ? ` to ${url}` : ""} is not allowed`);
        return own;
    };
    const strict = (code, text) => {
        if (code !== "htmlExtension") problems.add(`${text} [${code}]`);
        return "ignore";
    };
    const macros = { "\\q": "\\htmlData{kind=#1, sym=#2}{#3}" };
    try {
        const html = katex.renderToString(latex, { displayMode, macros, trust, strict });
        return JSON.stringify([html, [...problems]]);
    } catch (error) {
        return JSON.stringify(["", [error.rawMessage ?? String(error)]]);
    }
}
"""

_FORMULA = re.compile(
    r'(?P<start><(?P<tag>span|div) [^>]*class="[^"]*\barithmatex\b[^>]*)>'
    r"(?P<text>[^<]*)</(?P=tag)>(?P<marks>[.,;:?!)]*)"
)

#: Commands that a page needs and a person does not write, with their arguments before the formula.
_MARKS = {"q": 2, "htmlData": 1, "href": 1}


def with_formulas(html: str) -> tuple[str, list[str]]:
    r"""Render the formulas of a page.

    Parameters
    ----------
    html
        The page, with ``\(...\)`` or ``\[...\]`` in each element of class ``arithmatex``.

    Returns
    -------
    str
        The page with rendered formulas; one that KaTeX refuses stays as it was.
    list of str
        What KaTeX refuses or warns of: the formula, and what is wrong with it.
    """
    problems: list[str] = []

    def rendered(match: re.Match[str]) -> str:
        text = unescape(match["text"]).strip()
        display = text.startswith(r"\[")
        formula, found = _rendered(text[2:-2].strip(), display)
        problems.extend(f"{text}: {problem}" for problem in found)
        if not formula:
            return match[0]
        # A formula that is wider than a phone scrolls, also by the keyboard.
        focus = ' tabindex="0"' if match["tag"] == "div" and "tabindex" not in match[0] else ""
        element = f"{match['start']}{focus}>{formula}</{match['tag']}>"
        if display or not match["marks"]:
            return element + match["marks"]
        # A line must not begin with the full stop after a formula.
        return f'<span class="unbroken">{element}{match["marks"]}</span>'

    return _FORMULA.sub(rendered, html), problems


def classed(html: str, styles: dict[str, str]) -> str:
    """Replace what KaTeX styles span by span with classes, of which a site needs a few hundred.

    Parameters
    ----------
    html
        A page with rendered formulas; no other span of it has a style.
    styles
        The class of each style; what is new is added.
    """

    def named(match: re.Match[str]) -> str:
        name = styles.setdefault(match["style"], f"k{len(styles)}")
        return (
            f'<span class="{match["classes"]} {name}"'
            if match["classes"]
            else f'<span class="{name}"'
        )

    return re.sub(r'<span(?: class="(?P<classes>[^"]*)")? style="(?P<style>[^"]*)"', named, html)


def stylesheet(styles: Mapping[str, str]) -> str:
    """The classes of `classed`, so that they come before KaTeX's own rules."""
    rules = [f".katex .katex-html .{name}{{{style}}}" for style, name in styles.items()]
    return "\n".join(rules) + "\n"


#: The fonts of KaTeX, by the classes that are set in them; the first one is that of every formula.
_FONTS = {
    "katex": "Main-Regular",
    "mathnormal": "Math-Italic",
    "mathbf": "Main-Bold",
    "delimsizing size1": "Size1-Regular",
    "op-symbol small-op": "Size1-Regular",
    "op-symbol large-op": "Size2-Regular",
    "delimsizing size2": "Size2-Regular",
    "delimsizing size3": "Size3-Regular",
    "delimsizing size4": "Size4-Regular",
}


def fonts_of(html: str) -> list[str]:
    """The fonts that the formulas of a page are set in: it must have them before it is painted."""
    used = set(re.findall(r'class="((?:[\w-]+ ?)*)"', html))
    names = {" ".join(part) for each in used for part in _pairs(each.split())}
    return list(dict.fromkeys(font for name, font in _FONTS.items() if name in names))


def _pairs(classes: list[str]) -> Iterator[tuple[str, ...]]:
    """Each class, and each two that follow each other."""
    yield from zip(classes, strict=True)
    yield from pairwise(classes)


def unmarked(latex: str) -> str:
    r"""LaTeX that can be pasted elsewhere: without the commands that only a page needs."""
    mark = re.search(rf"\\({'|'.join(_MARKS)})(?![a-zA-Z])", latex)
    if not mark:
        return latex
    start = end = mark.end()
    for _ in range(_MARKS[mark[1]] + 1):
        start, end = _group(latex, end)
    inside, rest = unmarked(latex[start + 1 : end - 1]), unmarked(latex[end:])
    # \alpha before x must not become \alphax.
    gap = " " if re.search(r"\\[a-zA-Z]+$", inside) and re.match("[a-zA-Z]", rest) else ""
    return latex[: mark.start()] + inside + gap + rest


def _group(latex: str, start: int) -> tuple[int, int]:
    """Where the group of braces begins that follows a place, and where it ends."""
    depth = 0
    for brace in re.finditer(r"\\.|[{}]", latex[start:]):
        depth += {"{": 1, "}": -1}.get(brace[0], 0)
        if depth == 0 and brace[0] == "}":
            return start + latex[start:].index("{"), start + brace.end()
    raise ValueError(f"{latex[start:]!r} must begin with a group of braces")


@cache
def _engine() -> MiniRacer:
    """KaTeX, compiled once a process."""
    engine = MiniRacer()
    # A process that leaves it open does not end.
    atexit.register(engine.close)
    engine.eval(KATEX.read_text(encoding="utf-8") + _RENDER)
    return engine


@cache
def _known() -> frozenset[str]:
    """The classes that a rule of KaTeX's sheet, or the pages, know."""
    sheet = KATEX.with_name("katex.min.css").read_text(encoding="utf-8")
    return frozenset(re.findall(r"\.([A-Za-z][\w-]*)", sheet))


def _styled(match: re.Match[str]) -> str:
    """A class attribute without the classes that change nothing."""
    kept = [each for each in match[1].split() if each in _known() or each.startswith("q-")]
    return f' class="{" ".join(kept)}"' if kept else ""


@cache
def _rendered(latex: str, display: bool) -> tuple[str, tuple[str, ...]]:
    """A formula as HTML, nothing where KaTeX refuses it; and what is wrong with it."""
    answer: Any = _engine().call("render", latex, display)
    html, problems = json.loads(answer)
    html = re.sub(r'class="enclosing" data-kind="(\w+)"', r'class="q-\1"', html)
    # The same links stand in the text beside it, where a screen reader finds them.
    html = html.replace("<a ", '<a tabindex="-1" ')
    html = re.sub(r' class="([^"]*)"', _styled, html)
    # A name space is for XML, and a style of MathML for those who see it.
    html = re.sub(
        r' xmlns="[^"]*"|<mstyle scriptlevel="0" displaystyle="true">|</mstyle>', "", html
    )
    source = escape(unmarked(latex).removeprefix(r"\displaystyle ").removeprefix("{}"), quote=False)
    annotation = re.compile(
        r"(?<=<annotation encoding=\"application/x-tex\">).*(?=</annotation>)", re.DOTALL
    )
    return annotation.sub(lambda _: source, html), tuple(problems)
