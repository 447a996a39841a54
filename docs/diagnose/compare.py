"""A gradient beside every hypothesis."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from docs.diagnose.cases import cases
from docs.diagnose.hypotheses import HYPOTHESES, ONE, RIGHT, Factor, Hypothesis, factors
from docs.diagnose.verdict import TOLERANCE, Fit, OfCase, Parameter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from docs.diagnose.reading import Found
    from docs.sinusoid.networks import Array, WeightTuple

#: A gradient that is shorter is none.
NOTHING = 1e-100


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
    true = RIGHT.gradient(case)
    return OfCase(
        case.name,
        matches=tuple(each for each in fits if each.agrees),
        nearest=min((each for each in fits if not each.agrees), key=lambda each: each.error),
        parameters=tuple(map(beside, case.net.Weights._fields, given.gradient, true)),
        transposed=given.transposed,
    )


# --8<-- [end:judge]


def fit(ours: Array, hypothesis: Hypothesis, theirs: Array, known: Sequence[Factor]) -> Fit:
    """Compare two vectors up to a factor; one that is not known leaves the direction alone."""
    nothing = [vanishes(each) for each in (ours, theirs)]
    if any(nothing):
        return Fit(hypothesis, ONE, float(not all(nothing)))
    best = float(ours @ theirs / (theirs @ theirs))
    names = (each for each in known if abs(best / each.value - 1) < TOLERANCE)
    factor = next(names, Factor("", best, ""))
    expect = factor.value * theirs
    if vanishes(expect):
        return Fit(hypothesis, ONE, 1.0)
    return Fit(hypothesis, factor, float(np.linalg.norm(ours - expect) / np.linalg.norm(expect)))


def vanishes(array: Array) -> bool:
    """Whether an array is zero, or so near it that its squares are."""
    return bool(np.linalg.norm(array) < NOTHING)


def beside(name: str, ours: Array, true: Array) -> Parameter:
    """A parameter's gradient beside the true one."""
    length = float(np.linalg.norm(true))
    error, own = float(np.linalg.norm(ours - true)), float(np.linalg.norm(ours))
    return Parameter(name, error / length, degrees(ours, true), own / length)


def degrees(ours: Array, theirs: Array) -> float:
    """The angle between two arrays; a right angle where one of them is zero.

    Between directions u and v it is 2 arctan(|u - v| / |u + v|), which keeps the digits of a
    small angle; the cosine of one is 1 whatever it is.
    """
    if vanishes(ours) or vanishes(theirs):
        return 90.0
    u, v = (array / np.linalg.norm(array) for array in (ours, theirs))
    return float(np.degrees(2 * np.arctan2(np.linalg.norm(u - v), np.linalg.norm(u + v))))
