"""Which runs a sweep has: every combination of some settings, with every seed."""

from __future__ import annotations

import hashlib
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from ..command import Refusal
from ..recipes import Recipe, overridden, read, settings, written

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import TypeAlias

    #: Some settings and their values as text, in the order of the recipe's fields.
    Settings: TypeAlias = "tuple[tuple[str, str], ...]"

#: A folder's name may have 255 bytes on common file systems.
LONGEST = 200


#: Runs of a sweep: more would take longer to list than to begin with.
MOST = 100_000


class Axis(NamedTuple):
    """A setting and the values that it takes in turn."""

    name: str
    values: tuple[Any, ...]


class Member(NamedTuple):
    """One run of a sweep.

    Attributes
    ----------
    settings
        Those of the grid.
    recipe, seed
        What decides the run.
    """

    settings: Settings
    recipe: Recipe
    seed: int

    @property
    def name(self) -> str:
        """Of its folder: readable, and no other run's of any sweep on the same base."""
        whole = label((*self.settings, ("seed", str(self.seed))))
        if len(whole) <= LONGEST:
            return whole
        return f"{whole[:LONGEST]}~{hashlib.sha256(whole.encode()).hexdigest()[:12]}"


def label(settings: Settings) -> str:
    """Settings in one word."""
    return ",".join(f"{name}={value}" for name, value in settings)


def axis(text: str, kind: type[Recipe] = Recipe) -> Axis:
    """Read NAME=VALUE,VALUE.

    Raises
    ------
    Refusal
        When it is anything else, or has a value twice.
    """
    name, equals, values = text.partition("=")
    if not equals:
        raise Refusal(f"the grid is {text!r}; it must be NAME=VALUE,VALUE,...")
    if "" in values.split(","):
        raise Refusal(f"the grid {text!r} has an empty value; it must be NAME=VALUE,VALUE,...")
    found = tuple(read(name, each, kind) for each in values.split(","))
    if len(set(found)) < len(found):
        raise Refusal(f"the grid {text!r} has a value twice; it must have each once")
    return Axis(name.replace("-", "_"), found)


def axes(
    texts: Iterable[str], flags: Iterable[str], kind: type[Recipe] = Recipe
) -> tuple[Axis, ...]:
    """The axes of a grid, in the order of the recipe's fields.

    Parameters
    ----------
    texts
        One for each axis.
    flags
        The settings that are given beside the grid.
    kind
        Of recipe.

    Raises
    ------
    Refusal
        When a setting is given twice, or a text is not what it must be.
    """
    found: dict[str, Axis] = {}
    for each in (axis(text, kind) for text in texts):
        if each.name in found:
            raise Refusal(f"{each.name} is given by two grids; it must be given once")
        if each.name in flags:
            raise Refusal(f"{each.name} is given by a flag and by the grid; it must be given once")
        found[each.name] = each
    return tuple(found[name] for name in settings(kind) if name in found)


def members(
    base: Recipe, flags: Mapping[str, Any], axes: Sequence[Axis], seeds: int
) -> list[Member]:
    """Every combination with every seed.

    Parameters
    ----------
    base, flags
        A recipe, and what is changed in it for all.
    axes
        What is changed for each.
    seeds
        How many; they are counted from 0.

    Raises
    ------
    Refusal
        When the settings of a combination do not fit each other, or there are too many.
    """
    count = seeds * prod(len(each.values) for each in axes)
    if count > MOST:
        raise Refusal(f"the sweep has {count:,} runs; it must have at most {MOST:,}")
    made = []
    for values in product(*(each.values for each in axes)):
        chosen = {each.name: value for each, value in zip(axes, values, strict=True)}
        settings = tuple((name, written(value)) for name, value in chosen.items())
        try:
            recipe = overridden(base, {**flags, **chosen})
        except Refusal as refusal:
            raise Refusal(f"{label(settings)}: {refusal}" if settings else str(refusal)) from None
        made += [Member(settings, recipe, seed) for seed in range(seeds)]
    return made
