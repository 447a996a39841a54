"""A whole iteration of training: drawing tasks, the meta-gradient, a step of Adam."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from docs.experiment.adam import Adam
from docs.experiment.metrics import read_metrics
from docs.experiment.networks import flatten
from docs.experiment.randomness import stream
from docs.experiment.recipes import Recipe
from docs.experiment.train import fresh, go_on
from docs.sinusoid import tasks
from docs.sinusoid.family import SINUSOIDS
from tests.benchmark.cases import ALPHA, Case, problem
from tests.benchmark.clock import ratios, rounded, rounds, summary
from tests.benchmark.contenders import jax_loss

BETA = 1e-3
SCANNED = 100
WHOLE = 10_000

#: The settings of the hand-derived implementation github.com/matwilso/maml_numpy, and the seconds
#: of an iteration and of ten thousand there: measured with that project's own loop at its settings.
BY_HAND = Case(T=25, K=5, H=64)
BY_HAND_STEP, BY_HAND_SECONDS = 4.6e-3, 46.0

Step = Callable[[], Any]


def prepared(net: Any, case: Case, backend: str = "numpy") -> Any:
    """A workspace with initial weights."""
    ws = net.workspace(case.sizes, case.T, case.K, case.K, backend=backend)
    flatten(net.Weights(*problem(case).weights), ws.parameters)
    return ws


def ours(net: Any, case: Case, backend: str = "numpy") -> Step:
    """The workspace form; with the backend ``auto`` in C, where there is a compiler."""
    ws = prepared(net, case, backend)
    adam = Adam(ws.parameters, BETA)
    batches = drawn(case)

    def step() -> None:
        ws.meta_loss_and_gradient(ws.weights, *next(batches), ALPHA)
        adam.update(ws.gradient)

    return step


def readable(net: Any, case: Case) -> Step:
    """The readable form."""
    ws = prepared(net, case)
    adam = Adam(ws.parameters, BETA)
    batches = drawn(case)

    def step() -> None:
        _, gradient = net.meta_loss_and_gradient(ws.weights, *next(batches), ALPHA)
        flatten(gradient, ws.gradient)
        adam.update(ws.gradient)

    return step


def drawn(case: Case) -> Any:
    """Meta-batches without end."""
    return tasks.batches(stream(0, 1), case.T, case.K, case.K, np.dtype(np.float32))


def jax_batch(case: Case, key: Any) -> Any:
    """A meta-batch in JAX, of the distribution of `docs.sinusoid.tasks`."""
    import jax
    import jax.numpy as jnp

    keys = jax.random.split(key, 3)
    amplitude = jax.random.uniform(keys[0], (case.T, 1, 1), minval=0.1, maxval=5.0)
    phase = jax.random.uniform(keys[1], (case.T, 1, 1), maxval=math.pi)
    X = jax.random.uniform(keys[2], (case.T, 2 * case.K, 1), minval=-5.0, maxval=5.0)
    Y = amplitude * jnp.sin(X - phase)
    return X[:, : case.K], Y[:, : case.K], X[:, case.K :], Y[:, case.K :]


def jax_step(case: Case) -> tuple[Callable[..., Any], Any]:
    """A step in JAX, and the state before the first: key, count, weights, both means."""
    import jax
    import jax.numpy as jnp

    gradient_of = jax.grad(jax_loss(case))

    def step(state: Any) -> Any:
        key, count, weights, means, squares = state
        key, own = jax.random.split(key)
        gradient, count = gradient_of(weights, *jax_batch(case, own)), count + 1
        means = [0.9 * m + 0.1 * g for m, g in zip(means, gradient, strict=True)]
        squares = [0.999 * v + 0.001 * g * g for v, g in zip(squares, gradient, strict=True)]
        weights = [
            w - BETA * m / (1 - 0.9**count) / (jnp.sqrt(v / (1 - 0.999**count)) + 1e-8)
            for w, m, v in zip(weights, means, squares, strict=True)
        ]
        return key, count, weights, means, squares

    weights = [jnp.asarray(w) for w in problem(case).weights]
    zeros = [[jnp.zeros_like(w) for w in weights] for _ in range(2)]
    return step, (jax.random.key(0), jnp.float32(0), weights, *zeros)


def jax_jit(case: Case) -> Step:
    """JAX: a compiled step, its state given up to the next one."""
    import jax

    step, state = jax_step(case)
    compiled, held = jax.jit(step, donate_argnums=0), [state]

    def call() -> None:
        held[0] = jax.block_until_ready(compiled(held[0]))

    return call


def jax_scan(case: Case) -> Step:
    """JAX: `SCANNED` steps in one ``lax.scan``."""
    import jax

    step, state = jax_step(case)

    def many(state: Any) -> Any:
        return jax.lax.scan(lambda each, _: (step(each), None), state, None, SCANNED)[0]

    compiled, held = jax.jit(many, donate_argnums=0), [state]

    def call() -> None:
        held[0] = jax.block_until_ready(compiled(held[0]))

    return call


def iterations(net: Any, count: int, quick: bool) -> dict[str, Any]:
    """Time a step at the sizes of the experiment, and whole trainings; a quick one is shorter."""
    whole = 100 if quick else WHOLE
    case = Case()
    times = rounds(
        {
            "workspace": ours(net, case),
            "C": ours(net, case, "auto"),
            "kernel": readable(net, case),
            "JAX, jitted step": jax_jit(case),
            "JAX, lax.scan": jax_scan(case),
        },
        count,
    )
    times["JAX, lax.scan"] = [each / SCANNED for each in times["JAX, lax.scan"]]
    above = times["JAX, jitted step"]
    as_by_hand = rounds({"workspace": ours(net, BY_HAND)}, count)["workspace"]
    return {
        "steps": {
            name: {"time": summary(values), "ratio": ratios(above, values)}
            for name, values in times.items()
        },
        "iterations": whole,
        "10,000 iterations": rounded(training(case, whole)),
        "10,000 iterations as by hand": rounded(training(BY_HAND, whole)),
        "by hand": BY_HAND_SECONDS,
        "an iteration as by hand": summary(as_by_hand),
        "an iteration by hand": BY_HAND_STEP,
    }


def training(case: Case, count: int) -> float:
    """Seconds of many iterations of the experiment itself, with its metrics and checkpoints."""
    recipe = Recipe(
        hidden=(case.H, case.H),
        methods=("maml",),
        iterations=count,
        meta_batch=case.T,
        shots=case.K,
        queries=case.K,
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        started = time.perf_counter()
        go_on(folder, fresh(SINUSOIDS, recipe, 0, {}), every=1000, quiet=True)
        seconds = time.perf_counter() - started
        losses = read_metrics(folder / "metrics.csv")["maml"].losses
    if not sum(losses[-50:]) < sum(losses[:50]):
        raise ValueError("the training that was timed did not train")
    return seconds
