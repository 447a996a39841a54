"""A gradient beside every hypothesis."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from docs.diagnose.cases import cases
from docs.diagnose.factors import ONE, Factor, factors, unnamed
from docs.diagnose.hypotheses import HYPOTHESES, RIGHT, Hypothesis
from docs.diagnose.noise import SAFETY, distance, flat, noise
from docs.diagnose.verdict import NEAR, Fit, OfCase, Parameter, plainest
from docs.experiment.angle import degrees

if TYPE_CHECKING:
    from collections.abc import Sequence

    from docs.diagnose.reading import Found
    from docs.experiment.networks import Array

#: A gradient that is shorter is none.
SHORTEST = 1e-100

#: Decimals of an error. Two hypotheses that are the same in a case differ by rounding only.
DECIMALS = 12


@cache
def expected(name: str) -> list[tuple[Hypothesis, Array]]:
    """The gradient of every hypothesis for a case, each as one vector."""
    case = cases()[name]
    return [(each, flat(each.gradient(case))) for each in HYPOTHESES]


# --8<-- [start:judge]
def judge(given: Found) -> OfCase:
    """Compare a gradient with every hypothesis, each times the factor that fits best."""
    case, ours = given.case, flat(given.gradient)
    rounding = noise(case.name, given.single)
    known = factors(case.sizes, case.alpha, case.steps)
    fits = [
        fit(ours, hypothesis, theirs, known, SAFETY * rounding)
        for hypothesis, theirs in expected(case.name)
    ]
    others = sorted((each for each in fits if not each.agrees), key=rounded)
    true = RIGHT.gradient(case)
    return OfCase(
        case.name,
        case.steps,
        matches=plainest(each for each in fits if each.agrees),
        nearest=others[0],
        next_error=next(filter(rounded(others[0]).__lt__, map(rounded, others)), np.inf),
        parameters=tuple(
            beside(*each, SAFETY * rounding * float(np.linalg.norm(flat(true))))
            for each in zip(case.net.Weights._fields, given.gradient, true, strict=True)
        ),
        transposed=given.transposed,
        single=given.single,
        noise=rounding,
    )


# --8<-- [end:judge]


def rounded(fit: Fit) -> float:
    """An error to sort by: hypotheses that are the same in a case keep the order of the list."""
    return round(fit.error, DECIMALS)


def fit(
    ours: Array, hypothesis: Hypothesis, theirs: Array, known: Sequence[Factor], tolerance: float
) -> Fit:
    """Compare two vectors up to a factor; one that is not known leaves the direction alone."""
    nothing = [vanishes(each) for each in (ours, theirs)]
    if any(nothing):
        return Fit(hypothesis, (ONE,), float(not all(nothing)), tolerance)
    best = float(ours @ theirs / (theirs @ theirs))
    if vanishes(best * theirs):
        return Fit(hypothesis, (ONE,), 1.0, tolerance)
    if distance(ours, best * theirs) < tolerance:
        named = tuple(each for each in known if abs(best / each.value - 1) < tolerance)
        found = named or (unnamed(best),)
    else:
        # What turns a gradient changes its length as well: that is no factor of its own.
        found = (ONE,) if abs(best - 1) < NEAR else (unnamed(best),)
    return Fit(hypothesis, found, distance(ours, found[0].value * theirs), tolerance)


def vanishes(array: Array) -> bool:
    """Whether an array is zero, or so near it that its squares are."""
    return bool(np.linalg.norm(array) < SHORTEST)


def beside(name: str, ours: Array, true: Array, tolerance: float) -> Parameter:
    """A parameter's gradient beside the true one; no part rounds more than the whole."""
    length = float(np.linalg.norm(true))
    error, angle = distance(ours, true), degrees([ours], [true])
    longer = float(np.linalg.norm(ours)) / length
    return Parameter(name, error, angle, longer, right=error * length < tolerance)
