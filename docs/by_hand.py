"""Two mistakes of a derivation by hand, and what they cost.

Both were found in a public implementation of MAML in numpy. The formulas below are ours, written
from its description; every correct number comes from the generated functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from docs.experiment.angle import degrees
from docs.experiment.family import Batch
from docs.experiment.networks import initial_weights, load_network
from docs.experiment.randomness import stream
from docs.sinusoid import tasks
from docs.sinusoid.tasks import DIVERGED

if TYPE_CHECKING:
    from docs.experiment.networks import Array, Network, WeightTuple

ALPHA, SHOTS, UNITS, STEPS = 0.01, 10, 40, 10
#: Tasks whose losses are medians; fewer change from draw to draw.
TASKS = 1000


# --8<-- [start:output_error]
def with_output_error(net: Network, weights: WeightTuple, X: Array, Y: Array) -> dict[str, Array]:
    """The inner gradient of two hidden layers, layer 2 given the error of the output.

    Where ``dW2 = H1.T @ dZ2`` is meant, it says ``dW2 = H1.T @ dZ3``.
    """
    gradient = net.loss_and_gradient(weights, X, Y)[1]._asdict()
    H1 = np.maximum(X @ weights[0] + weights[1], 0)
    dZ3 = 2 / len(X) * (net.predict(weights, X) - Y)
    return {**gradient, "W2": H1.T @ dZ3, "b2": dZ3.sum(0)}


# --8<-- [end:output_error]


# --8<-- [start:normalised]
def normalised(gradient: WeightTuple) -> WeightTuple:
    """Every array of a gradient, minus its mean and over its standard deviation."""
    return type(gradient)(*((g - g.mean()) / (g.std() + 1e-8) for g in gradient))


# --8<-- [end:normalised]


def measure() -> dict[str, Any]:
    """Shapes, losses of fine-tuning and angles, at the initial weights of the experiment."""
    net, dtype = load_network("relu2"), np.dtype(np.float64)
    weights = initial_weights(net, [1, UNITS, UNITS, 1], stream(0, 0), dtype)
    batch = tasks.sample(stream(0, 2), TASKS, SHOTS, SHOTS, dtype)
    X, Y = batch.X_s[0], batch.Y_s[0]
    right = net.loss_and_gradient(weights, X, Y)[1]
    wrong = with_output_error(net, weights, X, Y)
    turned = [turn(net, seed) for seed in range(10)]
    return {
        "shapes": {
            "as derived": {name: shape(right._asdict()[name]) for name in ("W2", "b2")},
            "with the output error": {name: shape(wrong[name]) for name in ("W2", "b2")},
        },
        "loss": fine_tuning(net, weights, batch),
        "cosine": {
            "smallest": float(np.cos(np.radians(max(turned)))),
            "largest": float(np.cos(np.radians(min(turned)))),
        },
        "angle": {"smallest": min(turned), "largest": max(turned)},
        "output bias": float(np.abs(normalised(right)[-1]).max()),
    }


def turn(net: Network, seed: int) -> float:
    """The angle between a meta-gradient and what normalising makes of it, in degrees."""
    dtype = np.dtype(np.float64)
    weights = initial_weights(net, [1, UNITS, UNITS, 1], stream(seed, 0), dtype)
    meta_batch = tasks.sample(stream(seed, 1), 25, SHOTS, SHOTS, dtype)
    gradient = net.meta_loss_and_gradient(weights, *meta_batch, ALPHA)[1]
    of_tasks = []
    for one in zip(*(array[:, np.newaxis] for array in meta_batch), strict=True):
        own = net.meta_loss_and_gradient(weights, *Batch(*one), ALPHA)[1]
        of_tasks.append(normalised(own))
    summed = type(gradient)(*(sum(arrays) for arrays in zip(*of_tasks, strict=True)))
    return degrees(summed, gradient)


def shape(array: Array) -> str:
    """A shape as a page shows it."""
    return f"`{array.shape}`"


def fine_tuning(net: Network, weights: WeightTuple, batch: Batch) -> dict[str, dict[str, float]]:
    """The query loss over tasks after some steps with either gradient."""

    def derived(here: WeightTuple, X: Array, Y: Array) -> WeightTuple:
        return net.adapt(here, X, Y, ALPHA)

    def faulty(here: WeightTuple, X: Array, Y: Array) -> WeightTuple:
        gradient = with_output_error(net, here, X, Y).values()
        return type(here)(*(w - ALPHA * g for w, g in zip(here, gradient, strict=True)))

    losses = {}
    for name, take_step in {"as derived": derived, "with the output error": faulty}.items():
        curves = np.empty((len(batch.X_s), STEPS + 1))
        for curve, X_s, Y_s, X_q, Y_q in zip(curves, *batch, strict=True):
            here, curve[0] = weights, net.loss(weights, X_q, Y_q)
            for k in range(1, STEPS + 1):
                # A task that diverges overflows.
                with np.errstate(over="ignore", invalid="ignore"):
                    here = take_step(here, X_s, Y_s)
                    curve[k] = net.loss(here, X_q, Y_q)
        curves[np.isnan(curves)] = np.inf
        losses[name] = {
            "median before": float(np.median(curves[:, 0])),
            "after 1 step": float(np.median(curves[:, 1])),
            f"after {STEPS} steps": float(np.median(curves[:, -1])),
            "diverged, %": 100 * float(np.mean(~(curves[:, -1] < DIVERGED))),
        }
    return losses
