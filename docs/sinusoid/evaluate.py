"""Fine-tune on unseen sinusoids and measure the error after each gradient step."""

from __future__ import annotations

import argparse
import hashlib
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from docs.sinusoid import checkpoint, tasks
from docs.sinusoid.command import Refusal, parser, read_json, status, whole, writable, write_json
from docs.sinusoid.methods import METHODS, TITLES
from docs.sinusoid.networks import load_network, load_weights
from docs.sinusoid.recipes import from_record
from docs.sinusoid.statistics import DIVERGED, cell, summary
from docs.sinusoid.train import initial_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from docs.sinusoid.networks import Array, Network, WeightTuple
    from docs.sinusoid.recipes import Recipe
    from docs.sinusoid.statistics import Summary

STEPS = 10
SHOWN_STEPS = (0, 1, 5, 10)

#: Support points of an evaluation, as in the paper's figures, whatever the run was trained with.
POINTS = (5, 10)


@dataclass(frozen=True)
class Run:
    """A run that has been trained.

    Attributes
    ----------
    recipe, seed
        What it was made with.
    starts
        By method, weights to fine-tune from; ``random`` are those that training began with.
    """

    recipe: Recipe
    seed: int
    starts: dict[str, WeightTuple]

    @property
    def net(self) -> Network:
        """The generated package."""
        return load_network(self.recipe.network)

    @property
    def dtype(self) -> np.dtype:
        """Of all arrays."""
        return np.dtype(self.recipe.dtype)

    def title(self, start: str) -> str:
        """What tables and figures call a start."""
        return TITLES[start]


def load_run(folder: Path) -> Run:
    """Read what ``train`` wrote.

    Raises
    ------
    Refusal
        When a file is missing, unreadable or foreign.
    """
    path, made_by = folder / checkpoint.RUN, "python -m docs.sinusoid.train"
    record = read_json(path, {"arguments", "trained"}, made_by)
    trained = record["trained"]
    if trained == {}:
        raise Refusal(f"{folder} has no weights yet; {made_by} --resume goes on with its training")
    if not isinstance(trained, dict) or not set(trained) <= set(METHODS):
        raise Refusal(f"{path}: trained is {trained!r}; it must be as {made_by} makes it")
    try:
        recipe = from_record(record["arguments"])
        seed = whole(0)(str(record["arguments"].get("seed")))
    except Refusal as refusal:
        raise Refusal(f"{path}: {refusal}") from None
    except argparse.ArgumentTypeError as error:
        raise Refusal(f"{path}: seed {error}") from None
    starts = {
        name: load_weights(folder / f"{name}.npz", initial_of(recipe, seed, name))
        for name in trained
    }
    return Run(recipe, seed, {**starts, "random": initial_of(recipe, seed, "random")})


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
def evaluate(run: Run, points: int, count: int, seed: int) -> dict[str, Array]:
    """Fine-tune every start on the same unseen tasks, with so many support points each.

    Returns
    -------
    dict
        For each start the mean squared errors, (tasks, steps + 1).
    """
    errors = {}
    # A start may diverge when it is fine-tuned: that is a result, not a warning.
    with np.errstate(over="ignore", invalid="ignore"):
        for name, weights in run.starts.items():
            told = name in METHODS and METHODS[name].told
            drawn = tasks.unseen(seed, count, points, run.dtype, told)
            errors[name] = np.array(
                [
                    errors_by_step(run.net, weights, *task, run.recipe.alpha)
                    for task in zip(*drawn, strict=True)
                ]
            )
    return errors


# --8<-- [end:evaluate]


def table(run: Run, methods: dict[str, Summary]) -> list[list[str]]:
    """The errors after 0, 1, 5 and 10 steps, a row a start."""
    rows = [["gradient steps", *map(str, SHOWN_STEPS)]]
    for name, record in methods.items():
        rows.append([run.title(name), *(cell(record, step) for step in SHOWN_STEPS)])
    return rows


def digest(run: Run) -> str:
    """What tells the weights of one run from those of another."""
    arrays = (array for weights in run.starts.values() for array in weights)
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()[:16]


def record(run: Run, points: Iterable[int], count: int, seed: int) -> dict[str, Any]:
    """What ``evaluation.json`` says of a run.

    Parameters
    ----------
    run
        What is evaluated, with as many support points as it was trained with.
    points
        Other numbers of support points to evaluate it with.
    count, seed
        Unseen tasks, and which ones.
    """
    shots = run.recipe.shots
    by_points = {}
    for number in dict.fromkeys([shots, *points]):
        errors = evaluate(run, number, count, seed)
        by_points[number] = {name: summary(each) for name, each in errors.items()}
    return {
        "tasks": count,
        "points": shots,
        "alpha": run.recipe.alpha,
        "seed": seed,
        "steps": list(range(STEPS + 1)),
        "weights": digest(run),
        "methods": by_points[shots],
        "other_points": {str(each): by_points[each] for each in by_points if each != shots},
        "table": table(run, by_points[shots]),
    }


def run(options: argparse.Namespace, seed: int) -> int:
    """Evaluate a run, write ``evaluation.json``, print the tables; the exit status."""
    loaded = load_run(options.run)
    folder, shots = writable(options.run), loaded.recipe.shots
    found = record(loaded, options.points or POINTS, options.tasks, seed)
    write_json(folder / "evaluation.json", found)
    for points, methods in {str(shots): found["methods"], **found["other_points"]}.items():
        print(
            f"mean squared error over {options.tasks:,} unseen sinusoids, {points} points each "
            f"(share diverged; they count as {DIVERGED:g})"
        )
        for title, *cells in table(loaded, methods):
            print(f"{title:22}" + "".join(f"{text:>22}" for text in cells))
    return 0


def add_options(options: argparse.ArgumentParser) -> None:
    """The options of an evaluation."""
    options.add_argument("--tasks", type=whole(2), default=1000, help="unseen sinusoids")
    options.add_argument(
        "--points", type=whole(1), nargs="+", help="support points, beside those of the training"
    )


def main(arguments: list[str] | None = None) -> int:
    """Run ``python -m docs.sinusoid.evaluate``."""
    made = parser(".evaluate", "Fine-tune a run's weights on unseen sinusoids.")
    add_options(made)

    def command() -> int:
        options = made.parse_args(arguments)
        return run(options, options.seed)

    return status(command)


if __name__ == "__main__":
    sys.exit(main())
