"""Derivatives of somebody's losses along random directions, from values alone.

A derivative is ``(f(w + h v) - f(w - h v)) / 2h``. It is taken at ``h`` and at ``h / 2``: how far
the two are apart tells the error, be it curvature, rounding, or the kink of a relu in between.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from .program import Arrays, Program
    from .tree import Array

#: Step sizes to choose from, relative to the size of the weights: in float64 and in float32.
LADDER = {True: 10.0 ** -np.arange(2, 9), False: 10.0 ** -np.arange(0.5, 4.5)}

#: Rounding of one number.
EPSILON = {True: 2.0**-52, False: 2.0**-23}

#: A derivative whose two values are further apart than this is taken with smaller steps as well.
SUSPICIOUS = 1e-6


class Probe(NamedTuple):
    """A direction within one array, in units of its weights."""

    name: str
    direction: Array


class Route(NamedTuple):
    """From the weights to a number: what is adapted on, judged on, and differentiated through.

    Attributes
    ----------
    adapted
        The set that the weights are adapted on: ``"s"``, ``"q"``, or nothing for no adaptation.
    judged
        The set of the outer loss.
    second
        Whether the weights change before adaptation, or the adapted ones after it.
    """

    adapted: str
    judged: str
    second: bool = False


class Measured(NamedTuple):
    """The derivatives of a route along every probe, for every task, and their errors (N, T)."""

    value: Array
    error: Array


@dataclass(frozen=True)
class Scale:
    """How finely somebody's program can be asked.

    Attributes
    ----------
    step
        The larger of the two step sizes.
    noise
        What rounding leaves of a derivative at the smaller one.
    """

    step: float
    noise: float


def change(arrays: Arrays, rng: np.random.Generator) -> Arrays:
    """A random change of all weights, as large as their entries; of zeros, one of 0.1."""
    return {
        name: (float(np.sqrt(np.mean(array**2))) or 0.1) * rng.standard_normal(array.shape)
        for name, array in arrays.items()
    }


def probes(arrays: Arrays, rng: np.random.Generator) -> list[Probe]:
    """Random directions, two or more for each array, and for few arrays at least twelve."""
    changes = [change(arrays, rng) for _ in range(max(2, -(-12 // len(arrays))))]
    return [Probe(name, each[name]) for name in arrays for each in changes]


def calibrated(program: Program, at: Arrays, rng: np.random.Generator) -> Scale:
    """Find the step size at which a change of all weights gives the steadiest derivative.

    One task tells it for all.
    """
    ladder, epsilon = LADDER[program.double], EPSILON[program.double]
    support, query = program.sets(0)

    def value(along: Arrays, step: float) -> float:
        moved = {name: at[name] + step * along[name] for name in at}
        return program.value(program.adapted(moved, support), query)

    slopes = [
        [(value(along, h) - value(along, -h)) / (2 * h) for h in ladder]
        for along in (change(program.arrays, rng), change(program.arrays, rng))
    ]
    apart = np.abs(np.diff(np.array(slopes), axis=1)).max(axis=0)
    step = float(ladder[int(np.argmin(apart))]) / 10**0.5
    rounding = change(program.arrays, rng)
    around = [value(rounding, count * epsilon) for count in range(-2, 3)]
    noise = max(float(np.std(around)), epsilon * abs(around[2]) / 4)
    return Scale(step, 2 * noise / step)


def derivatives(
    value: Callable[[Arrays], Array], at: Arrays, probe: Probe, scale: Scale
) -> tuple[Array, Array]:
    """The derivatives of several numbers along a probe, and their errors."""

    def slope(step: float) -> Array:
        here = at[probe.name]
        ahead, behind = (
            value({**at, probe.name: here + sign * step * probe.direction}) for sign in (1, -1)
        )
        return (ahead - behind) / (2 * step)

    def taken(smaller: int) -> tuple[Array, Array]:
        step = scale.step / smaller
        best = slope(step / 2)
        return best, np.abs(best - slope(step)) + smaller * scale.noise

    best = taken(1)
    for smaller in (8, 64):
        if best[1].max() <= SUSPICIOUS * np.abs(best[0]).max() + 4 * scale.noise:
            break
        best = min(best, taken(smaller), key=lambda pair: float(pair[1].max()))
    return best


def measured(
    program: Program, at: Arrays, along: Sequence[Probe], routes: Sequence[Route], scale: Scale
) -> dict[Route, Measured]:
    """The derivatives of routes; those that share an adaptation are taken together.

    Where an adapted array is not there, or has another shape, the derivative by it is NaN.
    """
    tasks = len(program.tasks)
    found = np.full((2, len(routes), len(along), tasks), np.nan)
    for task in range(tasks):
        for key in dict.fromkeys((route.adapted, route.second) for route in routes):
            chosen = [n for n, route in enumerate(routes) if (route.adapted, route.second) == key]
            value, start = moving(program, at, task, [routes[n] for n in chosen])
            for row, probe in enumerate(along):
                if probe.name in start and start[probe.name].shape == probe.direction.shape:
                    found[:, chosen, row, task] = derivatives(value, start, probe, scale)
    return {route: Measured(*found[:, n]) for n, route in enumerate(routes)}


def displaced(program: Program, at: Arrays, along: Sequence[Probe]) -> Measured:
    """How far adaptation moves the weights, along every probe: Reptile's direction."""
    found = np.full((len(along), len(program.tasks)), np.nan)
    for task in range(len(program.tasks)):
        fast = program.numbers(program.adapted(at, program.sets(task)[0]))
        for row, (name, direction) in enumerate(along):
            if name in fast and fast[name].shape == direction.shape:
                found[row, task] = np.sum((at[name] - fast[name]) * direction)
    return Measured(found, EPSILON[program.double] * np.abs(found))


def moving(
    program: Program, at: Arrays, task: int, routes: Sequence[Route]
) -> tuple[Callable[[Arrays], Array], Arrays]:
    """The losses of routes with one adaptation, as a function of arrays, and where to start."""
    sets = dict(zip("sq", program.sets(task), strict=True))
    adapted, second = routes[0].adapted, routes[0].second
    judged = [sets[route.judged] for route in routes]
    if second:

        def through(arrays: Arrays) -> Array:
            tree = program.adapted(arrays, sets[adapted])
            return np.array([program.value(tree, batch) for batch in judged])

        return through, at
    tree = program.adapted(at, sets[adapted]) if adapted else program.weights

    def after(arrays: Arrays) -> Array:
        return np.array([program.value_at(arrays, batch, tree) for batch in judged])

    return after, program.numbers(tree) if adapted else at
