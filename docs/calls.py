"""How the generated functions are called: ``python -m docs.calls``."""

from __future__ import annotations

import sys

import numpy as np

from docs.experiment.networks import initial_weights
from docs.experiment.randomness import stream
from docs.sinusoid import tasks
from generated import relu2 as net


def main() -> int:
    """Call each function once, and print what it takes and gives."""
    # --8<-- [start:data]
    dtype = np.dtype(np.float64)
    sizes = (1, 40, 40, 1)  # one input, two hidden layers, one output
    weights = net.Weights(*initial_weights(net, sizes, stream(0, 0), dtype))  # type: ignore[arg-type]
    X_s, Y_s, X_q, Y_q = tasks.sample(stream(0, 1), tasks=25, shots=10, queries=8, dtype=dtype)
    print("weights", *(f"{name} {array.shape}" for name, array in weights._asdict().items()))
    print("support", X_s.shape, Y_s.shape, "query", X_q.shape, Y_q.shape)
    # --8<-- [end:data]

    # --8<-- [start:task]
    print("predict", net.predict(weights, X_q[0]).shape)
    loss, gradient = net.loss_and_gradient(weights, X_s[0], Y_s[0])
    print(f"loss {loss:.3f}, gradient by W2 {gradient.W2.shape}")
    adapted = net.adapt(weights, X_s[0], Y_s[0], alpha=0.01, steps=5)
    print(f"support loss after 5 steps {net.loss(adapted, X_s[0], Y_s[0]):.3f}")
    # --8<-- [end:task]

    # --8<-- [start:meta]
    loss, gradient = net.meta_loss_and_gradient(weights, X_s, Y_s, X_q, Y_q, alpha=0.01)
    print(f"meta-loss {loss:.3f}, meta-gradient by W2 {gradient.W2.shape}")
    # --8<-- [end:meta]

    # --8<-- [start:workspace]
    ws = net.workspace(sizes, tasks=25, shots=10, queries=8, dtype=dtype)
    for own, array in zip(ws.weights, weights, strict=True):
        own[:] = array  # views of ws.parameters, one vector
    again, _ = ws.meta_loss_and_gradient(ws.weights, X_s, Y_s, X_q, Y_q, alpha=0.01)
    print(f"meta-loss {again:.3f}, parameters {ws.parameters.shape}, gradient {ws.gradient.shape}")
    # --8<-- [end:workspace]
    return 0


if __name__ == "__main__":
    sys.exit(main())
