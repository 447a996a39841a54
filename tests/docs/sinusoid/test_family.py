"""The recipes of the experiment."""

from __future__ import annotations

from dataclasses import replace

from docs.experiment.recipes import (
    Recipe,
)
from docs.sinusoid.family import RECIPES


def test_the_recipes_are_those_of_the_paper() -> None:
    # arXiv 1703.03400, section 5.1 and appendix A.1.
    for name, shots in (("paper-10shot", 10), ("paper-5shot", 5)):
        recipe = RECIPES[name]
        assert (recipe.network, recipe.hidden) == ("relu2", (40, 40))
        assert (recipe.alpha, recipe.beta) == (0.01, 0.001)
        assert (recipe.iterations, recipe.meta_batch) == (70_000, 25)
        assert (recipe.shots, recipe.queries) == (shots, shots)
    assert replace(RECIPES["paper-10shot"], iterations=10_000) == RECIPES["quick"] == Recipe()
    assert RECIPES["tanh"].network == "tanh2"
