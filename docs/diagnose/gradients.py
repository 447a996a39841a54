"""Meta-gradients, right and wrong, all from the generated functions."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ..experiment.networks import Array, WeightTuple
    from .cases import Case

    Gradient = Callable[[Case], WeightTuple]

#: A gradient that is shorter has no direction.
TINY = 1e-300


def second_order(case: Case) -> WeightTuple:
    """The true meta-gradient, by the package that was emitted for so many steps."""
    if case.unrolled is None:
        return through_steps(case)
    return case.unrolled.meta_loss_and_gradient(case.weights, *case.batch, case.alpha)[1]


def first_order(case: Case) -> WeightTuple:
    """The query gradient at the adapted weights."""
    if case.unrolled is None:
        return through_steps(case, Way(hessians=none))
    return case.unrolled.first_order_meta_loss_and_gradient(case.weights, *case.batch, case.alpha)[
        1
    ]


def joint(case: Case) -> WeightTuple:
    """The query gradient at the weights themselves."""
    return mean(
        case.net.loss_and_gradient(case.weights, X, Y)[1]
        for X, Y in zip(case.batch.X_q, case.batch.Y_q, strict=True)
    )


def reptile(case: Case) -> WeightTuple:
    """From the adapted weights, averaged over the tasks, to the weights themselves."""
    adapted = mean(
        case.net.adapt(case.weights, X, Y, case.alpha, case.steps)
        for X, Y in zip(case.batch.X_s, case.batch.Y_s, strict=True)
    )
    return moved(case.weights, -1.0, adapted)


def last_step(case: Case) -> WeightTuple:
    """Second order through the last step, the steps before it being constants.

    It is the one-step meta-gradient, taken for each task at its weights before the last step.
    """
    return mean(
        case.net.meta_loss_and_gradient(
            case.net.adapt(case.weights, one[0][0], one[1][0], case.alpha, case.steps - 1),
            *one, case.alpha,
        )[1]
        for one in one_by_one(case)
    )  # fmt: skip


def nothing(case: Case) -> WeightTuple:
    """Zeros."""
    return moved(case.weights, -1.0, case.weights)


# --- step by step, with whatever an inner step may do ---


def every(_: int, __: int) -> bool:
    """The second order goes through every step."""
    return True


def none(_: int, __: int) -> bool:
    """It goes through no step."""
    return False


def first(step: int, _: int) -> bool:
    """It goes through the first step only."""
    return step == 0


def always(_: Case, __: str) -> bool:
    """Every parameter takes the inner steps."""
    return True


def matrices(_: Case, name: str) -> bool:
    """The matrices do."""
    return name[0] == "W"


def biases(_: Case, name: str) -> bool:
    """The biases do."""
    return name[0] == "b"


def head(case: Case, name: str) -> bool:
    """The last layer does."""
    last: str = case.net.Weights._fields[-1]
    return name[1:] == last[1:]


def body(case: Case, name: str) -> bool:
    """All layers do but the last."""
    return not head(case, name)


def above_first(_: Case, name: str) -> bool:
    """All layers do but the first."""
    return int(name[1:]) > 1


def above_hidden(case: Case, name: str) -> bool:
    """What is above the hidden layers does."""
    return int(name[1:]) > len(case.weights) // 2 - 1


@dataclass(frozen=True)
class Way:
    """How the inner loop goes, where it does not go as it should.

    Attributes
    ----------
    hessians
        Whether the second order goes through a step, by its number and that of all.
    adapted
        Whether a parameter, by its name, takes the inner steps of a case.
    curvature
        By how much the second-order term of every step is multiplied.
    momentum, decay, longest, shrinking
        What an optimiser brings along: the share of the step before in the next, the decay of the
        weights, the length that a gradient is clipped to, the ratio of a step size to that before.
    restarts
        Whether every step starts from the shared weights.
    detached
        Whether what takes no inner step gets no gradient either.
    """

    hessians: Callable[[int, int], bool] = every
    adapted: Callable[[Case, str], bool] = always
    curvature: float = 1.0
    momentum: float = 0.0
    decay: float = 0.0
    longest: float = math.inf
    shrinking: float = 1.0
    restarts: bool = False
    detached: bool = False


def through_steps(case: Case, way: Way = Way()) -> WeightTuple:
    """The meta-gradient through any number of steps, the mean over the tasks."""

    def of_task(X_s: Array, Y_s: Array, X_q: Array, Y_q: Array) -> WeightTuple:
        path = forth(case, way, case.weights, X_s, Y_s)
        return back(case, way, path, X_s, Y_s, case.net.loss_and_gradient(path[-1], X_q, Y_q)[1])

    found = mean(of_task(*task) for task in zip(*case.batch, strict=True))
    return projected(case, way, found) if way.detached else found


def forth(case: Case, way: Way, start: WeightTuple, X: Array, Y: Array) -> list[WeightTuple]:
    """The weights before every inner step, and after the last."""
    path, velocity = [start], scaled(start, 0.0)
    for step in range(case.steps):
        gradient = inner_gradient(case, way, path[-1], X, Y)
        clipped = scaled(gradient, clipping(way, gradient))
        velocity = moved(clipped, way.momentum, velocity)
        before = start if way.restarts else path[-1]
        path.append(moved(before, -case.alpha * way.shrinking**step, velocity))
    return path


def back(
    case: Case, way: Way, path: list[WeightTuple], X: Array, Y: Array, adjoint: WeightTuple
) -> WeightTuple:
    """Take an adjoint of the adapted weights to the weights before the first step.

    A plain step w' = w - alpha dL(w) takes it from v to v - alpha H(w) v.
    """
    at_start, velocity = scaled(adjoint, 0.0), scaled(adjoint, 0.0)
    for step in reversed(range(case.steps)):
        velocity = moved(velocity, -case.alpha * way.shrinking**step, adjoint)
        carried = adjoint
        if way.restarts:
            at_start, carried = moved(at_start, 1.0, adjoint), scaled(adjoint, 0.0)
        if way.hessians(step, case.steps):
            before = path[step]
            through = velocity
            if way.longest < math.inf:
                through = unclipped(way, inner_gradient(case, way, before, X, Y), velocity)
            through = projected(case, way, through)
            product = case.net.hessian_product(before, through, X, Y)
            carried = moved(carried, way.curvature, moved(product, way.decay, through))
        adjoint, velocity = carried, scaled(velocity, way.momentum)
    return moved(adjoint, 1.0, at_start)


def inner_gradient(case: Case, way: Way, at: WeightTuple, X: Array, Y: Array) -> WeightTuple:
    """The gradient of the support loss with the weights' decay, of what is adapted."""
    gradient = case.net.loss_and_gradient(at, X, Y)[1]
    return projected(case, way, moved(gradient, way.decay, at))


def clipping(way: Way, gradient: WeightTuple) -> float:
    """What clipping multiplies a gradient by."""
    return min(1.0, way.longest / max(length(gradient), TINY))


def unclipped(way: Way, gradient: WeightTuple, adjoint: WeightTuple) -> WeightTuple:
    """Take an adjoint back through clipping: what is clipped has no say along itself."""
    by = clipping(way, gradient)
    if by == 1:
        return adjoint
    along = inner(gradient, adjoint) / length(gradient) ** 2
    return scaled(moved(adjoint, -along, gradient), by)


def leaking(case: Case, way: Way = Way()) -> WeightTuple:
    """Every task starts from the weights that the task before it left."""
    start, paths = case.weights, []
    for X_s, Y_s in zip(case.batch.X_s, case.batch.Y_s, strict=True):
        paths.append(forth(case, way, start, X_s, Y_s))
        start = paths[-1][-1]
    adjoint = scaled(start, 0.0)
    for path, *task in reversed(list(zip(paths, *case.batch, strict=True))):
        X_s, Y_s, X_q, Y_q = task
        own = case.net.loss_and_gradient(path[-1], X_q, Y_q)[1]
        adjoint = back(case, way, path, X_s, Y_s, moved(adjoint, 1 / len(paths), own))
    return adjoint


def cut_between_tasks(case: Case) -> WeightTuple:
    """The same, but the weights that a task starts from are constants to those before it."""
    start, found = case.weights, []
    for task in one_by_one(case):
        found.append(second_order(replace(case, weights=start).with_data(*task)))
        start = case.net.adapt(start, task[0][0], task[1][0], case.alpha, case.steps)
    return mean(iter(found))


def adam(case: Case) -> WeightTuple:
    """First order after steps of Adam, with the constants that it has everywhere."""

    def of_task(X_s: Array, Y_s: Array, X_q: Array, Y_q: Array) -> WeightTuple:
        here = case.weights
        first = second = [np.zeros_like(array) for array in here]
        for step in range(1, case.steps + 1):
            gradient = case.net.loss_and_gradient(here, X_s, Y_s)[1]
            first = [0.9 * m + 0.1 * g for m, g in zip(first, gradient, strict=True)]
            second = [0.999 * v + 0.001 * g**2 for v, g in zip(second, gradient, strict=True)]
            moves = [
                m / (1 - 0.9**step) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8)
                for m, v in zip(first, second, strict=True)
            ]
            here = moved(here, -case.alpha, like(here, moves))
        return case.net.loss_and_gradient(here, X_q, Y_q)[1]

    return mean(of_task(*task) for task in zip(*case.batch, strict=True))


def support_gradients(case: Case) -> WeightTuple:
    """The support gradients of all inner steps, added up."""
    return mean(
        total(case.net.loss_and_gradient(at, X, Y)[1] for at in path[:-1])
        for X, Y in zip(case.batch.X_s, case.batch.Y_s, strict=True)
        for path in [forth(case, Way(), case.weights, X, Y)]
    )


def of_all_steps(case: Case, way: Way = Way()) -> WeightTuple:
    """The mean of the gradients of the query losses after each of the steps."""
    after = (replace(case, steps=steps) for steps in range(1, case.steps + 1))
    return mean(through_steps(each, way) for each in after)


# --- arithmetic of weights ---


def moved(weights: WeightTuple, factor: float, by: WeightTuple) -> WeightTuple:
    """``weights + factor * by``, array by array."""
    pairs = zip(weights, by, strict=True)
    return like(weights, [one + factor * other for one, other in pairs])


def scaled(weights: WeightTuple, factor: float) -> WeightTuple:
    """``factor * weights``, array by array."""
    return like(weights, [factor * one for one in weights])


def projected(case: Case, way: Way, weights: WeightTuple) -> WeightTuple:
    """The arrays that take the inner steps, and zeros for the others."""
    named = weights._asdict().items()
    return like(weights, [float(way.adapted(case, name)) * array for name, array in named])


def inner(one: WeightTuple, other: WeightTuple) -> float:
    """The inner product of all numbers."""
    return float(sum(np.vdot(a, b) for a, b in zip(one, other, strict=True)))


def length(weights: WeightTuple) -> float:
    """The square root of the sum of all squares."""
    return math.sqrt(inner(weights, weights))


def total(each: Iterator[WeightTuple]) -> WeightTuple:
    """The sum, array by array."""
    first, *others = each
    return like(first, [sum(column) for column in zip(first, *others, strict=True)])


def mean(each: Iterator[WeightTuple]) -> WeightTuple:
    """The mean, array by array."""
    found = list(each)
    return scaled(total(iter(found)), 1 / len(found))


def like(weights: WeightTuple, arrays: Sequence[Array]) -> WeightTuple:
    """Arrays under the names of a network's weights."""
    return type(weights)(*arrays)


def one_by_one(case: Case) -> Iterator[tuple[Array, Array, Array, Array]]:
    """The tasks as meta-batches of one task."""
    for at in range(len(case.batch.X_s)):
        X_s, Y_s, X_q, Y_q = (array[at : at + 1] for array in case.batch)
        yield X_s, Y_s, X_q, Y_q
