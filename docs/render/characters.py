"""The tables and numbers of the characters, from the files that their results command writes."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

from docs.experiment.methods import TITLES
from docs.render.manifest import ROOT, PageError
from docs.render.results import asked_for
from docs.render.tables import numbers_table

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER = ROOT / "docs/characters/results"

#: What a table calls who computes a meta-gradient.
CONTENDERS = {
    "kernel": "numpy, readable",
    "workspace": "numpy, in place",
    "native": "C",
    "JAX": "JAX",
}

#: The sign stays beside its number.
PERCENT = "\N{NO-BREAK SPACE}%"

#: Of its cases, those whose way and layers differ.
WORKLOADS = 3


@cache
def record(name: str) -> dict[str, Any]:
    """What one sweep, or the measurement of cost, has found."""
    path = FOLDER / f"{name}.json"
    if not path.is_file():
        raise PageError(f"there are no results {name!r}; docs.characters.results writes them")
    return json.loads(path.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def characters(text: str) -> str:
    """What a page asks for: ``table/NAME``, ``at/NAME/METHOD/STEP``, ``seconds/RECIPE``,
    ``cost``, ``inputs``.

    Raises
    ------
    PageError
        When there is no such thing.
    """
    kinds: dict[str, Callable[..., str]] = {
        "table": accuracies,
        "at": at,
        "setting": lambda name, which: f"{record(name)['base'][which]:,}",
        "baseline": lambda name, which: f"{100 * record(name)['baselines'][which]:.1f}{PERCENT}",
        "seconds": seconds,
        "cost": lambda: costs(slice(WORKLOADS), "workload"),
        "inputs": lambda: costs(slice(None), "inputs"),
        "memory": memory,
        "ratio": ratio,
    }
    return asked_for("results of characters", text, kinds)


def seconds(recipe: str, field: str = "seconds") -> str:
    """What was measured of the training of a recipe."""
    return f"{record('seconds')['recipes'][recipe][field]:,.0f}"


def percent(summary: dict[str, Any], step: int) -> str:
    """An accuracy with its interval over tasks, and over seeds where there are several."""
    halves = [summary[key][step] for key in ("capped_ci95", "seeds_ci95")]
    around = "".join(f" ± {100 * half:.1f}" for half in halves if half is not None)
    return f"{100 * summary['capped'][step]:.1f}{around}"


def accuracies(name: str, *steps: str) -> str:
    """Accuracies in percent after some numbers of steps, of every group of a sweep."""
    found = record(name)
    shown = [int(step) for step in steps] or [0, 1, 3, 5, 10]
    settings = list(found["grid"])
    header = [*settings, "method", *(f"{n} step" + "s" * (n != 1) for n in shown)]
    rows = [
        [
            *each["settings"].values(),
            TITLES[each["method"]],
            *(percent(each["summary"], step) for step in shown),
        ]
        for each in found["groups"]
    ]
    over = "with intervals over tasks"
    seeds = f"seed 0, {over}"
    if found["seeds"] > 1:
        seeds = f"seeds 0 to {found['seeds'] - 1}, {over} and over seeds"
    return (
        f"{numbers_table([header, *rows], len(settings) + 1)}\n\n"
        f"<small>`{found['command']}`: percent of the queries of {found['tasks']:,} test tasks, "
        f"{seeds}.</small>"
    )


def summary_of(name: str, method: str, *settings: str) -> dict[str, Any]:
    """What one sweep has found of a method."""
    chosen = dict(each.split("=") for each in settings)
    found = [
        each["summary"]
        for each in record(name)["groups"]
        if each["method"] == method and chosen.items() <= each["settings"].items()
    ]
    if len(found) != 1:
        raise PageError(f"{len(found)} groups of {name!r} are of {method} with {chosen}")
    return found[0]  # type: ignore[no-any-return]


def at(name: str, method: str, step: str, *settings: str) -> str:
    """One mean in percent after so many steps."""
    return f"{100 * summary_of(name, method, *settings)['capped'][int(step)]:.1f}{PERCENT}"


def costs(which: slice, what: str) -> str:
    """Milliseconds of a call and megabytes beyond what was there, by contender."""
    cases = record("cost")["cases"]
    kept = cases[which] if what == "workload" else grown()
    names = [name for name in CONTENDERS if name in cases[0]["milliseconds"]]
    rows = [[what, *(f"{CONTENDERS[name]}" for name in names)]]
    for case in kept:
        label = "-".join(map(str, case["sizes"])) if what == "workload" else f"{case['sizes'][0]:,}"
        cells = [
            f"{case['milliseconds'][name]['median']:.3g} ms, {case['bytes'][name] / 2**20:.0f} MB"
            for name in names
        ]
        rows.append([label, *cells])
    return numbers_table(rows, 1)


def grown() -> list[dict[str, Any]]:
    """The cases that differ in their inputs alone, the fewest first."""
    cases = record("cost")["cases"]
    rest = cases[1]["sizes"][1:]
    return sorted((each for each in cases if each["sizes"][1:] == rest), key=lambda c: c["sizes"])


def case_of(sizes: str) -> dict[str, Any]:
    """One case by its layers, ``784-256-64-5``."""
    wanted = [int(each) for each in sizes.split("-")]
    return next(each for each in record("cost")["cases"] if each["sizes"] == wanted)


def ratio(above: str, below: str, sizes: str) -> str:
    """How many times as long one takes as another."""
    times = case_of(sizes)["milliseconds"]
    return f"{times[above]['median'] / times[below]['median']:.2g}"


def memory(name: str, sizes: str) -> str:
    """Megabytes of a contender."""
    return f"{case_of(sizes)['bytes'][name] / 2**20:.0f}"
