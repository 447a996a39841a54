"""The same training with other seeds, as a sweep has them, and what all of them say together."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

from ..experiment import train
from ..experiment.command import Refusal
from ..experiment.evaluate import EVALUATION, load_run
from ..experiment.files import make_room, record_of, unmarked, write_json
from ..experiment.records import Evaluation
from ..experiment.sweep import comparison
from ..experiment.sweep.comparison import Result
from ..experiment.sweep.executors import LOCAL, cores, executor
from ..experiment.sweep.grid import Member
from ..experiment.sweep.runs import result, train_all

if TYPE_CHECKING:
    from pathlib import Path

    from ..experiment.family import TaskFamily
    from ..experiment.sweep.comparison import Group

#: Where their runs are, in the folder of the first; and what they say.
FOLDER, RECORD = "seeds", "seeds.json"


def over_seeds(
    family: TaskFamily, folder: Path, seeds: int, tasks: int, quiet: bool
) -> tuple[list[Group], int]:
    """Train and evaluate the run of a folder with the next seeds, and compare all.

    Parameters
    ----------
    family
        Its tasks.
    folder
        Of a run that is trained and evaluated.
    seeds
        How many, with that of the run.
    tasks
        Of an evaluation.
    quiet
        Whether to show no progress.

    Returns
    -------
    list of Group, int
        Means over the seeds by method, and the exit status.
    """
    first = load_run(family, folder)
    others = [Member((), first.recipe, first.seed + each) for each in range(1, seeds)]
    connect = partial(executor, LOCAL, cores(), family.module)
    with train.signals() as caught:
        failures = train_all(
            family, folder / FOLDER, others, tasks, connect, cores(), caught, quiet
        )
    if caught:
        print("interrupted; --resume goes on", file=sys.stderr)
        return [], 128 + caught[0]
    if failures:
        raise Refusal("; ".join(f"{name}: {reason}" for name, reason in failures.items()))
    record = record_of(folder / EVALUATION, Evaluation, family.command("evaluate"))
    own = Result(Member((), first.recipe, first.seed), record.methods)
    found = [result(family, folder / FOLDER, each, tasks) for each in others]
    groups = comparison.groups([own, *(each for each in found if each is not None)])
    summaries = {each.method: {"seeds": each.seeds, **each.summary} for each in groups}
    make_room(folder, unmarked(RECORD))
    write_json(folder / RECORD, {"tasks": tasks, "methods": summaries})
    return groups, 0
