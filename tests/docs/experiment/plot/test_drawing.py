"""How figures look."""

from __future__ import annotations

from itertools import combinations, pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Annotation

from docs.experiment.methods import TITLES
from docs.experiment.parts import LENGTHS
from docs.experiment.plot.drawing import (
    BASELINES,
    FAMILY,
    LOOKS,
    PARTS,
    Look,
    error_line,
    label_ends,
    spread,
)
from docs.experiment.statistics import summary
from docs.sinusoid import tasks
from docs.sinusoid.family import SINUSOIDS

if TYPE_CHECKING:
    from matplotlib.lines import Line2D
    from numpy.typing import NDArray


def xs(line: Line2D) -> list[float]:
    return [float(x) for x in np.asarray(line.get_xdata())]


def ys(line: Line2D) -> list[float]:
    return [float(y) for y in np.asarray(line.get_ydata())]


def luminance(colour: str) -> float:
    """Of a colour, as WCAG 2.2 defines it."""
    parts = np.array(to_rgb(colour))
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(colour: str) -> float:
    """With white."""
    return 1.05 / (luminance(colour) + 0.05)


def test_every_line_has_a_look() -> None:
    assert set(LOOKS) == set(TITLES)
    assert set(PARTS) == set(LENGTHS)
    assert {*BASELINES} & {*FAMILY} == {"maml"}


@pytest.mark.parametrize("looks", [BASELINES, FAMILY, PARTS])
def test_lines_stay_apart_in_grey(looks: dict[str, Look]) -> None:
    # CIE lightness, 0 to 100; a difference of 8 is seen at once where areas do not touch.
    lightness = sorted(116 * luminance(look.colour) ** (1 / 3) - 16 for look in looks.values())
    assert min(lighter - darker for darker, lighter in pairwise(lightness)) > 7.5
    assert min(contrast(look.colour) for look in looks.values()) >= 3  # lines
    assert min(contrast(look.ink) for look in looks.values()) >= 4.5  # letters


def lab(colour: str) -> NDArray[np.float64]:
    """CIE L*a*b* of a colour, in the light of D65."""
    parts = np.array(to_rgb(colour))
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    from_rgb = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = np.array(from_rgb) @ linear / [0.9505, 1, 1.089]
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_all_methods_stay_apart_in_colour() -> None:
    # A difference of 2.3 is just noticed side by side; these lines may be far from one another.
    apart = [
        float(np.linalg.norm(lab(one) - lab(other)))
        for one, other in combinations({look.colour for look in LOOKS.values()}, 2)
    ]
    assert min(apart) > 15


@pytest.mark.parametrize("looks", [LOOKS, PARTS])
def test_all_lines_have_dashes_of_their_own(looks: dict[str, Look]) -> None:
    assert len({look.line for look in looks.values()}) == len(looks)


def test_methods_have_markers_of_their_own() -> None:
    assert len({look.marker for look in LOOKS.values()}) == len(LOOKS)


def test_names_at_the_ends_of_lines_do_not_overlap() -> None:
    assert spread([0.5, 0.1, 0.52], 0.1) == pytest.approx([0.5, 0.1, 0.6])
    figure = Figure()
    axes = figure.subplots()
    axes.set_ylim(0, 5)
    label_ends(axes, {"maml": 1.0, "joint": 1.01}, {"maml": "A", "joint": "B"})
    (_, low), (_, high) = (text.xy for text in axes.texts if isinstance(text, Annotation))
    assert low == pytest.approx(0.2)
    assert high - low >= 0.075


def test_steps_where_tasks_diverged_are_hollow() -> None:
    axes = Figure().subplots()
    errors = np.array([[1.0, 2.0], [3.0, np.inf]])
    error_line(axes, "joint", summary(errors, SINUSOIDS.score))
    whole, hollow = (line for line in axes.get_lines() if line.get_marker() == "s")
    assert xs(whole) == [0]
    assert xs(hollow) == [1]
    assert ys(hollow) == [(2 + tasks.DIVERGED) / 2]
    assert hollow.get_markerfacecolor() == "white"
