"""What a committed figure shows, read off the figure: its lines and its images, in data units."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import numpy as np
from matplotlib.image import imread

ROOT = Path(__file__).parents[2]
FIGURES = ROOT / "docs/sinusoid/figures"
NUMBER = re.compile(r">([\N{MINUS SIGN}\d.,]+)\N{DEGREE SIGN}?</text>")


def panels(figure: str) -> list[str]:
    """The parts of a figure that have axes of their own."""
    text = (FIGURES / f"{figure}.svg").read_text(encoding="utf-8")
    return re.split(r'<g id="axes_\d+">', text)[1:]


def scale(panel: str, axis: str) -> tuple[float, float]:
    """Slope and offset from places in a drawing to numbers, by the ticks of an axis."""
    ticks = re.split(rf'<g id="{axis}tick_\d+">', panel)[1:]
    places = [float(re.search(rf'<use [^>]*\b{axis}="([-\d.]+)"', tick)[1]) for tick in ticks]  # type: ignore[index]
    numbers = [
        float(NUMBER.search(tick)[1].replace(",", "").replace("\N{MINUS SIGN}", "-"))  # type: ignore[index]
        for tick in ticks
    ]
    slope, offset = np.polyfit(places, numbers, 1)
    return float(slope), float(offset)


def lines(panel: str, beside: str) -> dict[str, list[np.ndarray]]:
    """The lines of a panel by their colour: points (x, y), in the units of its axes.

    The y axis is that of the panel `beside`, where panels share it.
    """
    found: dict[str, list[np.ndarray]] = {}
    (across, left), (up, bottom) = scale(panel, "x"), scale(beside, "y")
    drawn = r'<g id="line2d_\d+">\s*<path d="([^"]+)"[^>]*style="fill: none;[^"]*stroke: (#\w{6})'
    for path, colour in re.findall(drawn, panel):
        pairs = re.findall(r"[ML] ([-\d.]+) ([-\d.]+)", path)
        if len(pairs) > 2:
            places = np.array(pairs, float) * [across, up] + [left, bottom]
            found.setdefault(colour, []).append(places)
    return found


def marks(panel: str, colour: str) -> np.ndarray:
    """The points of a panel in a colour, (x, y)."""
    (across, left), (up, bottom) = scale(panel, "x"), scale(panel, "y")
    inner = panel[panel.index("<g clip-path") :]
    pairs = re.findall(rf'<use [^>]*x="([-\d.]+)" y="([-\d.]+)" style="fill: {colour}', inner)
    return np.array(pairs, float) * [across, up] + [left, bottom]


def image(panel: str) -> np.ndarray:
    """The lightness of the pixels of a panel's image, from its lowest row to its highest."""
    data = re.search(r'xlink:href="data:image/png;base64,\s*([^"]+)"', panel)
    assert data is not None
    return np.flipud(imread(io.BytesIO(base64.b64decode(data[1])))[..., :3].sum(axis=-1))
