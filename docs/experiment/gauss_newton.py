"""How large the parts of the meta-gradient are while a network is trained, and at which angles."""

from __future__ import annotations

import argparse
import shlex
import sys
import tempfile
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from . import checkpoint, recipes
from .command import Defaults, Parser, Refusal, status, whole
from .files import make_room, unmarked, writable, write_json
from .methods import METHODS, parameters_of
from .metrics import Metrics
from .networks import learns_rates, load_network
from .parts import ANGLES, LENGTHS, described, parts
from .plot.drawing import style
from .plot.files import save
from .plot.parts import figure
from .randomness import stream
from .sweep.comparison import aligned
from .train import fresh, train

if TYPE_CHECKING:
    from .family import TaskFamily
    from .recipes import Recipe

#: Iterations from one measurement to the next, and meta-batches that each is a mean over.
EVERY, BATCHES = 500, 4

#: What the files are called.
NAME = "gauss_newton"


def along(family: TaskFamily, recipe: Recipe, seed: int) -> dict[str, list[float]]:
    """Train once, and measure at the start and after every `EVERY` iterations.

    Parameters
    ----------
    family, recipe
        What is trained: the first of the recipe's methods.
    seed
        Of the run.

    Returns
    -------
    dict
        By name the mean over `BATCHES` meta-batches that are not trained on, as
        large as those that are, at each measurement. The arithmetic is that of float64.

    Raises
    ------
    Refusal
        When the training does not come to its end.
    """
    net, state = load_network(recipe.network), fresh(family, recipe, seed, {})
    family = state.family
    method, dtype = recipe.methods[0], np.dtype(np.float64)
    drawn = family.batches(stream(seed, 4), recipe.meta_batch, recipe.shots, recipe.queries, dtype)
    batches = list(islice(drawn, BATCHES))
    rows: list[dict[str, float]] = []

    def measure() -> None:
        weights = parameters_of(family, recipe, method, state.parameters.astype(dtype)).weights
        found = [described(parts(net, weights, batch, recipe.alpha)) for batch in batches]
        rows.append({name: float(np.mean([each[name] for each in found])) for name in found[0]})

    measure()
    with (
        tempfile.TemporaryDirectory() as folder,
        Metrics(Path(folder) / "metrics.csv") as metrics,
    ):
        train(state, metrics, [], EVERY, measure, quiet=True)
    if state.stopped:
        raise Refusal(f"{state.stopped}; the training must come to its end")
    return {name: [row[name] for row in rows] for name in rows[0]}


def summary(by_seed: list[list[float]]) -> dict[str, float]:
    """Of the means over seeds the first, and the mean, the least and the most of the later ones."""
    start, *later = (float(mean) for mean in np.mean(by_seed, axis=0))
    return {
        "start": start,
        "mean": float(np.mean(later)),
        "least": min(later),
        "most": max(later),
    }


def report(family: TaskFamily, recipe: Recipe, seeds: int) -> dict[str, Any]:
    """Everything that is measured: seed by seed, and in summary."""
    runs = []
    for seed in range(seeds):
        runs.append(along(family, recipe, seed))
        print(f"{recipe.methods[0]}: seed {seed} is trained and measured", flush=True)
    by_seed = {name: [run[name] for run in runs] for name in runs[0]}
    return {
        "base": asdict(recipe),
        "seeds": seeds,
        "batches": BATCHES,
        "versions": checkpoint.versions(),
        "iterations": list(range(0, recipe.iterations + 1, EVERY)),
        "summary": {name: summary(values) for name, values in by_seed.items()},
        "by_seed": by_seed,
    }


def table(record: dict[str, Any]) -> str:
    """The summary as text."""
    rows = [["", "at the start", "in training", "from", "to"]]
    for titles, unit in ((LENGTHS, ""), (ANGLES, "°")):
        for name, title in titles.items():
            numbers = record["summary"][name].values()
            rows.append([title, *(f"{number:.3g}{unit}" for number in numbers)])
    return aligned(rows)


def measurable(recipe: Recipe) -> Recipe:
    """A recipe whose one method is the first that adapts.

    Raises
    ------
    Refusal
        When it has none, or nothing can be measured with it.
    """
    net = load_network(recipe.network)
    if learns_rates(net):
        raise Refusal(f"{recipe.network} learns its rates; it must be given one")
    steps = net.NETWORK.steps
    if steps > 1:
        raise Refusal(f"{recipe.network} takes {steps} inner steps; it must take one")
    if recipe.iterations < EVERY:
        raise Refusal(f"iterations is {recipe.iterations}; it must be at least {EVERY}")
    adapting = tuple(name for name in recipe.methods if METHODS[name].adapts)
    if not adapting:
        known = ", ".join(name for name, method in METHODS.items() if method.adapts)
        raise Refusal(f"methods is {', '.join(recipe.methods)}; it must have one of {known}")
    return replace(recipe, methods=adapting[:1])


def run(family: TaskFamily, options: argparse.Namespace, command: str) -> int:
    """Measure, write the files, print the table; the exit status."""
    recipe = measurable(recipes.from_options(family, options))
    folder = writable(options.run)
    make_room(folder, unmarked(*(f"{NAME}.{suffix}" for suffix in ("png", "svg", "json"))))
    record = {"command": command, **report(family, recipe, options.seeds)}
    with style():
        save(figure(record), folder, NAME)
    write_json(folder / f"{NAME}.json", record)
    print(table(record))
    return 0


def main(family: TaskFamily, arguments: list[str] | None = None) -> int:
    """Run the command ``gauss_newton`` of a task family."""
    # Not `command.parser`: there are seeds, of which --seed must not be taken for a part.
    options = Parser(
        prog=family.command(NAME),
        description="Measure the parts of the meta-gradient along trainings.",
        formatter_class=Defaults,
        allow_abbrev=False,
    )
    recipes.add_options(options, family)
    options.add_argument("--seeds", type=whole(1, 10**6), default=5, help="trainings, from 0")
    options.add_argument(
        "--run", type=Path, default=family.folder / NAME, metavar="DIR", help="for the files"
    )
    given = sys.argv[1:] if arguments is None else arguments
    command = shlex.join([*options.prog.split(), *given])
    return status(lambda: run(family, options.parse_args(given), command))
