"""The figure of a sweep."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from docs.experiment import statistics
from docs.experiment.evaluate import STEPS
from docs.experiment.recipes import Recipe
from docs.experiment.sweep import comparison, grid
from docs.experiment.sweep.figure import figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure
from tests.docs.experiment.sweep.sweeps import COLUMNS


def drawn(*texts: str, seeds: int = 2) -> Figure:
    """The figure of a sweep in which every error is one more than its seed."""
    axes = grid.axes(texts, ())
    summary: statistics.Summary = {name: [1.0] * (STEPS + 1) for name in COLUMNS}
    results = [
        comparison.Result(
            each,
            {
                method: {**summary, "capped": [each.seed + 1.0] * (STEPS + 1)}
                for method in (*each.recipe.methods, "random")
            },
        )
        for each in grid.members(Recipe(), {}, axes, seeds)
    ]
    return figure(comparison.groups(results), "mean squared error")


@pytest.mark.parametrize(
    ("texts", "labels"),
    [
        ((), ["gradient steps"]),
        (("methods=maml,joint+reptile+oracle",), ["gradient steps"]),
        (("alpha=0.1,0.2",), ["alpha"]),
        (
            ("alpha=1,2,3", "network=relu2,tanh2"),
            ["alpha\nnetwork = " + n for n in ("relu2", "tanh2")],
        ),
        (
            ("meta_batch=1,2", "alpha=1,2,3", "network=relu2,tanh2"),
            [
                f"alpha\nnetwork = {network}\nmeta_batch = {batch}"
                for network in ("relu2", "tanh2")
                for batch in (1, 2)
            ],
        ),
    ],
)
def test_the_figure_names_its_axes(texts: tuple[str, ...], labels: list[str]) -> None:
    made = drawn(*texts)
    panels = [panel for panel in made.axes if panel.get_visible()]
    assert [panel.get_xlabel() for panel in panels] == labels
    assert made.get_supylabel().startswith("mean squared error")
    assert all(panel.has_data() for panel in panels)
    (legend,) = made.legends
    assert {"MAML", "random initialisation"} <= {text.get_text() for text in legend.get_texts()}


def test_the_figure_shows_means_and_intervals() -> None:
    (panel,) = drawn("alpha=1,2").axes
    points, caps, _ = next(iter(panel.containers))
    assert list(points.get_ydata()) == [1.5, 1.5]
    half = float(statistics.half_interval(np.array([1.0, 2.0])))
    assert [list(cap.get_ydata()) for cap in caps] == [[1.5 - half] * 2, [1.5 + half] * 2]
    centres = [np.mean(np.asarray(each[0].get_xdata())) for each in panel.containers]
    assert all(after > before for before, after in pairwise(centres))  # none hides another


def test_the_figure_is_written(finished: Path) -> None:
    assert (finished / "sweep.png").read_bytes().startswith(b"\x89PNG")
    svg = (finished / "sweep.svg").read_text()
    for text in ("alpha", "network = relu1", "MAML", "joint training", "random initialisation"):
        assert f">{text}</text>" in svg
