"""The characters as a task family, and the settings to train on them.

References
----------
.. [1] C. Finn, P. Abbeel, S. Levine: Model-Agnostic Meta-Learning for Fast Adaptation of Deep
       Networks. ICML 2017, arXiv:1703.03400, section 5.2 and appendix A.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache as once
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..experiment.command import one_of, whole
from ..experiment.derived import parsed
from ..experiment.family import Score, TaskFamily
from ..experiment.networks import load_network
from ..experiment.recipes import Recipe, setting
from .baselines import centroids_of_features, centroids_of_pixels
from .images import GLYPHS, PROTOCOLS, SIDE, digest, load
from .tasks import Source, batches, enough, labelled, sources, unseen

if TYPE_CHECKING:
    from typing import Self

    from ..experiment.networks import Array, Network, WeightTuple


def place(text: str) -> str:
    """A setting's type: the glyphs, or a folder or file by its whole path."""
    return text if text == GLYPHS else str(Path(text).expanduser().resolve())


def size_of(text: str) -> int:
    """A setting's type: the pixels of a side."""
    return int(one_of(f"{SIDE}", f"{SIDE // 2}")(text))


# --8<-- [start:recipe]
@dataclass(frozen=True)
class CharacterRecipe(Recipe):
    """Everything that decides a run on characters, except its seed."""

    shots: int = setting(1, whole(1), "support images of each class")
    queries: int = setting(5, whole(1), "query images of each class")
    data: str = setting(GLYPHS, place, "glyphs, Omniglot's folder or file, or a folder of classes")
    protocol: str = setting("lake", one_of(*PROTOCOLS), "test on new alphabets, or new characters")
    way: int = setting(5, whole(2, 1000), "classes of a task")
    size: int = setting(SIDE // 2, size_of, "pixels of a side, 14 or 28")
    steps: int = setting(1, whole(1, 20), "inner steps of the training")

    # --8<-- [end:recipe]

    def fitted(self, changes: Mapping[str, Any]) -> Self:
        """The recipe with the network that its layers and steps ask for.

        Where a network is named, it is the other way around.
        """
        named = parsed(self.network)
        if named is not None and "network" not in changes:
            wanted = named._replace(hidden=len(self.hidden), steps=self.steps)
            return replace(self, network=wanted.name)
        return replace(super().fitted(changes), steps=load_network(self.network).NETWORK.steps)


# --8<-- [start:recipes]
#: A small network on small images, for some minutes; as the pages have it; and the network of the
#: paper [1]_, whose batch normalisation ``--network relu4-cross_entropy-maml-1-normalised`` adds.
QUICK = CharacterRecipe(
    network="relu2-cross_entropy-maml-1",
    hidden=(128, 64),
    methods=("maml", "first-order", "meta-sgd", "anil", "boil", "pretrained"),
    iterations=1000,
    meta_batch=32,
    alpha=0.4,
    schedule="cosine",
)
SHOWN = replace(QUICK, iterations=3000)
PAPER = replace(
    QUICK,
    network="relu4-cross_entropy-maml-1",
    hidden=(256, 128, 64, 64),
    size=SIDE,
    iterations=60_000,
)
RECIPES = {"quick": QUICK, "shown": SHOWN, "paper": PAPER}
# --8<-- [end:recipes]


# --8<-- [start:family]
def accuracy(net: Network, weights: WeightTuple, X: Array, Y: Array) -> float:
    """The share of rows whose largest output is that of their class; none if it is no number."""
    Z = net.predict(weights, X)
    if not np.isfinite(Z).all():
        return float("nan")
    return float(np.mean(Z.argmax(axis=1) == Y.argmax(axis=1)))


@once
def bound(data: str, protocol: str, size: int, way: int) -> tuple[Source, Source]:
    """What tasks are drawn from, to train and to evaluate."""
    return sources(load(data, protocol, size), way)


def characters(recipe: CharacterRecipe) -> TaskFamily:
    """The family of a recipe, with its images.

    Raises
    ------
    Refusal
        When they are not there, damaged or too few.
    """
    training, test = bound(recipe.data, recipe.protocol, recipe.size, recipe.way)
    enough(training, recipe.shots, recipe.queries)
    enough(test, recipe.shots, recipe.queries)
    upright = replace(training, turns=1)
    return replace(
        CHARACTERS,
        inputs=training.rows.shape[1],
        outputs=recipe.way,
        batches=partial(batches, training),
        unseen=partial(unseen, test, recipe.queries),
        classes=upright.classes,
        labelled=partial(labelled, upright),
        data=f"{digest(training.images)} {digest(test.images)}",
    )


def of_no_recipe(*_: Any, **__: Any) -> Any:
    """Stands where a family that has not been given a recipe would draw tasks."""
    raise TypeError("the family has no images; it must be given a recipe")


CHARACTERS = TaskFamily(
    name="characters",
    module=str(__package__),
    inputs=0,
    outputs=0,
    recipes=RECIPES,
    batches=of_no_recipe,
    unseen=of_no_recipe,
    score=Score("accuracy", "accuracy", accuracy, worst=0, higher_is_better=True),
    losses=("cross_entropy",),
    folder=Path("results/characters"),
    bound=characters,
    shown=(0, 1, 3, 5, 10),
    unseen_name="tasks",
    shot="shot",
    baselines={
        "nearest centroid, pixels": centroids_of_pixels,
        "nearest centroid, features of MAML": centroids_of_features,
    },
)
# --8<-- [end:family]
