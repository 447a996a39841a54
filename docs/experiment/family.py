"""What one experiment has of its own: its tasks, and how well a network does on one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

from .. import program
from .command import Refusal
from .networks import load_network

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .evaluate import Run
    from .networks import Array, Network, WeightTuple
    from .recipes import Recipe


class Batch(NamedTuple):
    """Support and query sets of T tasks, in the order the generated functions take them.

    Attributes
    ----------
    X_s, Y_s
        Support inputs and targets, (T, N, D) and (T, N, O).
    X_q, Y_q
        Query inputs and targets, (T, M, D) and (T, M, O).
    """

    X_s: Array
    Y_s: Array
    X_q: Array
    Y_q: Array


class Batches(Protocol):
    """Draws tasks to train on."""

    def __call__(
        self,
        rng: np.random.Generator,
        tasks: int,
        shots: int,
        queries: int,
        dtype: np.dtype,
        *,
        start: int = 0,
        told: bool = False,
    ) -> Iterator[Batch]:
        """Meta-batches without end, from the one with number `start` in the stream on."""


class Unseen(Protocol):
    """Draws tasks to evaluate on."""

    def __call__(
        self, seed: int, tasks: int, shots: int, dtype: np.dtype, told: bool = False
    ) -> Batch:
        """The same tasks for every method."""


#: A score of one task, from a run and the task's arrays; not a number where the run lacks what it
#: needs.
Baseline: TypeAlias = "Callable[[Run, Array, Array, Array, Array], float]"


@dataclass(frozen=True)
class Score:
    """What an evaluation measures on the query set of a task.

    Attributes
    ----------
    name, title
        In files; in tables and figures.
    of
        The number, from a network, its weights, inputs and targets; not a number where the
        predictions are none.
    worst
        What a task counts for that has diverged: whose score is worse, or is not a number.
    higher_is_better
        As of an accuracy, not of an error.
    """

    name: str
    title: str
    of: Callable[[Network, WeightTuple, Array, Array], float]
    worst: float
    higher_is_better: bool = False

    def diverged(self, scores: Array) -> NDArray[np.bool_]:
        """Which of some scores are of tasks that have diverged."""
        kept: NDArray[np.bool_] = (
            scores >= self.worst if self.higher_is_better else scores <= self.worst
        )
        return ~kept


@dataclass(frozen=True)
class TaskFamily:
    """Tasks of one kind, and all that an experiment on them does not share with others.

    A sweep hands it to other processes, so its functions are those of a module.

    Attributes
    ----------
    name, module
        What its tasks are called, and which package has its commands.
    inputs, outputs
        Of its networks.
    told
        How many more inputs give the task away; none where nothing can.
    recipes
        By name, settings to start from; the first where no other is asked for.
    batches, unseen
        Tasks to train on, and tasks to evaluate on.
    score
        What is measured on these.
    losses
        That a network may have been derived for; any where none is named.
    points
        With how many support points, beside those of the training.
    folder
        Where a run goes if nothing is said.
    bound
        Where recipes have settings of its own: from a recipe, the family that they make of it.
    data
        What tells the data of one run from those of another, where it has any.
    classes, labelled
        That there are to train on in all, where a task is to tell some of them apart; and
        meta-batches whose targets are their numbers.
    shown
        Gradient steps after which tables have its score.
    unseen_name
        What its unseen tasks are called, if not by its name.
    shot
        One of those that a task has so many of to adapt to.
    baselines
        By what tables call them, what is measured on the same tasks and adapts by no gradient.
    """

    name: str
    module: str
    inputs: int
    outputs: int
    recipes: Mapping[str, Recipe]
    batches: Batches
    unseen: Unseen
    score: Score
    losses: Sequence[str] = ()
    points: Sequence[int] = ()
    told: int = 0
    folder: Path = Path("results")
    bound: Callable[[Any], TaskFamily] | None = None
    data: str = ""
    classes: int = 0
    labelled: Batches | None = None
    shown: Sequence[int] = (0, 1, 5, 10)
    unseen_name: str = ""
    shot: str = "support point"
    baselines: Mapping[str, Baseline] = field(default_factory=dict)

    @property
    def kind(self) -> type[Recipe]:
        """Of its recipes."""
        return type(self.recipe())

    @property
    def tasks(self) -> str:
        """What its unseen tasks are called."""
        return self.unseen_name or self.name

    def of(self, recipe: Recipe) -> TaskFamily:
        """The family as a recipe wants it.

        Raises
        ------
        Refusal
            When it cannot be so.
        """
        return self if self.bound is None else self.bound(recipe)

    def drawing(self, classes: bool) -> Batches:
        """What draws meta-batches: of tasks, or of all classes at once."""
        return self.labelled if classes and self.labelled else self.batches

    def amount(self, count: int) -> str:
        """So many shots, in words."""
        return f"{count} {self.shot}" + ("s" if count > 1 else "")

    def recipe(self, name: str | None = None) -> Recipe:
        """The recipe of a name, or the first."""
        return self.recipes[name or next(iter(self.recipes))]

    def network(self, name: str) -> Network:
        """The generated package of a name.

        Raises
        ------
        Refusal
            When there is none, or its loss is none for these tasks.
        """
        net = load_network(name)
        if self.losses and net.NETWORK.loss not in self.losses:
            raise Refusal(
                f"network is {name}, of the loss {net.NETWORK.loss}; "
                f"for {self.name} it must be of {' or '.join(self.losses)}"
            )
        return net

    def layers(self, hidden: Sequence[int], told: bool, classes: bool = False) -> tuple[int, ...]:
        """The units of every layer of a network, from its inputs to its outputs.

        Raises
        ------
        Refusal
            When a network is to be told what the family cannot tell, or to know all classes of one
            that has none.
        """
        if told and not self.told:
            raise Refusal(f"{self.name} have nothing to tell; the methods must be others")
        if classes and not self.classes:
            raise Refusal(f"{self.name} are of no classes; the methods must be others")
        return (
            self.inputs + self.told * told,
            *hidden,
            self.classes if classes else self.outputs,
        )

    def command(self, name: str) -> str:
        """What a user types for one of its commands."""
        return program(f"{self.module}.{name}")
