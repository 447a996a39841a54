"""The cases: small problems on which every mistake leaves another gradient.

Within a case the numbers of tasks, steps, rows, inputs, units and outputs all differ. Those that a
loss may be summed over are odd primes, so a factor of the gradient tells which sums it comes from,
and no matrix is square, so its shape tells which way it lies.

One case has the shape that most people have instead: one input, one output, two layers of 40
units. What broadcasting makes of rows (N, 1) beside (N,) shows there alone.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from ..experiment.family import Batch
from ..experiment.networks import load_network, names

if TYPE_CHECKING:
    from ..experiment.networks import Array, Network, WeightTuple


SQUARED, ENTROPY = "mean_squared_error", "cross_entropy"


@dataclass(frozen=True)
class Case:
    """A network, its weights and a meta-batch, all float64.

    Attributes
    ----------
    name
        Under which its arrays stand in a file.
    activation, loss, steps, alpha
        What the hidden layers apply, which loss is taken of either set, how many inner steps are
        taken, and their size.
    weights
        W1 (D, L1), b1 (1, L1), ...
    batch
        X_s (T, N, D), Y_s (T, N, O), X_q (T, M, D), Y_q (T, M, O).
    """

    name: str
    activation: str
    loss: str
    steps: int
    alpha: float
    weights: WeightTuple
    batch: Batch

    @property
    def net(self) -> Network:
        """The generated package that takes one inner step in such a network."""
        return load_network(package(self.activation, self.loss, len(self.weights) // 2 - 1))

    @property
    def unrolled(self) -> Network | None:
        """The generated package that takes as many steps as the case has, if there is one."""
        if self.steps == 1:
            return self.net
        hidden = len(self.weights) // 2 - 1
        name = f"{package(self.activation, self.loss, hidden)}_{self.steps}steps"
        return load_network(name) if name in names() else None

    @property
    def sizes(self) -> dict[str, int]:
        """The numbers of tasks T, support rows N, query rows M and outputs O."""
        tasks, shots, outputs = self.batch.Y_s.shape
        queries = self.batch.Y_q.shape[1]
        return {"T": tasks, "M": queries, "N": shots, "O": outputs}

    def but(self, alpha: float = 1.0, more_steps: int = 0) -> Case:
        """The same problem with `alpha` times the step size, or another number of steps."""
        return replace(self, alpha=alpha * self.alpha, steps=self.steps + more_steps)

    def with_data(self, *data: Array) -> Case:
        """The same problem with other data: X_s, Y_s, X_q, Y_q."""
        return replace(self, batch=Batch(*data))


@dataclass(frozen=True)
class Plan:
    """What a case is drawn from: its sizes, its step size and a seed.

    The seed is one at which no unit of a relu network, on the way of any hypothesis, comes near
    its kink: there, rounding would open a gate in one computation and close it in another.
    """

    layers: tuple[int, ...]
    tasks: int
    shots: int
    queries: int
    alpha: float
    activation: str = "relu"
    loss: str = SQUARED
    steps: int = 1
    seed: int = 0


PLANS = {
    "relu1": Plan((2, 13, 3), tasks=5, shots=11, queries=7, alpha=0.079, seed=246),
    "relu2": Plan((4, 9, 8, 3), tasks=7, shots=5, queries=11, alpha=0.061, seed=138),
    "tanh2": Plan(
        (2, 6, 9, 5), tasks=3, shots=7, queries=11, alpha=0.109, activation="tanh", seed=24
    ),
    "one_output": Plan((1, 40, 40, 1), tasks=3, shots=5, queries=7, alpha=0.0097, seed=153),
    "cross_entropy": Plan(
        (4, 9, 8, 5), tasks=3, shots=7, queries=11, alpha=0.23, loss=ENTROPY, seed=811
    ),
    "relu2_5steps": Plan((2, 8, 6, 13), tasks=3, shots=7, queries=11, alpha=0.031, steps=5, seed=0),
}


def package(activation: str, loss: str, hidden: int) -> str:
    """The name of the generated package of a network that takes one inner step."""
    return "cross_entropy" if loss == ENTROPY else f"{activation}{hidden}"


def drawn(rng: random.Random, *shape: int, scale: float) -> Array:
    """Numbers of three decimals within `scale` of zero.

    Python promises the stream of ``random.Random.random`` for every version and machine, which
    NumPy does not for its generators; the rest is one product, one rounding and one division.
    """
    count = int(np.prod(shape))
    whole = [round(1000 * scale * (2 * rng.random() - 1)) for _ in range(count)]
    return np.array([number / 1000 for number in whole]).reshape(shape)


@cache
def cases() -> dict[str, Case]:
    """Every case by its name; their arrays are read-only."""
    return {name: _case(name, plan) for name, plan in PLANS.items()}


def _case(name: str, plan: Plan) -> Case:
    rng = random.Random(f"{name} {plan.seed}")
    arrays = []
    for above, below in pairwise(plan.layers):
        arrays.append(drawn(rng, above, below, scale=1.5 / above**0.5))
        arrays.append(drawn(rng, 1, below, scale=0.5))
    data = [
        drawn(rng, plan.tasks, rows, columns, scale=2.0)
        for rows in (plan.shots, plan.queries)
        for columns in (plan.layers[0], plan.layers[-1])
    ]
    if plan.loss == ENTROPY:
        data[1::2] = [largest(Y) for Y in data[1::2]]
    for array in (*arrays, *data):
        array.flags.writeable = False
    net = load_network(package(plan.activation, plan.loss, len(plan.layers) - 2))
    weights, batch = net.Weights(*arrays), Batch(*data)
    return Case(name, plan.activation, plan.loss, plan.steps, plan.alpha, weights, batch)


def largest(scores: Array) -> Array:
    """One where a row is largest, and zeros: the probabilities of a class that is known."""
    hot: Array = np.eye(scores.shape[-1])[scores.argmax(-1)]
    return hot
