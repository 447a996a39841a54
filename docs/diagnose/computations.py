"""Computations as data: by which function, of which problem, in which way."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .factors import times
from .gradients import total

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..experiment.networks import WeightTuple
    from .cases import Case
    from .gradients import Way

#: Which of the rows of a set, or of the tasks.
SOME = {"all": slice(None), "first": slice(1), "last": slice(-1, None)}


@dataclass(frozen=True)
class Problem:
    """Another problem than a case's own.

    Attributes
    ----------
    support, query
        What stands in either role: the set ``"s"``, the set ``"q"``, or the rows of both, ``"sq"``.
    averaged
        The roles in which every target is the mean of all. The mean over i and j of
        (p_i - y_j)^2, of errors that are broadcast, is that of (p_i - y)^2 for the mean y of the
        targets, and the variance of those.
    tasks, support_rows, query_rows
        Which of them: ``"all"``, the ``"first"`` or the ``"last"``.
    alpha
        By what the step size is multiplied, in the letters of the sizes.
    more_steps
        How many inner steps there are beside those of the case.
    at_once
        Whether one step is as long as all together.
    """

    support: str = "s"
    query: str = "q"
    averaged: str = ""
    tasks: str = "all"
    support_rows: str = "all"
    query_rows: str = "all"
    alpha: str = "1"
    more_steps: int = 0
    at_once: bool = False

    def __call__(self, case: Case) -> Case:
        """The problem that takes the place of a case."""
        X_s, Y_s, X_q, Y_q = (array[SOME[self.tasks]] for array in case.batch)
        both = (np.concatenate(pair, 1) for pair in ((X_s, X_q), (Y_s, Y_q)))
        sets = {"s": (X_s, Y_s), "q": (X_q, Y_q), "sq": tuple(both)}
        data = []
        for role, name, rows in (
            ("s", self.support, self.support_rows),
            ("q", self.query, self.query_rows),
        ):
            X, Y = (array[:, SOME[rows]] for array in sets[name])
            mean = np.broadcast_to(Y.mean(1, keepdims=True), Y.shape)
            data += [X, mean if role in self.averaged else Y]
        found = case.but(times(self.alpha, case.sizes), self.more_steps).with_data(*data)
        return replace(found, steps=1, alpha=found.alpha * found.steps) if self.at_once else found


class Part(NamedTuple):
    """What a function makes of a problem; some go a way that may be another."""

    function: Callable[..., WeightTuple]
    problem: Problem = Problem()
    way: Way | None = None

    def __call__(self, case: Case) -> WeightTuple:
        """The gradient of a case."""
        problem = self.problem(case)
        return self.function(problem) if self.way is None else self.function(problem, self.way)


@dataclass(frozen=True)
class Computation:
    """The sum of some parts."""

    parts: tuple[Part, ...]

    def __call__(self, case: Case) -> WeightTuple:
        """The gradient of a case."""
        return total(part(case) for part in self.parts)

    def of_way(self, **changes: Any) -> Computation:
        """The same on another way."""
        return Computation(
            tuple(
                part._replace(way=replace(part.way, **changes)) if part.way else part
                for part in self.parts
            )
        )


def only(
    function: Callable[..., WeightTuple], problem: Problem = Problem(), way: Way | None = None
) -> Computation:
    """A computation of one part."""
    return Computation((Part(function, problem, way),))
