"""Images beside one another: what characters look like, and one test task with what is said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from ...experiment.plot.drawing import FAINT, INK, LOOKS, WIDTH
from ..family import CharacterRecipe, bound
from ..images import load

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ...experiment.evaluate import Run
    from ...experiment.networks import Array
    from ..images import Images

#: Alphabets of the contact sheet at most, characters of each, and examples of a character.
ROWS, COLUMNS, EXAMPLES = 18, 6, 3

#: How a prediction is marked.
RIGHT, WRONG = "#1b6e53", "#b0432d"


def recipe_of(run: Run) -> CharacterRecipe:
    """Its recipe, which is one for characters."""
    if not isinstance(run.recipe, CharacterRecipe):
        raise TypeError(f"the recipe is {type(run.recipe).__name__}; it must be CharacterRecipe")
    return run.recipe


def contact_sheet(run: Run) -> Figure:
    """A few characters of every alphabet with a few examples each; those tested are marked."""
    recipe = recipe_of(run)
    split = load(recipe.data, recipe.protocol, recipe.size)
    rows = [(name, images, "") for name, images in by_alphabet(split.training)]
    rows = rows[: max(ROWS // 2, ROWS - len(set(split.test.alphabets)))]
    rows += [(name, images, "*") for name, images in by_alphabet(split.test)]
    rows = rows[:ROWS]
    figure = Figure(figsize=(WIDTH, 0.45 + 0.3 * len(rows)), layout="constrained")
    panels = figure.subplots(len(rows), 1, squeeze=False)[:, 0]
    for panel, (name, images, mark) in zip(panels, rows, strict=True):
        panel.imshow(images, cmap="gray_r", aspect="equal", interpolation="nearest")
        bare(panel)
        panel.set_ylabel(
            f"{name or 'classes'}{mark}", rotation=0, ha="right", va="center", color=INK
        )
    figure.supxlabel("* only in the test", fontsize=10, color=FAINT)
    return figure


def by_alphabet(images: Images) -> list[tuple[str, Array]]:
    """Of every alphabet a strip of examples."""
    found = []
    for alphabet in dict.fromkeys(images.alphabets):
        places = [i for i, name in enumerate(images.alphabets) if name == alphabet]
        step = max(1, len(places) // COLUMNS)
        strip = [
            images.pixels[images.first[place] + each % images.counts[place]]
            for place in (places[::step] * COLUMNS)[:COLUMNS]
            for each in range(EXAMPLES)
        ]
        found.append((alphabet, np.concatenate(strip, axis=1)))
    return found


def bare(panel: Axes) -> None:
    """Take away ticks and frame."""
    panel.set(xticks=[], yticks=[])
    for spine in panel.spines.values():
        spine.set_visible(False)


# --8<-- [start:test_task]
def test_task(run: Run, seed: int) -> Figure:
    """One test task: a row a class, its support, and what is said of its queries before and after.

    Under each query is the number of the class that it is taken for: before any step, and after
    the steps of training.
    """
    recipe = recipe_of(run)
    start = next(iter(run.starts))
    drawn = run.family.unseen(seed + 1, 1, recipe.shots, run.dtype)
    X_s, Y_s, X_q, Y_q = (each[0] for each in drawn)
    net, weights = run.network(start), run.starts[start].weights
    steps = max(recipe.steps, 1)
    adapted = run.fine_tuned(start, X_s, Y_s, steps)
    said = [net.predict(each, X_q).argmax(axis=1) for each in (weights, adapted)]
    truth = Y_q.argmax(axis=1)
    mean = bound(recipe.data, recipe.protocol, recipe.size, recipe.way)[1].mean
    seen_s, seen_q = X_s + mean, X_q + mean
    way = min(recipe.way, 10)
    shots, queries = min(recipe.shots, 5), min(recipe.queries, 6)
    columns = shots + queries
    figure = Figure(figsize=(WIDTH, 0.6 + 0.85 * way), layout="constrained")
    panels = figure.subplots(way, columns, squeeze=False)
    for row in range(way):
        supports = seen_s[row * recipe.shots : row * recipe.shots + shots]
        first = row * recipe.queries
        for panel, x in zip(panels[row], supports, strict=False):
            picture(panel, x, recipe.size)
        for panel, place in zip(panels[row][shots:], range(first, first + queries), strict=False):
            picture(panel, seen_q[place], recipe.size)
            for x, guess in zip((0.3, 0.7), (said[0][place], said[1][place]), strict=True):
                colour = RIGHT if guess == truth[place] else WRONG
                panel.text(
                    x, -0.04, f"{guess + 1}", transform=panel.transAxes, color=colour,
                    ha="center", va="top", fontsize=9,
                )  # fmt: skip
        panels[row][0].set_ylabel(f"{row + 1}", rotation=0, ha="right", va="center")
    for panel in panels[0][:shots]:
        panel.set_title("support", fontsize=9)
    panels[0][shots].set_title("queries", fontsize=9, loc="left")
    shares = [np.mean(each == truth) for each in said]
    after = f"after {steps} step" + "s" * (steps > 1)
    figure.supxlabel(
        f"class that {run.title(start)} says: before, and {after} "
        f"({shares[0]:.0%} and {shares[1]:.0%} of all queries are right)",
        fontsize=10,
        color=LOOKS[start].ink,
    )
    return figure


# --8<-- [end:test_task]


def picture(panel: Axes, x: Array, size: int) -> None:
    """One image, from 0 to 1."""
    image: Any = x.reshape(size, size)
    panel.imshow(image, cmap="gray_r", interpolation="nearest", vmin=0, vmax=1)
    bare(panel)
