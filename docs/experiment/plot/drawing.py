"""How every figure looks: the colour and the line of each method, direct labels."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import matplotlib as mpl
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from matplotlib.axes import Axes

    from ..family import Score
    from ..statistics import Summary

#: Of a figure, in inches: where a page is narrow, ten points are still read.
WIDTH = 6.8

STYLE: dict[Any, Any] = {
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.hashsalt": "maml",  # or the ids in the file differ from run to run
    "svg.fonttype": "none",
}


@contextmanager
def style() -> Iterator[None]:
    """Draw as figures here look, whatever somebody's ``matplotlibrc`` says."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)
        yield


#: What is the same for all methods: the task itself, and notes.
INK, FAINT = "#1f1f1f", "#5c5c5c"


class Look(NamedTuple):
    """How a method is drawn wherever methods are compared.

    Attributes
    ----------
    colour
        Those of the methods that figures have beside one another differ in lightness too, so
        that they stay apart in grey.
    line
        Its dashes, as matplotlib has them.
    marker
        At gradient steps.
    ink
        Of its name: the colour, or a darker one where letters would be too light.
    """

    colour: str
    line: Any
    marker: str
    ink: str


#: How MAML is drawn, in both of the companies that it is in.
MAML = Look("#0a5088", "-", "o", "#0a5088")

#: MAML and what it is compared with.
BASELINES = {
    "maml": MAML,
    "first-order": Look("#3a86b4", (0, (7, 1.5, 1.5, 1.5)), "D", "#2a6f99"),
    "reptile": Look("#14432f", (0, (3.5, 1, 1, 1, 1, 1)), "v", "#14432f"),
    "joint": Look("#b0432d", (0, (4.5, 1.8)), "s", "#b0432d"),
    "oracle": Look(INK, (0, (9, 3)), "", INK),
    "random": Look("#949494", (0, (1.2, 1.4)), "^", FAINT),
}

#: MAML and the algorithms of its family.
FAMILY = {
    "maml": MAML,
    "meta-sgd": Look("#181289", (0, (6, 1.2)), "P", "#181289"),
    "maml++": Look("#761709", (0, (8, 1.2, 2, 1.2)), "X", "#761709"),
    "anil": Look("#238269", (0, (3, 1.2)), "<", "#238269"),
    "boil": Look("#30043f", (0, (5, 1, 1, 1, 1, 1)), ">", "#30043f"),
    "cavia": Look("#b87d1d", (0, (2, 0.8)), "p", "#8a5c0f"),
    "recipe": Look("#b22174", (0, (12, 1)), "*", "#b22174"),
}

#: With another last layer for every task it takes the place, and the colour, of joint training.
PRETRAINED = Look("#b0432d", (0, (5, 1.5, 1, 1.5)), "h", "#b0432d")

LOOKS = BASELINES | FAMILY | {"pretrained": PRETRAINED}

#: The meta-gradient and its parts: it and its first order look as the methods that descend them.
PARTS = {
    "whole": LOOKS["maml"],
    "first_order": LOOKS["first-order"],
    "gauss_newton": Look("#6a1848", (0, (4.5, 1.2)), "", "#6a1848"),
    "residual": Look("#c7860f", (0, (2, 1.2)), "", "#8f5b08"),
}


def spread(places: Sequence[float], gap: float) -> list[float]:
    """Numbers moved apart until neighbours are at least a gap apart, in their order."""
    order = np.argsort(places, kind="stable")
    moved = np.array(places, float)
    for before, after in pairwise(order):
        moved[after] = max(moved[after], moved[before] + gap)
    return [float(place) for place in moved]


def label_ends(
    axes: Axes,
    ends: Mapping[str, float],
    titles: Mapping[str, str],
    gap: float = 0.075,
    looks: Mapping[str, Look] = LOOKS,
) -> None:
    """Name each line on the right of its end, in its colour.

    Parameters
    ----------
    axes
        Its limits are final.
    ends
        By method, or what else there is a line of, where the line ends.
    titles
        By the same, its name.
    gap
        Between two names, as a share of the height.
    looks
        By the same, how the line is drawn.
    """
    low, high = axes.get_ylim()
    places = spread([(end - low) / (high - low) for end in ends.values()], gap)
    for name, place in zip(ends, places, strict=True):
        axes.annotate(
            titles[name],
            (1, place),
            (6, 0),
            xycoords="axes fraction",
            textcoords="offset points",
            va="center",
            color=looks[name].ink,
            annotation_clip=False,
        )


def error_line(axes: Axes, start: str, record: Summary) -> None:
    """An error by gradient step, with its 95 % band; hollow where some tasks diverged."""
    colour, line, marker, _ = LOOKS[start]
    names = ("capped", "capped_ci95", "diverged")
    mean, half, diverged = (np.array(record[name], float) for name in names)
    steps = np.arange(len(mean))
    axes.fill_between(steps, mean - half, mean + half, color=colour, alpha=0.2, lw=0)
    axes.plot(steps, mean, color=colour, ls=line, lw=1.6)
    for some, ground in ((diverged == 0, colour), (diverged > 0, "white")):
        axes.plot(steps[some], mean[some], marker, ms=4, mfc=ground, color=colour)


def capped(score: Score) -> str:
    """What an axis of capped means says of them, on a line of its own."""
    return "" if score.higher_is_better else f"\n(a task counts at most {score.worst:g})"


def hollow_note(records: Iterable[Summary], score: Score) -> str:
    """A line about the hollow markers of `error_line`, where there are any."""
    if not any(any(record["diverged"]) for record in records):
        return ""
    worse = "a score below" if score.higher_is_better else "an error above"
    return f"\n(hollow: some of them diverged, with {worse} {score.worst:g})"
