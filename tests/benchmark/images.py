"""What a meta-gradient of images costs, beside JAX: ``python -m tests.benchmark.images``.

One thread each. Times are processor time, in interleaved rounds of one process, so that what else
the machine does is not counted; the peak of memory of each contender, beyond what was there
before, is of a process of its own. Cases that the file has are not measured again.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from docs.experiment.command import Parser, status
from docs.experiment.files import write_json
from docs.experiment.networks import initial_weights, load_network
from docs.experiment.randomness import stream
from tests.benchmark.clock import summary
from tests.benchmark.contenders import TOLERANCE
from tests.benchmark.environments import environment
from tests.benchmark.memory import RESET, told

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
OUT = ROOT / "docs" / "characters" / "results" / "cost.json"

ALPHA, TASKS, QUERIES = 0.4, 32, 5

#: Of a contender in a round.
CALLS = 3


class Images(NamedTuple):
    """A workload: units of every layer; the last is the way. One shot, five queries a class."""

    sizes: tuple[int, ...]

    @property
    def rows(self) -> tuple[int, int]:
        """Support and query rows of a task."""
        return self.sizes[-1], QUERIES * self.sizes[-1]


#: Small images, the large ones, twenty classes; and the large ones with more and fewer inputs.
CASES = [
    Images((196, 128, 64, 5)),
    Images((784, 256, 64, 5)),
    Images((784, 256, 64, 20)),
    *(Images((inputs, 256, 64, 5)) for inputs in (196, 1568)),
]


class Problem(NamedTuple):
    """Weights and a meta-batch."""

    weights: Any
    batch: tuple[Any, ...]


def problem(case: Images) -> Problem:
    """Inputs as sparse and as large as those of characters; classes in order."""
    rng, dtype = stream(0, 1), np.dtype(np.float32)
    net = load_network("cross_entropy")
    weights = initial_weights(net, case.sizes, stream(0, 0), dtype)
    batch = []
    for rows in case.rows:
        inputs = (rng.random((TASKS, rows, case.sizes[0])) < 0.2).astype(dtype) - dtype.type(0.2)
        ones = np.repeat(np.eye(case.sizes[-1], dtype=dtype), rows // case.sizes[-1], axis=0)
        batch += [inputs, np.tile(ones, (TASKS, 1, 1))]
    return Problem(weights, tuple(batch))


def kernel(case: Images) -> Callable[[], Any]:
    """Ours, the readable form."""
    weights, batch = problem(case)
    net = load_network("cross_entropy")
    return lambda: net.meta_loss_and_gradient(weights, *batch, ALPHA)


def workspace(case: Images, **backend: Any) -> Callable[[], Any]:
    """Ours, in place."""
    weights, batch = problem(case)
    ws = load_network("cross_entropy").workspace(
        case.sizes, TASKS, *case.rows, np.dtype(np.float32), **backend
    )
    for own, array in zip(ws.weights, weights, strict=True):
        own[:] = array
    return lambda: ws.meta_loss_and_gradient(ws.weights, *batch, ALPHA)


def native(case: Images) -> Callable[[], Any]:
    """Ours, in C on one thread."""
    return workspace(case, backend="c", threads=1)


def jax(case: Images) -> Callable[[], Any]:
    """JAX, compiled; ``vmap`` over the tasks of a function of one task."""
    from jax import grad, jit, nn, value_and_grad, vmap
    from jax import numpy as jnp

    def loss(weights: Any, X: Any, Y: Any) -> Any:
        for W, b in zip(weights[:-2:2], weights[1:-2:2], strict=True):
            X = nn.relu(X @ W + b)
        return -jnp.mean(jnp.sum(Y * nn.log_softmax(X @ weights[-2] + weights[-1]), axis=-1))

    def task(weights: Any, X_s: Any, Y_s: Any, X_q: Any, Y_q: Any) -> Any:
        gradient = grad(loss)(weights, X_s, Y_s)
        fast = [w - ALPHA * g for w, g in zip(weights, gradient, strict=True)]
        return loss(fast, X_q, Y_q)

    def meta_loss(weights: Any, *data: Any) -> Any:
        return jnp.mean(vmap(task, (None, 0, 0, 0, 0))(weights, *data))

    compiled = jit(value_and_grad(meta_loss))
    weights, batch = problem(case)
    on_device = [jnp.asarray(each) for each in weights]
    data = [jnp.asarray(each) for each in batch]

    def call() -> Any:
        loss_, gradient = compiled(on_device, *data)
        return loss_, [each.block_until_ready() for each in gradient]

    return call


CONTENDERS = {"kernel": kernel, "workspace": workspace, "native": native, "JAX": jax}


def agree(results: dict[str, Any]) -> None:
    """Hold every result against the first."""
    first, *others = results
    expected = [np.asarray(each) for each in results[first][1]]
    scale = max(float(np.abs(each).max()) for each in expected)
    for name in others:
        for ours, theirs in zip(expected, results[name][1], strict=True):
            apart = float(np.abs(ours - np.asarray(theirs)).max()) / scale
            if not apart < TOLERANCE:
                raise ValueError(f"{name} and {first} are {apart:.1e} apart")


def timed(case: Images, names: list[str], count: int) -> dict[str, Any]:
    """Milliseconds of a call, by contender."""
    calls = {name: CONTENDERS[name](case) for name in names}
    agree({name: call() for name, call in calls.items()})
    found: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(count):
        for name, call in calls.items():
            started = time.process_time()
            for _ in range(CALLS):
                call()
            found[name].append(1000 * (time.process_time() - started) / CALLS)
    return {name: summary(times) for name, times in found.items()}


def peak(name: str, case: Images) -> int:
    """Bytes that preparing and one call need beyond what was there; a tiny case goes first."""
    CONTENDERS[name](Images((9, 8, 7, 5)))()
    problem(case)
    RESET.write_text("5", encoding="ascii")
    before = told("VmRSS")
    CONTENDERS[name](case)()
    return told("VmHWM") - before


def child(*arguments: str) -> Any:
    """What a process of its own prints."""
    command = [sys.executable, "-m", "tests.benchmark.images", *arguments]
    variables = environment("free", os.environ)
    ended = subprocess.run(
        command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False
    )
    if ended.returncode:
        raise RuntimeError(f"{' '.join(arguments)}: {ended.stderr.strip().splitlines()[-1:]}")
    return json.loads(ended.stdout.splitlines()[-1])


def run(options: argparse.Namespace) -> int:
    """Measure one thing as a child does, or everything; the exit status."""
    if options.case is not None:
        case = CASES[options.case]
        found = (
            peak(options.peak, case)
            if options.peak
            else timed(case, options.contenders, options.rounds)
        )
        print(json.dumps(found))
        return 0
    before = json.loads(OUT.read_text(encoding="utf-8"))["cases"] if OUT.exists() else []
    cases = {tuple(each["sizes"]): each for each in before}
    for number, case in enumerate(CASES):
        if case.sizes in cases:
            continue
        flags = ["--case", str(number)]
        names = ["--contenders", *options.contenders]
        record = {
            "sizes": list(case.sizes),
            "milliseconds": child(*flags, *names, "--rounds", str(options.rounds)),
            "bytes": {name: child(*flags, "--peak", name) for name in options.contenders},
        }
        print(json.dumps(record), flush=True)
        cases[case.sizes] = record
        found = {"tasks": TASKS, "queries": QUERIES, "numpy": np.__version__}
        every = [cases[each.sizes] for each in CASES if each.sizes in cases]
        write_json(OUT, {**found, "cases": every}, own=False)
    return 0


def main() -> int:
    """Run the command."""
    options = Parser(prog="python -m tests.benchmark.images", description=str(__doc__))
    options.add_argument("--case", type=int, choices=range(len(CASES)))
    options.add_argument("--peak", choices=CONTENDERS)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument(
        "--contenders", nargs="+", choices=CONTENDERS, default=list(CONTENDERS), metavar="NAME"
    )
    return status(lambda: run(options.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
