"""Train the methods of a recipe, in a folder that survives any end."""

from __future__ import annotations

import argparse
import math
import os
import signal
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import to_builtins
from tqdm import tqdm

from . import checkpoint, memory, recipes
from .adam import Adam
from .checkpoint import State
from .command import Refusal, one_of, parser, printable, status, whole
from .files import is_ours, make_room, record_of, remove, set_aside, unmarked, writable, write_json
from .methods import METHODS, angle_of, arguments, initial_of, network_of, parameters_of
from .metrics import HEADER, NOTHING, Metrics, fits
from .networks import has_context, has_workspace, load_network
from .parameters import save_parameters
from .randomness import stream
from .readable import Readable
from .recipes import from_record
from .records import Measured, RunRecord
from .schedules import SCHEDULES, clipped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import FrameType

    from .family import Batch, TaskFamily
    from .methods import Objective
    from .networks import Array, Workspace
    from .recipes import Recipe

#: Iterations from one measurement of the angle to the next, and tasks that it is measured on.
ANGLE_EVERY, ANGLE_TASKS = 500, 100

METRICS = "metrics.csv"
CHECKPOINTS = (checkpoint.PREVIOUS, checkpoint.CURRENT)

#: Iterations from one loss beside the progress bar to the next.
SHOWN_EVERY = 100


class Diverged(Exception):  # noqa: N818
    """The loss is no longer finite."""


# --8<-- [start:loop]
def outer_loop(
    objective: Objective,
    ws: Workspace,
    adam: Adam,
    recipe: Recipe,
    batches: Iterator[Batch],
    good: Array,
) -> Iterator[float]:
    """Draw a meta-batch, differentiate, step.

    Yields
    ------
    float
        The loss before each step, without end. `good` keeps the parameters that had it.

    Raises
    ------
    Diverged
        When the loss is not finite; the parameters are `good` again.
    """
    for batch in batches:
        progress = adam.steps / recipe.iterations
        loss = objective(batch, progress)
        if not math.isfinite(loss):
            ws.parameters[:] = good
            raise Diverged(f"the loss is {loss}")
        good[:] = ws.parameters
        adam.beta = recipe.beta * SCHEDULES[recipe.schedule](progress)
        adam.update(clipped(ws.gradient, recipe.clip))
        yield loss


# --8<-- [end:loop]


def fresh(
    family: TaskFamily,
    recipe: Recipe,
    seed: int,
    finished: dict[str, Array],
    metrics: Measured = NOTHING,
) -> State:
    """The state before the first step of the next method."""
    family = family.of(recipe)
    left = [method for method in recipe.methods if method not in finished]
    start = np.zeros(0, recipe.dtype)
    if left:
        arrays = initial_of(family, recipe, seed, left[0]).arrays
        start = np.concatenate([array.ravel() for array in arrays])
    mean, square = np.zeros_like(start), np.zeros_like(start)
    return State(family, recipe, seed, start, start.copy(), mean, square, 0, finished, metrics)


@contextmanager
def signals() -> Iterator[list[int]]:
    """Collect Ctrl-C and requests to end, so that a loop can stop between two iterations.

    The second of a kind ends the process where it is; the last checkpoint stands. Only the main
    thread is told of signals; elsewhere the list stays empty.
    """
    caught: list[int] = []

    def catch(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        caught.append(number)
        signal.signal(number, before[signal.Signals(number)])  # a second one does not wait

    if threading.current_thread() is not threading.main_thread():
        yield caught
        return
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    for each in before:  # only now: a signal that comes at once needs what was before
        signal.signal(each, catch)
    try:
        yield caught
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def prepare(folder: Path, state: State) -> None:
    """Have nothing in a run's folder that is not the run's where it is about to write.

    Raises
    ------
    Refusal
        When the folder is somebody else's, or of two things that ought to agree with the
        checkpoint neither does.
    """
    metrics, run = folder / METRICS, folder / checkpoint.RUN
    if state.metrics.bytes and not fits(metrics, state.metrics):
        if not is_ours(run):
            raise Refusal(
                f"{run} and {metrics} are not those of the checkpoint; it is of another run, "
                f"or they are damaged"
            )
        if os.path.lexists(metrics):
            set_aside(metrics)
        else:
            print(printable(f"{metrics} is gone; it begins again"), file=sys.stderr)
        state.metrics = NOTHING
    weights = unmarked(*(f"{name}.npz" for name in state.recipe.methods))
    states = dict.fromkeys(CHECKPOINTS, checkpoint.MARK)
    make_room(folder, {METRICS: HEADER, checkpoint.RUN: b"", **states, **weights})


def go_on(folder: Path, state: State, every: int, quiet: bool) -> tuple[State, list[int]]:
    """Train what is left of a run.

    Parameters
    ----------
    folder
        Of the run; the caller holds it alone.
    state
        Where the run stands; it changes.
    every
        Iterations from one checkpoint to the next.
    quiet
        Whether to show no progress.

    Returns
    -------
    State, list of int
        Where it stands now, and the signals that ended it early.

    Raises
    ------
    OSError
        When a file cannot be written; the last checkpoint stands.
    """
    memory.require(memory.of_training(state.family, state.recipe), "the training")
    prepare(folder, state)
    with signals() as caught, Metrics(folder / METRICS, state.metrics) as metrics:

        def keep() -> None:
            state.metrics = metrics.counted()
            checkpoint.save(folder, state)

        keep()
        write_results(folder, state)
        while not (state.over or caught):
            train(state, metrics, caught, every, keep, quiet)
            if state.iteration == state.recipe.iterations and not state.stopped:
                finished = {**state.finished, str(state.method): state.parameters}
                backend = state.backend
                state = fresh(state.family, state.recipe, state.seed, finished, state.metrics)
                state.backend = backend
            keep()
            write_results(folder, state)
    return state, caught


def held_out_of(state: State) -> Batch:
    """Tasks that the angle is measured on."""
    recipe = state.recipe
    sizes = (recipe.shots, recipe.queries, np.dtype(recipe.dtype))
    return next(state.family.batches(stream(state.seed, 4), ANGLE_TASKS, *sizes))


def workspace_of(state: State, like: Batch) -> Workspace:
    """The workspace of the method whose turn it is; the state gets the backend that it has.

    Raises
    ------
    ValueError, RuntimeError
        When it cannot be had with the backend that is asked for.
    """
    recipe = state.recipe
    method = METHODS[str(state.method)]
    net = load_network(network_of(recipe, str(state.method)))
    # Without tasks only the vectors of the workspace are used.
    rows = (recipe.meta_batch, like.X_s.shape[1], like.X_q.shape[1])
    tasks, N, M = (1, 1, 1) if method.classes else rows
    layers = state.family.layers(recipe.hidden, method.told, method.classes)
    if not has_workspace(net):
        if state.backend == "c":
            raise ValueError(f"backend is 'c'; {recipe.network} has numpy alone")
        state.backend = Readable.backend
        return Readable(net, layers, np.dtype(recipe.dtype))
    beside: dict[str, Any] = {"context": recipe.context} if has_context(net) else {}
    beside |= {} if state.backend == "numpy" else {"backend": state.backend}
    ws = net.workspace(layers, tasks, N, M, np.dtype(recipe.dtype), **beside)
    if "backend" in beside:
        state.backend = ws.backend
    return ws


def train(
    state: State,
    metrics: Metrics,
    caught: list[int],
    every: int,
    keep: Callable[[], None],
    quiet: bool,
) -> None:
    """Train the method whose turn it is: to its end, to a signal, or until it diverges."""
    family, recipe, name = state.family, state.recipe, str(state.method)
    begun_at, started = state.iteration, time.perf_counter()
    net, method = load_network(network_of(recipe, name)), METHODS[name]
    sizes = (recipe.shots, recipe.queries, np.dtype(recipe.dtype))
    held_out = held_out_of(state)
    ws = workspace_of(state, held_out)
    adam = Adam(ws.parameters)
    ws.parameters[:], adam.mean[:], adam.square[:] = state.parameters, state.mean, state.square
    state.parameters, state.mean, state.square = ws.parameters, adam.mean, adam.square
    adam.steps = state.iteration
    batches = family.drawing(method.classes)(
        stream(state.seed, 1), recipe.meta_batch, *sizes, start=state.iteration, told=method.told
    )
    losses = outer_loop(method.objective(net, ws, recipe), ws, adam, recipe, batches, state.good)
    given = arguments(net, ws, recipe)
    # A loss that overflows ends the loop; numpy need not warn of it too.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"), bar(state, quiet) as shown:
        while state.iteration < recipe.iterations and not caught:
            measured = method.adapts and state.iteration % ANGLE_EVERY == 0
            progress = state.iteration / recipe.iterations
            angle = angle_of(net, *given(held_out, progress)) if measured else None
            try:
                loss = next(losses)
            except Diverged as reason:
                state.stopped = f"{name}: {reason} at iteration {state.iteration}"
                return
            metrics.add(name, state.iteration, loss, angle)
            state.iteration += 1
            shown.update()
            if state.iteration % SHOWN_EVERY == 0:
                shown.set_postfix_str(f"loss {loss:.3f}", refresh=False)
            if state.iteration % every == 0:
                keep()
    if not np.isfinite(state.parameters).all():
        state.stopped = f"{name}: the weights are not finite after iteration {state.iteration}"
        state.parameters[:] = state.good
    elif state.iteration == recipe.iterations and not quiet:
        seconds = time.perf_counter() - started
        print(f"{name}: {state.iteration - begun_at:,} iterations in {seconds:.1f} s")


def bar(state: State, quiet: bool) -> tqdm[Any]:
    """A progress bar with rate and time left; none where nobody would see it."""
    return tqdm(
        desc=state.method,
        total=state.recipe.iterations,
        initial=state.iteration,
        disable=True if quiet else None,
    )


def write_results(folder: Path, state: State) -> None:
    """Write the weights so far, and last what they were made with."""
    trained = dict.fromkeys(state.finished, state.recipe.iterations)
    vectors = dict(state.finished)
    if state.method is not None and state.iteration:
        # A run that had to stop has gone back to the weights before its last step.
        trained[state.method] = state.iteration - bool(state.stopped)
        vectors[state.method] = state.parameters
    for method, vector in vectors.items():
        parameters = parameters_of(state.family, state.recipe, method, vector)
        save_parameters(folder / f"{method}.npz", parameters)
    write_json(
        folder / checkpoint.RUN,
        {
            "family": state.family.name,
            **({"data": state.family.data} if state.family.data else {}),
            "arguments": {**asdict(state.recipe), "seed": state.seed},
            "seed": state.seed,
            "trained": trained,
            "stopped": state.stopped,
            "versions": state.versions,
            "metrics": to_builtins(state.metrics),
            "backend": state.backend,
        },
    )


# --- the command ---


def begun(family: TaskFamily, options: argparse.Namespace) -> State:
    """Where the run of a folder stands, or the beginning of a new one.

    Raises
    ------
    Refusal
        When the folder holds an unfinished run that is not to be resumed, or the run to be
        resumed has other settings.
    """
    folder, found = options.run, checkpoint.load(options.run, family)
    if found is None or not (found.unfinished or options.resume):
        recipe, seed = recipes.from_options(family, options), getattr(options, "seed", 0)
        memory.require(memory.of_training(family.of(recipe), recipe), "the training")
        state = fresh(family, recipe, seed, {})
        if options.resume:
            refuse_another(family, folder / checkpoint.RUN, recipe, seed)
        choose_backend(state, options)
        begin_anew(folder, state)
        if options.resume:
            print(printable(f"{folder} has no checkpoint: a new run begins"), file=sys.stderr)
        return state
    if not options.resume:
        raise Refusal(
            f"{folder} holds an unfinished run ({found.method}, iteration {found.iteration:,} of "
            f"{found.recipe.iterations:,}); --resume continues it, --run takes another folder"
        )
    if found.versions != checkpoint.versions():
        print(
            f"{folder} was begun with {found.versions} and goes on with {checkpoint.versions()}: "
            f"its last bits may differ",
            file=sys.stderr,
        )
        found.versions = checkpoint.versions()
    other = recipes.differences(family, found.recipe, options)
    if getattr(options, "seed", found.seed) != found.seed:
        other.append(f"seed is {options.seed}, not {found.seed}")
    if other:
        raise Refusal(f"{folder} holds another run: {', '.join(other)}")
    before = found.backend
    choose_backend(found, options)
    if found.backend != before:
        print(
            f"{folder} was begun with {before} as its backend and goes on with {found.backend}: "
            f"its last bits may differ",
            file=sys.stderr,
        )
    return found


def refuse_another(family: TaskFamily, path: Path, recipe: Recipe, seed: int) -> None:
    """Refuse to begin one run where the record of another is, whose checkpoints are gone.

    Raises
    ------
    Refusal
        When there is one.
    """
    if not path.exists():
        return
    found = record_of(path, RunRecord, family.command("train"))
    own = from_record(found.arguments, family.kind)
    if (found.family, found.seed, own) != (family.name, seed, recipe):
        raise Refusal(
            f"{path} is of another run, whose checkpoints are gone; "
            f"its own flags begin it again, --run takes another folder"
        )


def begin_anew(folder: Path, state: State) -> None:
    """Take the state of an earlier run away, for that of a new one.

    Raises
    ------
    Refusal
        When something of somebody else's is in the way.
    """
    prepare(folder, state)
    remove(folder / checkpoint.RUN)
    remove(*(folder / each for each in CHECKPOINTS), mark=checkpoint.MARK)


def choose_backend(state: State, options: argparse.Namespace) -> None:
    """Give a run the backend that is asked for, before anything is done for it.

    Raises
    ------
    Refusal
        When it cannot be had.
    """
    state.backend = getattr(options, "backend", state.backend)
    if state.backend == "numpy" or state.over:
        return
    try:
        workspace_of(state, held_out_of(state))
    except (ValueError, RuntimeError) as reason:
        raise Refusal(str(reason)) from None


def run(family: TaskFamily, options: argparse.Namespace) -> int:
    """Train; the exit status."""
    folder = writable(options.run)
    with checkpoint.alone(folder):
        state, caught = go_on(folder, begun(family, options), options.checkpoint, options.quiet)
    if state.stopped:
        saved = f"{state.stopped}; the last good weights are saved in {folder}"
        print(printable(saved), file=sys.stderr)
        return 1
    if caught:
        where = f"{state.method}: interrupted at iteration {state.iteration}"
        if state.method is None:
            where = "interrupted when all was trained"
        saved = f"{where}; the last good weights are saved in {folder}, --resume continues"
        print(printable(saved), file=sys.stderr)
        return 128 + caught[0]
    return 0


def add_options(options: argparse.ArgumentParser, family: TaskFamily) -> None:
    """The options of a training run."""
    recipes.add_options(options, family)
    options.add_argument("--resume", action="store_true", help="continue the run of the folder")
    options.add_argument(
        "--checkpoint", type=whole(1), default=1000, help="iterations between checkpoints"
    )
    options.add_argument("--quiet", action="store_true", help="show no progress")
    options.add_argument(
        "--backend",
        type=one_of("numpy", "c", "auto"),
        default=argparse.SUPPRESS,
        help="of the workspace; auto is c where there is a compiler (default: numpy)",
    )


def main(family: TaskFamily, arguments: list[str] | None = None) -> int:
    """Run the command ``train`` of a task family."""
    what = f"Train MAML and its baselines on {family.name}."
    options = parser(family.command("train"), what, family.folder, argparse.SUPPRESS)
    add_options(options, family)
    return status(lambda: run(family, options.parse_args(arguments)))
