"""Characters of many scripts, drawn from the outlines of the fonts that matplotlib has.

Drawn, not handwritten: what differs between two examples of a character is the font, and how its
outline is turned, stretched, bent and inked. A character is a class; characters that look like an
earlier one, as many letters of Greek and Cyrillic look like Latin ones, are none.
"""

from __future__ import annotations

import hashlib
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.backend_bases import GraphicsContextBase
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.ft2font import FT2Font, LoadFlags
from matplotlib.path import Path as Outline
from matplotlib.transforms import Affine2D

from .images import SIDE, Character

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Examples of a character.
EXAMPLES = 20

#: Fonts, the first that has a character says what it looks like.
FAMILIES = ("DejaVuSans", "DejaVuSerif", "DejaVuSansMono", "STIXGeneral")
SLANTED = ("-Oblique", "-BoldOblique", "-Italic", "-BoldItalic")
CUTS = ("", "-Bold", *SLANTED, "Bol", "Italic", "BolIta")

#: Computer Modern has its own places for all but these.
MODERN, ASCII = ("cmr10", "cmb10", "cmss10", "cmtt10"), range(0x80)

#: The first word of a character's name in Unicode, by script; and scripts of the test.
SCRIPTS = {
    "LATIN": "Latin",
    "DIGIT": "Latin",
    "GREEK": "Greek",
    "CYRILLIC": "Cyrillic",
    "COPTIC": "Coptic",
    "CANADIAN": "Canadian syllabics",
    "GEORGIAN": "Georgian",
    "ARABIC": "Arabic",
    "LISU": "Lisu",
    "OLD": "Old Italic",
    "ARMENIAN": "Armenian",
    "HEBREW": "Hebrew",
    "LAO": "Lao",
    "NKO": "N'Ko",
    "TIFINAGH": "Tifinagh",
    "OGHAM": "Ogham",
}
UNSEEN = {"Armenian", "Hebrew", "Lao", "N'Ko", "Tifinagh", "Ogham"}

#: From this correlation on, two characters are one.
ALIKE = 0.93

#: Pixels to the edge, and the largest changes of an example: degrees, share of the size, shear,
#: pixels that it is moved, pixels that its outline is bent, pixels of ink around it.
MARGIN, TURN, STRETCH, SHEAR, MOVE, BEND, INK = 4.0, 12.0, 0.15, 0.2, 1.5, 0.8, 1.0


PEN, MIDDLE = GraphicsContextBase(), Affine2D().translate(SIDE / 2, SIDE / 2)


class Glyph(NamedTuple):
    """A character that fonts have.

    Attributes
    ----------
    script, code
        What it is of, and its number in Unicode.
    fonts
        That have it.
    """

    script: str
    code: int
    fonts: tuple[Path, ...]


def key() -> str:
    """What the images depend on: this file, and the fonts and the renderer of matplotlib."""
    text = Path(__file__).read_bytes() + f"{mpl.__version__} {np.__version__}".encode()
    return hashlib.sha256(text).hexdigest()[:12]


def fonts() -> list[Path]:
    """Those that characters are drawn from."""
    folder = Path(mpl.get_data_path()) / "fonts" / "ttf"
    named = [f"{family}{cut}" for family in FAMILIES for cut in CUTS] + [*MODERN]
    return [path for name in named if (path := folder / f"{name}.ttf").is_file()]


def script(code: int) -> str | None:
    """Of a letter or digit that is not another one with an accent; None for all else."""
    character = chr(code)
    if unicodedata.category(character) not in {"Lu", "Ll", "Lt", "Lo", "Nd"}:
        return None
    if unicodedata.normalize("NFKD", character) != character:
        return None
    return SCRIPTS.get(unicodedata.name(character, "").partition(" ")[0])


def candidates() -> list[Glyph]:
    """Every letter of the fonts, in the order of `SCRIPTS` and then of Unicode."""
    having: dict[int, list[Path]] = {}
    for path in fonts():
        for code in FT2Font(str(path)).get_charmap():
            if path.stem not in MODERN or code in ASCII:
                having.setdefault(code, []).append(path)
    order = list(SCRIPTS.values())
    found = [
        Glyph(of, code, tuple(paths)) for code, paths in having.items() if (of := script(code))
    ]
    return sorted(found, key=lambda glyph: (order.index(glyph.script), glyph.code))


# --8<-- [start:draw]
def outline(font: Any, code: int) -> Outline:
    """A character's outline in a font, its middle at 0 and its longer side 1."""
    font.load_char(code, flags=LoadFlags.NO_SCALE | LoadFlags.NO_HINTING)
    points, codes = font.get_path()
    used = points[codes != Outline.CLOSEPOLY]
    if not len(used):
        return Outline(np.zeros((0, 2)))
    low, high = used.min(axis=0), used.max(axis=0)
    return Outline((points - (low + high) / 2) / max(high - low), codes)


def varied(points: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """An outline turned, stretched, sheared, moved and bent, in pixels."""
    turn = np.deg2rad(rng.uniform(-TURN, TURN))
    turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    sheared = np.array([[1, rng.uniform(-SHEAR, SHEAR)], [0, 1]])
    changed = turned @ sheared * rng.uniform(1 - STRETCH, 1 + STRETCH, 2)
    moved: NDArray[np.float64] = (SIDE - 2 * MARGIN) * points @ changed.T
    moved += rng.uniform(-MOVE, MOVE, 2)
    # Two waves across the picture for each direction.
    waves, phases = rng.uniform(-3, 3, (2, 2, 2)), rng.uniform(0, 2 * np.pi, (2, 2))
    bent = np.sin(np.einsum("abc,nc->nab", waves, points) * np.pi + phases).mean(axis=2)
    moved += BEND * bent
    return moved


def canvas() -> Any:
    """An empty picture; matplotlib has no types for it."""
    make: Any = RendererAgg
    return make(SIDE, SIDE, 72)


def ink(shape: Outline, width: float, renderer: Any) -> NDArray[np.uint8]:
    """An outline filled, with a line of so many pixels around it: (28, 28), 255 is black."""
    renderer.clear()
    PEN.set_linewidth(width)
    renderer.draw_path(PEN, shape, MIDDLE, (0, 0, 0))
    return np.asarray(renderer.buffer_rgba())[..., 3].copy()


# --8<-- [end:draw]


def plain(glyphs: list[Glyph], opened: dict[Path, Any]) -> NDArray[np.float64]:
    """Each glyph in its first font, as a vector of mean 0 and length 1, blurred a little."""
    renderer, rows = canvas(), []
    for glyph in glyphs:
        shape = outline(opened[glyph.fonts[0]], glyph.code)
        scaled = Outline((SIDE - 2 * MARGIN) * np.asarray(shape.vertices), shape.codes)
        image = ink(scaled, INK, renderer).reshape(SIDE // 2, 2, SIDE // 2, 2).mean(axis=(1, 3))
        rows.append(image.ravel() - image.mean())
    found: NDArray[np.float64] = np.array(rows)
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    found /= np.where(lengths > 0, lengths, 1)
    return found


def different(glyphs: list[Glyph], opened: dict[Path, Any]) -> list[Glyph]:
    """Those that can be seen and do not look like an earlier one."""
    rows = plain(glyphs, opened)
    alike, kept = rows @ rows.T > ALIKE, list[int]()
    for place, row in enumerate(rows):
        if row.any() and not alike[place, kept].any():
            kept.append(place)
    return [glyphs[place] for place in kept]


def examples(glyph: Glyph, opened: dict[Path, Any]) -> NDArray[np.uint8]:
    """Its images, by turns in each of its fonts."""
    rng, renderer = np.random.default_rng([glyph.code, EXAMPLES]), canvas()
    shapes = [outline(opened[font], glyph.code) for font in glyph.fonts[:EXAMPLES]]
    found = []
    for place in range(EXAMPLES):
        shape = shapes[place % len(shapes)]
        moved = Outline(varied(np.asarray(shape.vertices, float), rng), shape.codes)
        found.append(ink(moved, rng.uniform(0, INK), renderer))
    return np.array(found)


def drawn() -> list[Character]:
    """Every character with its examples; a few seconds."""
    opened: dict[Path, Any] = {path: FT2Font(str(path)) for path in fonts()}
    return [
        Character(glyph.script, unicodedata.name(chr(glyph.code)), examples(glyph, opened))
        for glyph in different(candidates(), opened)
    ]
