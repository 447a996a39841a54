"""Fine-tune on unseen tasks and measure the score after each gradient step."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from . import checkpoint, memory, recipes
from .command import Refusal, parser, status, whole
from .files import make_room, record_of, unmarked, writable, write_json
from .methods import METHODS, TITLES, initial_of, network_of, told
from .networks import load_network
from .parameters import load_parameters
from .recipes import from_record
from .records import RunRecord
from .statistics import cell, half_interval, summary

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from .family import TaskFamily
    from .networks import Array, Network, WeightTuple
    from .parameters import Parameters
    from .recipes import Recipe
    from .records import Measured
    from .statistics import Summary

EVALUATION = "evaluation.json"

STEPS = 10


@dataclass(frozen=True)
class Run:
    """A run that has been trained.

    Attributes
    ----------
    family, recipe, seed
        What it was made with.
    starts
        By method, what to fine-tune with; ``random`` is what training began with.
    metrics
        Which bytes of ``metrics.csv`` are its own.
    """

    family: TaskFamily
    recipe: Recipe
    seed: int
    starts: dict[str, Parameters]
    metrics: Measured | None = None

    @property
    def net(self) -> Network:
        """The generated package that the recipe names."""
        return load_network(self.recipe.network)

    def network(self, start: str) -> Network:
        """The generated package of a start."""
        return load_network(network_of(self.recipe, start))

    @property
    def dtype(self) -> np.dtype:
        """Of all arrays."""
        return np.dtype(self.recipe.dtype)

    def fine_tuned(self, start: str, X_s: Array, Y_s: Array, steps: int) -> WeightTuple:
        """The weights of a start after gradient steps on a support set."""
        given = self.starts[start].arguments((X_s, Y_s), self.recipe.alpha)
        return self.network(start).adapt(*given, steps=steps)

    def title(self, start: str) -> str:
        """What tables and figures call a start."""
        return TITLES[start]


def load_run(family: TaskFamily, folder: Path) -> Run:
    """Read what ``train`` wrote.

    Raises
    ------
    Refusal
        When a file is missing, unreadable or foreign.
    """
    path, made_by = folder / checkpoint.RUN, family.command("train")
    record = record_of(path, RunRecord, made_by)
    if record.family != family.name:
        raise Refusal(f"{path} is of {record.family!r}; it must be of {family.name}")
    trained, seed = record.trained, record.seed
    if not trained:
        raise Refusal(f"{folder} has no weights yet; {made_by} --resume goes on with its training")
    if not set(trained) <= set(METHODS):
        raise Refusal(f"{path}: trained is {trained!r}; it must be as {made_by} makes it")
    try:
        recipe = from_record(record.arguments, family.kind)
    except Refusal as refusal:
        raise Refusal(f"{path}: {refusal}") from None
    family = family.of(recipe)
    if record.data != family.data:
        raise Refusal(f"{path} is of other {family.name}; they have changed since")
    random = initial_of(family, recipe, seed, "random")
    starts = {}
    for name in trained:
        like = initial_of(family, recipe, seed, name)
        found = load_parameters(folder / f"{name}.npz", like)
        starts[name] = with_head(found, random) if METHODS[name].classes else found
    return Run(family, recipe, seed, {**starts, "random": random}, record.metrics)


def of_weights(family: TaskFamily, options: argparse.Namespace) -> Run:
    """A run of nothing but a file of weights, whose network the recipe's flags say.

    Raises
    ------
    Refusal
        When the flags are of no method, or the file has not its parameters.
    """
    recipe = recipes.from_options(family, options)
    if len(recipe.methods) > 1:
        raise Refusal(f"methods is {' '.join(recipe.methods)}; it must be that of the weights")
    family, (method,) = family.of(recipe), recipe.methods
    starts = {name: initial_of(family, recipe, 0, name) for name in (method, "random")}
    starts[method] = load_parameters(options.weights, starts[method])
    return Run(family, recipe, 0, starts)


def with_head(trained: Parameters, random: Parameters) -> Parameters:
    """Weights whose last layer is a new one."""
    last = max(int(name[1:]) for name in trained.weights._fields)
    new = {name: each for name, each in random.weights._asdict().items() if name[1:] == f"{last}"}
    weights: Any = trained.weights
    return trained._replace(weights=weights._replace(**new))


# --8<-- [start:fine_tune]
def errors_by_step(run: Run, start: str, X_s: Array, Y_s: Array, X: Array, Y: Array) -> list[float]:
    """The error on X, Y before fine-tuning on the support set and after each of its steps."""
    net, here, score = run.network(start), run.starts[start], run.family.score
    errors = [score.of(net, here.weights, X, Y)]
    for _ in range(STEPS):
        given = here.arguments((X_s, Y_s), run.recipe.alpha)
        here = here.after(net.adapt(*given, steps=1))
        errors.append(score.of(net, here.weights, X, Y))
    return errors


# --8<-- [end:fine_tune]


# --8<-- [start:evaluate]
def evaluate(run: Run, points: int, count: int, seed: int) -> dict[str, Array]:
    """Fine-tune every start on the same unseen tasks, with so many support points each.

    Returns
    -------
    dict
        For each start the scores, (tasks, steps + 1).
    """
    errors = {}
    # A start may diverge when it is fine-tuned: that is a result, not a warning.
    with np.errstate(over="ignore", invalid="ignore"):
        for start in run.starts:
            drawn = run.family.unseen(seed, count, points, run.dtype, told(start))
            tasks = zip(*drawn, strict=True)
            errors[start] = np.array([errors_by_step(run, start, *task) for task in tasks])
    return errors


# --8<-- [end:evaluate]


def baselines(run: Run, points: int, count: int, seed: int) -> dict[str, dict[str, Any]]:
    """What does without gradients, on the same tasks: by name its mean score and its interval."""
    found, score = {}, run.family.score.name
    drawn = run.family.unseen(seed, count, points, run.dtype) if run.family.baselines else ()
    for name, of in run.family.baselines.items():
        scores = np.array([of(run, *task) for task in zip(*drawn, strict=True)])
        if np.isfinite(scores).all():
            found[name] = {score: float(scores.mean()), "ci95": float(half_interval(scores))}
    return found


def table(run: Run, methods: dict[str, Summary]) -> list[list[str]]:
    """The scores after some numbers of steps, a row a start."""
    shown = run.family.shown
    rows = [["gradient steps", *map(str, shown)]]
    for name, record in methods.items():
        rows.append([run.title(name), *(cell(record, step) for step in shown)])
    return rows


def digest(run: Run) -> str:
    """What tells the parameters of one run from those of another."""
    arrays = (array for start in run.starts.values() for array in start.arrays)
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()[:16]


def record(run: Run, points: Sequence[int], count: int, seed: int) -> dict[str, Any]:
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
    most = max(shots, *points, 1)
    memory.require(memory.of_evaluation(run.family, count, most), "the evaluation")
    by_points = {}
    for number in dict.fromkeys([shots, *points]):
        errors = evaluate(run, number, count, seed)
        by_points[number] = {name: summary(each, run.family.score) for name, each in errors.items()}
    without_gradients = baselines(run, shots, count, seed)
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
        **({"baselines": without_gradients} if without_gradients else {}),
    }


def run(family: TaskFamily, options: argparse.Namespace, seed: int) -> int:
    """Evaluate a run, write ``evaluation.json``, print the tables; the exit status.

    What a file of weights comes to is printed only.
    """
    alone = getattr(options, "weights", None)
    loaded = of_weights(family, options) if alone else load_run(family, options.run)
    shots, score, family = loaded.recipe.shots, family.score, loaded.family
    if not alone:
        make_room(writable(options.run), unmarked(EVALUATION))
    found = record(loaded, options.points or family.points, options.tasks, seed)
    if not alone:
        write_json(options.run / EVALUATION, found)
    capped = f" (share diverged; they count as {score.worst:g})"
    for points, methods in {str(shots): found["methods"], **found["other_points"]}.items():
        print(
            f"{score.title} over {options.tasks:,} unseen {family.tasks}, "
            f"{family.amount(int(points))} each{capped}"
        )
        for title, *cells in table(loaded, methods):
            print(f"{title:22}" + "".join(f"{text:>22}" for text in cells))
    for name, each in found.get("baselines", {}).items():
        print(f"{name}: {each[score.name]:#.3g} \N{PLUS-MINUS SIGN} {each['ci95']:#.2g}")
    return 0


def add_options(options: argparse.ArgumentParser, family: TaskFamily) -> None:
    """The options of an evaluation."""
    options.add_argument("--tasks", type=whole(2), default=1000, help=f"unseen {family.name}")
    options.add_argument(
        "--points", type=whole(1), nargs="+", help="support points, beside those of the training"
    )


def main(family: TaskFamily, arguments: list[str] | None = None) -> int:
    """Run the command ``evaluate`` of a task family."""
    what = f"Fine-tune a run's weights on unseen {family.name}."
    made = parser(family.command("evaluate"), what, family.folder)
    add_options(made, family)
    made.add_argument(
        "--weights", type=Path, metavar="FILE", help="a .npz file of one method, instead of a run"
    )
    recipes.add_options(made, family)

    def command() -> int:
        options = made.parse_args(arguments)
        asked = {"recipe", *recipes.given(family, options)} & {*vars(options)}
        if asked and options.weights is None:
            flags = ", ".join(f"--{name.replace('_', '-')}" for name in sorted(asked))
            raise Refusal(f"{flags}: only with --weights; a run's recipe is in its run.json")
        return run(family, options, options.seed)

    return status(command)
