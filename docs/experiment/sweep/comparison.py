"""What a sweep has found: tidy rows, means over seeds, a table."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, NamedTuple

from ..methods import TITLES
from ..statistics import cell, over_seeds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..statistics import Summary
    from .grid import Member, Settings

#: Of a summary, after the plain mean, which has the name of its score.
COLUMNS = ("ci95", "capped", "capped_ci95", "diverged")


class Result(NamedTuple):
    """A finished run and, by method, what its evaluation found."""

    member: Member
    methods: dict[str, Summary]


class Group(NamedTuple):
    """The runs that differ in nothing but the seed, for one method.

    Attributes
    ----------
    settings, method
        What they have in common.
    seeds
        Of the runs that are finished.
    summary
        Means over these seeds, as of `over_seeds`.
    """

    settings: Settings
    method: str
    seeds: tuple[int, ...]
    summary: Summary


def tidy(names: Sequence[str], results: Sequence[Result], score: str) -> str:
    """A CSV file with a line for every run, method and gradient step.

    Parameters
    ----------
    names
        Of the grid's settings.
    results
        Of the finished runs.
    score
        The name of what was measured.

    Returns
    -------
    str
        Its numbers are exact; one that is not finite is left empty.
    """
    text, columns = io.StringIO(newline=""), (score, *COLUMNS)
    file = csv.writer(text, lineterminator="\n")
    file.writerow([*names, "seed", "method", "step", *columns])
    for member, methods in results:
        settings = [value for _, value in member.settings]
        for method, summary in methods.items():
            for step, values in enumerate(zip(*(summary[name] for name in columns), strict=True)):
                file.writerow([*settings, member.seed, method, step, *values])
    return text.getvalue()


def groups(results: Sequence[Result]) -> list[Group]:
    """Means over seeds, for every combination of settings and every method."""
    found: dict[tuple[Settings, str], dict[int, Summary]] = {}
    for member, methods in results:
        for method, summary in methods.items():
            found.setdefault((member.settings, method), {})[member.seed] = summary
    return [
        Group(settings, method, tuple(by_seed), over_seeds(list(by_seed.values())))
        for (settings, method), by_seed in found.items()
    ]


def table(names: Sequence[str], found: Sequence[Group], shown: Sequence[int]) -> list[list[str]]:
    """The scores after some numbers of gradient steps, a row a group."""
    rows = [[*names, "method", "seeds", *(f"step {step}" for step in shown)]]
    for settings, method, seeds, summary in found:
        cells = [cell(summary, step, "seeds_ci95") for step in shown]
        rows.append([*(value for _, value in settings), TITLES[method], str(len(seeds)), *cells])
    return rows


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """A table as text, its columns apart."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
