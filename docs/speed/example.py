"""A workspace, and the meta-gradients of a few meta-batches."""

from __future__ import annotations

import sys

import numpy as np

from docs.experiment.adam import Adam
from docs.experiment.networks import flatten, initial_weights, load_network
from docs.sinusoid import tasks


def main() -> int:
    """Take a few hundred steps, and print the loss at the beginning and at the end."""
    net = load_network("relu2")
    rng, dtype = np.random.default_rng(0), np.dtype(np.float32)
    # --8<-- [start:example]
    ws = net.workspace((1, 40, 40, 1), tasks=25, shots=10, queries=10, dtype=dtype)
    flatten(initial_weights(net, [1, 40, 40, 1], rng, dtype), out=ws.parameters)
    adam = Adam(ws.parameters)
    losses = []
    for _, batch in zip(range(300), tasks.batches(rng, 25, 10, 10, dtype), strict=False):
        loss, gradient = ws.meta_loss_and_gradient(ws.weights, *batch, alpha=0.01)
        adam.update(ws.gradient)  # the same memory as `gradient`, as one vector
        losses.append(loss)
    # --8<-- [end:example]
    first, last = np.mean(losses[:50]), np.mean(losses[-50:])
    print(f"the loss went from {first:.2f} to {last:.2f}; {len(gradient)} gradients")
    return 0


if __name__ == "__main__":
    sys.exit(main())
