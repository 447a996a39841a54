"""What a run needs to go on after any end, written whole or not at all.

The random state of a run is its seed and its iteration: the batches of a task family begin
anywhere in their stream, so that no state of a generator is stored.
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
import sys
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from filelock import FileLock, Timeout

from .command import Refusal, printable
from .files import clear, content_of, record_of, refuse_foreign, replacing
from .methods import initial_of
from .parameters import arrays_of
from .recipes import from_record
from .records import CheckpointRecord, Measured, RunRecord, decoded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .family import TaskFamily
    from .networks import Array
    from .recipes import Recipe

CURRENT, PREVIOUS = "checkpoint.npz", "checkpoint.previous.npz"
REFUSED = "checkpoint.refused.npz"
RUN = "run.json"

#: Stands at the beginning of a checkpoint, before the SHA-256 of what follows.
MARK = b"maml checkpoint 2 "

#: Keeps processes apart.
LOCK = ".maml-derived.lock"


def versions() -> dict[str, str]:
    """Of what decides the last bit of a result."""
    return {"python": platform.python_version(), "numpy": np.__version__}


# --8<-- [start:state]
@dataclass
class State:
    """A run between two iterations.

    Attributes
    ----------
    family, recipe, seed
        What decides the run.
    parameters
        Of the method in training, one vector.
    good
        Those before the last step: their loss was finite.
    mean, square
        The running means of Adam.
    iteration
        Steps that the method has taken.
    finished
        The parameters of the methods before it.
    metrics
        The bytes of ``metrics.csv`` that count.
    stopped
        Why the run can not go on, or nothing.
    versions
        Of what it was begun with, or gone on with last.
    backend
        Of the workspace, likewise.
    """

    family: TaskFamily
    recipe: Recipe
    seed: int
    parameters: Array
    good: Array
    mean: Array
    square: Array
    iteration: int = 0
    finished: dict[str, Array] = field(default_factory=dict)
    metrics: Measured = field(default_factory=lambda: Measured(0, hashlib.sha256().hexdigest()))
    stopped: str = ""
    versions: dict[str, str] = field(default_factory=versions)
    backend: str = "numpy"

    @property
    def method(self) -> str | None:
        """The method in training; None when all have been trained."""
        return next((name for name in self.recipe.methods if name not in self.finished), None)

    @property
    def over(self) -> bool:
        """Whether there is nothing left to do."""
        return self.method is None or bool(self.stopped)

    @property
    def unfinished(self) -> bool:
        """Whether work has been done that is still to be gone on with."""
        return not self.over and bool(self.iteration or self.finished)


# --8<-- [end:state]

ARRAYS = ("parameters", "good", "mean", "square")


def packed(state: State) -> bytes:
    """A checkpoint: one line with a digest of the rest, which is an ``.npz`` file."""
    record = {
        "family": state.family.name,
        "data": state.family.data,
        "recipe": asdict(state.recipe),
        "seed": state.seed,
        "iteration": state.iteration,
        "metrics": msgspec.to_builtins(state.metrics),
        "stopped": state.stopped,
        "versions": state.versions,
        "backend": state.backend,
    }
    arrays = {name: getattr(state, name) for name in ARRAYS}
    arrays |= {f"finished/{name}": array for name, array in state.finished.items()}
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, record=np.array(json.dumps(record)), **arrays)
    body = file.getvalue()
    return MARK + hashlib.sha256(body).hexdigest().encode() + b"\n" + body


def unpacked(content: bytes, family: TaskFamily) -> State:
    """What `packed` wrote of a run on a task family.

    Raises
    ------
    Refusal
        When it is anything else; the message says what is wrong with it.
    """
    head, _, body = content.partition(b"\n")
    if not head.startswith(MARK):
        raise Refusal("is not a checkpoint of this program")
    if head != MARK + hashlib.sha256(body).hexdigest().encode():
        raise Refusal("is damaged: its digest is not that of its content")
    try:
        state = read(body, family)
        vectors = [(state.method, getattr(state, name)) for name in ARRAYS]
        for method, vector in [*vectors, *state.finished.items()]:
            size = parameters(state, method) if method else 0
            if (vector.shape, vector.dtype) != ((size,), np.dtype(state.recipe.dtype)):
                raise Refusal(f"has parameters of size {vector.size}; its recipe has {size}")
    except (KeyError, TypeError, ValueError):
        raise Refusal("has not the content of a checkpoint") from None
    return state


def parameters(state: State, method: str) -> int:
    """How many numbers a method trains."""
    arrays = initial_of(state.family, state.recipe, 0, method).arrays
    return sum(array.size for array in arrays)


def read(body: bytes, family: TaskFamily) -> State:
    """The content of a checkpoint, as `packed` lays it out."""
    arrays = arrays_of(io.BytesIO(body))
    text = str(arrays.pop("record")).encode()
    try:
        record = decoded(text, CheckpointRecord, "", "")
    except Refusal:
        raise ValueError from None
    if record.family != family.name:
        raise Refusal(f"is of {record.family}, not of {family.name}")
    recipe = from_record(record.recipe, family.kind)
    family = family.of(recipe)
    if record.data != family.data:
        raise Refusal(f"is of other {family.name}: they have changed since")
    vector, good, mean, square = (arrays.pop(name) for name in ARRAYS)
    return State(
        family,
        recipe,
        record.seed,
        vector,
        good,
        mean,
        square,
        record.iteration,
        {name.partition("/")[2]: array for name, array in arrays.items()},
        record.metrics,
        record.stopped,
        record.versions,
        record.backend,
    )


def save(folder: Path, state: State) -> None:
    """Write a checkpoint; the one before it is kept."""
    current = folder / CURRENT
    refuse_foreign(folder / PREVIOUS, MARK)
    with replacing(current, kept=folder / PREVIOUS, mark=MARK) as file:
        file.write(packed(state))


def load(folder: Path, family: TaskFamily) -> State | None:
    """The last checkpoint of a run that can be read, or None where there is none.

    One that is refused although the one before it can be used is set aside.

    Raises
    ------
    Refusal
        When there are checkpoints and none can be used.
    """
    reasons = []
    for name in (CURRENT, PREVIOUS):
        path = folder / name
        try:
            if not path.is_symlink() and not path.exists():
                continue
            state = unpacked(content_of(path), family)
            belongs(state, folder)
        except Refusal as refusal:
            said = str(refusal)
            reasons.append(said if str(path) in said else f"{path} {said}")
        else:
            for reason in reasons:
                (folder / CURRENT).replace(folder / REFUSED)
                said = f"{reason}; it is now {REFUSED}, and {name} is used"
                print(printable(said), file=sys.stderr)
            return state
    if reasons:
        raise Refusal("; ".join(reasons))
    return None


def belongs(state: State, folder: Path) -> None:
    """Hold a checkpoint against the ``run.json`` beside it.

    Raises
    ------
    Refusal
        When they are of different runs.
    """
    try:
        record = record_of(folder / RUN, RunRecord, "")
        recipe = from_record(record.arguments, state.family.kind)
        same = (recipe, record.seed) == (state.recipe, state.seed)
    except Refusal:
        return  # it is only the record of a run: the checkpoint has all that is needed
    if not same:
        raise Refusal("is of another run: run.json has other arguments")


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep other processes out of a run's folder; the system lets go when the process dies.

    Raises
    ------
    Refusal
        When another process is in it.
    """
    try:
        with FileLock(folder / LOCK, timeout=0):
            clear(folder)
            yield
    except Timeout:
        raise Refusal(f"{folder} is in use by another process; it must be alone there") from None
