"""A gradient that is right in part: in some arrays, through some inner gradients or steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .compare import Fit, Given, compared
from .hypotheses import (
    CONSTANT,
    NOTHING,
    RIGHT,
    Hypothesis,
    in_some_arrays,
    through_some_arrays,
    through_some_steps,
    with_some_adapted,
)
from .measure import Probe, Scale, beside, moving, trajectory, within

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .program import Arrays, Program
    from .tree import Array

#: What may be is looked at closely if one difference is as near as this to the gradient.
ROUGH = 1e-3


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


def in_the_loop(
    program: Program, at: Arrays, given: Given, scale: Scale
) -> tuple[list[Hypothesis], ...]:
    """What may be: some inner gradients were taken for constants. One list after the other."""
    names = list(program.numbers(program.adapted(at, program.sets(0)[0])))
    steps = len(program.steps)
    if steps == 1:
        return (through_one_step(program, at, names, given, scale),)
    ranges = [range(least, most) for least in range(steps) for most in range(least + 1, steps + 1)]
    chosen = [each for each in ranges if each[0] == 0 or each[-1] == steps - 1 or len(each) == 1]
    layers = [layer_of(name, program.arrays) for name in names]
    sets = [*layers, *([n for n in names if n not in layer] for layer in layers)]
    sets += [[name] for name in names]
    lost = dict.fromkeys(tuple(each) for each in sets if 0 < len(each) < len(names))
    return (
        [through_some_steps(each, steps, names) for each in chosen if len(each) < steps],
        [through_some_arrays(each, steps) for each in lost],
    )


def through_one_step(
    program: Program, at: Arrays, names: Sequence[str], given: Given, scale: Scale
) -> list[Hypothesis]:
    """What may be: the inner gradients of some arrays were taken for constants.

    The second-order terms are a sum over the adapted arrays, of what reaches the loss through each.
    A gradient that lacks some of them tells by least squares which.
    """
    few = given.across(signs(len(names) + 2, len(given.along)))
    each = [effects(program, at, task, few.along, scale) for task in range(len(program.tasks))]
    true = few.column(RIGHT.terms[0])
    allowed = true.error + few.gradient.error + 1e-9 * few.size
    lacking = (true.value - few.gradient.value) / allowed
    share = np.linalg.lstsq(np.mean(each, axis=0) / allowed[:, None], lacking, rcond=None)[0]
    # The share of what does not matter may be anything: the comparison says whether it is so.
    lost = [name for name, part in zip(names, share, strict=True) if part > 0.5]
    return [through_some_arrays(lost, 1)] if 0 < len(lost) < len(names) else []


def signs(count: int, probes: int) -> Array:
    """Signs that are always the same, one for each probe of each sum."""
    return np.random.default_rng(0).choice([-1.0, 1.0], (count, probes))


def effects(program: Program, at: Arrays, task: int, along: Sequence[Probe], scale: Scale) -> Array:
    """What the inner gradients of each adapted array do to the loss of a task (N, P)."""
    support, query = program.sets(task)
    tree = program.adapted(at, support)
    fast = program.numbers(tree)

    def value(probe: Probe, by: float) -> Array:
        after = program.numbers(program.adapted(beside(at, probe, by), support))
        moved = {n: after[n] - by * probe.direction.get(n, 0.0) for n in fast}
        return np.array([program.value_at({**fast, n: moved[n]}, query, tree) for n in fast])

    step = scale.step
    return np.array([(value(p, step) - value(p, -step)) / (2 * step) for p in along])


def roughly(
    program: Program, at: Arrays, given: Given, scale: Scale, chosen: Sequence[Hypothesis]
) -> list[Hypothesis]:
    """Those of hypotheses of one term that the gradient may be, by one difference a task."""
    few = given.across(signs(1, len(given.along)))
    (probe,), (value,), (size,) = few.along, few.gradient.value, few.size
    slopes = np.zeros((len(chosen), len(program.tasks)))
    for task in range(len(program.tasks)):
        path = trajectory(program, at, program.sets(task)[0])
        for row, each in enumerate(chosen):
            loss, start = moving(program, at, task, [each.terms[0].route], path)
            inside = within(start, probe) or probe
            ahead, behind = (loss(beside(start, inside, by * scale.step)) for by in (1, -1))
            slopes[row, task] = (ahead - behind)[0] / (2 * scale.step)
    left = np.abs(slopes.mean(axis=1) - value)
    return [each for each, far in zip(chosen, left, strict=True) if far < ROUGH * size]


def partly_adapted(program: Program) -> list[Hypothesis]:
    """What may be: only the last layer was adapted, or all but the last."""
    names = list(program.arrays)
    head = layer_of(names[-1], program.arrays)
    body = [name for name in names if name not in head]
    return with_some_adapted({"head": body, "body": head}) if body else []


def layer_of(name: str, arrays: Arrays) -> list[str]:
    """The arrays of a layer: of the same folder, or a matrix and the bias behind it."""
    names = list(arrays)
    folder, dot, _ = name.rpartition(".")
    if dot or name not in arrays:
        return [each for each in names if each.rpartition(".")[0] == folder] or [name]
    at = names.index(name)
    first = at - 1 if at and like_bias(arrays[name]) else at
    last = first + 1 if first + 1 < len(names) and like_bias(arrays[names[first + 1]]) else first
    return names[first : last + 1]


def like_bias(array: Array) -> bool:
    """Whether it has one number for each output."""
    return array.ndim < 2 or array.shape[0] == 1
