"""The task distribution: so many characters, and a few images of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..experiment.command import Refusal
from ..experiment.family import Batch
from ..experiment.randomness import skip, stream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from numpy.typing import NDArray

    from ..experiment.networks import Array
    from .images import Images, Pixels, Split


#: Quarters by which a character is turned, each time into another class.
TURNS = 4


@dataclass(frozen=True)
class Source:
    """What tasks are drawn from.

    Attributes
    ----------
    images
        Of the characters.
    way
        Classes of a task.
    mean
        That is taken off every input, (D,).
    turns
        How often each character is there, turned by another quarter: each time it is another
        class.
    rows
        The inputs from 0 to 255, (turns * images, D).
    what
        What they are for, in errors.
    """

    images: Images
    way: int
    mean: NDArray[np.float64]
    turns: int
    rows: NDArray[np.uint8]
    what: str

    @property
    def classes(self) -> int:
        """That tasks are drawn from."""
        return self.turns * len(self.images.counts)

    def inputs(self, places: NDArray[np.int64], dtype: np.dtype) -> Array:
        """Some images as inputs, from 0 to 1 and without the mean."""
        found: Array = self.rows[places].astype(dtype)
        found /= 255
        found -= self.mean.astype(dtype)
        return found


def turned(pixels: Pixels, turns: int) -> NDArray[np.uint8]:
    """Images as rows, and again turned by quarters."""
    every = [np.rot90(pixels, turn, axes=(1, 2)) for turn in range(turns)]
    return np.concatenate(every).reshape(turns * len(pixels), -1)


def sources(split: Split, way: int) -> tuple[Source, Source]:
    """What is trained on, in which every turned character is a class, and what is tested on.

    The mean of the first is taken off both.
    """
    rows = turned(split.training.pixels, TURNS)
    mean = rows.mean(axis=0) / 255
    return (
        Source(split.training, way, mean, TURNS, rows, "training"),
        Source(split.test, way, mean, 1, turned(split.test.pixels, 1), "test"),
    )


# --8<-- [start:distinct]
def distinct(drawn: Array, counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Different whole numbers below each count, in random order: the lots of Fisher and Yates.

    The i-th of k is one of the count - i that are left. Always k random numbers are used up, so
    that a stream of tasks can be entered anywhere.

    Parameters
    ----------
    drawn
        Numbers of [0, 1), (..., k).
    counts
        Of what there is, (...), at least k.
    """
    picked = np.empty(drawn.shape, np.int64)
    for i in range(drawn.shape[-1]):
        place = (drawn[..., i] * (counts - i)).astype(np.int64)
        for earlier in np.moveaxis(np.sort(picked[..., :i]), -1, 0):
            place += earlier <= place
        picked[..., i] = place
    return picked


# --8<-- [end:distinct]


# --8<-- [start:tasks]
def places(
    of: Source, rng: np.random.Generator, tasks: int, each: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The classes of some tasks, (T, way), and images of each, (T, way, each).

    The order of the classes is random, and a class has its place for its number: what it is
    called in one task says nothing of the next.
    """
    drawn = rng.random((tasks, of.way * (1 + each)))
    chosen = distinct(drawn[:, : of.way], np.full(tasks, of.classes))
    turn, character = np.divmod(chosen, len(of.images.counts))
    counts = of.images.counts[character]
    inside = distinct(drawn[:, of.way :].reshape(tasks, of.way, each), counts)
    first = of.images.first[character] + turn * len(of.images.pixels)
    return chosen, first[..., None] + inside


def sets(of: Source, chosen: NDArray[np.int64], shots: int, dtype: np.dtype) -> tuple[Array, Array]:
    """Support and query inputs of images (T, way, shots + queries), classes beside one another."""
    tasks = len(chosen)
    both = (chosen[..., :shots], chosen[..., shots:])
    X_s, X_q = (of.inputs(part.reshape(tasks, -1), dtype) for part in both)
    return X_s, X_q


def batches(
    of: Source,
    rng: np.random.Generator,
    tasks: int,
    shots: int,
    queries: int,
    dtype: np.dtype,
    *,
    start: int = 0,
    told: bool = False,  # noqa: ARG001
) -> Iterator[Batch]:
    """Draw meta-batches without end: with so many shots and queries of each class.

    Targets are rows with a one for the class.

    Raises
    ------
    Refusal
        When there are too few classes, or too few images of one.
    """
    enough(of, shots, queries)
    skip(rng, start * tasks * of.way * (1 + shots + queries))
    ones = np.eye(of.way, dtype=dtype)
    Y_s, Y_q = (
        np.tile(np.repeat(ones, count, axis=0), (tasks, 1, 1)) for count in (shots, queries)
    )
    while True:
        _, images = places(of, rng, tasks, shots + queries)
        X_s, X_q = sets(of, images, shots, dtype)
        yield Batch(X_s, Y_s, X_q, Y_q)


# --8<-- [end:tasks]


def labelled(
    of: Source,
    rng: np.random.Generator,
    tasks: int,
    shots: int,
    queries: int,
    dtype: np.dtype,
    *,
    start: int = 0,
    told: bool = False,  # noqa: ARG001
) -> Iterator[Batch]:
    """Images of a fourth as many tasks; the target of each is its class among all.

    With an output for each class a step costs so much more, and needs no more images.
    """
    enough(of, shots, queries)
    tasks = max(1, tasks // 4)
    skip(rng, start * tasks * of.way * (1 + shots + queries))
    while True:
        classes, images = places(of, rng, tasks, shots + queries)
        X_s, X_q = sets(of, images, shots, dtype)
        numbers: list[Any] = [np.repeat(classes, count, axis=1) for count in (shots, queries)]
        yield Batch(X_s, numbers[0], X_q, numbers[1])


def enough(of: Source, shots: int, queries: int) -> None:
    """See that tasks can be drawn.

    Raises
    ------
    Refusal
        When there are too few classes, or too few images of one.
    """
    if of.way > of.classes:
        raise Refusal(
            f"way is {of.way}; it must be at most {of.classes}, the classes of the {of.what}"
        )
    least = int(of.images.counts.argmin())
    if of.images.counts[least] < shots + queries:
        name = f"{of.images.alphabets[least]}/{of.images.names[least]}"
        raise Refusal(
            f"shots and queries are {shots} + {queries}; they must be at most the "
            f"{of.images.counts[least]} images of {name} in the {of.what}"
        )


def unseen(
    of: Source,
    queries: int,
    seed: int,
    tasks: int,
    shots: int,
    dtype: np.dtype,
    told: bool = False,
) -> Batch:
    """The tasks of an evaluation, the same for every method."""
    return next(batches(of, stream(seed, 2), tasks, shots, queries, dtype, told=told))
