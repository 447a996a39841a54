"""A gradient beside every hypothesis."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from ..experiment.angle import degrees
from .cases import cases
from .factors import ONE, Factor, factors, unnamed
from .hypotheses import HYPOTHESES, RIGHT, Hypothesis
from .verdict import NEAR, TOLERANCE, Fit, OfCase, Parameter, plainest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..experiment.networks import Array, WeightTuple
    from .reading import Found

#: A gradient that is shorter is none.
SHORTEST = 1e-100

#: Decimals of an error. Two hypotheses that are the same in a case differ by rounding only.
DECIMALS = 8


@cache
def expected(name: str) -> list[tuple[Hypothesis, Array]]:
    """The gradient of every hypothesis for a case, each as one vector."""
    case = cases()[name]
    return [(each, flat(each.gradient(case))) for each in HYPOTHESES]


def flat(weights: WeightTuple) -> Array:
    """All arrays as one vector."""
    return np.concatenate([array.ravel() for array in weights])


# --8<-- [start:judge]
def judge(given: Found) -> OfCase:
    """Compare a gradient with every hypothesis, each times the factor that fits best."""
    case, ours = given.case, flat(given.gradient)
    known = factors(case.sizes, case.alpha, case.steps)
    fits = [fit(ours, hypothesis, theirs, known) for hypothesis, theirs in expected(case.name)]
    others = sorted((each for each in fits if not each.agrees), key=rounded)
    true = RIGHT.gradient(case)
    return OfCase(
        case.name,
        case.steps,
        matches=plainest(each for each in fits if each.agrees),
        nearest=others[0],
        next_error=next(filter(rounded(others[0]).__lt__, map(rounded, others)), np.inf),
        parameters=tuple(map(beside, case.net.Weights._fields, given.gradient, true)),
        transposed=given.transposed,
    )


# --8<-- [end:judge]


def rounded(fit: Fit) -> float:
    """An error to sort by: hypotheses that are the same in a case keep the order of the list."""
    return round(fit.error, DECIMALS)


def fit(ours: Array, hypothesis: Hypothesis, theirs: Array, known: Sequence[Factor]) -> Fit:
    """Compare two vectors up to a factor; one that is not known leaves the direction alone."""
    nothing = [vanishes(each) for each in (ours, theirs)]
    if any(nothing):
        return Fit(hypothesis, ONE, float(not all(nothing)))
    best = float(ours @ theirs / (theirs @ theirs))
    if vanishes(best * theirs):
        return Fit(hypothesis, ONE, 1.0)
    # What turns a gradient changes its length as well, and by no more.
    slack = max(TOLERANCE, min(distance(ours, best * theirs), NEAR))
    names = (each for each in known if abs(best / each.value - 1) < slack)
    factor = next(names, unnamed(best))
    return Fit(hypothesis, factor, distance(ours, factor.value * theirs))


def distance(ours: Array, theirs: Array) -> float:
    """How far one vector is from another, relative to the other's length."""
    return float(np.linalg.norm(ours - theirs) / np.linalg.norm(theirs))


def vanishes(array: Array) -> bool:
    """Whether an array is zero, or so near it that its squares are."""
    return bool(np.linalg.norm(array) < SHORTEST)


def beside(name: str, ours: Array, true: Array) -> Parameter:
    """A parameter's gradient beside the true one."""
    length = float(np.linalg.norm(ours) / np.linalg.norm(true))
    return Parameter(name, distance(ours, true), degrees([ours], [true]), length)
