"""Tables and sentences of the chapter about speed, from what ``make bench`` measured."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from docs.render.manifest import ROOT, PageError

if TYPE_CHECKING:
    from collections.abc import Callable

RESULTS = ROOT / "docs" / "speed" / "benchmark.json"

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


def speed(what: str) -> str:
    """A table or a sentence by its name."""
    if not RESULTS.is_file():
        raise PageError(f"{RESULTS.name} is missing; make bench writes it")
    if what not in PARTS:
        raise PageError(f"there is nothing about speed called {what!r}")
    return PARTS[what](json.loads(RESULTS.read_text(encoding="utf-8")))


# --- words ---


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


def size_of(count: float) -> str:
    """A number of bytes."""
    return f"{three_digits(count / 2**20)}{SPACE}MB"


def case_cells(case: dict[str, Any]) -> str:
    """The sizes of a case, and what its network has of its own."""
    own = [_layers(case)] if case["hidden"] != 2 else []
    own += [f"{case['steps']} inner steps"] if case["steps"] != 1 else []
    own += [case["activation"]] if case["activation"] != "relu" else []
    return f"{case['T']:,} | {case['K']} | {case['H']:,} | {', '.join(own)}"


def rows(head: str, lines: list[str]) -> str:
    """A table whose columns are numbers but for the first; nobody searches for them."""
    columns = head.count("|") + 1
    table = "\n".join([f"| {head} |", f"|---|{'--:|' * (columns - 1)}", *lines])
    return f'<div class="numbers" markdown="1" data-search-exclude>\n\n{table}\n\n</div>'


# --- parts of the page ---


def ratio_table(record: dict[str, Any]) -> str:
    """JAX's time over ours."""
    lines = []
    for case in record["free"]["cases"]:
        cells = [ratio(case["contenders"][name]["ratio"]) for name in ("workspace", "kernel")]
        lines.append(f"| {case_cells(case)} | {' | '.join(cells)} |")
    note = (
        "Two hidden layers of relu and one inner step, where nothing else is said; as many support "
        "as query points. The quartiles are in parentheses."
    )
    head = "tasks | points | units | network | JAX / workspace | JAX / readable"
    return f"{rows(head, lines)}\n\n{note}"


def time_table(record: dict[str, Any]) -> str:
    """The time of every contender."""
    lines = []
    for case in record["free"]["cases"]:
        own = case["contenders"]
        cells = [duration(own[name]["time"]["median"]) if name in own else "" for name in TITLES]
        lines.append(f"| {case_cells(case)} | {' | '.join(cells)} |")
    reasons = {
        f"{name}: {reason}"
        for case in record["free"]["cases"]
        for name, reason in case["skipped"].items()
    }
    note = f"An empty cell was not measured ({'; '.join(sorted(reasons))})." if reasons else ""
    head = f"tasks | points | units | network | {' | '.join(TITLES.values())}"
    return f"{rows(head, lines)}\n\n{note}"


def machine_words(record: dict[str, Any]) -> str:
    """What it was measured on."""
    machine = record["machine"]
    versions = ", ".join(f"{name} {text}" for name, text in machine["packages"].items())
    found = machine["coretype as found"]
    pinned = f"`OPENBLAS_CORETYPE` was {found}" if found else "`OPENBLAS_CORETYPE` was not set"
    return (
        f"Measured on {record['date']} with `{record['command']}`, up to {record['rounds']} "
        f"rounds, on one core of {machine['processor']}; Python {machine['python']}, {versions}. "
        f"BLAS is {record['free']['blas']}, which it chose itself: {pinned}, and is "
        f"removed in any case."
    )


def pinned_words(record: dict[str, Any]) -> str:
    """With the kernel of BLAS pinned, where that was measured."""
    if "pinned" not in record:
        reason = record["environments"]["pinned"]["not measured"]
        return f"No kernel of BLAS was pinned: {reason}."
    cells = [
        f"{ratio(case['contenders']['workspace']['ratio'])} at {case['K']} points"
        for case in record["pinned"]["cases"]
    ]
    words = (
        f"The kernel that BLAS uses matters. Pinned to an older one, {record['pinned']['blas']}, "
        f"the workspace form has a ratio of {' and of '.join(cells)}, with 25 tasks and 40 units."
    )
    if "found" not in record:
        return words
    default = next(each for each in record["found"]["cases"] if _is_usual(each))
    own = ratio(default["contenders"]["workspace"]["ratio"])
    return f"{words} As found on this machine, with {record['found']['blas']}, it is {own}."


def thread_words(record: dict[str, Any]) -> str:
    """With all threads."""
    cases = record["threads"]["cases"]
    cells = [
        f"{case['contenders']['workspace']['ratio']['median']:.2f} with {case['T']:,} tasks, "
        f"{case['K']} points and {case['H']:,} units"
        for case in cases
        if _is_usual(case) or case["H"] == max(each["H"] for each in cases)
    ]
    return (
        f"With all {record['machine']['cores']} cores for everyone, the ratio is "
        f"{', and '.join(cells)}."
    )


def memory_table(record: dict[str, Any]) -> str:
    """Peak memory of a call."""
    found = record["memory"]
    names = list(dict.fromkeys(row["contender"] for row in found))
    lines = []
    for key in dict.fromkeys((row["T"], row["H"]) for row in found):
        own = {row["contender"]: row for row in found if (row["T"], row["H"]) == key}
        cells = [size_of(own[name]["bytes"]) for name in names]
        weights = size_of(own[names[0]]["weights of all tasks"])
        lines.append(f"| {key[0]} | {key[1]:,} | {' | '.join(cells)} | {weights} |")
    titles = [TITLES[name] for name in names]
    head = f"tasks | units | {' | '.join(titles)} | one weight matrix a task"
    note = (
        "The peak above what was there before the call, in a process of its own; preparing the "
        "workspace and compiling are counted."
    )
    return f"{rows(head, lines)}\n\n{note}"


def technique_table(record: dict[str, Any]) -> str:
    """What is lost when a technique is undone."""
    lines = [
        f"| {row['technique']} | {row['instead']} | {row['T']:,} | {row['K']} | {row['H']} | "
        f"{duration(row['time'])} | {lost(row['lost']['median'])} | {row['ratio']['median']:.2f} |"
        for row in record["undone"]
    ]
    head = "technique | instead | tasks | points | units | with | lost without | ratio"
    return rows(head, lines).replace("|---|--:|", "|---|---|", 1)


def lost(seconds: float) -> str:
    """A difference of times."""
    sign = "\N{MINUS SIGN}" if seconds < 0 else ""
    return sign + duration(abs(seconds))


def limit_table(record: dict[str, Any]) -> str:
    """GFLOP/s, and their share of what the machine can do."""
    machine = record["machine"]
    lines = []
    for case in record["free"]["cases"]:
        own, other = (case["contenders"][name] for name in ("workspace", "JAX"))
        limits = ["sgemm", "fma"] if machine["fma"] else ["sgemm"]
        shares = [f"{own[f'share of {limit}']:.0%}".replace("%", f"{SPACE}%") for limit in limits]
        cells = [f"{own['gflops']:.3g}", *shares, f"{other['gflops']:.3g}"]
        lines.append(
            f"| {case_cells(case)} | {three_digits(case['flops'] / 1e6)} | {' | '.join(cells)} |"
        )
    head = "tasks | points | units | network | million operations | workspace, GFLOP/s"
    head += " | of large products" + (" | of multiply-adds" if machine["fma"] else "")
    head += " | JAX, GFLOP/s of the same work"
    note = f"Large matrix products reach {machine['sgemm']:.0f} GFLOP/s on this core."
    if machine["fma"]:
        note += f" Multiply-adds that wait for nothing reach {machine['fma']:.0f}."
    return f"{rows(head, lines)}\n\n{note}"


def iteration_table(record: dict[str, Any]) -> str:
    """A whole iteration, and ten thousand of them."""
    found = record["iteration"]
    fastest_first = sorted(found["steps"].items(), key=lambda step: step[1]["time"]["median"])
    lines = [
        f"| {TITLES.get(name, name)} | {duration(row['time']['median'])} | {ratio(row['ratio'])} |"
        for name, row in fastest_first
    ]
    table = rows("an iteration with | time | JAX's jitted step / this", lines)
    seconds, as_by_hand, by_hand = (
        found[key] for key in ("10,000 iterations", "10,000 iterations as by hand", "by hand")
    )
    return (
        f"{table}\n\n`docs.sinusoid.train` takes {seconds:.1f} s for 10,000 iterations at these "
        f"sizes. At the settings of the implementation of [chapter 13](13-by-hand.md), 25 tasks "
        f"with five and five points and 64 units, it takes {as_by_hand:.1f} s. That "
        f"implementation's own loop took {by_hand:.0f} s on another machine, "
        f"{by_hand / as_by_hand:.0f} times as long."
    )


def slower_words(record: dict[str, Any]) -> str:
    """The measured cases in which JAX is faster than one of our forms."""
    cases = record["free"]["cases"]
    slow = {
        name: [case for case in cases if case["contenders"][name]["ratio"]["median"] < 1]
        for name in ("workspace", "kernel")
    }
    places = [
        f"{case['contenders']['workspace']['ratio']['median']:.2f} with {case['T']} tasks, "
        f"{case['K']} points and {_layers(case)} of {case['H']} units"
        for case in slow["workspace"]
    ]
    first = (
        f"The workspace form is slower than JAX in {len(places)} of the {len(cases)} cases: "
        f"{'; '.join(places)}."
        if places
        else f"In none of the {len(cases)} cases is the workspace form slower than JAX."
    )
    return (
        f"{first} The readable form is slower in {len(slow['kernel'])} of them. Where layers are "
        f"few and small, what numpy takes to begin its calls is most of the time. And JAX runs on "
        f"other hardware; numpy does not."
    )


def build_words(record: dict[str, Any]) -> str:
    """The time of the derivation itself."""
    build = record["build"]
    return (
        f"Deriving and writing all committed packages takes {build['all packages']:.1f} s, a "
        f"network with three hidden layers {build['three hidden layers']:.1f} s."
    )


def _layers(case: dict[str, Any]) -> str:
    return "one hidden layer" if case["hidden"] == 1 else f"{case['hidden']} hidden layers"


def _is_usual(case: dict[str, Any]) -> bool:
    usual = {"T": 25, "K": 10, "H": 40, "hidden": 2, "steps": 1, "activation": "relu"}
    return all(case[key] == value for key, value in usual.items())


PARTS: dict[str, Callable[[dict[str, Any]], str]] = {
    "ratios": ratio_table,
    "times": time_table,
    "machine": machine_words,
    "pinned": pinned_words,
    "threads": thread_words,
    "memory": memory_table,
    "techniques": technique_table,
    "limits": limit_table,
    "iteration": iteration_table,
    "slower": slower_words,
    "build": build_words,
}
