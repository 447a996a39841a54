"""Factors that a gradient may be too long by: each with what happened, and what to change."""

from __future__ import annotations

from functools import cache
from itertools import product
from math import prod
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Factor(NamedTuple):
    """A number that a gradient may be too long by.

    Attributes
    ----------
    name
        In the letters of the sizes: ``"T M / 2"``.
    value
        For one case.
    meaning
        What must have happened to the outer loss.
    remedy
        What to do with the outer loss, or the gradient.
    """

    name: str
    value: float
    meaning: str
    remedy: str


#: What a loss may be summed over, and the other numbers that may have got into it.
SUMMED = {"T": "tasks", "M": "query rows", "N": "support rows", "O": "outputs"}
NUMBERS = {"steps": "the number of steps", "alpha": "the inner step size"}

#: A factor that is made of more letters has no name.
MOST = 3

#: What a power of 2 means, and what takes it away.
TWO: dict[int, tuple[list[str], list[str]]] = {
    0: ([], []),
    1: (["doubled"], ["divide by 2"]),
    -1: (["halved"], ["multiply by 2"]),
}

ONE = Factor("1", 1.0, "", "")


def unnamed(value: float) -> Factor:
    """A factor that is none of the known ones."""
    return Factor("", value, "", f"look for a factor of {digits(value)} in the outer loss")


def digits(value: float) -> str:
    """A factor in three digits, or as many as tell it from 1."""
    short = f"{value:.3g}"
    return f"{value:.6g}" if short in ("1", "-1") else short


def times(name: str, sizes: Mapping[str, int]) -> float:
    """The value of a name such as ``"N O / 2"``."""
    above, below = (
        prod(sizes[word] if word in sizes else int(word) for word in part.split())
        for part in f"{name} / 1".split(" / ")[:2]
    )
    return above / below


@cache
def factors(T: int, M: int, N: int, O: int, steps: int, alpha: float) -> tuple[Factor, ...]:
    """The factors that have a name, the plainest first.

    Each letter stands above the line, below it, or not at all; a 2, too; and either sign.
    """
    values = {"T": T, "M": M, "N": N, "O": O, "steps": steps, "alpha": alpha}
    lengths = [
        (two, dict(zip(values, powers, strict=True)))
        for two in (0, -1, 1)
        for powers in product((1, -1, 0), repeat=len(values))
        if sum(map(abs, powers)) <= MOST
    ]
    # Rows of both sets are in no sum.
    sensible = [each for each in lengths if each[1]["M"] * each[1]["N"] < 1]
    sensible.sort(key=lambda each: abs(each[0]) + sum(map(abs, each[1].values())))
    named = [_named(*each, values) for each in sensible]
    return (ONE, *named[1:], *map(_opposite, named))


def _named(two: int, powers: Mapping[str, int], values: Mapping[str, float]) -> Factor:
    """The factor of some powers of 2 and of the letters."""
    above, below = ([name for name, power in powers.items() if power == side] for side in (1, -1))
    value = 2.0**two * prod(values[name] for name in above) / prod(values[name] for name in below)
    name = " ".join(["2"] * (two > 0) + above) or "1"
    under = ["2"] * (two < 0) + below
    if under:
        name += f" / ({' '.join(under)})" if len(under) > 1 else f" / {under[0]}"
    return Factor(name, value, _meaning(two, above, below), _remedy(two, above, below))


def _meaning(two: int, above: Sequence[str], below: Sequence[str]) -> str:
    """What must have happened where some letters are above the line, and others below."""
    over = [SUMMED[name] for name in above if name in SUMMED]
    by = [NUMBERS[name] for name in above if name in NUMBERS]
    numbers = {**{name: f"the number of {what}" for name, what in SUMMED.items()}, **NUMBERS}
    through = [numbers[name] for name in below]
    return ", ".join(
        [f"summed over {' and '.join(over)}"] * bool(over)
        + [f"multiplied by {' and '.join(by)}"] * bool(by)
        + [f"divided by {' and '.join(through)}"] * bool(through)
        + TWO[two][0]
    )


def _remedy(two: int, above: Sequence[str], below: Sequence[str]) -> str:
    """What takes such a factor away."""
    over = [SUMMED[name] for name in above if name in SUMMED]
    by = [name for name in above if name in NUMBERS]
    return "; ".join(
        TWO[two][1]
        + [f"divide by {' '.join(by)}"] * bool(by)
        + [f"multiply by {' '.join(below)}"] * bool(below)
        + [f"average the outer loss over {' and '.join(over)}"] * bool(over)
        + ["the MAML paper adds tasks up, here it is their mean"] * ("T" in above)
    )


def _opposite(factor: Factor) -> Factor:
    """The same with the other sign."""
    meaning = ", ".join(filter(None, (factor.meaning, "of the opposite sign")))
    remedy = "; ".join(filter(None, ("flip the sign", factor.remedy)))
    return Factor(f"-{factor.name}", -factor.value, meaning, remedy)
