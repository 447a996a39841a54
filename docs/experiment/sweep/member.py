"""One run of a sweep, as a worker does it: train, evaluate, come back with plain data."""

from __future__ import annotations

import signal
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import checkpoint, train
from ..command import Refusal
from ..evaluate import EVALUATION, STEPS, digest, load_run, record
from ..files import listed, make_room, record_of, unmarked, writable, write_json
from ..recipes import from_record
from ..records import Evaluation, RunRecord

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..family import TaskFamily
    from ..recipes import Recipe

#: The unseen tasks are the same for every run.
TASKS_SEED = 0

#: Iterations from one checkpoint to the next.
EVERY = 1000


class Outcome(NamedTuple):
    """How the work on a run ended.

    Attributes
    ----------
    finished
        Whether the run is evaluated.
    reason
        Why it is not.
    seconds
        That the work took.
    """

    finished: bool
    reason: str
    seconds: float


# --8<-- [start:work]
def work(
    family: TaskFamily, folder: str, recipe: Mapping[str, Any], seed: int, tasks: int
) -> Outcome:
    """Train and evaluate one run, or what is left of it.

    Any number of processes may be given the same run: one at a time is in the folder, it goes on
    from the checkpoint, and a finished run is left as it is. That is what makes it safe to give
    the run of a worker that seems dead to another one.

    Parameters
    ----------
    family
        What its tasks are.
    folder
        Of the run; it is made where it is not there.
    recipe, seed
        What decides the run; the recipe is a record as of `asdict`.
    tasks
        Of the evaluation.

    Returns
    -------
    Outcome
        It never raises: an exception need not survive the way between two processes.
    """
    started, caught = time.perf_counter(), list[int]()
    try:
        reason = advance(
            family, Path(folder), from_record(recipe, family.kind), seed, tasks, caught
        )
    except Exception as error:
        reason = said(error)
    # A signal that stopped the training was meant for the process.
    for number in caught:
        signal.raise_signal(number)
    return Outcome(not reason, reason, time.perf_counter() - started)


def advance(
    family: TaskFamily, folder: Path, recipe: Recipe, seed: int, tasks: int, caught: list[int]
) -> str:
    """Bring a run to its end; why that was not possible, or nothing.

    Signals that end the training early are added to `caught`.
    """
    with hold(writable(folder), caught):
        if evaluation(family, folder, recipe, seed, tasks) is not None:
            return ""
        state = checkpoint.load(folder, family) or train.fresh(family, recipe, seed, {})
        if (state.recipe, state.seed) != (recipe, seed):
            raise Refusal(f"{folder} holds another run; it must be empty, or hold this one")
        state, signals = train.go_on(folder, state, EVERY, quiet=True)
        caught += signals
        if state.stopped:
            return state.stopped
        if caught:
            return f"interrupted at iteration {state.iteration:,} of {state.method or 'its end'}"
        make_room(folder, unmarked(EVALUATION))
        write_json(folder / EVALUATION, record(load_run(family, folder), (), tasks, TASKS_SEED))
    return ""


# --8<-- [end:work]


def said(error: BaseException) -> str:
    """An error in one line; those that the user must mend need no name."""
    text = " ".join(str(error).split())
    return text if isinstance(error, Refusal) else f"{type(error).__name__}: {text}"


@contextmanager
def hold(folder: Path, caught: list[int]) -> Iterator[None]:
    """Be alone in a folder; wait for another process that is in it, as long as it lives.

    The system lets go of the lock of a process that has ended, however it did. A signal ends the
    waiting, and is added to `caught`.

    Raises
    ------
    Refusal
        When a signal came while another process was in the folder.
    """
    with ExitStack() as stack:
        with train.signals() as ended:
            while True:
                try:
                    stack.enter_context(checkpoint.alone(folder))
                    break
                except Refusal:
                    if ended:
                        caught += ended
                        raise
                time.sleep(0.1)
        yield


def evaluation(
    family: TaskFamily, folder: Path, recipe: Recipe, seed: int, tasks: int
) -> Evaluation | None:
    """The evaluation of a finished run; None where there is none of its weights and tasks."""
    try:
        found: Evaluation = record_of(folder / EVALUATION, Evaluation, "")
        trained = record_of(folder / checkpoint.RUN, RunRecord, "").trained
        run = load_run(family, folder)
    except Refusal:
        return None
    wanted = (tasks, TASKS_SEED, digest(run), set(run.starts), STEPS + 1)
    made = (found.tasks, found.seed, found.weights, set(found.methods), len(found.steps))
    whole = trained == dict.fromkeys(recipe.methods, recipe.iterations)
    same = (run.recipe, run.seed) == (recipe, seed)
    scored = all(family.score.name in each for each in found.methods.values())
    known = listed(folder) is not None  # what a sweep counts on has a digest
    return found if whole and same and scored and known and made == wanted else None
