"""A gradient that is right in some arrays only, or through some adapted arrays only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from .compare import Column, Fit, Given, compared
from .hypotheses import (
    CONSTANT,
    FIRST,
    NOTHING,
    RIGHT,
    SECOND,
    in_some_arrays,
    through_some_arrays,
)
from .measure import Measured, Scale, derivatives

if TYPE_CHECKING:
    from .program import Arrays, Program
    from .tree import Array


def by_array(given: Given, known: Mapping[str, float]) -> list[Fit]:
    """A gradient that is of first order, or nothing, in some arrays, and right in the others."""
    for named, factor in {"": 1.0, **known}.items():
        scaled = given.times(1 / factor)
        kinds = {name: kind_of(scaled.only(name)) for name in dict.fromkeys(given.names)}
        if all(kinds.values()):
            found = in_some_arrays(kinds)
            return [Fit(found, (factor,), *left(scaled, kinds), agrees=True, named=named)]
    return []


def kind_of(part: Given) -> str:
    """What a gradient is within an array; nothing if it is none of the three."""
    for each in (RIGHT, CONSTANT, NOTHING):
        if compared(part, each, (1.0,) * len(each.terms)).agrees:
            return each.name
    return ""


def left(given: Given, kinds: Mapping[str, str]) -> tuple[float, float, float]:
    """The error of all arrays, each beside what it is, and the worst beside its tolerance."""
    by_name = {each.name: each for each in (RIGHT, CONSTANT, NOTHING)}
    fits = [
        compared(given.only(name), by_name[kind], (1.0,) * len(by_name[kind].terms))
        for name, kind in kinds.items()
    ]
    most = max(fits, key=lambda fit: fit.worst / fit.noise)
    return max(fit.error for fit in fits), most.worst, most.noise


def through_arrays(program: Program, at: Arrays, given: Given, scale: Scale) -> list[Fit]:
    """A gradient that took the inner gradients of some arrays for constants.

    The meta-gradient is a sum over the adapted arrays, of what reaches the loss through each. For
    every one of them the gradient has either the whole of it or its first-order part.
    """
    names, second = shares(program, at, given, scale)
    first = given.routes[FIRST].value.mean(axis=1)
    own = np.array([[name == each for each in names] for name in given.names])
    missing = second.value - np.where(own, np.nan_to_num(first)[:, None], 0.0)
    true = given.column(RIGHT.terms[0])
    allowed = true.error + given.gradient.error + 1e-9 * given.size
    share = np.linalg.lstsq(
        missing / allowed[:, None], (true.value - given.gradient.value) / allowed, rcond=None
    )[0]
    # Whether it is so, the comparison says: the share of what does not matter may be anything.
    lost = (share > 0.5).astype(np.float64)
    expected = Column(
        true.value - missing @ lost,
        true.error + (second.error @ lost) + given.column(CONSTANT.terms[0]).error,
    )
    found = through_some_arrays([name for name, each in zip(names, lost, strict=True) if each])
    routes = {**given.routes, SECOND: Measured(expected.value[:, None], expected.error[:, None])}
    fit = compared(replace(given, routes=routes), found, (1.0,))
    return [fit] if fit.agrees else []


def shares(program: Program, at: Arrays, given: Given, scale: Scale) -> tuple[list[str], Column]:
    """What a change of the weights does to the loss through each adapted array alone (N, P)."""
    names = list(at)
    found = np.zeros((2, len(given.along), len(names)))
    for task in range(len(program.tasks)):
        value, names = alone(program, at, task)
        for row, probe in enumerate(given.along):
            found[:, row] += derivatives(value, at, probe, scale)
    return names, Column(*(found / len(program.tasks)))


def alone(program: Program, at: Arrays, task: int) -> tuple[Callable[[Arrays], Array], list[str]]:
    """The loss of a task as a function of the weights, through one adapted array at a time."""
    support, query = program.sets(task)
    tree = program.adapted(at, support)
    fast = program.numbers(tree)

    def value(arrays: Arrays) -> Array:
        moved = program.numbers(program.adapted(arrays, support))
        return np.array(
            [program.value_at({**fast, name: moved[name]}, query, tree) for name in fast]
        )

    return value, list(fast)
