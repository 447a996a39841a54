"""Train MAML and the joint-training baseline on sinusoids."""

from __future__ import annotations

import csv
import io
import math
import platform
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from docs.sinusoid import tasks
from docs.sinusoid.adam import Adam
from docs.sinusoid.command import (
    Refusal,
    parser,
    status,
    step_size,
    whole,
    writable,
    write_json,
    write_text,
)
from docs.sinusoid.networks import (
    flatten,
    hidden_layers,
    initial_weights,
    load_network,
    names,
    save_weights,
)

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from docs.sinusoid.networks import Network, WeightTuple, Workspace
    from docs.sinusoid.tasks import Batch

    #: Gives the loss on a meta-batch, and leaves its gradient in a workspace.
    Objective = Callable[[Batch], float]


DTYPES = ("float32", "float64")


@dataclass(frozen=True)
class Trained:
    """What a training loop leaves.

    Attributes
    ----------
    weights
        The weights after the last step; if they or their loss are not finite, those before it.
    losses
        The loss at every iteration done.
    stopped
        Why it ended early, or nothing.
    interrupted
        Whether that was Ctrl-C.
    """

    weights: WeightTuple
    losses: list[float]
    stopped: str = ""
    interrupted: bool = False


def stream(seed: int, purpose: int) -> np.random.Generator:
    """Independent randomness: 0 initial weights, 1 training tasks, 2 unseen tasks, 3 figures."""
    return np.random.default_rng([seed, purpose])


# --8<-- [start:objectives]
def maml_objective(net: Network, ws: Workspace, alpha: float, first_order: bool) -> Objective:
    """The loss after adaptation, and its gradient through the adaptation."""

    def second(batch: Batch) -> float:
        return ws.meta_loss_and_gradient(ws.weights, *batch, alpha)[0]

    def first(batch: Batch) -> float:
        loss, gradient = net.first_order_meta_loss_and_gradient(ws.weights, *batch, alpha)
        flatten(gradient, ws.gradient)
        return loss

    return first if first_order else second


def joint_objective(net: Network, ws: Workspace) -> Objective:
    """The loss of one network on the points of all tasks together, without adaptation."""

    def objective(batch: Batch) -> float:
        X = np.concatenate([batch.X_s, batch.X_q], axis=1).reshape(-1, 1)
        Y = np.concatenate([batch.Y_s, batch.Y_q], axis=1).reshape(-1, 1)
        loss, gradient = net.loss_and_gradient(ws.weights, X, Y)
        flatten(gradient, ws.gradient)
        return loss

    return objective


# --8<-- [end:objectives]


def train(
    objective: Objective,
    ws: Workspace,
    batches: Iterator[Batch],
    beta: float,
    iterations: int,
    title: str,
) -> Trained:
    """The outer loop: draw a meta-batch, differentiate, step.

    Parameters
    ----------
    objective
        Loss and gradient on a meta-batch.
    ws
        The parameters to train, where `objective` reads them and leaves their gradient.
    batches
        Gives the meta-batches.
    beta
        The outer step size.
    iterations
        How many steps to take.
    title
        Stands before the progress bar.

    Returns
    -------
    Trained
        Also after Ctrl-C, and when the loss is no longer finite.
    """
    # --8<-- [start:loop]
    adam = Adam(ws.parameters, beta)
    good, losses, stopped, interrupted = ws.parameters.copy(), [], "", False
    try:
        for iteration in tqdm(range(iterations), title, disable=None):
            loss = objective(next(batches))
            if not math.isfinite(loss):
                stopped = f"the loss is {loss} at iteration {iteration}"
                ws.parameters[:] = good
                break
            good[:] = ws.parameters
            adam.update(ws.gradient)
            losses.append(loss)
    except KeyboardInterrupt:
        stopped, interrupted = f"interrupted at iteration {len(losses)}", True
    if not np.isfinite(ws.parameters).all():
        stopped = f"the weights are not finite after iteration {len(losses)}"
        ws.parameters[:] = good
    weights = type(ws.weights)(*(array.copy() for array in ws.weights))
    return Trained(weights, losses, stopped, interrupted)
    # --8<-- [end:loop]


def add_options(options: argparse.ArgumentParser) -> None:
    """The options of a training run."""
    options.add_argument("--network", default="relu2", help=f"one of {', '.join(names())}")
    options.add_argument("--iterations", type=whole(1), default=10_000, help="meta-iterations")
    options.add_argument("--meta-batch", type=whole(1), default=25, help="tasks an iteration")
    options.add_argument("--shots", type=whole(1), default=10, help="support points a task")
    options.add_argument("--queries", type=whole(1), default=10, help="query points a task")
    options.add_argument(
        "--hidden",
        type=whole(1),
        nargs="+",
        metavar="UNITS",
        help="units of each hidden layer (default: 40)",
    )
    options.add_argument("--alpha", type=step_size, default=0.01, help="inner step size")
    options.add_argument("--beta", type=step_size, default=0.001, help="outer step size")
    options.add_argument("--first-order", action="store_true", help="first-order MAML")
    options.add_argument("--no-baseline", action="store_true", help="no joint training")
    options.add_argument("--dtype", choices=DTYPES, default="float32", help="of all arrays")


def run(options: argparse.Namespace) -> int:
    """Train, save, and say what was done; the exit status."""
    net = load_network(options.network)
    hidden = options.hidden or [40] * hidden_layers(net)
    if len(hidden) != hidden_layers(net):
        raise Refusal(
            f"--hidden has {len(hidden)} numbers; {options.network} has {hidden_layers(net)} "
            f"hidden layers"
        )
    folder = writable(options.run)
    dtype = np.dtype(options.dtype)
    sizes = (options.meta_batch, options.shots, options.queries)
    ws = net.workspace((1, *hidden, 1), *sizes, dtype)
    objectives = {"maml": maml_objective(net, ws, options.alpha, options.first_order)}
    if not options.no_baseline:
        objectives["joint"] = joint_objective(net, ws)

    results: dict[str, Trained] = {}
    for method, objective in objectives.items():
        # Both methods start from the same weights and see the same tasks.
        flatten(initial_weights(net, hidden, stream(options.seed, 0), dtype), ws.parameters)
        batches = tasks.batches(stream(options.seed, 1), *sizes, dtype)
        started = time.perf_counter()
        # A loss that overflows ends the loop; numpy need not warn of it too.
        with np.errstate(over="ignore", invalid="ignore"):
            result = train(objective, ws, batches, options.beta, options.iterations, method)
        seconds = time.perf_counter() - started
        results[method] = result
        save(folder, results, options, hidden)
        print(
            f"{method}: {len(result.losses)} iterations in {seconds:.1f} s, "
            f"saved {folder / f'{method}.npz'}"
        )
        if result.stopped:
            print(f"{method}: {result.stopped}; the last good weights are saved", file=sys.stderr)
            return 130 if result.interrupted else 1
    return 0


def save(
    folder: Path, results: dict[str, Trained], options: argparse.Namespace, hidden: list[int]
) -> None:
    """Write the weights, the losses, and last what they were made with."""
    for method, result in results.items():
        save_weights(folder / f"{method}.npz", result.weights)
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["method", "iteration", "loss"])
    for method, result in results.items():
        writer.writerows([method, i, f"{loss:.6g}"] for i, loss in enumerate(result.losses))
    write_text(folder / "metrics.csv", table.getvalue())
    arguments = {name: value for name, value in vars(options).items() if name != "run"}
    write_json(
        folder / "run.json",
        {
            "arguments": {**arguments, "hidden": hidden},
            "seed": options.seed,
            "trained": {method: len(result.losses) for method, result in results.items()},
            "stopped": {method: result.stopped for method, result in results.items()},
            "versions": {"python": platform.python_version(), "numpy": np.__version__},
        },
    )


def main(arguments: list[str] | None = None) -> int:
    """Run ``python -m docs.sinusoid.train``."""
    options = parser(".train", "Train MAML and the joint-training baseline on sinusoids.")
    add_options(options)
    return status(lambda: run(options.parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main())
