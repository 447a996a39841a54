"""Tables and numbers of the chapter about speed, from what ``make bench`` measured."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from docs.render.manifest import ROOT, PageError
from docs.render.tables import numbers_table, recorded
from generated.runtime.compiled import TOO_WIDE

if TYPE_CHECKING:
    from collections.abc import Callable

RESULTS = ROOT / "docs" / "speed" / "benchmark.json"
IN_C = ROOT / "docs" / "speed" / "native.json"
JAVASCRIPT = ROOT / "docs" / "speed" / "javascript.json"
#: Whose results have files of their own, by what a page asks for.
OTHERS = {"native": IN_C, "javascript": JAVASCRIPT}

#: Between a number and its unit, where no line may break.
SPACE = "\N{NO-BREAK SPACE}"

#: What a page calls the contenders, in the order of the columns.
TITLES = {
    "workspace": "workspace",
    "kernel": "readable",
    "reference": "as derived",
    "JAX": "JAX",
    "torch.compile": "torch.compile",
    "torch.func": "torch.func",
    "autograd": "autograd",
}

#: The case that a number is of, where nothing else is said.
USUAL = {"T": 25, "K": 10, "H": 40, "hidden": 2, "steps": 1, "activation": "relu"}


def speed(what: str) -> str:
    """What a page asks for: a part by its name, ``ratio/free/K=5``, ``machine/cores``, ...

    Raises
    ------
    PageError
        When there is no such thing.
    """
    kind, _, case = what.partition("/")
    results = OTHERS.get(kind, RESULTS)
    if not results.is_file():
        raise PageError(f"{results.name} is missing; make bench writes it")
    record = json.loads(results.read_text(encoding="utf-8"))
    if what in PARTS:
        return PARTS[what](record)
    if kind in OTHERS:
        return recorded(case, record)
    if kind == "ratio":
        return ratio(ratio_of(record, case))
    if kind == "median":
        return f"{ratio_of(record, case)['median']:.2f}"
    return recorded(what, record)


# --- numbers ---


def ratio_of(record: dict[str, Any], where: str) -> dict[str, float]:
    """JAX's time over that of the workspace form, in a case such as ``free/K=5/hidden=1``."""
    environment, *settings = where.split("/")
    try:
        wanted = {**USUAL, **dict(each.split("=") for each in settings)}
        (case,) = (
            case
            for case in record[environment]["cases"]
            if all(str(case[name]) == str(value) for name, value in wanted.items())
        )
    except (KeyError, ValueError):
        raise PageError(f"no case is {where!r}, or several") from None
    return case["contenders"]["workspace"]["ratio"]  # type: ignore[no-any-return]


def slower(record: dict[str, Any], name: str) -> str:
    """In how many cases JAX is faster than one of our forms."""
    cases = record["free"]["cases"]
    return str(sum(case["contenders"][name]["ratio"]["median"] < 1 for case in cases))


def versions(record: dict[str, Any]) -> str:
    """The packages that it was measured with."""
    return ", ".join(f"{name} {text}" for name, text in record["machine"]["packages"].items())


def times_as_long(record: dict[str, Any]) -> str:
    """The time of the implementation of chapter 13 over ours."""
    found = record["iteration"]
    return f"{found['by hand'] / found['10,000 iterations as by hand']:.0f}"


def duration(seconds: float) -> str:
    """A time in the unit that suits it."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= 0.9995 * size:
            return f"{three_digits(seconds / size)}{SPACE}{unit}"
    return f"{seconds / 1e-6:.0f}{SPACE}µs"


def three_digits(value: float) -> str:
    """A number to three digits, or to the last digit before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def ratio(record: dict[str, float]) -> str:
    """A ratio with its quartiles."""
    low, high = f"{record['low']:.2f}", f"{record['high']:.2f}"
    return f"{record['median']:.2f} ({low}\N{EN DASH}{high})"


def share_of(value: float | None) -> str:
    """A share in per cent, or nothing where it was not measured."""
    return "" if value is None else f"{100 * value:.0f}{SPACE}%"


def size_of(count: float) -> str:
    """A number of bytes."""
    return f"{three_digits(count / 2**20)}{SPACE}MB"


#: What `case_cells` are.
CASE = ["tasks", "points", "units", "network"]


def case_cells(case: dict[str, Any]) -> list[str]:
    """The sizes of a case, and what its network has of its own."""
    own = [_layers(case)] if case["hidden"] != 2 else []
    own += [f"{case['steps']} inner steps"] if case["steps"] != 1 else []
    own += [case["activation"]] if case["activation"] != "relu" else []
    return [f"{case['T']:,}", f"{case['K']}", f"{case['H']:,}", ", ".join(own)]


# --- tables of the page ---


def ratio_table(record: dict[str, Any]) -> str:
    """JAX's time over ours."""
    rows = [[*CASE, "JAX / workspace", "JAX / readable"]]
    for case in record["free"]["cases"]:
        cells = [ratio(case["contenders"][name]["ratio"]) for name in ("workspace", "kernel")]
        rows.append([*case_cells(case), *cells])
    return numbers_table(rows)


def time_table(record: dict[str, Any]) -> str:
    """The time of every contender, or why it was not measured."""
    rows = [[*CASE, *TITLES.values()]]
    for case in record["free"]["cases"]:
        own, skipped = case["contenders"], case["skipped"]
        cells = [
            duration(own[name]["time"]["median"]) if name in own else skipped.get(name, "")
            for name in TITLES
        ]
        rows.append([*case_cells(case), *cells])
    return numbers_table(rows)


def memory_table(record: dict[str, Any]) -> str:
    """Peak memory of a call."""
    found = record["memory"]
    names = list(dict.fromkeys(row["contender"] for row in found))
    rows = [["tasks", "units", *(TITLES[name] for name in names), "one weight matrix a task"]]
    for key in dict.fromkeys((row["T"], row["H"]) for row in found):
        own = {row["contender"]: row for row in found if (row["T"], row["H"]) == key}
        cells = [size_of(own[name]["bytes"]) for name in names]
        weights = size_of(own[names[0]]["weights of all tasks"])
        rows.append([f"{key[0]}", f"{key[1]:,}", *cells, weights])
    return numbers_table(rows)


def technique_table(record: dict[str, Any]) -> str:
    """What is lost when a technique is undone."""
    head = ["technique", "instead", "tasks", "points", "units", "with", "lost without", "ratio"]
    rows = [
        [
            *(row["technique"], row["instead"], f"{row['T']:,}", f"{row['K']}", f"{row['H']}"),
            *(duration(row["time"]), lost(row["lost"]["median"]), f"{row['ratio']['median']:.2f}"),
        ]
        for row in record["undone"]
    ]
    return numbers_table([head, *rows], words=2)


def lost(seconds: float) -> str:
    """A difference of times."""
    sign = "\N{MINUS SIGN}" if seconds < 0 else ""
    return sign + duration(abs(seconds))


def limit_table(record: dict[str, Any]) -> str:
    """GFLOP/s, and their share of what the machine can do."""
    limits = {"sgemm": "of large products"}
    if record["machine"]["fma"]:
        limits["fma"] = "of multiply-adds"
    head = [*CASE, "million operations", "workspace, GFLOP/s", *limits.values()]
    rows = [[*head, "JAX, GFLOP/s of the same work"]]
    for case in record["free"]["cases"]:
        own, other = (case["contenders"][name] for name in ("workspace", "JAX"))
        shares = [share_of(own[f"share of {limit}"]) for limit in limits]
        work = three_digits(case["flops"] / 1e6)
        rates = [f"{own['gflops']:.3g}", *shares, f"{other['gflops']:.3g}"]
        rows.append([*case_cells(case), work, *rates])
    return numbers_table(rows)


def in_c_table(record: dict[str, Any]) -> str:
    """What the same is worth in C: beside JAX and numpy, and of the limit."""
    head = [*CASE, "time in C", "JAX / C", "all cores", "workspace / C", "GFLOP/s"]
    rows = [[*head, "of multiply-adds", "until the first call"]]
    for case, shared in zip(record["free"]["cases"], record["threads"]["cases"], strict=True):
        own, base = case["contenders"].get("C"), case["contenders"]["workspace"]
        if own is None:
            continue
        rows.append(
            [
                *case_cells(case),
                duration(own["time"]["median"]),
                ratio(own["ratio"]),
                f"{shared['contenders']['C']['ratio']['median']:.2f}",
                f"{base['time']['median'] / own['time']['median']:.2f}",
                f"{own['gflops']:.3g}",
                share_of(own["share of fma"]),
                duration(own["first"]),
            ]
        )
    return numbers_table(rows)


def iteration_table(record: dict[str, Any]) -> str:
    """A whole iteration."""
    steps = record["iteration"]["steps"]
    fastest_first = sorted(steps.items(), key=lambda step: step[1]["time"]["median"])
    rows = [
        [TITLES.get(name, name), duration(row["time"]["median"]), ratio(row["ratio"])]
        for name, row in fastest_first
    ]
    return numbers_table([["an iteration with", "time", "JAX's jitted step / this"], *rows])


def _layers(case: dict[str, Any]) -> str:
    return "one hidden layer" if case["hidden"] == 1 else f"{case['hidden']} hidden layers"


PARTS: dict[str, Callable[[dict[str, Any]], str]] = {
    "ratios": ratio_table,
    "times": time_table,
    "memory": memory_table,
    "techniques": technique_table,
    "limits": limit_table,
    "in C": in_c_table,
    "iteration": iteration_table,
    "native/wide": lambda _: str(TOO_WIDE),
    "native/techniques": lambda record: technique_table({"undone": record["C undone"]}),
    "versions": versions,
    "cases": lambda record: str(len(record["free"]["cases"])),
    "slower/workspace": lambda record: slower(record, "workspace"),
    "slower/readable": lambda record: slower(record, "kernel"),
    "times as long": times_as_long,
}
