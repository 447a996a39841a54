"""Who computes the meta-gradient, each used as a good user would.

A contender is prepared once for a case: its data are its own arrays, and what it compiles is
compiled. It returns what is timed, a call whose result is complete when it returns; `arrays`
turns such a result into a loss and numpy arrays.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.benchmark.cases import ALPHA

if TYPE_CHECKING:
    from tests.benchmark.cases import Case, Problem

#: Relative to the largest gradient: what rounding in float32 may do.
TOLERANCE = 2e-5

Call = Callable[[], Any]


def reference(net: Any, _: Case, p: Problem) -> Call:
    """Ours, the derivation line by line."""
    weights = net.Weights(*p.weights)
    return lambda: net.reference.meta_loss_and_gradient(weights, *p[1:], ALPHA)


def kernel(net: Any, _: Case, p: Problem) -> Call:
    """Ours, the readable fast form."""
    weights = net.Weights(*p.weights)
    return lambda: net.meta_loss_and_gradient(weights, *p[1:], ALPHA)


def workspace(net: Any, case: Case, p: Problem) -> Call:
    """Ours, in place."""
    return _workspace_call(net.workspace(case.sizes, case.T, case.K, case.K), p)


def native(net: Any, case: Case, p: Problem) -> Call:
    """Ours, in C: as many threads as there are cores for this process."""
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    ws = net.workspace(case.sizes, case.T, case.K, case.K, backend="c", threads=threads)
    return _workspace_call(ws, p)


def _workspace_call(ws: Any, p: Problem) -> Call:
    for own, array in zip(ws.weights, p.weights, strict=True):
        own[:] = array
    return lambda: ws.meta_loss_and_gradient(ws.weights, *p[1:], ALPHA)


def jax_loss(case: Case) -> Callable[..., Any]:
    """The meta-loss in JAX: ``vmap`` over the tasks of a function of one task."""
    import jax
    import jax.numpy as jnp

    activation = {"relu": jax.nn.relu, "tanh": jnp.tanh}[case.activation]

    def predict(weights: Any, X: Any) -> Any:
        for W, b in zip(weights[:-2:2], weights[1:-2:2], strict=True):
            X = activation(X @ W + b)
        return X @ weights[-2] + weights[-1]

    def loss(weights: Any, X: Any, Y: Any) -> Any:
        return jnp.mean((predict(weights, X) - Y) ** 2)

    def task(weights: Any, X_s: Any, Y_s: Any, X_q: Any, Y_q: Any) -> Any:
        for _ in range(case.steps):
            gradient = jax.grad(loss)(weights, X_s, Y_s)
            weights = [w - ALPHA * g for w, g in zip(weights, gradient, strict=True)]
        return loss(weights, X_q, Y_q)

    return lambda weights, *data: jnp.mean(jax.vmap(task, (None, 0, 0, 0, 0))(weights, *data))


def jax_function(case: Case, p: Problem) -> tuple[Any, list[Any]]:
    """The compiled meta-loss and meta-gradient in JAX, and their arguments."""
    import jax as library
    import jax.numpy as jnp

    function = library.jit(library.value_and_grad(jax_loss(case)))
    return function, [[jnp.asarray(w) for w in p.weights], *map(jnp.asarray, p[1:])]


def jax(_: Any, case: Case, p: Problem) -> Call:
    """JAX: ``jit(value_and_grad)``."""
    import jax as library

    function, arguments = jax_function(case, p)
    return lambda: library.block_until_ready(function(*arguments))


def torch_function(case: Case) -> Callable[..., Any]:
    """The meta-gradient and meta-loss by ``torch.func``."""
    import torch
    from torch.func import grad, grad_and_value, vmap

    activation = {"relu": torch.relu, "tanh": torch.tanh}[case.activation]

    def loss(weights: Any, X: Any, Y: Any) -> Any:
        for W, b in zip(weights[:-2:2], weights[1:-2:2], strict=True):
            X = activation(X @ W + b)
        return ((X @ weights[-2] + weights[-1] - Y) ** 2).mean()

    def task(weights: Any, X_s: Any, Y_s: Any, X_q: Any, Y_q: Any) -> Any:
        for _ in range(case.steps):
            gradient = grad(loss)(weights, X_s, Y_s)
            weights = [w - ALPHA * g for w, g in zip(weights, gradient, strict=True)]
        return loss(weights, X_q, Y_q)

    def meta_loss(weights: Any, *data: Any) -> Any:
        return vmap(task, (None, 0, 0, 0, 0))(weights, *data).mean()

    def function(weights: Any, *data: Any) -> Any:
        gradient, value = grad_and_value(meta_loss)(weights, *data)
        return value, gradient

    return function


def torch_func(_: Any, case: Case, p: Problem) -> Call:
    """PyTorch: ``torch.func``."""
    return _torch_call(torch_function(case), p)


def torch_compile(_: Any, case: Case, p: Problem) -> Call:
    """PyTorch: ``torch.compile`` of ``torch.func``."""
    import torch

    # What was compiled for other cases counts against a small limit, beyond which PyTorch would
    # run this one uncompiled without an error.
    torch.compiler.reset()
    return _torch_call(torch.compile(torch_function(case), dynamic=False, fullgraph=True), p)


def _torch_call(function: Callable[..., Any], p: Problem) -> Call:
    import torch

    weights = [torch.from_numpy(w) for w in p.weights]
    data = [torch.from_numpy(each) for each in p[1:]]
    return lambda: function(weights, *data)


def autograd(_: Any, case: Case, p: Problem) -> Call:
    """HIPS autograd, on batched code: every task has weights of its own along the first axis."""
    from autograd import grad, value_and_grad
    from autograd import numpy as anp

    activation = {"relu": lambda z: anp.maximum(z, 0), "tanh": anp.tanh}[case.activation]

    def losses(weights: Any, X: Any, Y: Any) -> Any:
        for W, b in zip(weights[:-2:2], weights[1:-2:2], strict=True):
            X = activation(anp.matmul(X, W) + b)
        return anp.mean((anp.matmul(X, weights[-2]) + weights[-1] - Y) ** 2, axis=(1, 2))

    def total(weights: Any, X: Any, Y: Any) -> Any:
        return anp.sum(losses(weights, X, Y))

    spread = np.zeros((case.T, 1, 1), np.float32)

    def meta_loss(weights: Any, X_s: Any, Y_s: Any, X_q: Any, Y_q: Any) -> Any:
        weights = [w + spread for w in weights]
        for _ in range(case.steps):
            gradient = grad(total)(weights, X_s, Y_s)
            weights = [w - ALPHA * g for w, g in zip(weights, gradient, strict=True)]
        return anp.mean(losses(weights, X_q, Y_q))

    function = value_and_grad(meta_loss)
    return lambda: function(list(p.weights), *p[1:])


CONTENDERS: dict[str, Callable[[Any, Case, Problem], Call]] = {
    "reference": reference,
    "kernel": kernel,
    "workspace": workspace,
    "C": native,
    "JAX": jax,
    "torch.func": torch_func,
    "torch.compile": torch_compile,
    "autograd": autograd,
}


def arrays(result: Any) -> tuple[float, list[np.ndarray]]:
    """A loss and its gradient as numpy has them."""
    loss, gradient = result
    return float(loss), [np.asarray(array) for array in gradient]


def check(name: str, result: Any, net: Any, p: Problem) -> None:
    """Hold a contender's result against the derivation in double precision.

    Raises
    ------
    ValueError
        When they disagree.
    """
    weights = net.Weights(*(w.astype(np.float64) for w in p.weights))
    data = (each.astype(np.float64) for each in p[1:])
    expected_loss, expected = net.reference.meta_loss_and_gradient(weights, *data, ALPHA)
    loss, gradient = arrays(result)
    scale = max(np.linalg.norm(array) for array in expected)
    errors = [abs(loss - expected_loss) / expected_loss] + [
        float(np.linalg.norm(ours - theirs) / scale)
        for ours, theirs in zip(gradient, expected, strict=True)
    ]
    if not max(errors) < TOLERANCE:
        raise ValueError(f"{name} disagrees with the reference: relative error {max(errors):.1e}")
