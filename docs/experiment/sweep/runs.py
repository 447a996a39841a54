"""Many runs at once: every combination of some settings, with several seeds."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from contextlib import closing, suppress
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from .. import checkpoint, memory, recipes, train
from ..command import Defaults, Parser, Refusal, printable, status, whole
from ..files import make_room, record_of, remove, unmarked, writable, write_json, write_text
from ..plot.drawing import style
from ..plot.files import save
from ..recipes import Recipe, written
from ..records import SweepRecord
from . import comparison, grid
from .comparison import Result
from .executors import LOCAL, carry, cores, executor, known
from .figure import figure
from .member import evaluation, said, work

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Executor, Future
    from contextlib import AbstractContextManager
    from typing import TypeAlias

    from ..family import TaskFamily
    from .grid import Axis, Member

    #: By the name of a run, why it is not finished.
    Failures: TypeAlias = dict[str, str]

RECORD, NAME = "sweep.json", "sweep"


def plan(
    family: TaskFamily, options: argparse.Namespace
) -> tuple[Recipe, tuple[Axis, ...], list[Member]]:
    """What the flags ask for: what all runs have in common, the grid, the runs.

    Raises
    ------
    Refusal
        When settings are not what they must be, or do not fit each other.
    """
    start, flags = recipes.named(family, options), recipes.given(family, options)
    axes = grid.axes(options.grid, flags, family.kind)
    return replace(start, **flags), axes, grid.members(start, flags, axes, options.seeds)


def require_memory(family: TaskFamily, members: Sequence[Member], tasks: int, workers: int) -> None:
    """Make sure that the largest runs can be carried on this machine, so many at a time.

    Raises
    ------
    Refusal
        When they cannot.
    """
    trained, evaluated = [0.0], [0.0]
    for recipe in {each.recipe for each in members}:
        with suppress(Refusal):  # a run that cannot be does not stop the others
            of = family.of(recipe)
            trained.append(memory.of_training(of, recipe))
            evaluated.append(memory.of_evaluation(of, tasks, recipe.shots))
    at_once = min(workers, len(members))
    memory.require(at_once * max(trained), f"the largest training, {at_once} at a time,")
    memory.require(at_once * max(evaluated), f"the largest evaluation, {at_once} at a time,")


def claim(family: TaskFamily, folder: Path, base: Recipe) -> None:
    """Take a folder for a sweep, or go on with one on the same base.

    Raises
    ------
    Refusal
        When the folder holds a sweep on another base.
    """
    path, record = folder / RECORD, json.loads(json.dumps(asdict(base)))
    make_room(folder, unmarked(*(f"{NAME}.{suffix}" for suffix in ("csv", "json", "png", "svg"))))
    if not path.exists():
        write_json(path, {"base": record})
        return
    found = record_of(path, SweepRecord, family.command("sweep")).base
    other = [
        f"{name} is {written(found.get(name))}, not {written(record.get(name))}"
        for name in {**record, **found}
        if found.get(name) != record.get(name)
    ]
    if other:
        raise Refusal(
            f"{folder} holds a sweep on another base ({', '.join(other)}); "
            f"--run takes another folder"
        )


def place(folder: Path, member: Member) -> Path:
    """Where a run has its files."""
    return folder / "runs" / member.name


def result(family: TaskFamily, folder: Path, member: Member, tasks: int) -> Result | None:
    """What a run has found, if it is finished."""
    record = evaluation(family, place(folder, member), member.recipe, member.seed, tasks)
    return None if record is None else Result(member, record.methods)


def train_all(
    family: TaskFamily,
    folder: Path,
    members: Sequence[Member],
    tasks: int,
    connect: Callable[[], AbstractContextManager[Executor]],
    window: int,
    caught: list[int],
    quiet: bool,
) -> Failures:
    """Finish every run that is not finished; those that cannot be do not stop the others.

    Parameters
    ----------
    family
        What is learned.
    folder
        Of the sweep.
    members
        Its runs.
    tasks
        Of an evaluation.
    connect
        Opens an executor, if there is anything left to do.
    window
        How many runs are with it at a time.
    caught
        Signals: when there is one, runs stop at a checkpoint and no others begin.
    quiet
        Whether to show no progress.
    """
    # The first seeds of all settings come first: they can be compared before all is done.
    left = [
        each
        for each in sorted(members, key=lambda member: member.seed)
        if result(family, folder, each, tasks) is None
    ]
    if not left:
        return {}
    jobs = {}
    for each in left:
        there = str(place(folder, each).resolve())
        jobs[each.name] = (family, there, asdict(each.recipe), each.seed, tasks)
    failures: Failures = {}
    done = len(members) - len(left)
    with (
        tqdm(desc="runs", total=len(members), initial=done, disable=quiet or None) as shown,
        connect() as pool,
        closing(carry(pool, work, jobs, window, caught)) as carried,
    ):
        for name, future in carried:
            reason = why(future)
            if reason and not caught:
                failures[name] = reason
                shown.write(f"{name} failed: {reason}", file=sys.stderr)
            shown.update()
    return failures


def why(future: Future[Any]) -> str:
    """Why the work on a run did not finish it, or nothing."""
    if future.cancelled():
        return "its executor has gone away"
    error = future.exception()
    return str(future.result().reason) if error is None else said(error)


def report(
    family: TaskFamily,
    folder: Path,
    results: Sequence[Result],
    axes: Sequence[Axis],
    record: Mapping[str, Any],
) -> list[list[str]]:
    """Write ``sweep.csv``, ``sweep.json`` and the figure; the table."""
    names = [axis.name for axis in axes]
    found = comparison.groups(results)
    rows = comparison.table(names, found, family.shown)
    groups = [{**group._asdict(), "settings": dict(group.settings)} for group in found]
    write_text(folder / f"{NAME}.csv", comparison.tidy(names, results, family.score.name))
    if found:
        with style():
            save(figure(found, family.score.title), folder, NAME)
    else:
        remove(*(folder / f"{NAME}.{suffix}" for suffix in ("png", "svg")))  # of an earlier sweep
    write_json(folder / RECORD, {**record, "groups": groups, "table": rows})
    return rows


def run(family: TaskFamily, options: argparse.Namespace, command: str) -> int:
    """Train, evaluate and compare; the exit status."""
    base, axes, members = plan(family, options)
    workers = options.workers or cores()
    if options.executor == LOCAL:
        require_memory(family, members, options.tasks, workers)
    folder = writable(options.run)
    window = workers if options.executor == LOCAL else options.workers or len(members)
    with checkpoint.alone(folder), train.signals() as caught:
        connect = partial(executor, options.executor, workers, family.module, caught)
        claim(family, folder, base)
        failures = train_all(
            family, folder, members, options.tasks, connect, window, caught, options.quiet
        )
        found = {each.name: result(family, folder, each, options.tasks) for each in members}
        finished = [each for each in found.values() if each is not None]
        if caught:
            print(
                f"interrupted: {len(finished)} of {len(members)} runs are finished; "
                f"the same command goes on",
                file=sys.stderr,
            )
            return 128 + caught[0]
        unseen = f"its evaluation is not in {folder}; workers must write to the same disk"
        failures |= {name: unseen for name in found if not (found[name] or name in failures)}
        record = {
            "base": asdict(base),
            "grid": {axis.name: [written(value) for value in axis.values] for axis in axes},
            "seeds": options.seeds,
            "tasks": options.tasks,
            "command": command,
            "versions": checkpoint.versions(),
            "failures": failures,
        }
        print(comparison.aligned(report(family, folder, finished, axes, record)))
    written_too = ", .png, .svg" if finished else ""
    print(printable(f"wrote {folder}/{NAME} (.csv, .json{written_too})"))
    if failures:
        print(f"{len(failures)} of {len(members)} runs failed; see {RECORD}", file=sys.stderr)
    return 1 if failures else 0


def add_options(options: argparse.ArgumentParser, family: TaskFamily) -> None:
    """The options of a sweep."""
    recipes.add_options(options, family)
    options.add_argument(
        "--grid",
        action="append",
        default=[],
        metavar="NAME=VALUE,VALUE",
        help="values of a setting; parts of one value are joined by +; once for each setting",
    )
    options.add_argument("--seeds", type=whole(1, 10**6), default=5, help="runs of each, from 0")
    options.add_argument("--tasks", type=whole(2), default=1000, help=f"unseen {family.name}")
    options.add_argument(
        "--workers", type=whole(1, 10**4), help="runs at a time (default: one a core)"
    )
    options.add_argument(
        "--executor", type=known, default=LOCAL, help=f"{LOCAL} or dask://HOST:PORT"
    )
    options.add_argument(
        "--run", type=Path, default=family.folder / NAME, metavar="DIR", help="the sweep's folder"
    )
    options.add_argument("--quiet", action="store_true", help="show no progress")


def main(family: TaskFamily, arguments: list[str] | None = None) -> int:
    """Run the command ``sweep`` of a task family."""
    # Not `command.parser`: a sweep has seeds, of which --seed must not be taken for a part.
    options = Parser(
        prog=family.command("sweep"),
        description="Train and evaluate every combination of settings, with several seeds.",
        formatter_class=Defaults,
        allow_abbrev=False,
    )
    add_options(options, family)
    given = sys.argv[1:] if arguments is None else arguments
    command = f"{options.prog} {shlex.join(given)}"
    return status(lambda: run(family, options.parse_args(given), command))
