"""The sinusoids as a task family, and the settings to train on them.

References
----------
.. [1] C. Finn, P. Abbeel, S. Levine: Model-Agnostic Meta-Learning for Fast Adaptation of Deep
       Networks. ICML 2017, arXiv:1703.03400, section 5.1.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from docs.experiment.family import Score, TaskFamily
from docs.experiment.recipes import Recipe
from docs.sinusoid.tasks import DIVERGED, batches, unseen

if TYPE_CHECKING:
    from docs.experiment.networks import Array, Network, WeightTuple

# --8<-- [start:recipes]
#: Those of the paper [1]_, and shorter ones.
PAPER = Recipe(iterations=70_000)
RECIPES = {
    "quick": Recipe(),
    "paper-10shot": PAPER,
    "paper-5shot": replace(PAPER, shots=5, queries=5),
    "tanh": Recipe(network="tanh2", iterations=30_000),
}
# --8<-- [end:recipes]


# --8<-- [start:family]
def squared_error(net: Network, weights: WeightTuple, X: Array, Y: Array) -> float:
    """The mean squared error, which is the loss of these networks."""
    return net.loss(weights, X, Y)


SINUSOIDS = TaskFamily(
    name="sinusoids",
    module="docs.sinusoid",
    inputs=1,
    outputs=1,
    told=2,  # amplitude and phase
    recipes=RECIPES,
    batches=batches,
    unseen=unseen,
    score=Score("mse", "mean squared error", squared_error, worst=DIVERGED),
    points=(5, 10),  # as in the paper's figures
)
# --8<-- [end:family]
