"""The tables of the experiment, from the files that ``make results`` writes."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from docs.experiment.parts import ANGLES, LENGTHS
from docs.render.manifest import ROOT, PageError
from docs.render.speed import duration
from docs.render.tables import figure, numbers_table, recorded
from docs.render.texts import read

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

FOLDER = ROOT / "docs/sinusoid/results"

#: What the tables call a setting and its values.
NAMES = {"initial": "initial weights", "truncated": "truncated normal", "glorot": "Glorot"}


@cache
def record(name: str) -> dict[str, Any]:
    """What one sweep, or the measurement of scaling, has found."""
    path = FOLDER / f"{name}.json"
    if not path.is_file():
        raise PageError(f"there are no results {name!r}; make results writes them")
    return read(path)  # type: ignore[no-any-return]


def results(text: str) -> str:
    """What a page asks for: ``table/NAME``, ``at/NAME/METHOD/STEP``, ...

    Raises
    ------
    PageError
        When there is no such thing.
    """
    kinds: dict[str, Callable[..., str]] = {
        "table": error_table,
        "at": at,
        "setting": setting,
        "milestones": milestones,
        "scaling": scaling,
        "parts": parts,
    }
    return asked_for("results", text, kinds)


def asked_for(what: str, text: str, kinds: Mapping[str, Callable[..., str]]) -> str:
    """What a page asks for by a kind and its arguments, with slashes between them."""
    kind, *rest = text.split("/")
    if kind not in kinds:
        raise PageError(f"{what} are asked for as {text!r}; it must begin with {', '.join(kinds)}")
    try:
        return kinds[kind](*rest)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise PageError(f"there are no {what} {text!r}: {error}") from None


def named(rows: Sequence[Sequence[str]], words: int) -> str:
    """A table in which settings have their names."""
    return numbers_table([[NAMES.get(cell, cell) for cell in row] for row in rows], words)


def made(name: str) -> str:
    """What a table was made with."""
    found = record(name)
    versions = ", ".join(f"{each} {version}" for each, version in found["versions"].items())
    return (
        f"<small>`{found['command']}`: {found['tasks']:,} unseen tasks, seeds 0 to "
        f"{found['seeds'] - 1}, {versions}.</small>"
    )


def error_table(name: str, *methods: str) -> str:
    """The errors after 0, 1, 5 and 10 gradient steps, of all methods or of those named."""
    found = record(name)
    header, *rows = found["table"]
    kept = [place for place, cell in enumerate(header) if cell not in ("methods", "seeds")]
    names = {"step 1": "1 step", **{f"step {n}": f"{n} steps" for n in (0, 5, 10)}}
    shown = [
        row
        for row, group in zip(rows, found["groups"], strict=True)
        if not methods or group["method"] in methods
    ]
    cut = [[names.get(row[place], row[place]) for place in kept] for row in (header, *shown)]
    return f"{named(cut, len(kept) - 4)}\n\n{made(name)}"


def summary_of(name: str, method: str, settings: dict[str, str]) -> dict[str, Any]:
    """What one sweep has found of a method with some settings."""
    found = [
        each["summary"]
        for each in record(name)["groups"]
        if each["method"] == method and settings.items() <= each["settings"].items()
    ]
    if len(found) != 1:
        raise PageError(f"{len(found)} groups of {name!r} are of {method} with {settings}")
    return found[0]  # type: ignore[no-any-return]


def at(name: str, method: str, step: str, *settings: str) -> str:
    """One mean after so many gradient steps, with settings as ``name=value``."""
    chosen = dict(each.split("=") for each in settings)
    return figure(summary_of(name, method, chosen)["capped"][int(step)])


def setting(name: str, which: str) -> str:
    """A setting that all runs of a sweep have in common."""
    value = record(name)["base"][which]
    return f"{value:,}" if isinstance(value, int) else figure(value)


def milestones(shots: str) -> str:
    """The error of MAML after one step, by the iterations of its training."""
    iterations = record(f"{shots}-maml")["grid"]["iterations"]
    rows = [["method", "initial weights", *(f"{int(each):,} iterations" for each in iterations)]]
    for name, method, title in (
        (f"{shots}-maml", "maml", "MAML"),
        (f"{shots}-first-order", "first-order", "first-order MAML"),
    ):
        for initial in record(name)["grid"]["initial"]:
            found = [
                summary_of(name, method, {"initial": initial, "iterations": each})
                for each in iterations
            ]
            rows.append([title, initial, *(with_intervals(each, 1) for each in found)])
    return f"{named(rows, 2)}\n\n{made(f'{shots}-maml')}\n\n{made(f'{shots}-first-order')}"


def with_intervals(summary: dict[str, Any], step: int) -> str:
    """A mean with its interval over tasks, and that over seeds."""
    mean, tasks, seeds = (summary[key][step] for key in ("capped", "capped_ci95", "seeds_ci95"))
    return f"{mean:.3f} ± {tasks:.3f} ± {seeds:.3f}"


def scaling(*path: str) -> str:
    """How a sweep scales: ``measured``, ``foretold``, or a number of the record by its path."""
    what, found = "/".join(path), record("scaling")
    tables = {"measured": measured_sweeps, "foretold": foretold_sweeps}
    return tables[what](found) if what in tables else recorded(what, found)


def measured_sweeps(found: dict[str, Any]) -> str:
    """Sweeps of a few runs, by who carried them."""
    rows = [["carried by", "workers", "seconds", "efficiency", "overhead a run", "start-up"]]
    for each in found["measured"]:
        times = [each[key] for key in ("wall", "overhead_per_run", "start_up")]
        wall, overhead, start_up = (duration(value) for value in times)
        efficiency = f"{each['efficiency']:.0%}"
        rows.append([each["executor"], str(each["workers"]), wall, efficiency, overhead, start_up])
    return numbers_table(rows)


def foretold_sweeps(found: dict[str, Any]) -> str:
    """What a long sweep would take; a star marks what nobody has measured."""
    rows = [["carried by", "workers", "minutes"]]
    for each in found["foretold"]["sweeps"]:
        mark = "*" if each["basis"].startswith("extrapolated") else ""
        minutes = f"{each['seconds'] / 60:.0f}"
        rows.append([each["executor"], f"{each['workers']}{mark}", minutes])
    return numbers_table(rows)


def parts(*path: str) -> str:
    """What the parts of the meta-gradient are: ``table``, or a number of a record by its path."""
    if path == ("table",):
        return parts_table({"relu": record("gauss-newton"), "tanh": record("gauss-newton-tanh")})
    name, *rest = path
    return recorded("/".join(rest), record(name))


def parts_table(found: dict[str, dict[str, Any]]) -> str:
    """Lengths and angles by activation: at the start, and the mean over the training."""
    rows = [["of what", *(f"{each}, {when}" for each in found for when in ("start", "training"))]]
    for titles, unit in ((LENGTHS, ""), (ANGLES, "°")):
        for name, title in titles.items():
            summaries = [each["summary"][name] for each in found.values()]
            numbers = [each[when] for each in summaries for when in ("start", "mean")]
            rows.append([title, *(f"{figure(number)}{unit}" for number in numbers)])
    made_by = "; ".join(f"`{each['command']}`" for each in found.values())
    first = next(iter(found.values()))
    versions = ", ".join(f"{each} {version}" for each, version in first["versions"].items())
    return (
        f"{numbers_table(rows)}\n\n<small>{made_by}: seeds 0 to {first['seeds'] - 1}, "
        f"{versions}.</small>"
    )
