"""A gradient beside every hypothesis."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from ..experiment.angle import degrees
from .cases import cases
from .factors import ONE, Factor, factors, unnamed
from .families import FAMILIES, IN_COMPANY, Family
from .hypotheses import FIRST, HYPOTHESES, RIGHT, Hypothesis
from .noise import SAFETY, distance, flat, noise, of_difference
from .verdict import NEAR, Fit, OfCase, Parameter, Verdict, plainest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ..experiment.networks import Array
    from .cases import Case
    from .reading import Found

#: A gradient that is shorter is none.
SHORTEST = 1e-100

#: A free number is looked for among its neighbours, which are nearer in every round: by so much
#: of it in the first, then by a third of that, for so many rounds at most.
WIDE, NARROWING, ROUNDS = 0.3, 3.0, 8

#: The number itself, and its neighbours by how many such distances they are off.
NEIGHBOURS = (0, -1, 1, -2, 2, -3, 3)

#: A family is given up where no neighbour is nearer than that times their distance, and than the
#: units that open and close between two of them make it jump.
STEEP, JUMP = 5.0, 0.03

#: So near, no unit stands between.
SMOOTH = 1e-4

#: How often it is then corrected at most, and by how little when it is found; a slope is taken
#: over so little of it.
ITERATIONS, CONVERGED, SLIGHTLY = 6, 1e-13, 1e-6

#: So many of the nearest hypotheses are tried with another step size.
NEAREST = 6

#: Decimals of an error. Two hypotheses that are the same in a case differ by rounding only.
DECIMALS = 12


@cache
def expected(name: str) -> list[tuple[Hypothesis, Array]]:
    """The gradient of every hypothesis for a case, each as one vector."""
    case = cases()[name]
    return [(each, flat(each.gradient(case))) for each in HYPOTHESES]


# --8<-- [start:judge]
def judged(given: Sequence[Found]) -> Verdict:
    """Compare the gradients of some cases with every hypothesis."""
    alone = [judge(each) for each in given]
    # What a number is for in one case may have another name in the next.
    found: dict[str, set[str]] = {}
    for fit in (fit for each in alone for fit in (*each.matches, *each.better) if fit.numbers):
        found.setdefault(fit.hypothesis.name, set()).update(fit.numbers)
    return Verdict(tuple(also(*each, found) for each in zip(alone, given, strict=True)))


def judge(given: Found) -> OfCase:
    """Compare a gradient with every hypothesis, each times the factor that fits best."""
    case, ours = given.case, flat(given.gradient)
    rounding = noise(case.name, given.single)
    known = factors(**case.sizes, steps=case.steps, alpha=case.alpha)
    fits = [
        fit(ours, hypothesis, theirs, known, SAFETY * own)
        for hypothesis, theirs in expected(case.name)
        for own in [
            of_difference(case, theirs, given.single) if hypothesis.of_weights else rounding
        ]
    ]
    others = sorted((each for each in fits if not each.agrees), key=rounded)
    agreeing = [each for each in fits if each.agrees]
    true = RIGHT.gradient(case)
    of_case = OfCase(
        case.name,
        case.steps,
        matches=plainest([*agreeing, *idle(agreeing, case)]),
        nearest=others[0],
        next_error=next(filter(rounded(others[0]).__lt__, map(rounded, others)), np.inf),
        parameters=tuple(
            beside(*each, SAFETY * rounding * float(np.linalg.norm(flat(true))))
            for each in zip(case.net.Weights._fields, given.gradient, true, strict=True)
        ),
        transposed=given.transposed,
        better=(),
        single=given.single,
        noise=rounding,
    )
    if agreeing or vanishes(ours):
        return of_case
    better = agreeing_numbers(given, FAMILIES)
    if of_case.close:
        return replace(of_case, better=better)
    if not better:
        near = [each.hypothesis.name for each in others if each.hypothesis.name in IN_COMPANY]
        better = agreeing_numbers(given, [IN_COMPANY[name] for name in near[:NEAREST]])
    return replace(of_case, matches=plainest(better))


# --8<-- [end:judge]


def also(of_case: OfCase, given: Found, found: Mapping[str, set[str]]) -> OfCase:
    """The verdict on a case with what was found in others, where it agrees as well."""
    own = {each.hypothesis.name for each in (*of_case.matches, *of_case.better)}
    missing = [
        each
        for each in (*FAMILIES, *IN_COMPANY.values())
        if each.hypothesis.name in found.keys() - own
    ]
    more = tuple(
        each
        for each in agreeing_numbers(given, missing)
        if not each.numbers or found[each.hypothesis.name] & set(each.numbers)
    )
    return replace(of_case, matches=(*of_case.matches, *more))


def agreeing_numbers(given: Found, families: Sequence[Family]) -> tuple[Fit, ...]:
    """What agrees with a gradient, of hypotheses in which a number is free."""
    case = given.case
    known = factors(**case.sizes, steps=case.steps, alpha=case.alpha)
    tolerance = SAFETY * noise(case.name, given.single)
    tried = (
        free(flat(given.gradient), case, family, known, tolerance)
        for family in families
        if case.steps > 1 or not family.loop
    )
    return tuple(each for each in tried if each.agrees)


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


def free(ours: Array, case: Case, family: Family, known: Sequence[Factor], tolerance: float) -> Fit:
    """Find the number with which a family fits best, up to a factor.

    Where a unit opens or closes the gradient jumps, so that a slope leads no further: neighbours
    are looked at first, from afar to near. Gauss and Newton do the rest.
    """

    @cache
    def at(number: float) -> Array:
        return flat(family.gradient(case, number))

    def left(number: float) -> float:
        """The sine of the angle between the two, or 1."""
        theirs = at(number)
        if vanishes(theirs):
            return 1.0
        scale = (ours @ theirs) / (theirs @ theirs)
        return float(np.linalg.norm(ours - scale * theirs) / np.linalg.norm(ours))

    number = min(family.starts, key=left)
    for round_ in range(ROUNDS):
        width = WIDE / NARROWING**round_
        number = min((number * (1 + far * width) for far in NEIGHBOURS), key=left)
        if not SMOOTH < left(number) < STEEP * width + JUMP:
            break
    if left(number) < JUMP:
        number = polished(ours, at, number)
    found = fit(ours, family.hypothesis, at(number), known, tolerance)
    idle = np.array_equal(at(number), at(number * (1 + SLIGHTLY)))
    return found._replace(numbers=() if idle else family.said(case, number))


def polished(ours: Array, at: Callable[[float], Array], number: float) -> float:
    """Correct a number that is nearly right, by Gauss and Newton."""
    for _ in range(ITERATIONS):
        theirs = at(number)
        slope = (at(number * (1 + SLIGHTLY)) - theirs) / SLIGHTLY
        (scale, moved), *_ = np.linalg.lstsq(np.stack([theirs, slope], 1), ours)
        by = float(np.clip(moved / scale, -0.1, 0.1)) if scale else 0.0
        number *= 1 + by
        if abs(by) < CONVERGED:
            break
    return number


def idle(agreeing: Sequence[Fit], case: Case) -> Iterator[Fit]:
    """What a case of one step cannot tell from the plain orders: numbers of the loop."""
    plain = {each.hypothesis.order: each for each in agreeing if each.hypothesis in (RIGHT, FIRST)}
    for family in FAMILIES:
        if case.steps == 1 and family.loop and family.hypothesis.order in plain:
            yield plain[family.hypothesis.order]._replace(hypothesis=family.hypothesis)


def vanishes(array: Array) -> bool:
    """Whether an array is zero, or so near it that its squares are."""
    return bool(np.linalg.norm(array) < SHORTEST)


def beside(name: str, ours: Array, true: Array, tolerance: float) -> Parameter:
    """A parameter's gradient beside the true one; no part rounds more than the whole."""
    length = float(np.linalg.norm(true))
    error, angle = distance(ours, true), degrees([ours], [true])
    longer = float(np.linalg.norm(ours)) / length
    return Parameter(name, error, angle, longer, right=error * length < tolerance)
