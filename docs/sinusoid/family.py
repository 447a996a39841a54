"""The sinusoids as a task family, and the settings to train on them.

References
----------
.. [1] C. Finn, P. Abbeel, S. Levine: Model-Agnostic Meta-Learning for Fast Adaptation of Deep
       Networks. ICML 2017, arXiv:1703.03400, section 5.1.
.. [2] A. Antoniou, H. Edwards, A. Storkey: How to train your MAML. ICLR 2019, arXiv:1810.09502,
       section 4.
.. [3] L. Zintgraf, K. Shiarlis, V. Kurin, K. Hofmann, S. Whiteson: Fast Context Adaptation via
       Meta-Learning. ICML 2019, arXiv:1810.03642; the settings are those of
       ``regression/arguments.py`` in github.com/lmzintgraf/cavia, commit 91f093a.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..experiment.family import Score, TaskFamily
from ..experiment.recipes import Recipe
from .tasks import DIVERGED, batches, unseen

if TYPE_CHECKING:
    from ..experiment.networks import Array, Network, WeightTuple

# --8<-- [start:recipes]


def five(recipe: Recipe) -> Recipe:
    """Half of the points, to adapt on and to score."""
    return replace(recipe, shots=5, queries=5)


#: Those of the paper [1]_, and shorter ones.
PAPER = Recipe(iterations=70_000)
KNOWN = {
    "quick": Recipe(),
    "paper-10shot": PAPER,
    "paper-5shot": five(PAPER),
    "tanh": Recipe(network="tanh2", iterations=30_000),
}
# --8<-- [end:recipes]

# --8<-- [start:best]
#: A rate for every entry and step, a loss of all steps that becomes that of the last, gradients
#: of bounded length, outer steps that shrink to nothing.
BEST = Recipe(
    network="recipe",
    methods=("recipe",),
    iterations=30_000,
    schedule="cosine",
    clip=1.0,
    step_weights="annealed",
)
# --8<-- [end:best]

# --8<-- [start:methods]
#: One for each method, all of as many iterations. Where a paper has settings of its own for the
#: outer loop, or its code for sinusoids, they are these; all others are those of `PAPER`.
SAME = replace(PAPER, iterations=BEST.iterations)
BY_METHOD = {
    "maml": replace(SAME, methods=("maml",)),
    "first-order": replace(SAME, methods=("first-order",)),
    "reptile": replace(SAME, methods=("reptile",)),
    "joint": replace(SAME, methods=("joint",)),
    "oracle": replace(SAME, methods=("oracle",)),
    "meta-sgd": replace(SAME, methods=("meta-sgd",), network="meta_sgd"),
    # Without its batch normalisation, and without its first-order epochs [2]_. The package has
    # tanh: with relu three of five trainings came to an infinite loss.
    "maml++": replace(
        SAME,
        methods=("maml++",),
        network="maml_plus_plus",
        schedule="cosine",
        step_weights="annealed",
    ),
    "anil": replace(SAME, methods=("anil",), network="anil"),
    "boil": replace(SAME, methods=("boil",), network="boil"),
    # With the inner step size of its authors' code [3]_.
    "cavia": replace(SAME, methods=("cavia",), network="cavia", alpha=1.0),
    "best": BEST,
}
COMPARED = {
    **{f"{name}-10shot": recipe for name, recipe in BY_METHOD.items()},
    **{f"{name}-5shot": five(recipe) for name, recipe in BY_METHOD.items()},
}
RECIPES = KNOWN | COMPARED
# --8<-- [end:methods]


# --8<-- [start:family]
def squared_error(net: Network, weights: WeightTuple, X: Array, Y: Array) -> float:
    """The mean squared error, which is the loss of these networks."""
    return net.loss(weights, X, Y)


SINUSOIDS = TaskFamily(
    name="sinusoids",
    module=str(__package__),
    inputs=1,
    outputs=1,
    told=2,  # amplitude and phase
    recipes=RECIPES,
    batches=batches,
    unseen=unseen,
    score=Score("mse", "mean squared error", squared_error, worst=DIVERGED),
    losses=("squared", "huber"),
    points=(5, 10),  # as in the paper's figures
)
# --8<-- [end:family]
