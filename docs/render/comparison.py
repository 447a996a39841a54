"""All methods on sinusoids beside each other and beside what was published, and the best recipe."""

from __future__ import annotations

from functools import cache
from math import floor, inf, log10
from typing import TYPE_CHECKING, Any

from docs.experiment.methods import METHODS, TITLES
from docs.render.manifest import ROOT
from docs.render.results import asked_for, made, record, summary_of
from docs.render.tables import figure, numbers_table
from docs.render.texts import read
from docs.sinusoid.family import BY_METHOD
from docs.sinusoid.results import UNDONE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: After how many gradient steps errors are shown, and for what is undone.
STEPS, SHORT = (0, 1, 5, 10), (1, 5)

#: What is said of the best recipe when one thing is undone.
WITHOUT = {
    "clip": "gradients of any length",
    "schedule": "outer steps of constant size",
    "multi-step": "the loss after the last step alone",
    "entry-rates": "a rate a layer and step",
    "tanh": "relu",
    "steps": "one inner step",
    "rates": "a given step size, last step alone",
}


def comparison(text: str) -> str:
    """What a page asks for: ``methods/10shot``, ``elsewhere``, ``sources``, ``without``, ...

    Raises
    ------
    PageError
        When there is no such thing.
    """
    kinds: dict[str, Callable[..., str]] = {
        "methods": methods,
        "elsewhere": elsewhere,
        "sources": sources,
        "gains": gains,
        "best": best,
        "seconds": lambda recipe: f"{cost(recipe)['seconds']:.0f}",
        "without": without,
        "times": lambda name: f"{_times(name):.2g}",
    }
    return asked_for("comparisons", text, kinds)


@cache
def published() -> dict[str, list[dict[str, Any]]]:
    """What papers say of sinusoids, by the same protocol and by others."""
    path = ROOT / "docs/sinusoid/published.json"
    return read(path)  # type: ignore[no-any-return]


@cache
def cost(recipe: str) -> dict[str, float]:
    """What one training takes."""
    path = ROOT / "docs/sinusoid/results/cost.json"
    return read(path)["recipes"][recipe]  # type: ignore[no-any-return]


def error(summary: Mapping[str, Any], step: int) -> str:
    """A mean, its intervals over tasks and over seeds, and the share of diverged tasks."""
    keys = ("capped", "capped_ci95", "seeds_ci95", "diverged")
    mean, tasks, seeds, diverged = (summary[key][step] for key in keys)
    # Two digits of the wider interval.
    digits = max(0, 1 - floor(log10(max(tasks, seeds))))
    lost = f" ({100 * diverged:.2g}%)" if diverged else ""
    return f"{mean:.{digits}f} ± {tasks:.{digits}f} ± {seeds:.{digits}f}{lost}"


def errors(summary: Mapping[str, Any]) -> list[str]:
    """The errors by step; before any, where methods hardly differ, the mean alone."""
    return [figure(summary["capped"][0]), *(error(summary, step) for step in STEPS[1:])]


def methods(shots: str) -> str:
    """The errors of all methods, with those that were published by the same protocol."""
    rows = [["method", *map(_after, STEPS), "seconds"]]
    for name, recipe in BY_METHOD.items():
        (method,) = recipe.methods
        found = summary_of(f"{name}-{shots}", method, {})
        rows.append([TITLES[method], *errors(found), f"{cost(f'{name}-{shots}')['seconds']:.0f}"])
        rows += _published(TITLES[method], shots)
    start = summary_of(f"maml-{shots}", "random", {})
    rows.append([TITLES["random"], *errors(start), ""])
    return f"{numbers_table(rows)}\n\n{made(f'maml-{shots}')}"


def _published(title: str, shots: str) -> list[list[str]]:
    """A row of what the paper of a method says, if it says something."""
    found = {
        each["steps"]: each
        for each in published()["same"]
        if (each["method"], f"{each['shots']}shot") == (title, shots)
    }
    if not found:
        return []
    where = _source(next(iter(found.values())))
    cells = [figure(found[step]["mse"]) if step in found else "" for step in STEPS]
    return [[f"{title}, {where}", *cells, ""]]


def _after(step: int) -> str:
    return "1 step" if step == 1 else f"{step} steps"


def _source(entry: Mapping[str, Any]) -> str:
    """A link to a paper by its first author and year."""
    authors, year = entry["paper"]["authors"].split(", "), entry["paper"]["year"]
    first = authors[0].split(". ")[-1]
    others = {1: "", 2: f" and {authors[-1].split('. ')[-1]}"}.get(len(authors), " and others")
    return f"[{first}{others} {year}](https://arxiv.org/abs/{entry['arxiv']})"


def elsewhere() -> str:
    """Errors that were published by other protocols."""
    found: dict[tuple[str, str, str], dict[int, str]] = {}
    for each in published()["other"]:
        steps = "" if each["steps"] is None else str(each["steps"])
        row = found.setdefault((_source(each), each["method"], steps), {})
        row[each["shots"]] = _as_published(each["mse"], each["interval"])
    rows = [["source", "method", "steps", "5 points", "10 points"]]
    for (source, method, steps), by_shots in found.items():
        shown = [by_shots.get(shots, "") for shots in (5, 10)]
        rows.append([source, method, steps or "not said", *shown])
    return numbers_table(rows, 3)


def _as_published(mean: float, interval: float | None) -> str:
    """A mean and its interval with the digits that were printed; ends in 0 are lost in a file."""
    shown = [str(each) for each in (mean, interval) if each is not None]
    digits = max(len(each.partition(".")[2]) for each in shown)
    return " ± ".join(f"{float(each):.{digits}f}" for each in shown)


def sources() -> str:
    """Where each published number was read and what differs there; nobody searches it."""
    lines: dict[str, list[str]] = {}
    for each in (*published()["same"], *published()["other"]):
        said = lines.setdefault(f"{_source(each)}, {each['where']}.", [])
        texts = (each[key] for key in ("differs", "note") if each[key])
        said += [text for text in texts if not any(text in part for part in said)]
    listed = "\n".join(f"- {source} {' '.join(said)}" for source, said in lines.items())
    return f'<div markdown="1" data-search-exclude>\n\n{listed}\n\n</div>'


def gains() -> str:
    """What the algorithms of the family gain on ten points, and what an iteration of each costs."""
    rows = [["algorithm", *map(_after, STEPS[1:]), "milliseconds an iteration"]]
    for name, recipe in BY_METHOD.items():
        (method,) = recipe.methods
        if METHODS[method].adapts:
            summary = summary_of(f"{name}-10shot", method, {})
            spent = figure(cost(f"{name}-10shot")["milliseconds_of_an_iteration"])
            means = (figure(summary["capped"][step]) for step in STEPS[1:])
            rows.append([TITLES[method], *means, spent])
    return numbers_table(rows)


def best() -> str:
    """The errors of the best recipe."""
    rows = [["points", *map(_after, STEPS)]]
    for shots in (10, 5):
        summary = summary_of(f"best-{shots}shot", "recipe", {})
        rows.append([str(shots), *errors(summary)])
    return numbers_table(rows)


def without() -> str:
    """The best recipe with one thing undone, by the error after five steps."""
    whole = summary_of("best-10shot", "recipe", {})
    rows = [
        ["undone", *map(_after, SHORT), "runs that end", "times the error"],
        ["nothing", *(error(whole, step) for step in SHORT), _ended("best-10shot"), "1"],
    ]
    for name in sorted(UNDONE, key=_times):
        summary, ended = _summary_without(name), _ended(f"without-{name}")
        cells = [error(summary, step) if summary else "" for step in SHORT]
        rows.append([WITHOUT[name], *cells, ended, figure(_times(name)) if summary else ""])
    return numbers_table(rows)


def _ended(name: str) -> str:
    """How many runs of a sweep came to their end."""
    found = record(name)
    return f"{found['seeds'] - len(found['failures'])} of {found['seeds']}"


def _summary_without(name: str) -> dict[str, Any]:
    """What the runs that ended have found, or nothing where none did."""
    groups = record(f"without-{name}")["groups"]
    return next((each["summary"] for each in groups if each["method"] != "random"), {})


def _times(name: str) -> float:
    """How many times the error after five steps is that of the whole recipe."""
    whole, summary = summary_of("best-10shot", "recipe", {}), _summary_without(name)
    return float(summary["capped"][5] / whole["capped"][5]) if summary else inf
