"""How far features move while a network adapts: the question of the paper of ANIL [1]_.

References
----------
.. [1] A. Raghu, M. Raghu, S. Bengio, O. Vinyals: Rapid Learning or Feature Reuse? Towards
       Understanding the Effectiveness of MAML. ICLR 2020, arXiv:1909.09157, section 3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from ...experiment.plot.drawing import LOOKS, WIDTH
from .grid import recipe_of

if TYPE_CHECKING:
    from ...experiment.evaluate import Run
    from ...experiment.networks import Array, WeightTuple

#: Test tasks; and what batch normalisation adds to a variance.
TASKS, EPSILON = 200, 1e-3


def layers(weights: WeightTuple, X: Array, normalised: bool = False) -> list[Array]:
    """The activations of every hidden layer of relu, and last what is predicted."""
    named: Any = weights
    count = sum(name.startswith("W") for name in weights._fields)
    found, H = [], X
    for layer in range(1, count + 1):
        U = H @ getattr(named, f"W{layer}")
        if normalised and layer < count:
            U = (U - U.mean(axis=0)) / np.sqrt(U.var(axis=0) + EPSILON)
        Z = U + getattr(named, f"b{layer}")
        H = Z if layer == count else np.maximum(Z, 0)
        found.append(H)
    return found


def similarity(A: Array, B: Array) -> float:
    """Linear CKA of two sets of features of the same rows: 1 where they are alike but for turns."""
    A, B = (each - each.mean(axis=0) for each in (A, B))
    across = float(np.linalg.norm(A.T @ B) ** 2)
    along = float(np.linalg.norm(A.T @ A) * np.linalg.norm(B.T @ B))
    return across / along if along else float("nan")


def similarities(run: Run, start: str, seed: int) -> Array:
    """Of each layer, how alike its features are before and after adaptation, (tasks, layers)."""
    recipe, found = recipe_of(run), []
    before, normalised = run.starts[start].weights, run.network(start).NETWORK.normalised
    for X_s, Y_s, X_q, _ in zip(
        *run.family.unseen(seed, TASKS, recipe.shots, run.dtype), strict=True
    ):
        adapted = run.fine_tuned(start, X_s, Y_s, max(recipe.steps, 1))
        both = (layers(weights, X_q, normalised) for weights in (before, adapted))
        found.append([similarity(*pair) for pair in zip(*both, strict=True)])
    return np.array(found)


def movement(run: Run, seed: int) -> Figure:
    """The similarity of every layer to itself before adaptation, for each start."""
    figure = Figure(figsize=(WIDTH, 3), layout="constrained")
    axes = figure.subplots()
    starts = list(run.starts)
    for place, start in enumerate(starts):
        values = similarities(run, start, seed)
        mean, half = np.nanmean(values, axis=0), 2 * np.nanstd(values, axis=0) / np.sqrt(TASKS)
        shift = 0.5 * (place / max(len(starts) - 1, 1) - 0.5)
        look = LOOKS[start]
        axes.errorbar(
            np.arange(1, len(mean) + 1) + shift, mean, half, fmt=look.marker or "o",
            color=look.colour, ms=5, lw=1, label=run.title(start),
        )  # fmt: skip
    names = [f"layer {layer}" for layer in range(1, values.shape[1])] + ["output"]
    axes.set_xticks(range(1, len(names) + 1), names)
    axes.set(ylim=(0, 1.05), ylabel="similarity of features\nbefore and after (CKA)")
    below: Any = "outside lower center"
    figure.legend(loc=below, ncols=3, frameon=False)
    return figure
