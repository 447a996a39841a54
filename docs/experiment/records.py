"""What files that are read back must hold: declared once, checked by msgspec."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from .command import Refusal

Count = Annotated[int, Meta(ge=0, le=10**18)]

#: A mean, half an interval or a share; none where it is not finite. Scores are at least 0.
Number = Annotated[float, Meta(ge=0)] | None

#: By its name the mean over tasks of something, at every number of gradient steps.
Summary = dict[str, list[Number]]

#: A capped mean and its interval are of the size of the worst score of a task.
LARGEST = 1e100


class Measured(Struct, forbid_unknown_fields=True):
    """How many bytes of ``metrics.csv`` count, and their SHA-256."""

    bytes: Count
    sha256: str


class RunRecord(Struct):
    """``run.json``; the arguments are those of a recipe, which knows their kinds."""

    family: str
    arguments: dict[str, Any]
    seed: Annotated[int, Meta(ge=0, le=10**9)]
    trained: dict[str, Count]
    stopped: str = ""
    versions: dict[str, str] = {}
    metrics: Measured | None = None
    backend: str = "numpy"
    data: str = ""


class CheckpointRecord(Struct):
    """What a checkpoint holds beside its arrays."""

    family: str
    recipe: dict[str, Any]
    seed: Annotated[int, Meta(ge=0, le=10**9)]
    iteration: Count
    metrics: Measured
    stopped: str
    versions: dict[str, str]
    backend: str = "numpy"
    data: str = ""


class Evaluation(Struct):
    """``evaluation.json``."""

    tasks: Annotated[int, Meta(ge=2, le=10**9)]
    points: Annotated[int, Meta(ge=1, le=10**9)]
    alpha: float
    seed: Count
    steps: Annotated[list[Count], Meta(min_length=1)]
    weights: str
    methods: dict[str, Summary]
    other_points: dict[str, dict[str, Summary]] = {}
    table: list[list[str]] = []

    def __post_init__(self) -> None:
        """Hold what a type cannot say: lists are of one length, shares are shares."""
        if self.steps != list(range(len(self.steps))):
            raise ValueError("steps must be 0, 1, ...")
        if not all(points.isdecimal() and int(points) for points in self.other_points):
            raise ValueError("other_points must be by numbers")
        for methods in (self.methods, *self.other_points.values()):
            for name, summary in methods.items():
                check_summary(name, summary, len(self.steps))


def check_summary(name: str, summary: Summary, steps: int) -> None:
    """Hold one summary against what `statistics.summary` makes.

    Raises
    ------
    ValueError
        When it is anything else.
    """
    for key, most in (("capped", LARGEST), ("capped_ci95", LARGEST), ("diverged", 1.0)):
        numbers = summary.get(key, [])
        if key != "capped_ci95" and None in numbers:
            raise ValueError(f"{name} has no number at a place of {key}")
        if any(number is not None and number > most for number in numbers):
            raise ValueError(f"{name} has a number beyond {most:g} in {key}")
    if "ci95" not in summary or any(len(numbers) != steps for numbers in summary.values()):
        raise ValueError(f"{name} must have {steps} numbers of each kind")


class SweepRecord(Struct):
    """``sweep.json``, whose first writing has the base alone."""

    base: dict[str, Any]
    failures: dict[str, str] = {}
    groups: list[dict[str, Any]] = []


#: A gradient or a quantity in JSON, of at most as many axes as any has; its shape is the case's.
Numbers = float | list[float | list[float | list[float | list[float]]]]


class Row(Struct):
    """A line of ``metrics.csv``."""

    method: str
    iteration: Count
    loss: Annotated[float, Meta(ge=-LARGEST, le=LARGEST)]
    angle: Annotated[float, Meta(ge=0, le=180)] | None


def decoded(content: bytes, kind: Any, name: str, wanted: str) -> Any:
    """JSON as a value of a declared kind.

    Raises
    ------
    Refusal
        When it is anything else; the message says where.
    """
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.ValidationError as error:
        raise Refusal(f"{name}: {error}; it must be {wanted}") from None
    except (ValueError, RecursionError):
        raise Refusal(f"{name} is not JSON; it must be {wanted}") from None


def converted(found: Any, kind: Any, name: str, wanted: str, strict: bool = True) -> Any:
    """What was read otherwise as values of a declared kind; unless `strict`, from text too.

    Raises
    ------
    Refusal
        When it is anything else; the message says where.
    """
    try:
        return msgspec.convert(found, kind, strict=strict)
    except msgspec.ValidationError as error:
        raise Refusal(f"{name}: {error}; it must be {wanted}") from None
