"""Codes in JAX, with the faults as people make them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..adapters.jax_functions import adapted_by, gradient_of
from .model import Model, Planted

ALPHA = 0.1
TASKS, SHOTS, QUERIES = 3, 5, 7


def drawn(rng: np.random.Generator, *shape: int) -> Any:
    """Random numbers of a size that suits weights."""
    return jnp.asarray(rng.standard_normal(shape) / np.prod(shape[:-1]) ** 0.5, dtype=jnp.float32)


def mlp(weights: Any, X: Any) -> Any:
    """A multilayer perceptron with relu, a list of pairs."""
    *body, (W, b) = weights
    for V, c in body:
        X = jax.nn.relu(X @ V + c)
    return X @ W + b


def conv(weights: Any, X: Any) -> Any:
    """A convolution, normalisation by the batch, softplus, mean; then five classes."""
    X = jax.lax.conv(X, weights["kernel"], (1, 1), "SAME")
    X = (X - X.mean((0, 2, 3), keepdims=True)) / jnp.sqrt(X.var((0, 2, 3), keepdims=True) + 1e-5)
    X = jax.nn.softplus(X * weights["scale"][:, None, None] + weights["shift"][:, None, None])
    return X.mean((2, 3)) @ weights["head"]["W"] + weights["head"]["b"]


def squares(net: Any, weights: Any, batch: Any) -> Any:
    """The mean squared error."""
    X, Y = batch
    return jnp.mean((net(weights, X) - Y) ** 2)


def entropy(net: Any, weights: Any, batch: Any) -> Any:
    """The cross-entropy."""
    X, Y = batch
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(net(weights, X)), Y[:, None], axis=1))


def made(network: str) -> tuple[Any, Any, Any]:
    """A loss, weights and tasks."""
    rng = np.random.default_rng(3)
    if network == MLP:
        layers = ((3, 9), (9, 8), (8, 2))
        weights = [(drawn(rng, *shape), jnp.zeros(shape[1])) for shape in layers]

        def batch(rows: int) -> Any:
            return drawn(rng, 1, rows, 3)[0], drawn(rng, 1, rows, 2)[0]

        return (
            partial(squares, mlp),
            weights,
            [(batch(SHOTS), batch(QUERIES)) for _ in range(TASKS)],
        )
    kernel = {"kernel": drawn(rng, 6, 1, 3, 3), "scale": jnp.ones(6), "shift": jnp.zeros(6)}
    head = {"W": drawn(rng, 6, 5), "b": jnp.zeros(5)}

    def images(rows: int) -> Any:
        return drawn(rng, 1, rows, 1, 6, 6)[0], jnp.asarray(rng.integers(0, 5, rows))

    tasks = [(images(SHOTS), images(QUERIES)) for _ in range(TASKS)]
    return partial(entropy, conv), {**kernel, "head": head}, tasks


MLP, CONV = "3-9-8-2, relu", "convolution, batch norm, cross-entropy"


def stepped(loss: Any, steps: int, treated: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    """Inner steps; `treated` is what happens to the inner gradients."""

    def adapt(weights: Any, support: Any) -> Any:
        for _ in range(steps):
            gradient = treated(jax.grad(loss)(weights, support))
            weights = jax.tree.map(lambda w, g: w - ALPHA * g, weights, gradient)
        return weights

    return adapt


def model(
    network: str,
    steps: int = 1,
    treated: Callable[[Any], Any] = lambda g: g,
    whole: Callable[..., Any] = gradient_of,
) -> Model:
    """A right `adapt`, and a meta-gradient with what is said of it."""
    plain, weights, tasks = made(network)
    loss = jax.jit(plain)
    adapt = adapted_by(loss, ALPHA, steps)
    return Model(whole(stepped(loss, steps, treated), loss), adapt, loss, weights, tasks)


def mapped_over(reduce: Any) -> Callable[..., Any]:
    """All tasks at once by ``vmap``, compiled."""

    def whole(adapt: Any, loss: Any) -> Any:
        def meta_loss(weights: Any, tasks: Any) -> Any:
            support, query = jax.tree.map(lambda *each: jnp.stack(each), *tasks)
            return reduce(jax.vmap(lambda s, q: loss(adapt(weights, s), q))(support, query))

        return jax.jit(jax.grad(meta_loss))

    return whole


def scanned(network: str, steps: int) -> Model:
    """The inner loop as a ``lax.scan``."""
    given = model(network, steps)
    one = adapted_by(given.loss, ALPHA)

    def adapt(weights: Any, support: Any) -> Any:
        return jax.lax.scan(lambda w, _: (one(w, support), None), weights, length=steps)[0]

    return given._replace(meta_gradient=gradient_of(adapt, given.loss))


def unadapted(_: Any, loss: Any) -> Any:
    """The query loss at the shared weights."""
    return gradient_of(lambda weights, _: weights, loss)


def reptile(adapt: Any, _: Any) -> Any:
    """The way from the adapted weights back."""

    def meta_gradient(weights: Any, tasks: Any) -> Any:
        moved = [adapt(weights, support) for support, _ in tasks]
        return jax.tree.map(lambda w, *fast: w - sum(fast) / len(fast), weights, *moved)

    return meta_gradient


def first_task(adapt: Any, loss: Any) -> Any:
    """The first task of the meta-batch only."""
    right = gradient_of(adapt, loss)
    return lambda weights, tasks: right(weights, tasks[:1])


def without_body(gradient: Any) -> Any:
    """Inner gradients of all layers but the last are constants."""
    return [*jax.lax.stop_gradient(gradient[:-1]), gradient[-1]]


def planted(network: str, code: str, expected: str, make: Any = model, **how: Any) -> Planted:
    """A code of a network."""
    return Planted("JAX", network, code, partial(make, network, **how), expected)


STOP: Any = jax.lax.stop_gradient

RIGHT = [
    planted(MLP, "one step", "yes"),
    planted(CONV, "one step", "yes"),
    planted(MLP, "five steps by scan", "yes", scanned, steps=5),
    planted(CONV, "three steps", "yes", steps=3),
    planted(MLP, "vmap over tasks, jit", "yes", whole=mapped_over(jnp.mean)),
]

FAULTS = [
    planted(MLP, "stop_gradient", "no: first order", treated=STOP),
    planted(CONV, "stop_gradient, three steps", "no: first order", steps=3, treated=STOP),
    planted(
        CONV, "vmap, summed over tasks", "no: second order, times T", whole=mapped_over(jnp.sum)
    ),
    planted(MLP, "query loss ignores fast weights", "no: joint training", whole=unadapted),
    planted(CONV, "Reptile", "no: Reptile's direction", whole=reptile),
    planted(MLP, "first task only", "no: second order, first task only", whole=first_task),
    planted(
        MLP,
        "stop_gradient on the body",
        "no: second order, but for the inner gradients of 0.0, 0.1, 1.0, 1.1",
        treated=without_body,
    ),
]
