"""Factors that a gradient may be too long by: each with what happened, and what to change."""

from __future__ import annotations

from itertools import combinations
from math import prod
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


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


SUMMED = {"T": "tasks", "M": "query rows", "N": "support rows", "O": "outputs"}

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


def factors(sizes: Mapping[str, int], alpha: float, steps: int) -> list[Factor]:
    """The factors that have a name, the plainest first."""
    chosen = [
        letters
        for count in range(4)
        for letters in combinations(SUMMED, count)
        if not {"M", "N"} <= set(letters)
    ]
    sums = [_sum(letters, sizes) for letters in chosen]
    others = [
        Factor("1 / T", 1 / sizes["T"], "averaged over tasks twice", "average over tasks once"),
        Factor("alpha", alpha, "multiplied by the inner step size", "divide by alpha"),
        Factor("1 / alpha", 1 / alpha, "divided by the inner step size", "multiply by alpha"),
    ]
    if steps > 1:
        meaning = "divided by the steps and their size"
        remedy = "multiply by steps times alpha"
        others.append(Factor("1 / (steps alpha)", 1 / (steps * alpha), meaning, remedy))
    lengths = [*sums, *map(_half, sums), *map(_twice, sums), *others]
    return [*lengths, *map(_opposite, lengths)]


def _sum(letters: tuple[str, ...], sizes: Mapping[str, int]) -> Factor:
    if not letters:
        return ONE
    name, over = " ".join(letters), " and ".join(SUMMED[letter] for letter in letters)
    remedy = f"average the outer loss over {over}"
    if "T" in letters:
        remedy += "; the MAML paper adds tasks up, here it is their mean"
    return Factor(name, times(name, sizes), f"summed over {over}", remedy)


def _half(factor: Factor) -> Factor:
    return _and(factor, f"{factor.name} / 2", 0.5, "halved", "multiply by 2")


def _twice(factor: Factor) -> Factor:
    name = "2" if factor is ONE else f"2 {factor.name}"
    return _and(factor, name, 2, "doubled", "divide by 2")


def _opposite(factor: Factor) -> Factor:
    return _and(factor, f"-{factor.name}", -1, "of the opposite sign", "flip the sign")


def _and(factor: Factor, name: str, by: float, meaning: str, remedy: str) -> Factor:
    """A factor with something on top."""
    meanings = [each for each in (factor.meaning, meaning) if each]
    remedies = [each for each in (remedy, factor.remedy) if each]
    return Factor(name, by * factor.value, ", ".join(meanings), "; ".join(remedies))
