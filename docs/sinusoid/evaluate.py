"""Fine-tune on unseen sinusoids and measure the error after each gradient step."""

from __future__ import annotations

import argparse
import hashlib
import sys
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from docs.sinusoid import tasks
from docs.sinusoid.command import (
    Refusal,
    parser,
    read_json,
    status,
    step_size,
    whole,
    writable,
    write_json,
)
from docs.sinusoid.networks import hidden_layers, initial_weights, load_network, load_weights
from docs.sinusoid.train import DTYPES, stream

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from docs.sinusoid.networks import Array, Network, WeightTuple

Summary: TypeAlias = "dict[str, list[float | None]]"

STEPS = 10
SHOWN_STEPS = (0, 1, 5, 10)
TITLES = {"maml": "MAML", "joint": "joint training", "random": "random initialisation"}

#: Where predictions are compared with the sinusoid.
GRID = np.linspace(*tasks.INPUTS, 50).reshape(-1, 1)


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes
    ----------
    net
        The generated package it was trained with.
    starts
        Weights to fine-tune from: ``maml``, ``joint`` if it was trained, and ``random``.
    alpha, shots
        Inner step size and support points that it was trained with.
    """

    net: Network
    starts: dict[str, WeightTuple]
    alpha: float
    shots: int


def load_run(folder: Path) -> Run:
    """Read what ``train`` wrote.

    Raises
    ------
    Refusal
        When a file is missing, unreadable or foreign.
    """
    path, made_by = folder / "run.json", "python -m docs.sinusoid.train"
    record = read_json(path, {"arguments", "trained"}, made_by)
    arguments, trained = record["arguments"], record["trained"]
    if (
        not isinstance(trained, dict)
        or "maml" not in trained
        or not set(trained) <= {"maml", "joint"}
    ):
        raise Refusal(f"{path}: trained is {trained!r}; it must be as {made_by} makes it")
    read = partial(setting, path, arguments)
    net = load_network(read("network", str))
    hidden = read("hidden", units_of(net))
    seed, dtype = read("seed", whole(0)), np.dtype(read("dtype", float_type))
    alpha, shots = read("alpha", step_size), read("shots", whole(1))
    starts = {name: load_weights(folder / f"{name}.npz", net, hidden, dtype) for name in trained}
    starts["random"] = initial_weights(net, hidden, stream(seed, 0), dtype)
    return Run(net, starts, alpha, shots)


def setting(path: Path, arguments: Any, name: str, convert: Callable[[str], Any]) -> Any:
    """One of a run's arguments, as strictly as on the command line.

    Raises
    ------
    Refusal
        When it is missing or is not what it must be.
    """
    if not isinstance(arguments, dict) or name not in arguments:
        raise Refusal(f"{path} lacks the argument {name}")
    try:
        return convert(str(arguments[name]))
    except argparse.ArgumentTypeError as error:
        raise Refusal(f"{path}: {name} {error}") from None


def units_of(net: Network) -> Callable[[str], list[int]]:
    """A setting's type: a list with the units of each hidden layer."""

    def convert(text: str) -> list[int]:
        units = [whole(1)(part) for part in text.strip("[]").split(",")]
        if len(units) != hidden_layers(net):
            raise argparse.ArgumentTypeError(
                f"is {text!r}; it must have {hidden_layers(net)} numbers"
            )
        return units

    return convert


def float_type(text: str) -> str:
    """A setting's type: the name of a dtype."""
    if text not in DTYPES:
        raise argparse.ArgumentTypeError(f"is {text!r}; it must be one of {', '.join(DTYPES)}")
    return text


# --8<-- [start:fine_tune]
def errors_by_step(
    net: Network, weights: WeightTuple, X_s: Array, Y_s: Array, X: Array, Y: Array, alpha: float
) -> list[float]:
    """The error on X, Y before fine-tuning on the support set and after each of its steps."""
    errors = [net.loss(weights, X, Y)]
    for _ in range(STEPS):
        weights = net.adapt(weights, X_s, Y_s, alpha)
        errors.append(net.loss(weights, X, Y))
    return errors


# --8<-- [end:fine_tune]


# --8<-- [start:evaluate]
def evaluate(run: Run, count: int, seed: int) -> dict[str, Array]:
    """Fine-tune every start on the same unseen tasks.

    Returns
    -------
    dict
        For each start the mean squared errors, (tasks, steps + 1).
    """
    rng = stream(seed, 2)
    dtype = run.starts["random"][0].dtype
    grid = GRID.astype(dtype)
    errors: dict[str, list[list[float]]] = {name: [] for name in run.starts}
    for _ in range(count):
        amplitude, phase = rng.uniform(*tasks.AMPLITUDE), rng.uniform(*tasks.PHASE)
        x = rng.uniform(*tasks.INPUTS, size=(run.shots, 1))
        y = tasks.sinusoid(x, amplitude, phase)
        truth = tasks.sinusoid(GRID, amplitude, phase).astype(dtype)
        X_s, Y_s = x.astype(dtype), y.astype(dtype)
        for name, weights in run.starts.items():
            errors[name].append(errors_by_step(run.net, weights, X_s, Y_s, grid, truth, run.alpha))
    return {name: np.array(rows) for name, rows in errors.items()}


def summary(errors: Array) -> Summary:
    """Means over tasks, and half the width of their 95 % confidence intervals.

    What has diverged is None, because JSON knows no infinity.
    """
    half = 1.96 * errors.std(axis=0, ddof=1) / np.sqrt(len(errors))
    return {
        name: [float(value) if np.isfinite(value) else None for value in values]
        for name, values in (("mse", errors.mean(axis=0)), ("ci95", half))
    }


# --8<-- [end:evaluate]


def table(methods: dict[str, Summary]) -> list[list[str]]:
    """The errors after 0, 1, 5 and 10 steps, a row a start."""
    rows = [["gradient steps", *map(str, SHOWN_STEPS)]]
    for name, record in methods.items():
        cells = [cell(record["mse"][step], record["ci95"][step]) for step in SHOWN_STEPS]
        rows.append([TITLES[name], *cells])
    return rows


def cell(mean: float | None, half: float | None) -> str:
    """A mean and its confidence interval, or that there is none."""
    return "diverged" if mean is None or half is None else f"{mean:#.3g} ± {half:#.2g}"


def digest(run: Run) -> str:
    """What tells the weights of one run from those of another."""
    arrays = (array for weights in run.starts.values() for array in weights)
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()[:16]


def run(options: argparse.Namespace) -> int:
    """Evaluate a run, write ``evaluation.json``, print the table; the exit status."""
    loaded = load_run(options.run)
    folder = writable(options.run)
    # A start may diverge when it is fine-tuned: that is a result, not a warning.
    with np.errstate(over="ignore", invalid="ignore"):
        errors = evaluate(loaded, options.tasks, options.seed)
        methods = {name: summary(rows) for name, rows in errors.items()}
    record: dict[str, Any] = {
        "tasks": options.tasks,
        "points": loaded.shots,
        "alpha": loaded.alpha,
        "seed": options.seed,
        "steps": list(range(STEPS + 1)),
        "weights": digest(loaded),
        "methods": methods,
        "table": table(methods),
    }
    write_json(folder / "evaluation.json", record)
    print(f"mean squared error over {options.tasks:,} unseen sinusoids, {loaded.shots} points each")
    for title, *cells in record["table"]:
        print(f"{title:24}" + "".join(f"{text:>18}" for text in cells))
    return 0


def add_options(options: argparse.ArgumentParser) -> None:
    """The options of an evaluation."""
    options.add_argument("--tasks", type=whole(2), default=1000, help="unseen sinusoids")


def main(arguments: list[str] | None = None) -> int:
    """Run ``python -m docs.sinusoid.evaluate``."""
    options = parser(".evaluate", "Fine-tune a run's weights on unseen sinusoids.")
    add_options(options)
    return status(lambda: run(options.parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main())
