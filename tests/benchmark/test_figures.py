"""The figures about speed can be read: no label lies on another, and no line goes through one."""

from __future__ import annotations

import json
from itertools import combinations
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.text import Text

from docs.experiment.plot.drawing import STYLE
from tests.benchmark.figures import FIGURES, FOLDER

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.transforms import Bbox


def drawn(name: str) -> Figure:
    """A figure as it is laid out."""
    record = json.loads((FOLDER / "benchmark.json").read_text(encoding="utf-8"))
    with mpl.rc_context(STYLE):
        figure = FIGURES[name](record)
        figure.draw_without_rendering()
    return figure


def labels(figure: Figure) -> list[tuple[Text, Bbox]]:
    """Every text that is seen, and where it stands."""
    beyond = {id(label) for axes in figure.axes for label in out_of_view(axes)}
    texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text()]
    return [(text, Text.get_window_extent(text)) for text in texts if id(text) not in beyond]


def out_of_view(axes: Axes) -> list[Text]:
    """The labels of ticks that lie beyond the ends of an axis: nothing draws them."""
    hidden = []
    for axis in (axes.xaxis, axes.yaxis):
        low, high = sorted(axis.get_view_interval())
        ticks = [tick for tick in axis.get_major_ticks() if not low <= tick.get_loc() <= high]
        hidden += [label for tick in ticks for label in (tick.label1, tick.label2)]
    return hidden if axes.axison else [*hidden, *axes.get_xticklabels(), *axes.get_yticklabels()]


@pytest.mark.parametrize("name", FIGURES)
def test_no_label_lies_on_another(name: str) -> None:
    found = labels(drawn(name))
    assert len(found) > 10
    for (one, place), (other, its_place) in combinations(found, 2):
        assert not place.overlaps(its_place), (one.get_text(), other.get_text())


@pytest.mark.parametrize("name", FIGURES)
def test_no_line_goes_through_a_label(name: str) -> None:
    figure = drawn(name)
    found = labels(figure)
    # Some stand on a ground of their own that hides the grid.
    bare = [(text, place) for text, place in found if text.get_bbox_patch() is None]
    for axes in figure.axes:
        grid = [*axes.get_xgridlines(), *axes.get_ygridlines()]
        for line in [*axes.lines, *grid]:
            if line.get_visible() and line.get_linestyle() != "None":
                points = along(line, axes.bbox)
                for text, place in bare if line in grid else found:
                    inside = (points > place.min) & (points < place.max)
                    assert not inside.all(axis=1).any(), (text.get_text(), line)


def along(line: Line2D, frame: Bbox) -> np.ndarray:
    """Many points of a line, in pixels, within the frame that it is cut off by."""
    ends = line.get_transform().transform(line.get_xydata())
    places = np.linspace(0, len(ends) - 1, 1000)
    points = np.column_stack([np.interp(places, range(len(ends)), axis) for axis in ends.T])
    seen = (points >= np.subtract(frame.min, 1)) & (points <= np.add(frame.max, 1))
    return np.asarray(points[seen.all(axis=1)])
