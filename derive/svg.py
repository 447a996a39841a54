"""What the diagrams are drawn with: names of the notation, arrows, a document.

Colours are CSS variables with a fallback, so that a page can set them for light and dark and a
file still opens by itself. Numbers are whole pixels and nothing depends on the machine.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from derive.notation import kind, parse

if TYPE_CHECKING:
    from collections.abc import Iterable

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
    ".letter": "font-style: italic",
    ".prime": "font-family: serif",
    ".bar": "stroke: currentColor",
    ".box": "fill: var(--q-box, #fff); stroke: currentColor; stroke-width: 1.2",
    ".edge": "fill: none; stroke: var(--q-edge, #777); stroke-width: 1.2",
    ".head": "fill: var(--q-edge, #777)",
    **{f".{kind}": f"color: var(--q-{kind}, {colour})" for kind, colour in COLOURS.items()},
}

STYLE = "\n".join(f"svg.diagram {where} {{ {what} }}" for where, what in RULES.items())


def name_text(name: str, transposed: bool = False) -> tuple[str, int]:
    """A name of the notation as the inside of an SVG text, and its width in pixels."""
    if name.startswith("K_"):
        stems = [parse(part) for part in name[2:].split("_") if part[0] not in "qsb"]
        below = " ".join(f"{stem.base}{stem.layer or ''}" for stem in stems)
        return _pieces("K", below, ""), 10 + 6 * len(below)
    parts = parse(name)
    letter = {"loss": "ℓ\N{HAIR SPACE}"}.get(parts.base, parts.base)
    prime = '<tspan class="prime">′</tspan>' if parts.fast else ""
    below = str(parts.layer or "")
    above = parts.rows + parts.fast.removeprefix("fast") + "⊤" * transposed
    before = "d" if parts.inner else ""
    width = 8 * len(before) + 11 + 4 * bool(prime) + 6 * len(below + above)
    return before + _pieces(letter, below, above, prime), width


def _pieces(letter: str, below: str, above: str, prime: str = "") -> str:
    """A letter with its scripts; each shifts the baseline from where the one before left it."""
    text, down = f'<tspan class="letter">{letter}</tspan>{prime}', 0
    for script, shift in ((below, 4), (above, -6)):
        if script:
            text += f'<tspan class="sub" dy="{shift - down}">{script}</tspan>'
            down = shift
    return text


def name_label(name: str, x: int, y: int, transposed: bool = False) -> str:
    """A name, centred at a point, with a line over an adjoint's; a pointer on it finds its like."""
    text, width = name_text(name, transposed)
    parts = [f'<text x="{x}" y="{y + 5}" text-anchor="middle">{text}</text>']
    if name.endswith("_bar") and not name.startswith("K_"):
        covered = width - 6 * transposed
        parts.append(f'<path class="bar" d="M{x - width // 2} {y - 10}h{covered}"/>')
    return "".join(parts)


def group(name: str, inside: str, *, link: bool) -> str:
    """What stands for a quantity: its kind is its colour."""
    if link:
        target = f'xlink:href="#eq-{name}"'
        return (
            f'<a class="{kind(name)}" data-sym="{name}" {target}><title>{name}</title>{inside}</a>'
        )
    return f'<g class="{kind(name)}" data-sym="{name}">{inside}</g>'


def line(points: Iterable[tuple[int, int]], arrow: bool = True, attributes: str = "") -> str:
    """A line through some points, with a head at its end."""
    path = "M" + "L".join(f"{x} {y}" for x, y in points)
    head = ' marker-end="url(#head)"' if arrow else ""
    return f'<path class="edge" d="{path}"{head}{attributes}/>'


def document(banner: str, title: str, reads: str, size: tuple[int, int], parts: list[str]) -> str:
    """An SVG file.

    Parameters
    ----------
    banner
        What the file says of its origin.
    title, reads
        Its text alternative: what it shows, and every arrow in words.
    size
        Width and height.
    parts
        What is drawn.
    """
    width, height = size
    # Several drawings may stand on one page, where an id is unique.
    head = "head-" + title.lower().replace(" ", "-")
    body = "\n".join(parts).replace("url(#head)", f"url(#{head})")
    return (
        f"<!-- {banner} -->\n"
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'class="diagram" '
        f'viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="group" '
        f'aria-label="{escape(title)}">\n'
        f"<desc>{escape(reads)}</desc>\n<style>\n{STYLE}\n</style>\n"
        f'<defs><marker id="{head}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path class="head" d="M0 0L8 4L0 8z"/></marker></defs>\n'
        f"{body}\n</svg>\n"
    )
