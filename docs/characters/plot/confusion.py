"""Which scripts are taken for which: tasks of one character from each script."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from ...experiment.plot.drawing import WIDTH
from ...experiment.randomness import stream
from ..family import bound
from ..tasks import distinct
from .grid import recipe_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...experiment.evaluate import Run

#: Test tasks, and scripts that fit into the figure.
TASKS, MOST = 500, 20


def confusions(run: Run, seed: int) -> tuple[list[str], NDArray[np.float64]]:
    """By script, how often a query of it is taken for another character of each script.

    The tasks are those of the evaluation; a script is that of the class that the answer names.

    Returns
    -------
    list of str, NDArray
        The scripts of the test, and shares of the queries of each, (scripts, scripts).
    """
    recipe, start = recipe_of(run), next(iter(run.starts))
    _, test = bound(recipe.data, recipe.protocol, recipe.size, recipe.way)
    each = recipe.shots + recipe.queries
    drawn = stream(seed, 2).random((TASKS, recipe.way * (1 + each)))
    chosen = distinct(drawn[:, : recipe.way], np.full(TASKS, test.classes))
    scripts = sorted(set(test.images.alphabets))
    number = np.array([scripts.index(name) for name in test.images.alphabets])
    tasks = run.family.unseen(seed, TASKS, recipe.shots, run.dtype)
    counts = np.zeros((len(scripts), len(scripts)))
    net = run.network(start)
    for classes, X_s, Y_s, X_q, Y_q in zip(number[chosen], *tasks, strict=True):
        adapted = run.fine_tuned(start, X_s, Y_s, max(recipe.steps, 1))
        said = net.predict(adapted, X_q).argmax(axis=1)
        wrong = said != Y_q.argmax(axis=1)
        np.add.at(counts, (classes[Y_q.argmax(axis=1)][wrong], classes[said][wrong]), 1)
    asked = np.bincount(number[chosen].ravel(), minlength=len(scripts)) * recipe.queries
    return scripts, counts / np.maximum(asked, 1)[:, None]


def confusion(run: Run, seed: int) -> Figure:
    """The wrong answers of the test, by the script of what was asked and of what was said."""
    scripts, shares = confusions(run, seed)
    scripts, shares = scripts[:MOST], 100 * shares[:MOST, :MOST]
    figure = Figure(figsize=(WIDTH, 1.4 + 0.45 * len(scripts)), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0)
    names = [name or "classes" for name in scripts]
    axes.set_xticks(range(len(names)), names, rotation=30, ha="right")
    axes.set_yticks(range(len(names)), names)
    for row, column in np.ndindex(shares.shape):
        light = shares[row, column] > 0.6 * max(shares.max(), 1e-9)
        axes.text(
            column, row, f"{shares[row, column]:.1f}", ha="center", va="center",
            color="white" if light else "black", fontsize=9,
        )  # fmt: skip
    axes.set(xlabel="taken for a character of", ylabel="percent of the queries of")
    for spine in axes.spines.values():
        spine.set_visible(False)
    return figure
