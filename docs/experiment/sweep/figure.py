"""The figure of a sweep: the error by setting, or by gradient step where nothing is varied."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from ..methods import TITLES
from ..plot.drawing import LOOKS, WIDTH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from .comparison import Group
    from .grid import Settings

#: Few-shot learning is about the first gradient step.
STEP = 1

#: Panels beside each other.
ACROSS = 3

#: From this ratio of errors on, the small ones would all lie on the axis.
FAR_APART = 20.0


def figure(found: Sequence[Group], score: str) -> Figure:
    """The `score` after one gradient step, its mean and 95 % interval over seeds.

    The setting with the most values is on the axis, and each combination of the others has a
    panel. Which methods are trained beside one another changes none of them, so that `methods`
    is not a setting here.
    """
    reduced = [
        group._replace(settings=tuple(each for each in group.settings if each[0] != "methods"))
        for group in found
    ]
    groups = list({(group.settings, group.method): group for group in reduced}.values())
    along = widest([group.settings for group in groups])
    others = list(dict.fromkeys(without(group.settings, along) for group in groups))
    columns = min(ACROSS, len(others))
    rows = -(-len(others) // columns)
    drawn = Figure(figsize=(WIDTH, 0.8 + 2.6 * rows), layout="constrained")
    grid = drawn.subplots(rows, columns, sharey=True, squeeze=False)
    for panel, rest in zip(grid.flat, others, strict=False):
        mine = [group for group in groups if without(group.settings, along) == rest]
        by_setting(panel, mine, along) if along else by_step(panel, mine)
        what = along.replace("_", " ") if along else "gradient steps"
        panel.set_xlabel("\n".join([what, *(f"{name} = {value}" for name, value in rest)]))
    for panel in grid.flat[len(others) :]:
        panel.set_visible(False)
    after = f" after {STEP} gradient step" if along else ""
    drawn.supylabel(f"{score}{after}\n(mean over seeds, 95 % interval)", fontsize=10)
    limit(grid.flat[0], [group.summary["capped"][STEP] for group in groups])
    legend(drawn, [group.method for group in groups], lines=not along)
    return drawn


def widest(settings: Sequence[Settings]) -> str:
    """The name of the setting with the most values, of several a number; nothing without any."""
    values: dict[str, set[str]] = {}
    for name, value in (each for one in settings for each in one):
        values.setdefault(name, set()).add(value)
    number = {name: all(map(is_number, each)) for name, each in values.items()}
    return max(values, key=lambda name: (len(values[name]), number[name]), default="")


def is_number(text: str) -> bool:
    """Whether a value is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def without(settings: Settings, name: str) -> Settings:
    """All settings but one."""
    return tuple(each for each in settings if each[0] != name)


def by_setting(panel: Axes, groups: Sequence[Group], along: str) -> None:
    """A point with its interval for every value and method, methods beside one another."""
    values = list(dict.fromkeys(dict(group.settings)[along] for group in groups))
    methods = list(dict.fromkeys(group.method for group in groups))
    for number, method in enumerate(methods):
        mine = [group for group in groups if group.method == method]
        shift = 0.12 * (number - (len(methods) - 1) / 2)
        x = [values.index(dict(group.settings)[along]) + shift for group in mine]
        mean, half = (
            np.array([group.summary[name][STEP] for group in mine], float)
            for name in ("capped", "seeds_ci95")
        )
        look = LOOKS[method]
        panel.errorbar(
            x,
            mean,
            np.nan_to_num(half),
            fmt=look.marker or "*",
            color=look.colour,
            ms=5,
            capsize=2.5,
            lw=1.2,
        )
    panel.set(xticks=range(len(values)), xlim=(-0.5, len(values) - 0.5))
    panel.set_xticklabels(values, rotation=0 if max(map(len, values)) < 9 else 20)


def by_step(panel: Axes, groups: Sequence[Group]) -> None:
    """A line with its band for every method."""
    for group in groups:
        mean, half = (np.array(group.summary[name], float) for name in ("capped", "seeds_ci95"))
        steps, look = np.arange(len(mean)), LOOKS[group.method]
        panel.plot(steps, mean, ls=look.line, marker=look.marker, ms=4, color=look.colour)
        panel.fill_between(
            steps, mean - half, mean + half, where=np.isfinite(half), color=look.colour, alpha=0.2
        )


def limit(panel: Axes, errors: Sequence[float | None]) -> None:
    """Errors from zero; or their logarithms, where they are far apart."""
    positive = [each for each in errors if each]
    if positive and max(positive) > FAR_APART * min(positive):
        panel.set_yscale("log")
    else:
        panel.set_ylim(0, None)


def legend(drawn: Figure, methods: Sequence[str], lines: bool) -> None:
    """Name the methods above the panels."""
    axes = drawn.axes[0]
    shown = {
        TITLES[method]: axes.plot(
            [],
            [],
            ls=LOOKS[method].line if lines else "",
            marker=LOOKS[method].marker or ("" if lines else "*"),
            color=LOOKS[method].colour,
        )[0]
        for method in dict.fromkeys(methods)
    }
    drawn.legend(
        list(shown.values()), list(shown), loc="outside upper center", ncols=3, frameon=False
    )
