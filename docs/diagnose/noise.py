"""How far rounding alone takes a gradient from the true one: what counts as agreement."""

from __future__ import annotations

import random
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from .cases import cases

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..experiment.networks import Array, WeightTuple
    from .cases import Case

#: A gradient agrees when it is nearer than so many times the noise. Other programs sum in other
#: orders than ours: of the mistakes that PyTorch computes in the tests, none is off by more than
#: four times the noise of its case.
SAFETY = 10

#: The largest relative error of a number in float32.
HALF_A_DIGIT = float(np.finfo(np.float32).eps) / 2

#: What is left of a float64 that was printed: a file may hold ten digits of each number. The
#: arithmetic itself leaves 1e-15.
PRINTED = 1e-10

#: In how many orders every form sums.
ORDERS = 4


# --8<-- [start:noise]
@cache
def noise(name: str, single: bool) -> float:
    """The relative error that rounding leaves in the gradients of a case.

    In single precision it is measured: the largest error of the first- and second-order gradients
    that every form of the generated code computes in float32, with tasks and rows in several
    orders.

    Parameters
    ----------
    name
        Of the case.
    single
        Whether the numbers are those of float32.
    """
    if not single:
        return PRINTED
    case, orders = cases()[name], random.Random(name)
    errors = []
    for _ in range(ORDERS):
        ordered = shuffled(case, orders)
        exact, rounded = (computed(ordered, dtype) for dtype in (np.float64, np.float32))
        errors += [distance(ours, true) for ours, true in zip(rounded, exact, strict=True)]
    return max(errors)


def computed(case: Case, dtype: Any) -> Iterator[Array]:
    """The gradients of every form: first order, then second order by three ways."""
    net = case.unrolled or case.net
    weights = net.Weights(*(array.astype(dtype) for array in case.weights))
    given = (weights, *(array.astype(dtype) for array in case.batch), case.alpha)
    layers = [len(case.weights[0]), *(W.shape[1] for W in list(case.weights)[::2])]
    tasks, shots, queries = (case.sizes[letter] for letter in "TNM")
    prepared = net.workspace(layers, tasks=tasks, shots=shots, queries=queries, dtype=dtype)
    for form in (
        net.first_order_meta_loss_and_gradient,
        net.meta_loss_and_gradient,
        net.reference.meta_loss_and_gradient,
        prepared.meta_loss_and_gradient,
    ):
        yield flat(form(*given)[1])


# --8<-- [end:noise]


def of_difference(case: Case, difference: Array, single: bool) -> float:
    """The relative error that rounding leaves in a difference of weights.

    They are far longer than it, so that their own rounding counts.
    """
    longer = float(np.linalg.norm(flat(case.weights)) / np.linalg.norm(difference))
    return max(noise(case.name, single), HALF_A_DIGIT * longer if single else 0.0)


def shuffled(case: Case, orders: random.Random) -> Case:
    """The same problem with its tasks, and the rows of either set, in another order."""
    tasks, support, query = (
        orders.sample(range(case.sizes[letter]), case.sizes[letter]) for letter in "TNM"
    )
    rows = (support, support, query, query)
    return case.with_data(*(a[tasks][:, r] for a, r in zip(case.batch, rows, strict=True)))


def flat(weights: WeightTuple) -> Array:
    """All arrays as one vector."""
    return np.concatenate([array.ravel() for array in weights])


def distance(ours: Array, theirs: Array) -> float:
    """How far one vector is from another, relative to the other's length."""
    return float(np.linalg.norm(ours - theirs) / np.linalg.norm(theirs))
