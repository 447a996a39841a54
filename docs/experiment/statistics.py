"""What many errors say: means, their intervals, and how many diverged."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from scipy.special import stdtrit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .family import Score
    from .networks import Array

#: By its name the mean over tasks of something, at every number of gradient steps.
Summary: TypeAlias = "dict[str, list[float | None]]"


# --8<-- [start:interval]
def half_interval(values: Array) -> Array:
    """Half of the 95 % confidence interval of the mean over the first axis.

    Student's t with one degree of freedom fewer than there are values; NaN where there is only
    one.
    """
    count = len(values)
    if count < 2:
        return np.full(values.shape[1:], np.nan)
    half: Array = stdtrit(count - 1, 0.975) * values.std(axis=0, ddof=1) / math.sqrt(count)
    return half


def summary(errors: Array, score: Score) -> Summary:
    """What the errors of many tasks say.

    A handful of diverged tasks can make a mean meaningless. So there are two, with their
    intervals: the plain one, and one in which no task counts for worse than the score's worst.

    Parameters
    ----------
    errors
        One a task and gradient step, (tasks, steps + 1).
    score
        What they are.

    Returns
    -------
    dict
        The plain mean by the score's name, ``ci95``, ``capped``, ``capped_ci95``, and
        ``diverged``, the share of tasks; each a list over gradient steps. What is not finite is
        None, because JSON knows no infinity.
    """
    diverged = score.diverged(errors)
    capped = np.where(diverged, score.worst, errors)
    with np.errstate(over="ignore", invalid="ignore"):
        found = {
            score.name: errors.mean(axis=0),
            "ci95": half_interval(errors),
            "capped": capped.mean(axis=0),
            "capped_ci95": half_interval(capped),
            "diverged": diverged.mean(axis=0),
        }
    return {name: finite(values) for name, values in found.items()}


# --8<-- [end:interval]


def finite(values: Array) -> list[float | None]:
    """Numbers as JSON has them."""
    return [float(value) if np.isfinite(value) else None for value in values]


# --8<-- [start:seeds]
def over_seeds(summaries: Sequence[Summary]) -> Summary:
    """The means of several seeds, and the interval over them.

    Each value is the mean over seeds. ``seeds_ci95`` is half the interval of the capped mean over
    seeds: how well so many of them fix it, which the interval over tasks does not say.
    """
    stacked = {name: np.array([each[name] for each in summaries], float) for name in summaries[0]}
    with np.errstate(over="ignore"):
        means = {name: finite(values.mean(axis=0)) for name, values in stacked.items()}
        return {**means, "seeds_ci95": finite(half_interval(stacked["capped"]))}


# --8<-- [end:seeds]


def cell(record: Summary, step: int, interval: str = "capped_ci95") -> str:
    """A capped mean as a table has it, with an interval and the share of diverged tasks, if any."""
    mean, half, diverged = (record[name][step] for name in ("capped", interval, "diverged"))
    around = "" if half is None else f" \N{PLUS-MINUS SIGN} {half:#.2g}"
    return f"{mean:#.3g}{around}" + (f" ({100 * diverged:.2g}%)" if diverged else "")
