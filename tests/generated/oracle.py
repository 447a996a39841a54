"""The algorithms in JAX and in float64, written from their papers.

Nothing of `derive` or of what it emits is used, so that an agreement with it means something:
JAX differentiates, and a derivative of any order is asked of it. Parameters, gradients and rates
are dicts by name: ``W1, b1, W2, ...``, ``V1`` where there is a context, ``c`` the context itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from inspect import signature
from typing import Any, NamedTuple, ParamSpec, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

Parameters: TypeAlias = dict[str, Any]
P = ParamSpec("P")

#: More than enough: each doubles the digits.
NEWTON_STEPS = 20


#: What batch normalisation adds to a variance.
EPSILON = 1e-3


class Setting(NamedTuple):
    """What a package is derived for: the fields of its ``NETWORK``.

    Attributes
    ----------
    hidden, activation, bias
        Hidden layers, a key of `ACTIVATIONS`, whether layers have biases.
    steps
        Inner gradient steps of the meta-gradient.
    loss, algorithm
        Keys of `LOSSES` and of `ALGORITHMS`.
    penalty
        Whether the inner loss has lam/2 times the sum of the squares of what adapts.
    task_weights
        Whether the meta-loss is a weighted sum over tasks instead of their mean.
    normalised
        Whether hidden layers have mean 0 and variance 1 over their rows, before the bias.
    """

    hidden: int = 2
    activation: str = "relu"
    steps: int = 1
    loss: str = "squared"
    algorithm: str = "maml"
    bias: bool = True
    penalty: bool = False
    task_weights: bool = False
    normalised: bool = False


class Scalars(NamedTuple):
    """Numbers of a call: the step size, the penalty, a weight a step, a weight a task (T,)."""

    alpha: float = 0.0
    lam: float = 0.0
    omegas: Sequence[float] = ()
    tau: Any = None


class Task(NamedTuple):
    """Support and query sets: (N, D), (N, O), (M, D), (M, O), or T of them stacked."""

    X_s: Any
    Y_s: Any
    X_q: Any
    Y_q: Any


# --- what the papers take for granted ---

ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "relu": jax.nn.relu,
    "tanh": jnp.tanh,
    "softplus": jax.nn.softplus,
    "sigmoid": jax.nn.sigmoid,
    "leaky_relu": lambda z: jax.nn.leaky_relu(z, 0.01),
    "elu": jax.nn.elu,
    "silu": jax.nn.silu,
    "gelu": lambda z: jax.nn.gelu(z, approximate=True),
    "sin": jnp.sin,
}


def squared(Z: Any, Y: Any) -> Any:
    """The mean over rows and outputs of the squares of the errors."""
    return jnp.mean((Z - Y) ** 2)


def huber(Z: Any, Y: Any) -> Any:
    """Half the square of an error up to 1, linear beyond; the mean over rows and outputs.

    P. J. Huber: Robust Estimation of a Location Parameter. 1964.
    """
    error = jnp.abs(Z - Y)
    return jnp.mean(jnp.where(error < 1, error**2 / 2, error - 0.5))


def cross_entropy(Z: Any, Y: Any) -> Any:
    """The mean over rows of ``-sum y log softmax(z)``; targets may be soft."""
    return -jnp.mean(jnp.sum(Y * jax.nn.log_softmax(Z), axis=-1))


LOSSES: dict[str, Callable[[Any, Any], Any]] = {
    "squared": squared,
    "huber": huber,
    "cross_entropy": cross_entropy,
}


def forward(setting: Setting, parameters: Parameters, X: Any) -> Any:
    """The multilayer perceptron on rows X; a context is appended to each of them."""
    first = parameters["W1"]
    if "c" in parameters:
        c = parameters["c"]
        X = jnp.concatenate([X, jnp.broadcast_to(c, (len(X), c.shape[1]))], axis=1)
        first = jnp.concatenate([first, parameters["V1"]])
    H = X
    for layer in range(1, setting.hidden + 2):
        W = first if layer == 1 else parameters[f"W{layer}"]
        Z = H @ W
        if setting.normalised and layer <= setting.hidden:
            Z = (Z - Z.mean(axis=0)) / jnp.sqrt(Z.var(axis=0) + EPSILON)
        Z += parameters.get(f"b{layer}", 0.0)
        H = ACTIVATIONS[setting.activation](Z)
    return Z


def loss(setting: Setting, parameters: Parameters, X: Any, Y: Any) -> Any:
    """The loss of the network on a set of rows, without a penalty."""
    return LOSSES[setting.loss](forward(setting, parameters, X), Y)


# --- the algorithms ---


class Algorithm(NamedTuple):
    """What a paper changes in MAML.

    Attributes
    ----------
    adapts
        Whether a step changes a parameter, of its name and the number of the last layer.
    rate
        Its step size, of the rates, its name, and the number of the step from 0; given if nothing.
    multi_step
        Whether the query losses of all steps count, each with its weight.
    first_order
        Whether the inner gradients are constants.
    """

    adapts: Callable[[str, int], bool] = lambda name, _: name not in ("V1", "c")
    rate: Callable[[Parameters, str, int], Any] | None = None
    multi_step: bool = False
    first_order: bool = False


#: Where each of them comes from, in the order of the table:
#: C. Finn, P. Abbeel, S. Levine: MAML. arXiv:1703.03400, algorithm 2 and section 5.2.
#: Z. Li, F. Zhou, F. Chen, H. Li: Meta-SGD. arXiv:1707.09835.
#: A. Antoniou, H. Edwards, A. Storkey: How to train your MAML. arXiv:1810.09502.
#: A. Raghu, M. Raghu, S. Bengio, O. Vinyals: ANIL. arXiv:1909.09157.
#: J. Oh, H. Yoo, C. Kim, S. Yun: BOIL. arXiv:2008.08882.
#: L. Zintgraf, K. Shiarlis, V. Kurin, K. Hofmann, S. Whiteson: CAVIA. arXiv:1810.03642.
ALGORITHMS = {
    "maml": Algorithm(),
    "first_order": Algorithm(first_order=True),
    "meta_sgd": Algorithm(rate=lambda rates, name, _: rates[name]),
    "maml_plus_plus": Algorithm(
        rate=lambda rates, name, step: rates[f"layer{name[1:]}"][step], multi_step=True
    ),
    "anil": Algorithm(adapts=lambda name, last: name in (f"W{last}", f"b{last}")),
    "boil": Algorithm(adapts=lambda name, last: name not in (f"W{last}", f"b{last}")),
    "biases": Algorithm(adapts=lambda name, _: name[0] == "b"),
    "cavia": Algorithm(adapts=lambda name, _: name == "c"),
    "recipe": Algorithm(rate=lambda rates, name, step: rates[name][step], multi_step=True),
}


def split(setting: Setting, weights: Parameters) -> tuple[Parameters, Parameters]:
    """What adapts and what does not; a context adapts from zero."""
    context = {"c": jnp.zeros((1, len(weights["V1"])))} if "V1" in weights else {}
    adapts, last = ALGORITHMS[setting.algorithm].adapts, setting.hidden + 1
    every = {**weights, **context}
    fast = {name: array for name, array in every.items() if adapts(name, last)}
    return fast, {name: array for name, array in every.items() if name not in fast}


def inner_loss(
    setting: Setting, fast: Parameters, held: Parameters, X: Any, Y: Any, lam: float
) -> Any:
    """What a step descends: the loss, and the penalty of what adapts."""
    value = loss(setting, {**held, **fast}, X, Y)
    if setting.penalty:
        value += lam / 2 * sum(jnp.sum(array**2) for array in fast.values())
    return value


def inner_step(
    setting: Setting, fast: Parameters, held: Parameters, rates: Parameters,
    X: Any, Y: Any, scalars: Scalars, step: int, first_order: bool,
) -> Parameters:  # fmt: skip
    """What adapts, after one more step; steps beyond the last set of rates take the last set."""
    algorithm = ALGORITHMS[setting.algorithm]
    gradient = jax.grad(lambda fast: inner_loss(setting, fast, held, X, Y, scalars.lam))(fast)
    if first_order or algorithm.first_order:
        gradient = jax.lax.stop_gradient(gradient)
    at = min(step, setting.steps - 1)

    def rate(name: str) -> Any:
        return scalars.alpha if algorithm.rate is None else algorithm.rate(rates, name, at)

    return {name: array - rate(name) * gradient[name] for name, array in fast.items()}


def task_loss(
    setting: Setting, weights: Parameters, rates: Parameters, task: Task,
    scalars: Scalars, first_order: bool,
) -> Any:  # fmt: skip
    """The query loss of one task after adaptation, or the weighted sum of those of all steps."""
    fast, held = split(setting, weights)
    multi_step, value = ALGORITHMS[setting.algorithm].multi_step, 0.0
    for step in range(setting.steps):
        fast = inner_step(
            setting, fast, held, rates, task.X_s, task.Y_s, scalars, step, first_order
        )
        if multi_step:
            value += scalars.omegas[step] * loss(setting, {**held, **fast}, task.X_q, task.Y_q)
    return value if multi_step else loss(setting, {**held, **fast}, task.X_q, task.Y_q)


def meta_loss(
    setting: Setting, weights: Parameters, rates: Parameters, batch: Task,
    scalars: Scalars, first_order: bool = False,
) -> Any:  # fmt: skip
    """The mean of the losses of the tasks, or their sum with the weights tau."""
    each = jax.vmap(lambda *task: task_loss(
        setting, weights, rates, Task(*task), scalars, first_order
    ))(*batch)  # fmt: skip
    return jnp.sum(scalars.tau * each) if setting.task_weights else jnp.mean(each)


# --- what packages are held against: in float64 whatever else runs in this process ---


def in_float64(function: Callable[P, Any]) -> Callable[P, Any]:
    """Compute in float64 and return arrays of numpy.

    It is compiled once for each setting and shape, quickly rather than well: most of what is asked
    of an oracle is asked once.
    """
    static = {"setting", "first_order", "steps"}.intersection(signature(function).parameters)
    options = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
    compiled = jax.jit(function, static_argnames=static, compiler_options=options)

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> Any:
        with jax.enable_x64(True):
            return jax.tree.map(np.asarray, compiled(*args, **kwargs))

    return run


@in_float64
def predict(setting: Setting, weights: Parameters, X: Any) -> Any:
    """The network on rows X; a context is zero."""
    return forward(setting, weights, X)


@in_float64
def meta_loss_and_gradient(
    setting: Setting, weights: Parameters, rates: Parameters, batch: Task,
    scalars: Scalars, first_order: bool = False,
) -> tuple[Any, Parameters, Parameters]:  # fmt: skip
    """The meta-loss, and its gradients with respect to weights and rates."""
    value, gradients = jax.value_and_grad(
        lambda weights, rates: meta_loss(setting, weights, rates, batch, scalars, first_order),
        argnums=(0, 1),
    )(weights, rates)
    return value, *gradients


@in_float64
def loss_and_gradient(
    setting: Setting, weights: Parameters, X: Any, Y: Any, lam: float = 0.0
) -> tuple[Any, Parameters]:
    """The inner loss, and its gradient with respect to all weights."""
    value, gradient = jax.value_and_grad(
        lambda weights: inner_loss(setting, *split(setting, weights), X, Y, lam)
    )(weights)
    return value, gradient


@in_float64
def hessian_product(
    setting: Setting, weights: Parameters, direction: Parameters, X: Any, Y: Any, lam: float = 0.0
) -> Any:
    """The Hessian of the inner loss with respect to all weights, times a direction."""
    gradient = jax.grad(lambda weights: inner_loss(setting, *split(setting, weights), X, Y, lam))
    return jax.jvp(gradient, (weights,), (direction,))[1]


@in_float64
def adapt(
    setting: Setting, weights: Parameters, rates: Parameters, X: Any, Y: Any,
    scalars: Scalars, steps: int,
) -> Parameters:  # fmt: skip
    """The weights after some steps on one task; what a context adds goes into the first bias."""
    fast, held = split(setting, weights)
    for step in range(steps):
        fast = inner_step(setting, fast, held, rates, X, Y, scalars, step, first_order=False)
    after = {**held, **fast}
    if "c" in after:
        after["b1"] = after["b1"] + after["c"] @ after["V1"]
    return {name: after[name] for name in weights}


@in_float64
def implicit_gradient(
    setting: Setting, weights: Parameters, task: Task, lam: float
) -> tuple[Any, Parameters, Any]:
    """The query loss at the regularised optimum, its gradient, and what is left of the inner one.

    The inner problem is ``loss_s(phi) + lam/2 |phi - w|^2``, solved by Newton's method; the
    gradient is ``(I + H / lam)^-1`` times that of the query loss at its solution, where H is the
    Hessian of the support loss there. lam must outweigh what H has of negative curvature.

    A. Rajeswaran, C. Finn, S. Kakade, S. Levine: Meta-Learning with Implicit Gradients.
    arXiv:1909.04630, lemma 1.
    """
    start, named = ravel_pytree({name: jnp.asarray(array) for name, array in weights.items()})

    def support(phi: Any) -> Any:
        return loss(setting, named(phi), task.X_s, task.Y_s)

    def left(phi: Any) -> Any:
        return jax.grad(support)(phi) + lam * (phi - start)

    def newton(_: int, phi: Any) -> Any:
        return phi - jnp.linalg.solve(jax.jacobian(left)(phi), left(phi))

    phi = jax.lax.fori_loop(0, NEWTON_STEPS, newton, start)
    value, outer = jax.value_and_grad(
        lambda phi: loss(setting, named(phi), task.X_q, task.Y_q)
    )(phi)  # fmt: skip
    system = jnp.eye(len(phi)) + jax.hessian(support)(phi) / lam
    return value, named(jnp.linalg.solve(system, outer)), left(phi)
