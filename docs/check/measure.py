"""Derivatives of somebody's losses along random directions, from values alone.

A derivative is ``(f(w + h v) - f(w - h v)) / 2h``. It is taken at ``h`` and at ``h / 2``: how far
the two are apart tells the error, be it curvature, rounding, or the kink of a relu in between.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

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
    """A direction within one array, in units of its weights, or within all under no name."""

    name: str
    direction: Arrays


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
    constant
        The inner gradients that do not change with the weights: the number of the step, the array.
    unadapted
        The arrays that keep the weights they start from.
    """

    adapted: str
    judged: str
    second: bool = False
    constant: frozenset[tuple[int, str]] = frozenset()
    unadapted: frozenset[str] = frozenset()


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
    return [Probe(name, {name: each[name]}) for name in arrays for each in changes]


def across(along: Sequence[Probe], signs: Array) -> list[Probe]:
    """Directions within all arrays: the sum of all probes, each with a sign (K, N)."""
    names = dict.fromkeys(probe.name for probe in along)
    return [
        Probe(
            "",
            {
                name: sum(
                    sign * probe.direction[name]
                    for sign, probe in zip(row, along, strict=True)
                    if probe.name == name
                )
                for name in names
            },
        )
        for row in signs
    ]


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


def beside(at: Arrays, probe: Probe, by: float) -> Arrays:
    """A point at some distance along a probe."""
    return {**at, **{name: at[name] + by * v for name, v in probe.direction.items()}}


def derivatives(
    value: Callable[[Arrays], Array], at: Arrays, probe: Probe, scale: Scale
) -> tuple[Array, Array]:
    """The derivatives of several numbers along a probe, and their errors."""

    def slope(step: float) -> Array:
        ahead, behind = (value(beside(at, probe, sign * step)) for sign in (1, -1))
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

    Where no adapted array is there, or all have another shape, the derivative is NaN.
    """
    tasks = len(program.tasks)
    found = np.full((2, len(routes), len(along), tasks), np.nan)
    for task in range(tasks):
        for key in dict.fromkeys(route._replace(judged="") for route in routes):
            chosen = [n for n, route in enumerate(routes) if route._replace(judged="") == key]
            value, start = moving(program, at, task, [routes[n] for n in chosen])
            for row, probe in enumerate(along):
                if inside := within(start, probe):
                    found[:, chosen, row, task] = derivatives(value, start, inside, scale)
    return {route: Measured(*found[:, n]) for n, route in enumerate(routes)}


def within(arrays: Arrays, probe: Probe) -> Probe | None:
    """The part of a probe along which arrays can be moved."""
    found = {
        name: v
        for name, v in probe.direction.items()
        if name in arrays and arrays[name].shape == v.shape
    }
    return Probe(probe.name, found) if found else None


def displaced(
    program: Program, at: Arrays, along: Sequence[Probe], steps: int | None = None
) -> Measured:
    """How far some inner steps, or all, move the weights along every probe."""
    found = np.full((len(along), len(program.tasks)), np.nan)
    for task in range(len(program.tasks)):
        fast = program.numbers(program.adapted(at, program.sets(task)[0], steps))
        for row, probe in enumerate(along):
            if inside := within(fast, probe):
                moved = (np.sum((at[n] - fast[n]) * v) for n, v in inside.direction.items())
                found[row, task] = sum(moved)
    return Measured(found, EPSILON[program.double] * np.abs(found))


def moving(
    program: Program, at: Arrays, task: int, routes: Sequence[Route], path: Sequence[Arrays] = ()
) -> tuple[Callable[[Arrays], Array], Arrays]:
    """The losses of routes with one adaptation, as a function of arrays, and where to start."""
    sets = dict(zip("sq", program.sets(task), strict=True))
    shared = routes[0]
    judged = [sets[route.judged] for route in routes]
    if shared.constant and not path:
        path = trajectory(program, at, sets[shared.adapted])

    def adapted(arrays: Arrays) -> Any:
        if not (shared.constant or shared.unadapted):
            return program.adapted(arrays, sets[shared.adapted])
        return in_part(program, arrays, sets[shared.adapted], shared, path)

    if shared.second:

        def through(arrays: Arrays) -> Array:
            tree = adapted(arrays)
            return np.array([program.value(tree, batch) for batch in judged])

        return through, at
    tree = adapted(at) if shared.adapted else program.weights

    def after(arrays: Arrays) -> Array:
        return np.array([program.value_at(arrays, batch, tree) for batch in judged])

    return after, program.numbers(tree) if shared.adapted else at


def trajectory(program: Program, at: Arrays, batch: Any) -> list[Arrays]:
    """The weights before the first inner step, and after each."""
    tree, path = program.with_arrays(at, program.weights), [at]
    for number in range(len(program.steps)):
        tree = program.step(number, tree, batch)
        path.append(program.numbers(tree))
    return path


def in_part(
    program: Program, arrays: Arrays, batch: Any, route: Route, path: Sequence[Arrays]
) -> Any:
    """The adapted tree, where some arrays keep their weights or move by what they moved before."""
    tree, now = program.with_arrays(arrays, program.weights), arrays
    for number in range(len(program.steps)):
        tree = program.step(number, tree, batch)
        after = program.numbers(tree)
        held = {name: arrays[name] for name in after if name in route.unadapted}
        held |= {
            name: now[name] + (path[number + 1][name] - path[number][name])
            for name in after
            if (number, name) in route.constant
        }
        now = {**after, **held}
        tree = program.with_arrays(now, tree)
    return tree
