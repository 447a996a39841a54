"""Which hypotheses a gradient agrees with, the plainest kind of agreement first."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

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
)
from .measure import Scale, displaced, measured
from .parts import by_array, through_arrays
from .tree import is_array, leaves
from .verdict import OfArray

if TYPE_CHECKING:
    from .gradient import Slope
    from .program import Arrays, Program


def judged(program: Program, at: Arrays, given: Given, scale: Scale) -> tuple[list[Fit], list[Fit]]:
    """The hypotheses that agree, the plainest kind of agreement first, and the nearest others."""
    rows = [(rows_of(support), rows_of(query)) for support, query in program.tasks]
    known = sizes(len(program.tasks), rows)
    two = [compared(given, each, (1.0,)) for each in (RIGHT, CONSTANT)]
    nothing = compared(given, NOTHING, ())
    if nothing.agrees:
        return [nothing], two
    if agreeing(two):
        return agreeing(two), [fit for fit in two if not fit.agrees]
    given = further(program, at, given, scale)
    alone = [each for each in ALONE if each.terms[0].route in given.routes]
    alone += OF_ONE_TASK if len(program.tasks) > 1 else []
    sums = [each for each in SUMS if all(term.route in given.routes for term in each.terms)]
    plain = two + [compared(given, each, (1.0,)) for each in alone]
    if agreeing(plain):
        return agreeing(plain), ordered(plain)
    scaled = [with_factor(given, each, known) for each in (RIGHT, CONSTANT, *alone)]
    if agreeing(scaled):
        return agreeing(scaled), ordered(plain)
    mixed = [compared(given, each) for each in (MIXED, *sums)]
    if agreeing(mixed):
        return agreeing(mixed), ordered(plain)
    partly = by_array(given, known) or through_arrays(program, at, given, scale)
    if partly:
        return partly, ordered(plain)
    # A factor counts only where it brings the gradient much nearer.
    pairs = zip(plain, scaled, strict=True)
    return [], ordered([best if 2 * best.error < own.error else own for own, best in pairs])


def further(program: Program, at: Arrays, given: Given, scale: Scale) -> Given:
    """Take the derivatives of all other hypotheses; a set may be unfit for another's role."""
    routes = dict(given.routes)
    wanted = {term.route for each in (*ALONE, *SUMS) for term in each.terms} - set(routes)
    wanted.discard(DISPLACEMENT)
    routes[DISPLACEMENT] = displaced(program, at, given.along)
    for adapted in ("", "s", "q"):
        chosen = sorted(route for route in wanted if route.adapted == adapted)
        with contextlib.suppress(Exception):
            routes |= measured(program, at, given.along, chosen, scale)
    return replace(given, routes=routes)


def ordered(fits: list[Fit]) -> list[Fit]:
    """Those that do not agree, the nearest first."""
    return sorted((fit for fit in fits if not fit.agrees), key=lambda fit: fit.error)


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
