"""Measure what the training of each recipe costs, in seconds of one core."""

from __future__ import annotations

import argparse
import os
import shlex
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import checkpoint
from .command import Defaults, Parser, Refusal, status, whole
from .files import output, write_json
from .sweep.comparison import aligned
from .sweep.executors import cores
from .train import fresh, go_on

if TYPE_CHECKING:
    from .family import TaskFamily
    from .recipes import Recipe


def seconds(family: TaskFamily, recipe: Recipe, iterations: int) -> float:
    """Processor time of an iteration: the mean over the first ones of a training.

    Raises
    ------
    Refusal
        When the training does not come to its end.
    """
    short = replace(recipe, iterations=iterations)
    with tempfile.TemporaryDirectory() as folder:
        started = time.process_time()
        state, caught = go_on(Path(folder), fresh(family, short, 0, {}), iterations, quiet=True)
        spent = time.process_time() - started
    if state.stopped or caught:
        raise Refusal(f"{state.stopped or 'interrupted'}; the training must come to its end")
    return spent / (iterations * len(recipe.methods))


def measured(
    family: TaskFamily, names: list[str], iterations: int, rounds: int
) -> dict[str, dict[str, Any]]:
    """By recipe, the median over rounds, and what its whole training would take.

    A round has all recipes one after another, so that what else the machine does meets them all.
    """
    found: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            found[name].append(seconds(family, family.recipes[name], iterations))
    costs = {}
    for name, each in found.items():
        recipe, median = family.recipes[name], statistics.median(each)
        costs[name] = {
            "methods": list(recipe.methods),
            "iterations": recipe.iterations,
            "milliseconds_of_an_iteration": 1000 * median,
            "least": 1000 * min(each),
            "most": 1000 * max(each),
            "seconds": median * recipe.iterations * len(recipe.methods),
        }
    return costs


def run(family: TaskFamily, options: argparse.Namespace, command: str) -> int:
    """Measure, write the file, print the table; the exit status."""
    output(options.out, {"command", "recipes"})
    load = os.getloadavg()[0]
    costs = measured(family, options.recipes, options.iterations, options.rounds)
    record = {
        "command": command,
        "cores": cores(),
        "load_before": load,
        "versions": checkpoint.versions(),
        "timed": options.iterations,
        "rounds": options.rounds,
        "recipes": costs,
    }
    write_json(options.out, record, own=False)
    rows = [["recipe", "ms an iteration", "least", "most", "seconds in all"]]
    for name, each in costs.items():
        times = (each["milliseconds_of_an_iteration"], each["least"], each["most"])
        rows.append([name, *(f"{value:.3f}" for value in times), f"{each['seconds']:.0f}"])
    print(aligned(rows))
    return 0


def main(family: TaskFamily, arguments: list[str] | None = None) -> int:
    """Run the command ``cost`` of a task family."""
    options = Parser(
        prog=family.command("cost"),
        description="Time the first iterations of recipes, on a quiet machine.",
        formatter_class=Defaults,
    )
    options.add_argument("--out", type=Path, required=True, help="the JSON file to write")
    options.add_argument(
        "--recipes", nargs="+", choices=family.recipes, default=list(family.recipes), metavar="NAME"
    )
    options.add_argument("--iterations", type=whole(1), default=500, help="timed, of each")
    options.add_argument("--rounds", type=whole(1, 1000), default=3, help="medians of")
    given = sys.argv[1:] if arguments is None else arguments
    command = f"{options.prog} {shlex.join(given)}"
    return status(lambda: run(family, options.parse_args(given), command))
