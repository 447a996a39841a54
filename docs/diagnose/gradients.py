"""Meta-gradients, right and wrong, all from the generated functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from docs.diagnose.cases import Case
    from docs.experiment.networks import Array, WeightTuple

    Gradient = Callable[[Case], WeightTuple]


def second_order(case: Case) -> WeightTuple:
    """The true meta-gradient, by the package that was emitted for so many steps."""
    if case.unrolled is None:
        return through_steps(case)
    return case.unrolled.meta_loss_and_gradient(case.weights, *case.batch, case.alpha)[1]


def first_order(case: Case) -> WeightTuple:
    """The query gradient at the adapted weights."""
    if case.unrolled is None:
        return through_steps(case, hessians=0)
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


def always(_: Case, __: str) -> bool:
    """Every parameter takes the inner steps."""
    return True


def through_steps(
    case: Case, hessians: int | None = None, adapted: Callable[[Case, str], bool] = always
) -> WeightTuple:
    """The meta-gradient through any number of steps in which some parameters stay as they are.

    Forwards, the weights of every step are kept. Backwards, each step with P the projection on
    the adapted parameters, w' = w - alpha P dL_s(w), takes an adjoint v to v - alpha H(w) P v.

    Parameters
    ----------
    case
        The problem.
    hessians
        Through how many of the steps, from the last, the second order goes; all by default.
    adapted
        Whether a parameter, by its name, takes the inner steps of a case.

    Returns
    -------
    WeightTuple
        The mean over the tasks.
    """
    net, alpha = case.net, case.alpha
    kept = [float(adapted(case, name)) for name in net.Weights._fields]

    def of_task(X_s: Array, Y_s: Array, X_q: Array, Y_q: Array) -> WeightTuple:
        here, path = case.weights, []
        for _ in range(case.steps):
            path.append(here)
            step = projected(kept, net.loss_and_gradient(here, X_s, Y_s)[1])
            here = moved(here, -alpha, step)
        adjoint = net.loss_and_gradient(here, X_q, Y_q)[1]
        for before in path[::-1][:hessians]:
            product = net.hessian_product(before, projected(kept, adjoint), X_s, Y_s)
            adjoint = moved(adjoint, -alpha, product)
        return adjoint

    return mean(of_task(*task) for task in zip(*case.batch, strict=True))


# --- arithmetic of weights ---


def moved(weights: WeightTuple, factor: float, by: WeightTuple) -> WeightTuple:
    """``weights + factor * by``, array by array."""
    pairs = zip(weights, by, strict=True)
    return like(weights, [one + factor * other for one, other in pairs])


def scaled(weights: WeightTuple, factor: float) -> WeightTuple:
    """``factor * weights``, array by array."""
    return like(weights, [factor * one for one in weights])


def projected(kept: Sequence[float], weights: WeightTuple) -> WeightTuple:
    """The arrays that are kept, and zeros for the others."""
    return like(weights, [keep * one for keep, one in zip(kept, weights, strict=True)])


def mean(each: Iterator[WeightTuple]) -> WeightTuple:
    """The mean over tasks, array by array."""
    first, *others = each
    columns = zip(first, *others, strict=True)
    return like(first, [sum(column) / (1 + len(others)) for column in columns])


def like(weights: WeightTuple, arrays: Sequence[Array]) -> WeightTuple:
    """Arrays under the names of a network's weights."""
    return type(weights)(*arrays)


def one_by_one(case: Case) -> Iterator[tuple[Array, Array, Array, Array]]:
    """The tasks as meta-batches of one task."""
    for at in range(len(case.batch.X_s)):
        X_s, Y_s, X_q, Y_q = (array[at : at + 1] for array in case.batch)
        yield X_s, Y_s, X_q, Y_q
