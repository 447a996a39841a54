"""A gradient beside hypotheses, all seen along the same few directions."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .hypotheses import CONSTANT, RIGHT, Hypothesis, Term
from .measure import Measured, Probe, Route, across

if TYPE_CHECKING:
    from .tree import Array

#: A difference is real when it is so many times the error that was estimated for it.
SAFETY = 6

#: Or, in the best of cases, this much of the size of an array's derivatives.
FLOOR = 1e-8


class Column(NamedTuple):
    """Derivatives along all probes, and their errors (N,)."""

    value: Array
    error: Array


@dataclass(frozen=True)
class Given:
    """What was asked about, and what is known of it.

    Attributes
    ----------
    along
        The probes.
    gradient
        The gradient that is judged, along them, and how much of it is rounding.
    routes
        The derivatives that have been taken.
    """

    along: Sequence[Probe]
    gradient: Column
    routes: Mapping[Route, Measured]

    @property
    def names(self) -> list[str]:
        """The array that each probe lies in."""
        return [probe.name for probe in self.along]

    def column(self, term: Term) -> Column:
        """The derivatives of a term: those of one task, or the mean over all."""
        value, error = self.routes[term.route]
        if term.task is None:
            return Column(value.mean(axis=1), error.mean(axis=1))
        return Column(value[:, term.task], error[:, term.task])

    @property
    def size(self) -> Array:
        """How large the derivatives by the array of each probe are."""
        seen = [self.gradient, self.column(RIGHT.terms[0]), self.column(CONSTANT.terms[0])]
        rows = np.nan_to_num(np.array([column.value for column in seen]))
        found = np.zeros(len(self.along))
        for name in set(self.names):
            inside = np.array([each == name for each in self.names])
            found[inside] = np.sqrt((rows[:, inside] ** 2).mean(axis=1)).max()
        noise = self.gradient.error + self.column(RIGHT.terms[0]).error
        return np.maximum(found, 100 * noise)

    def across(self, signs: Array) -> Given:
        """The same along sums of the probes, each with a sign (K, N)."""

        def summed(value: Array, error: Array) -> tuple[Array, Array]:
            # What is not there has no share in a sum.
            return signs @ np.nan_to_num(value), np.abs(signs) @ np.nan_to_num(error)

        return Given(
            across(self.along, signs),
            Column(*summed(*self.gradient)),
            {key: Measured(*summed(*each)) for key, each in self.routes.items()},
        )

    def only(self, name: str) -> Given:
        """The part within one array."""
        return self.those([row for row, each in enumerate(self.names) if each == name])

    def half(self) -> Given:
        """The same along every second probe; there are two or more within every array."""
        return self.those(range(0, len(self.along), 2))

    def those(self, rows: Sequence[int]) -> Given:
        """The same along some probes."""
        return Given(
            [self.along[row] for row in rows],
            Column(*(each[list(rows)] for each in self.gradient)),
            {key: Measured(*(e[list(rows)] for e in each)) for key, each in self.routes.items()},
        )

    def times(self, factor: float) -> Given:
        """The same for a gradient of another length."""
        value, error = self.gradient
        return Given(self.along, Column(factor * value, abs(factor) * error), self.routes)


@dataclass(frozen=True)
class Fit:
    """A gradient beside a hypothesis.

    Attributes
    ----------
    hypothesis
        Whose derivatives it was compared with.
    factors
        What its terms are multiplied by.
    error
        The root mean square of what is left, relative to the size of each array's derivatives.
    worst, noise
        What is left where it exceeds the tolerance most, and the tolerance there: what step size
        and rounding may leave; both relative to the size of the derivatives.
    agrees
        Whether what is left is within the tolerance along every probe.
    named
        The names of a common factor, if it has any.
    """

    hypothesis: Hypothesis
    factors: tuple[float, ...]
    error: float
    worst: float
    noise: float
    agrees: bool
    named: str = ""

    @property
    def plain(self) -> bool:
        """Whether it is the hypothesis itself, with no factor."""
        return all(factor == 1 for factor in self.factors)

    def __str__(self) -> str:
        name, factors = self.hypothesis.name, self.factors
        if self.plain:
            return name
        if len(factors) == 1:
            by = f"{self.named} = " if self.named not in {"", digits(factors[0])} else ""
            return f"{name}, times {by}{digits(factors[0])}"
        return f"{name}: {' and '.join(map(digits, factors))} times"


def digits(value: float) -> str:
    """A factor in three digits, or as many as tell it from 1."""
    short = f"{value:.3g}"
    return f"{value:.6g}" if short in ("1", "-1") else short


def compared(given: Given, hypothesis: Hypothesis, factors: Sequence[float] | None = None) -> Fit:
    """Compare a gradient with a hypothesis, its terms times factors, or the best there are."""
    columns = [given.column(term) for term in hypothesis.terms]
    value = np.array([column.value for column in columns]).reshape(-1, len(given.along))
    error = np.array([column.error for column in columns]).reshape(-1, len(given.along))
    # Where a derivative does not exist, a hypothesis says nothing.
    known = np.isfinite(value).all(axis=0)
    value, error = np.nan_to_num(value), np.nan_to_num(error)

    def tolerance(by: Array) -> Array:
        allowed: Array = SAFETY * (np.abs(by) @ error + given.gradient.error) + FLOOR * given.size
        return allowed

    slack = np.zeros(len(columns))
    if factors is None:
        allowed = tolerance(np.ones(len(columns)))[known]
        scaled = value[:, known] / allowed
        best = np.linalg.lstsq(scaled.T, given.gradient.value[known] / allowed, rcond=None)[0]
        slack = np.sqrt(np.diag(np.linalg.pinv(scaled @ scaled.T)))
    else:
        best = np.array(factors, dtype=np.float64)
    left = np.abs(given.gradient.value - best @ value)[known]
    allowed, size = tolerance(best)[known], given.size[known]
    # A term that the fit can do without is not there.
    most = int(np.argmax(left / allowed)) if left.size else 0
    worst, noise = ((left / size)[most], (allowed / size)[most]) if left.size else (math.inf, 0.0)
    there = bool((np.abs(best) > slack).all()) and known.any()
    return Fit(
        hypothesis,
        tuple(map(float, best)),
        rms(left / size),
        float(worst),
        float(noise),
        there and bool((left <= allowed).all()),
    )


def rms(array: Array) -> float:
    """The root mean square."""
    return float(np.sqrt(np.mean(array**2))) if array.size else math.inf


def with_factor(given: Given, hypothesis: Hypothesis, known: Mapping[str, float]) -> Fit:
    """Compare with a hypothesis of one term times the best factor, by its name if it has one."""
    fit = compared(given, hypothesis)
    slack = max(1e-6, min(fit.noise, 1e-2))
    near = {name: value for name, value in known.items() if abs(fit.factors[0] / value - 1) < slack}
    if not (fit.agrees and near):
        return fit
    value = next(iter(near.values()))
    names = [name for name, other in near.items() if other == value]
    exact = compared(given, hypothesis, (value,))
    if not exact.agrees:
        return fit
    return Fit(
        hypothesis,
        exact.factors,
        exact.error,
        exact.worst,
        exact.noise,
        exact.agrees,
        " or ".join(names),
    )


def agreeing(fits: Iterable[Fit]) -> list[Fit]:
    """Those that agree."""
    return [fit for fit in fits if fit.agrees]


def sizes(
    tasks: int, rows: Sequence[tuple[int, int]], outputs: int, steps: int, alpha: float | None
) -> dict[str, float]:
    """The factors that have a name: T tasks, N support rows, M query rows, O outputs, and so on."""
    single: dict[str, float] = {"T": tasks, "O": outputs, "steps": steps}
    if len(set(rows)) == 1:
        single |= dict(zip("NM", rows[0], strict=True))
    if alpha:
        single["alpha"] = alpha
    named: dict[str, float] = {"2": 2.0, "1 / 2": 0.5}
    for name, value in single.items():
        if value != 1:
            named |= {name: value, f"1 / {name}": 1 / value}
    for first, second in itertools.combinations(
        [n for n in ("T", "N", "M", "O") if n in single], 2
    ):
        if 1 not in {single[first], single[second]}:
            by = single[first] * single[second]
            named |= {f"{first} {second}": by, f"1 / ({first} {second})": 1 / by}
    named |= {f"-{name}": -value for name, value in [("1", 1.0), *named.items()]}
    return {name: value for name, value in named.items() if value != 1}
