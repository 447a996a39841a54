"""Measure what more processes give to a sweep, and what carrying its runs out costs."""

from __future__ import annotations

import argparse
import os
import platform
import shlex
import statistics
import sys
import tempfile
import time
from concurrent.futures import wait
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import checkpoint
from ..command import Defaults, Parser, Refusal, status, whole
from ..files import output, write_json
from .comparison import aligned
from .executors import LOCAL, carry, cores, executor
from .member import work

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Executor
    from contextlib import AbstractContextManager

    from ..family import TaskFamily
    from ..recipes import Recipe

#: The sweep that is foretold: so many runs of the first recipe, evaluated on so many tasks.
FORETOLD_RUNS, FORETOLD_TASKS = 1000, 1000

#: Cores that the foretelling goes to beyond those measured.
BEYOND = 16


class Sizes(NamedTuple):
    """What is measured.

    Attributes
    ----------
    runs, iterations, tasks
        The same runs each time: how many, and how long each trains and is evaluated.
    workers
        Numbers of processes.
    rounds
        Each number stands for the median of so many.
    """

    runs: int = 8
    iterations: int = 1000
    tasks: int = 200
    workers: tuple[int, ...] = (1, 2)
    rounds: int = 3


class Timing(NamedTuple):
    """One round, in seconds.

    Attributes
    ----------
    start_up
        Until every worker has answered.
    wall
        From then until all runs are finished.
    busy
        What the runs took by their own account, together.
    size
        Bytes that they left on the disk, together.
    """

    start_up: float
    wall: float
    busy: float
    size: float


@contextmanager
def dask_on_this_machine(workers: int, module: str) -> Iterator[Executor]:
    """A cluster of processes here, and the executor of ``dask://`` on it."""
    try:
        from distributed import LocalCluster  # noqa: PLC0415
    except ModuleNotFoundError:
        raise Refusal("measuring Dask needs Dask; pip install distributed") from None
    with (
        LocalCluster(  # type: ignore[no-untyped-call]
            n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=":0"
        ) as cluster,
        executor(cluster.scheduler_address.replace("tcp://", "dask://"), workers, module) as pool,
    ):
        yield pool


EXECUTORS: dict[str, Callable[[int, str], AbstractContextManager[Executor]]] = {
    "processes": partial(executor, LOCAL),
    "dask": dask_on_this_machine,
}


def answer(seconds: float) -> int:
    """Work that says which process did it, not too fast for the others to have a turn."""
    time.sleep(seconds)
    return os.getpid()


def wait_for_all(pool: Executor, workers: int) -> None:
    """Have every worker answer once; what a run imports is imported then."""
    found: set[int] = set()
    while len(found) < workers:
        asked = [pool.submit(answer, 0.05) for _ in range(workers)]
        found |= {future.result() for future in wait(asked).done}


def timed(
    family: TaskFamily, kind: str, workers: int, recipe: Recipe, runs: int, tasks: int
) -> Timing:
    """Carry out runs in an empty folder.

    Raises
    ------
    Refusal
        When one of them is not finished.
    """
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, EXECUTORS[kind](workers, family.module) as pool:
        wait_for_all(pool, workers)
        ready = time.perf_counter()
        jobs = {
            str(seed): (family, str(Path(folder, str(seed))), asdict(recipe), seed, tasks)
            for seed in range(runs)
        }
        outcomes = [future.result() for _, future in carry(pool, work, jobs, workers, caught=[])]
        done = time.perf_counter()
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    for outcome in outcomes:
        if not outcome.finished:
            raise Refusal(f"a run did not finish: {outcome.reason}")
    busy = sum(outcome.seconds for outcome in outcomes)
    return Timing(ready - started, done - ready, busy, size)


def middle(timings: Sequence[Timing]) -> Timing:
    """The median of each time."""
    return Timing(*map(statistics.median, zip(*timings, strict=True)))


def measure(
    family: TaskFamily, sizes: Sizes, kinds: Sequence[str] = tuple(EXECUTORS)
) -> list[dict[str, Any]]:
    """Time the same runs on every executor with every number of workers.

    Rounds go through all of them in turn, so that a machine that slows down slows all.

    Returns
    -------
    list of dict
        The medians; ``efficiency`` is against one worker of the same kind, and
        ``overhead_per_run`` what the workers' time has beyond that of the runs.
    """
    recipe = replace(family.recipe(), iterations=sizes.iterations)
    cases = [(kind, workers) for kind in kinds for workers in sizes.workers]
    timings: dict[tuple[str, int], list[Timing]] = {case: [] for case in cases}
    for _ in range(sizes.rounds):
        for kind, workers in cases:
            timing = timed(family, kind, workers, recipe, sizes.runs, sizes.tasks)
            timings[kind, workers].append(timing)
    found = []
    for kind, workers in cases:
        start_up, wall, busy, _ = middle(timings[kind, workers])
        one = middle(timings[kind, sizes.workers[0]])
        found.append(
            {
                "executor": kind,
                "workers": workers,
                "start_up": start_up,
                "wall": wall,
                "seconds_per_run": busy / sizes.runs,
                "overhead_per_run": (wall * workers - busy) / sizes.runs,
                "efficiency": one.wall * sizes.workers[0] / (wall * workers),
                "rounds": [timing._asdict() for timing in timings[kind, workers]],
            }
        )
    return found


def foretell(cases: Sequence[dict[str, Any]], one_run: float) -> list[dict[str, Any]]:
    """How long a sweep of many runs takes.

    Each run takes as long as one alone, longer by as much as the measured runs took longer
    beside others; the overhead of a run and the start-up are those that were measured.

    Parameters
    ----------
    cases
        Of one executor, as of `measure`.
    one_run
        Seconds of a run, alone.
    """
    alone, most = cases[0]["seconds_per_run"], cases[-1]
    beyond = {**most, "workers": BEYOND}
    return [
        {
            "executor": case["executor"],
            "workers": case["workers"],
            "seconds": case["start_up"]
            + FORETOLD_RUNS
            * (one_run * case["seconds_per_run"] / alone + case["overhead_per_run"])
            / case["workers"],
            "basis": f"extrapolated from {most['workers']} workers, to {BEYOND} equal cores that "
            f"are in one another's way no more than those"
            if case is beyond
            else "a measured run and measured overheads, multiplied",
        }
        for case in (*cases, beyond)
    ]


def versions() -> dict[str, str | None]:
    """Of what is measured; None for what is not installed."""
    found: dict[str, str | None] = {**checkpoint.versions()}
    try:
        return found | {"distributed": version("distributed")}
    except PackageNotFoundError:
        return found | {"distributed": None}


def report(
    family: TaskFamily, sizes: Sizes, kinds: Sequence[str], whole_run: tuple[int, int]
) -> dict[str, Any]:
    """Everything that is measured, and what follows from it.

    Parameters
    ----------
    family
        What is learned.
    sizes, kinds
        What is measured.
    whole_run
        Iterations and tasks of a run of the sweep that is foretold.
    """
    iterations, tasks = whole_run
    load = os.getloadavg()[0]
    cases = measure(family, sizes, kinds)
    recipe = replace(family.recipe(), iterations=iterations)
    rounds = [timed(family, kinds[0], 1, recipe, 1, tasks) for _ in range(sizes.rounds)]
    alone = middle(rounds)
    return {
        "cores": cores(),
        "machine": platform.machine(),
        "load_before": load,
        "versions": versions(),
        "sizes": sizes._asdict(),
        "measured": cases,
        "foretold": {
            "runs": FORETOLD_RUNS,
            "iterations": iterations,
            "tasks": tasks,
            "seconds_of_one_run": alone.busy,
            "gigabytes": FORETOLD_RUNS * alone.size / 1e9,
            "sweeps": [
                each
                for kind in kinds
                for each in foretell(
                    [case for case in cases if case["executor"] == kind], alone.busy
                )
            ],
        },
    }


def table(family: TaskFamily, record: dict[str, Any]) -> str:
    """What was measured and foretold, as text."""
    columns = ("start_up", "wall", "efficiency", "seconds_per_run", "overhead_per_run")
    measured = [["executor", "workers", *(name.replace("_", " ") for name in columns)]]
    for case in record["measured"]:
        numbers = [f"{case[name]:.3f}" for name in columns]
        measured.append([case["executor"], str(case["workers"]), *numbers])
    foretold = [["executor", "workers", "minutes", "basis"]]
    for case in record["foretold"]["sweeps"]:
        minutes = f"{case['seconds'] / 60:.1f}"
        foretold.append([case["executor"], str(case["workers"]), minutes, case["basis"]])
    runs = record["foretold"]["runs"]
    seconds = record["foretold"]["seconds_of_one_run"]
    head = f"{runs:,} runs of the recipe {next(iter(family.recipes))}, {seconds:.2f} s each"
    state = f"{record['cores']} cores, on which {record['load_before']:.2f} others ran before"
    return f"{state}\n\n{aligned(measured)}\n\n{head}\n{aligned(foretold)}"


def run(family: TaskFamily, options: argparse.Namespace, command: str) -> int:
    """Measure, write the file, print the tables; the exit status."""
    output(options.out, {"command", "foretold"})
    sizes = Sizes(options.runs, options.iterations, options.tasks, rounds=options.rounds)
    whole_run = (family.recipe().iterations, FORETOLD_TASKS)
    record = {"command": command, **report(family, sizes, tuple(EXECUTORS), whole_run)}
    write_json(options.out, record, own=False)
    print(table(family, record))
    return 0


def main(family: TaskFamily, arguments: list[str] | None = None) -> int:
    """Run the command ``sweep.scaling`` of a task family."""
    usual = Sizes()
    options = Parser(
        prog=family.command("sweep.scaling"),
        description="Time the same runs on 1 and 2 processes and Dask workers, on a quiet machine.",
        formatter_class=Defaults,
    )
    options.add_argument("--out", type=Path, required=True, help="the JSON file to write")
    options.add_argument("--runs", type=whole(1, 10**6), default=usual.runs, help="at a time")
    options.add_argument("--iterations", type=whole(1), default=usual.iterations, help="of a run")
    unseen = f"unseen {family.name}"
    options.add_argument("--tasks", type=whole(2), default=usual.tasks, help=unseen)
    options.add_argument("--rounds", type=whole(1, 1000), default=usual.rounds, help="medians of")
    given = sys.argv[1:] if arguments is None else arguments
    command = f"{options.prog} {shlex.join(given)}"
    return status(lambda: run(family, options.parse_args(given), command))
