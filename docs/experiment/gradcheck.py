"""Hold the generated gradients against central finite differences."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, cast

import numpy as np

from .command import Refusal, parser, status
from .evaluate import load_run
from .methods import METHODS
from .networks import has_context, names, takes_omegas
from .parameters import Parameters, initial_parameters
from .randomness import stream
from .schedules import step_weights

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from .family import Batch, TaskFamily
    from .networks import Array, Network, WeightTuple

#: Small enough that relu seldom meets its kink on the way, large enough for double precision.
STEP = 1e-7

#: Where a kink may be on the way all the same: steps that end before it.
SHORTER = (3e-8, 1e-8, 3e-9)

#: It may be where the slopes to either side differ by more than this share of the gradient, and is
#: where shorter steps give another slope.
KINK = 1e-6

#: What rounding leaves of a difference by `STEP`, of losses of order ten: a gradient that is next
#: to zero by chance has no more digits.
ROUNDING = 5e-8

#: How often another point is taken, and how far away, where a kink is too near for any step.
POINTS, NUDGE = 5, 1e-4

#: Rounding of the loss, 1e-16, over the step leaves 1e-9 of a gradient of order one; a crossed
#: kink of one unit at one sample adds up to 1e-6.
TOLERANCE = 1e-5

#: Entries of an array that are compared: all of a layer of 40 units on 40.
MOST = 1600

#: Of the training, where a multi-step loss is checked.
PROGRESS = 0.125


# --8<-- [start:difference]
class Kink(ArithmeticError):  # noqa: N818
    """The slopes of a loss to either side differ, however short the way."""


def central_difference(
    loss: Callable[[WeightTuple], float],
    weights: WeightTuple,
    step: float = STEP,
    most: int | None = None,
) -> WeightTuple:
    """Differentiate a loss numerically, one entry at a time.

    Where the slopes to either side show a kink, the step is shortened until it is not on the way.

    Parameters
    ----------
    loss
        Of the weights.
    weights
        Where to differentiate, float64.
    step
        How far to go to either side.
    most
        Entries of an array, evenly spaced, if not by all of them. The others are 0.

    Returns
    -------
    WeightTuple
        (loss(w + step) - loss(w - step)) / (2 step) for every entry w.

    Raises
    ------
    Kink
        When a kink is nearer than any step.
    """
    moved = type(weights)(*(array.copy() for array in weights))
    between, gradient = loss(weights), []

    def slopes(array: Array, index: tuple[int, ...], by: float) -> tuple[float, float]:
        here = array[index]
        array[index] = here + by
        above = loss(moved)
        array[index] = here - by
        below = loss(moved)
        array[index] = here
        return (above - below) / (2 * by), abs(above - 2 * between + below) / by

    for array in moved:
        found = {index: slopes(array, index, step) for index in measured(array, most)}
        scale = KINK * float(np.linalg.norm([slope for slope, _ in found.values()]))
        gradient.append(np.zeros_like(array))
        for index, (slope, apart) in found.items():
            gradient[-1][index] = slope
            if apart > scale + ROUNDING:
                tried = [(by, *slopes(array, index, by)) for by in SHORTER]
                gradient[-1][index] = steady([(step, slope, apart), *tried], scale)
    return type(weights)(*gradient)


def steady(tried: list[tuple[float, float, float]], scale: float) -> float:
    """The slope of the longest step that a shorter one does not change.

    Parameters
    ----------
    tried
        Steps, the longest first, with their slopes and with how far those to either side differ.
    scale
        What need not be told apart.

    Raises
    ------
    Kink
        When there is none, or the slopes to either side differ however short the step is, as
        those of a smooth loss do not.
    """
    (_, _, apart), *_, (least, _, still) = tried
    if still > apart / 2 + scale + ROUNDING * STEP / least:
        raise Kink
    for (_, longer, _), (by, shorter, _) in pairwise(tried):
        if abs(longer - shorter) <= scale + ROUNDING * STEP / by:
            return longer
    raise Kink


def measured(array: Array, most: int | None) -> list[tuple[int, ...]]:
    """The entries of an array by which a loss is differentiated."""
    size = array.size
    places = np.unique(np.linspace(0, size - 1, min(size, most or size)).round().astype(int))
    return list(
        zip(*(map(int, axis) for axis in np.unravel_index(places, array.shape)), strict=True)
    )


def only_measured(array: Array, most: int | None) -> Array:
    """An array with 0 in the place of its other entries."""
    kept = np.zeros_like(array)
    for index in measured(array, most):
        kept[index] = array[index]
    return kept


def relative_error(found: Array, expected: Array) -> float:
    """The norm of the difference over the norm of what was expected.

    Raises
    ------
    ValueError
        When the shapes differ: broadcasting must not hide it.
    """
    if found.shape != expected.shape:
        raise ValueError(f"the gradient is {found.shape}; it must be {expected.shape}")
    scale = np.linalg.norm(expected)
    return float(np.linalg.norm(found - expected) / (scale if scale > 0 else 1))


# --8<-- [end:difference]


def shifted(
    net: Network, weights: WeightTuple, adapted: WeightTuple, shift: WeightTuple
) -> WeightTuple:
    """Adapted weights, moved while what has adapted is held fixed.

    A context stays as it is and meets the moved weights V1: it is the c of b1 + c V1.
    """
    moved = net.Weights(*map(np.add, adapted, shift))
    if has_context(net):
        start, here, by = (each._asdict() for each in (weights, adapted, shift))
        context = (here["b1"] - start["b1"]) @ np.linalg.pinv(start["V1"])
        moved = moved._replace(b1=moved.b1 + context @ by["V1"])
    return cast("WeightTuple", moved)


def gradients(
    net: Network, parameters: Parameters, batch: Batch, alpha: float, most: int | None = None
) -> dict[str, tuple[Parameters, Parameters]]:
    """Each generated gradient, and the same by finite differences.

    The first-order gradient is that of the query loss at the adapted weights, which are held
    fixed: adding a perturbation to the weights of every task after adaptation measures it. A
    multi-step loss is taken as it is in the course of a training, when all its weights differ
    from 0. Of each array only so many entries are compared, if not all of them.
    """

    def by_differences(loss: Callable[[WeightTuple], float], at: WeightTuple) -> WeightTuple:
        return central_difference(loss, at, most=most)

    def kept(*found: WeightTuple) -> Parameters:
        both = Parameters(*found)
        return both.replaced(only_measured(array, most) for array in both.arrays)

    (weights, rates), steps = parameters, net.NETWORK.steps
    weighted = takes_omegas(net)
    omegas = step_weights("annealed" if weighted else "last", steps, PROGRESS)
    beside = (omegas,) if weighted else ()
    given = (*parameters.arguments(batch, alpha), *beside)
    adapted = {
        step: [
            net.adapt(*parameters.arguments(support, alpha), steps=step)
            for support in zip(batch.X_s, batch.Y_s, strict=True)
        ]
        for step, omega in enumerate(omegas, start=1)
        if omega
    }

    def query_loss(shift: WeightTuple) -> float:
        queries = list(zip(batch.X_q, batch.Y_q, strict=True))
        losses = 0.0
        for step, reached in adapted.items():
            moved = [shifted(net, weights, one, shift) for one in reached]
            losses += omegas[step - 1] * sum(
                net.loss(one, *query) for one, query in zip(moved, queries, strict=True)
            )
        return losses / len(queries)

    def meta_loss(changed: Parameters) -> float:
        return net.meta_loss(*changed.arguments(batch, alpha), *beside)

    X, Y = batch.X_s[0], batch.Y_s[0]
    of_rates = rates and by_differences(lambda r: meta_loss(Parameters(weights, r)), rates)
    of_weights = by_differences(lambda w: meta_loss(Parameters(w, rates)), weights)
    return {
        "inner gradient": (
            kept(net.loss_and_gradient(weights, X, Y)[1]),
            Parameters(by_differences(lambda w: net.loss(w, X, Y), weights)),
        ),
        "meta-gradient": (
            kept(*net.meta_loss_and_gradient(*given)[1:]),
            Parameters(of_weights, of_rates),
        ),
        "first-order meta-gradient": (
            kept(net.first_order_meta_loss_and_gradient(*given)[1]),
            Parameters(
                by_differences(query_loss, net.Weights(*(np.zeros_like(w) for w in weights)))
            ),
        ),
    }


def at_a_smooth_point(
    net: Network, parameters: Parameters, batch: Batch, alpha: float
) -> dict[str, tuple[Parameters, Parameters]]:
    """The `gradients` here or, where a kink is in the way, at a point nearby.

    Raises
    ------
    Refusal
        When there is a kink everywhere.
    """
    rng = stream(0, 0)
    for _ in range(POINTS):
        try:
            return gradients(net, parameters, batch, alpha, MOST)
        except Kink:
            arrays = parameters.arrays
            parameters = parameters.replaced(
                array + NUDGE * rng.standard_normal(array.shape) for array in arrays
            )
    raise Refusal(f"the loss has a kink at each of {POINTS} points; another --seed may have none")


def run(family: TaskFamily, options: argparse.Namespace) -> int:
    """Print a line a parameter; exit status 1 when one of them fails."""
    dtype = np.dtype(np.float64)  # because finite differences lose half of the digits
    if options.run is None:
        usual = family.recipe()
        family, sizes = family.of(usual), (7, 5)
        name = usual.network if options.network is None else options.network
        net, alpha = family.network(name), usual.alpha
        layers = family.layers(usual.hidden[:1] * net.NETWORK.hidden, told=False)
        drawn = stream(options.seed, 0)
        start = initial_parameters(net, layers, drawn, dtype, usual.initial, alpha)
    else:
        if options.network is not None:
            raise Refusal("--network and --run are given; a run knows its network")
        loaded = load_run(family, options.run)
        family, alpha = loaded.family, loaded.recipe.alpha
        sizes = (loaded.recipe.shots, loaded.recipe.queries)
        adapted = (name for name, method in METHODS.items() if method.adapts)
        name = next(name for name in (*adapted, "random") if name in loaded.starts)
        net, start = loaded.network(name), loaded.starts[name]
    parameters = start.replaced(array.astype(dtype) for array in start.arrays)
    batch = next(family.batches(stream(options.seed, 2), 3, *sizes, dtype))
    failed = 0
    for title, (found, expected) in at_a_smooth_point(net, parameters, batch, alpha).items():
        steps = net.NETWORK.steps
        print(f"{title}, {steps} inner step{'s' * (steps > 1)}")
        width = 2 + max(map(len, found.named))
        for name, ours in found.named.items():
            error = relative_error(ours, expected.named[name])
            apart = float(np.linalg.norm(ours - expected.named[name]))
            passed = error <= TOLERANCE or apart <= ROUNDING
            failed += not passed
            print(f"  {name:{width}}{error:>12.1e}  {'ok' if passed else 'FAILED'}")
    print(f"{failed} failed" if failed else f"every relative error is at most {TOLERANCE:g}")
    return 1 if failed else 0


def main(family: TaskFamily, arguments: list[str] | None = None) -> int:
    """Run the command ``gradcheck`` of a task family."""
    what = "Hold the generated gradients against central finite differences."
    options = parser(family.command("gradcheck"), what, family.folder)
    options.set_defaults(run=None)
    usual = family.recipe().network
    options.add_argument("--network", help=f"one of {', '.join(names())} (default: {usual})")
    return status(lambda: run(family, options.parse_args(arguments)))
