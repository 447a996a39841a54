"""What the diagrams are drawn with: names of the notation, arrows, a document.

Colours are CSS variables with a fallback, so that a page can set them for light and dark and a
file still opens by itself. Numbers are whole pixels and nothing depends on the machine.
"""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

from ..language.names import Kernel, Name, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: The kinds of quantities, each with its variable and the colour that stands in for it.
COLOURS = {
    "data": "#1b6b45",
    "weight": "#0b5a9e",
    "gradient": "#a34700",
    "adjoint": "#8b2a8b",
    "value": "#333",
}

RULES = {
    "text": 'font: 15px KaTeX_Main, "Times New Roman", serif; fill: currentColor',
    "text.small": "font-size: 12px",
    ".sub": "font-size: 70%",
    ".letter": 'font-family: KaTeX_Math, "Times New Roman", serif; font-style: italic',
    "text.op": "font-size: 17px",
    ".hit": "fill: transparent",
    ".bar": "stroke: currentColor",
    ".box": "fill: var(--q-box, #fff); stroke: currentColor; stroke-width: 1.2",
    ".edge": "fill: none; stroke: var(--q-edge, #777); stroke-width: 1.2",
    ".head": "fill: var(--q-edge, #777); fill: context-stroke",
    **{f".{name}": f"color: var(--q-{name}, {colour})" for name, colour in COLOURS.items()},
}

STYLE = "\n".join(f"svg.diagram {where} {{ {what} }}" for where, what in RULES.items())


#: Advances at 15 pixels, of KaTeX's fonts; scripts are drawn at 70 %.
ADVANCES = {"W": 14.2, "H": 12.5, "X": 12.4, "K": 12.7, "G": 11.8, "E": 11.1, "Z": 10.2, "Y": 8.7}
ADVANCES |= {"b": 6.4, "w": 10.7, "x": 8.6, "y": 7.4, "ℓ": 6.3, "d": 8.3, "s": 7.0, "q": 6.7}
ADVANCES |= {"⊤": 11.7, "′": 4.1, "α": 9.6, "−": 11.7}
ADVANCES |= {"'": 4.2, "[": 4.2, "]": 4.2, "(": 5.8, ")": 5.8}
SCRIPT = 0.7


COMBINING_BAR = "\N{COMBINING OVERLINE}"


def text_width(text: str) -> float:
    """The width of a text in pixels, before it is scaled."""
    return sum(ADVANCES.get(each, 7.5) for each in text if each != COMBINING_BAR)


def styled(text: str) -> str:
    """A text with its variables in italics, as in a formula; words stay upright."""
    return re.sub(r"(?<![a-z])[A-Za-zα](?![a-z])", r'<tspan class="letter">\g<0></tspan>', text)


def name_text(name: str, transposed: bool = False) -> tuple[str, int]:
    """A name of the notation as the inside of an SVG text, and its width in pixels."""
    parts = parse(name)
    if isinstance(parts, Kernel):
        before, letter = "", "K"
        above = "" if parts.rows == ("q", "s") else ",".join(parts.rows)
        below = ",".join(
            f"{'d' * stem.inner}{stem.base}{COMBINING_BAR * stem.bar}{stem.layer or ''}"
            for stem in parts.stems
        )
    else:
        before, letter = "d" if parts.inner else "", parts.base.replace("loss", "ℓ")
        below = str(parts.layer or "")
        above = "′" * bool(parts.fast) + parts.step + parts.rows
    above += "⊤" * transposed
    # The upper script stands over the lower one: back by its width, and up past it.
    back = text_width(below) * SCRIPT
    text = before + (letter if letter == "ℓ" else styled(letter))
    if below:
        text += f'<tspan class="sub" dy="4">{styled(below)}</tspan>'
    if above:
        place = f'dx="-{back:.1f}" dy="-10"' if below else 'dy="-6"'
        text += f'<tspan class="sub" {place}>{styled(above)}</tspan>'
    width = text_width(before + letter) + max(back, text_width(above) * SCRIPT)
    return text, round(width)


def name_label(name: str, x: int, y: int, transposed: bool = False) -> str:
    """A name, centred at a point, with a line over an adjoint's."""
    text, width = name_text(name, transposed)
    left = x - width // 2
    parts = [f'<text x="{left}" y="{y + 5}">{text}</text>']
    named = parse(name)
    if isinstance(named, Name) and named.bar:
        covered = width - round(text_width("⊤") * SCRIPT) * transposed
        parts.append(f'<path class="bar" d="M{left} {y - 10}h{covered}"/>')
    return "".join(parts)


def free_label(name: str, x: int, y: int, transposed: bool = False) -> str:
    """A name that stands outside of a box, with room around it that lights up."""
    width = name_text(name, transposed)[1] + 6
    room = (
        f'<rect class="hit" x="{x - width // 2}" y="{y - 13}" width="{width}" height="26" rx="4"/>'
    )
    return room + name_label(name, x, y, transposed)


def group(name: str, inside: str, *, link: bool) -> str:
    """What stands for a quantity: its kind is its colour."""
    kind = parse(name).kind
    if link:
        target = f'xlink:href="#eq-{name}"'
        return f'<a class="{kind}" data-sym="{name}" {target}><title>{name}</title>{inside}</a>'
    return f'<g class="{kind}" data-sym="{name}">{inside}</g>'


def line(points: Iterable[tuple[int, int]], arrow: bool = True) -> str:
    """A line through some points, with a head at its end."""
    path = "M" + "L".join(f"{x} {y}" for x, y in points)
    head = ' marker-end="url(#head)"' if arrow else ""
    return f'<path class="edge" d="{path}"{head}/>'


def in_words(reads: Mapping[str, Iterable[str]]) -> str:
    """The text alternative of a drawing: every arrow of it."""
    return " ".join(f"{name} reads {', '.join(sources)}." for name, sources in reads.items())


def document(banner: str, title: str, words: str, size: tuple[int, int], parts: list[str]) -> str:
    """An SVG file.

    Parameters
    ----------
    banner
        What the file says of its origin.
    title, words
        Its text alternative: what it shows, and every arrow in words.
    size
        Width and height.
    parts
        What is drawn.
    """
    width, height = size
    # Several drawings may stand on one page, where an id is unique.
    head = "head-" + re.sub(r"\W+", "-", title.lower())
    body = "\n".join(parts).replace("url(#head)", f"url(#{head})")
    return (
        f"<!-- {banner} -->\n"
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'class="diagram" '
        f'viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="group" '
        f'aria-label="{escape(title)}">\n'
        f"<desc>{escape(words)}</desc>\n<style>\n{STYLE}\n</style>\n"
        f'<defs><marker id="{head}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" '
        'markerHeight="8" markerUnits="userSpaceOnUse" orient="auto">'
        '<path class="head" d="M0 0L8 4L0 8z"/></marker></defs>\n'
        f"{body}\n</svg>\n"
    )
