"""The image that other sites show with a link to this one: a formula of it, and MAML at work.

Nothing in it is typed: the formula is an equation of the derivation, the curves are those of the
film that ``docs.sinusoid.results`` has made.
"""

from __future__ import annotations

import re
import sys
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple
from xml.etree import ElementTree

import matplotlib as mpl
from matplotlib.figure import Figure

from derive.pictures.svg import COLOURS
from docs.render.manifest import PAGE_NETWORK, ROOT, find, label_of, marked

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CARD = ROOT / "docs/assets/card.png"
FILM = ROOT / "docs/sinusoid/figures/quick/adaptation.svg"
EQUATION = "W2_bar"

#: Width and height in pixels, as those who show cards ask for, and the pixels of an inch.
SIZE, DPI = (1200, 630), 100

PAPER, INK, FAINT = "#ffffff", "#1f1f1f", "#5c5c5c"


class Curve(NamedTuple):
    """A line of the film: places from its corner downwards, colour, whether it is dashed."""

    places: list[tuple[float, float]]
    colour: str
    dashed: bool


def curves(film: str, step: int) -> tuple[list[Curve], list[tuple[float, float]]]:
    """What the film shows after a step.

    Parameters
    ----------
    film
        The SVG, as ``docs.sinusoid.plot.animation`` writes it.
    step
        After which step.

    Returns
    -------
    tuple
        The predictions and, last of them, the true sinusoid; the support points.
    """
    within = ElementTree.fromstring(film).find("{*}svg")
    if within is None:
        raise ValueError("the film has no panel")
    lines = within.findall("{*}polyline")
    for each in within.findall("{*}g"):
        if f"s{step}" in each.attrib["class"].split():
            lines = [*each.findall("{*}polyline"), *lines]
    points = [(float(p.attrib["cx"]), float(p.attrib["cy"])) for p in within.findall("{*}circle")]
    return [_curve(line) for line in lines], points


def _curve(line: ElementTree.Element) -> Curve:
    pairs = [pair.split(",") for pair in line.attrib["points"].split()]
    places = [(float(x), float(y)) for x, y in pairs]
    return Curve(places, line.attrib["stroke"], "stroke-dasharray" in line.attrib)


def pieces(latex: str) -> list[tuple[str, str]]:
    """A formula of the pages' network in pieces that matplotlib can set, with their colours."""
    braces = r"(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*"
    each = rf"\\q\{{(\w+)\}}\{{\w+\}}\{{({braces})\}}(\{{\}}\^\{{\\top\}})?|((?:(?!\\q\{{).)+)"
    found = []
    for kind, symbol, transposed, other in re.findall(each, marked(latex, PAGE_NETWORK)):
        text = f"{symbol}{transposed}" or other.replace(r"\,", "").strip()
        if text:
            found.append((f"${text}$", COLOURS[kind] if kind else INK))
    return found


def card() -> bytes:
    """The image as PNG; with the locked versions, always the same bytes."""
    with mpl.rc_context({"font.family": "DejaVu Sans", "mathtext.fontset": "cm"}):
        figure = Figure(figsize=(SIZE[0] / DPI, SIZE[1] / DPI), dpi=DPI, facecolor=PAPER)
        figure.text(0.055, 0.8, "MAML, derived", size=44, color=INK)
        figure.text(0.055, 0.71, "every term, and its line of numpy", size=21, color=FAINT)
        _formula(figure)
        code = find(label_of(EQUATION))["code"]
        figure.text(0.055, 0.09, code, size=17, family="DejaVu Sans Mono", color=INK)
        _film(figure.add_axes((0.58, 0.37, 0.38, 0.57)))
        file = BytesIO()
        figure.savefig(file, metadata={"Software": None})
    return file.getvalue()


def _formula(figure: Figure) -> None:
    """The formula, piece after piece, each in its colour."""
    left = 0.055
    for text, colour in pieces(find(label_of(EQUATION))["latex"]):
        drawn = figure.text(left, 0.2, text, size=42, color=colour)
        left += drawn.get_window_extent().width / SIZE[0] + 0.006


def _film(axes: Axes) -> None:
    """The film after the first step."""
    lines, points = curves(FILM.read_text(encoding="utf-8"), 1)
    for line in lines:
        truth = line is lines[-1]
        axes.plot(
            *zip(*line.places, strict=True),
            color=line.colour,
            ls="--" if line.dashed else "-",
            lw=1.5 if truth else 4,
        )
    axes.plot(*zip(*points, strict=True), "o", color=INK, ms=9)
    axes.invert_yaxis()
    axes.axis("off")


def main() -> int:
    """Write the card."""
    CARD.write_bytes(card())
    print(CARD)
    return 0


if __name__ == "__main__":
    sys.exit(main())
