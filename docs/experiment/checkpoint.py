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
import zipfile
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from filelock import FileLock, Timeout

from .command import Refusal, replacing
from .methods import initial_of
from .recipes import from_record

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
MARK = b"maml checkpoint 1 "


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
        Bytes of ``metrics.csv`` that count.
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
    metrics: int = 0
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
        "metrics": state.metrics,
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
    except (KeyError, TypeError, ValueError, zipfile.BadZipFile):
        raise Refusal("has not the content of a checkpoint") from None
    return state


def parameters(state: State, method: str) -> int:
    """How many numbers a method trains."""
    arrays = initial_of(state.family, state.recipe, 0, method).arrays
    return sum(array.size for array in arrays)


def read(body: bytes, family: TaskFamily) -> State:
    """The content of a checkpoint, as `packed` lays it out."""
    with np.load(io.BytesIO(body), allow_pickle=False) as file:
        arrays = dict(file)
    record = json.loads(str(arrays.pop("record")))
    if record["family"] != family.name:
        raise Refusal(f"is of {record['family']}, not of {family.name}")
    recipe = from_record(record["recipe"], family.kind)
    family = family.of(recipe)
    if record.get("data", "") != family.data:
        raise Refusal(f"is of other {family.name}: they have changed since")
    vector, good, mean, square = (arrays.pop(name) for name in ARRAYS)
    return State(
        family,
        recipe,
        record["seed"],
        vector,
        good,
        mean,
        square,
        record["iteration"],
        {name.partition("/")[2]: array for name, array in arrays.items()},
        record["metrics"],
        record["stopped"],
        record["versions"],
        record.get("backend", "numpy"),  # the only one that there was
    )


def save(folder: Path, state: State) -> None:
    """Write a checkpoint; the one before it is kept."""
    current = folder / CURRENT
    with replacing(current, kept=folder / PREVIOUS) as file:
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
            state = unpacked(path.read_bytes(), family)
            belongs(state, folder)
        except FileNotFoundError:
            continue
        except OSError as error:
            reasons.append(f"{path} cannot be read: {error.strerror}")
        except Refusal as refusal:
            reasons.append(f"{path} {refusal}")
        else:
            for reason in reasons:
                (folder / CURRENT).replace(folder / REFUSED)
                print(f"{reason}; it is now {REFUSED}, and {name} is used", file=sys.stderr)
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
        arguments = json.loads((folder / RUN).read_text(encoding="utf-8"))["arguments"]
        recipe = from_record(arguments, state.family.kind)
        same = (recipe, arguments["seed"]) == (state.recipe, state.seed)
    except (OSError, ValueError, TypeError, KeyError, Refusal):
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
        with FileLock(folder / ".lock", timeout=0):
            # What a process that was killed was about to write.
            for pattern in (".*.npz.????????", ".*.json.????????"):
                for left in folder.glob(pattern):
                    left.unlink()
            yield
    except Timeout:
        raise Refusal(f"{folder} is in use by another process; it must be alone there") from None
