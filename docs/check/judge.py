"""Which hypotheses a gradient agrees with, the plainest kind of agreement first."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .compare import Fit, Given, agreeing, compared, sizes, with_factor
from .hypotheses import (
    ALONE,
    CONSTANT,
    DISPLACEMENT,
    MIXED,
    NOTHING,
    OF_ONE_TASK,
    RIGHT,
    SUMS,
    Hypothesis,
)
from .measure import Route, Scale, displaced, measured
from .parts import by_array, in_the_loop, partly_adapted, roughly, signs
from .tree import is_array, is_float, leaves
from .verdict import OfArray

if TYPE_CHECKING:
    from .gradient import Slope
    from .program import Arrays, Program

#: Along so many sums of all probes a hypothesis is tried first; two factors can be fitted to them.
FEW = 3

#: A part or a factor counts only where it brings the gradient so many times nearer.
MUCH = 2

#: Steps are written in so many digits.
DIGITS = 4


@dataclass(frozen=True)
class Evidence:
    """What is known of a gradient along all probes, and along a few sums of them."""

    program: Program
    at: Arrays
    scale: Scale
    given: Given
    few: Given

    def glimpsed(self, chosen: Iterable[Hypothesis]) -> Evidence:
        """The same with the derivatives of hypotheses along the few."""
        return replace(self, few=self.seen(self.few, chosen))

    def settled(
        self, chosen: Sequence[Hypothesis], fitted: Callable[[Given, Hypothesis], Fit]
    ) -> list[Fit]:
        """The hypotheses that agree along all probes, of those that do along the few."""
        known = [each for each in chosen if knows(self.few, each)]
        likely = [each for each in known if fitted(self.few, each).agrees]
        given = self.seen(self.given.half(), likely)
        return agreeing(fitted(given, each) for each in likely if knows(given, each))

    def seen(self, given: Given, chosen: Iterable[Hypothesis]) -> Given:
        """Take the derivatives of hypotheses; a set may be unfit for another's role."""
        wanted = {term.route for each in chosen for term in each.terms} - set(given.routes)
        routes = dict(given.routes)
        if DISPLACEMENT in wanted:
            wanted.remove(DISPLACEMENT)
            routes[DISPLACEMENT] = displaced(self.program, self.at, given.along)
        for key in {route._replace(judged="", second=False) for route in wanted}:
            mine = [each for each in wanted if each._replace(judged="", second=False) == key]
            with contextlib.suppress(Exception):
                routes |= measured(self.program, self.at, given.along, mine, self.scale)
        return replace(given, routes=routes)


def judged(program: Program, at: Arrays, given: Given, scale: Scale) -> tuple[list[Fit], list[Fit]]:
    """The hypotheses that agree, the plainest kind of agreement first, and the nearest others."""
    two = [plain(given, each) for each in (RIGHT, CONSTANT)]
    nothing = compared(given, NOTHING, ())
    if nothing.agrees:
        return [nothing], two
    if agreeing(two):
        return agreeing(two), [fit for fit in two if not fit.agrees]
    few = given.across(signs(FEW, len(given.along)))
    evidence = Evidence(program, at, scale, given, few).glimpsed([*ALONE, *SUMS])
    known = factors(evidence)
    alone = [*ALONE, *(OF_ONE_TASK if len(program.tasks) > 1 else [])]
    alone = [each for each in alone if knows(evidence.few, each)]
    others = [plain(evidence.few, each) for each in alone]

    def scaled(given: Given, hypothesis: Hypothesis) -> Fit:
        return with_factor(given, hypothesis, known)

    for chosen, fitted in (
        (alone, plain),
        ([RIGHT, CONSTANT, *alone], scaled),
        ([MIXED, *SUMS], compared),
    ):
        if found := evidence.settled(chosen, fitted):
            return found, ordered(two + others)
    if found := by_array(given, known):
        return found, ordered(two + others)
    for may_be in (*in_the_loop(program, at, given, scale), partly_adapted(program)):
        likely = roughly(program, at, given, scale, may_be)
        evidence = evidence.glimpsed(likely)
        if found := evidence.settled(likely, plain):
            return found, ordered(two + others)
        parts = [plain(evidence.few, each) for each in likely if knows(evidence.few, each)]
        least = min(plain(evidence.few, each).error for each in (RIGHT, CONSTANT))
        others += [fit for fit in parts if MUCH * fit.error < least]
    pairs = [(own, scaled(given, own.hypothesis)) for own in two]
    return [], ordered(others + [by if MUCH * by.error < own.error else own for own, by in pairs])


def plain(given: Given, hypothesis: Hypothesis) -> Fit:
    """Compare with a hypothesis as it is."""
    return compared(given, hypothesis, (1.0,) * len(hypothesis.terms))


def knows(given: Given, hypothesis: Hypothesis) -> bool:
    """Whether all derivatives of a hypothesis have been taken."""
    return all(term.route in given.routes for term in hypothesis.terms)


def ordered(fits: list[Fit]) -> list[Fit]:
    """Those that do not agree, the nearest first."""
    return sorted((fit for fit in fits if not fit.agrees), key=lambda fit: fit.error)


def factors(evidence: Evidence) -> dict[str, float]:
    """The factors that have a name."""
    program = evidence.program
    rows = [(rows_of(support), rows_of(query)) for support, query in program.tasks]
    targets = [leaf for leaf in leaves(program.tasks[0][1]).values() if is_array(leaf)][-1:]
    outputs = [each.shape[-1] for each in targets if is_float(each) and len(each.shape) > 1]
    return sizes(
        len(program.tasks), rows, (*outputs, 1)[0], len(program.steps), inner_step(evidence)
    )


def inner_step(evidence: Evidence) -> float | None:
    """The inner step size, if the first step is gradient descent with one."""
    gradient = evidence.few.routes.get(Route("", "s"))
    if gradient is None:
        return None
    moved = displaced(evidence.program, evidence.at, evidence.few.along, 1)
    ratio = moved.value / np.where(gradient.value == 0, np.nan, gradient.value)
    alpha = float(np.median(ratio))
    written = float(f"{alpha:.{DIGITS}g}")
    same = np.abs(ratio / written - 1).max() < 10.0**-DIGITS if alpha > 0 else False
    return written if same else None


def rows_of(batch: Any) -> int:
    """The rows of a set: the length of its first array."""
    shapes = [leaf.shape for leaf in leaves(batch).values() if is_array(leaf)]
    return int(shapes[0][0]) if shapes and shapes[0] else 1


def per_array(given: Given, slope: Slope) -> tuple[OfArray, ...]:
    """Every array beside the true gradient."""
    found = []
    for name, array in slope.arrays.items():
        part = given.only(name)
        true, first, none = (
            compared(part, each, (1.0,) * len(each.terms)) for each in (RIGHT, CONSTANT, NOTHING)
        )
        if true.agrees:
            answer = "right" if not none.agrees else "right: nothing"
        elif name in slope.missing:
            answer = "None"
        elif none.agrees:
            answer = "zero"
        else:
            answer = "first order" if first.agrees else "wrong"
        found.append(OfArray(name, array.shape, true.error, answer))
    return tuple(found)
