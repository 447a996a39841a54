"""One part of the benchmark, in a process of its own; `__main__` sets its environment."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from tests.benchmark import clock, iteration, machine, memory, undone
from tests.benchmark.cases import CASES, GROWTH, Case, flops, load, problem
from tests.benchmark.contenders import CONTENDERS, check

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

#: `torch.compile` takes about a minute a case, so it is asked for these only.
COMPILED = (Case(), Case(T=4), Case(H=256), Case(T=100))

#: A contender whose call takes longer, in seconds, is timed no further.
PATIENCE = 3.0


def one_core() -> None:
    """Let this process run on one core, where the system can be told so."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    import torch

    torch.set_num_threads(1)


def measured(case: Case, who: Sequence[str], folder: Path, count: int) -> dict[str, Any]:
    """Every contender on one case: checked first, then timed in turns."""
    net, numbers = load(case, folder), problem(case)
    calls, skipped = {}, {}
    for name in who:
        if name == "torch.compile" and case not in COMPILED:
            skipped[name] = "compiling takes about a minute a case"
            continue
        call = CONTENDERS[name](net, case, numbers)
        check(name, call(), net, numbers)
        started = time.perf_counter()
        call()
        seconds = time.perf_counter() - started
        if seconds > PATIENCE and name != "JAX":
            skipped[name] = f"a call takes {seconds:.1f} s"
            continue
        calls[name] = call
    times = clock.rounds(calls, count)
    work, ws = flops(case, net), net.workspace(case.sizes, case.T, case.K, case.K)
    return {
        **case.record,
        "flops": work,
        "bytes": ws.memory * len(ws._chunks),
        "skipped": skipped,
        "contenders": {
            name: {
                "time": clock.summary(values),
                "ratio": clock.ratios(times["JAX"], values),
                "gflops": clock.rounded(work / clock.summary(values)["median"] / 1e9),
            }
            for name, values in times.items()
        },
    }


def cases(chosen: Sequence[Case], who: Sequence[str], folder: Path, count: int) -> dict[str, Any]:
    """All cases in one environment."""
    return {
        "blas": machine.blas(),
        "coretype": os.environ.get("OPENBLAS_CORETYPE"),
        "cases": [measured(case, who, folder, count) for case in chosen],
    }


def growth(folder: Path, count: int, quick: bool) -> dict[str, Any]:
    """Times while one size grows."""
    who = ("workspace", "kernel", "JAX")
    found: dict[str, Any] = {}
    for key, chosen in GROWTH.items():
        rows = [measured(case, who, folder, count) for case in (chosen[:1] if quick else chosen)]
        found[key] = {
            "sizes": [row[key] for row in rows],
            **{name: [row["contenders"][name]["time"]["median"] for row in rows] for name in who},
        }
    return found


def part(name: str, folder: Path, count: int, quick: bool) -> Any:
    """Measure what a name asks for.

    Raises
    ------
    ValueError
        When contenders disagree, or an edit of `undone` finds nothing.
    """
    chosen = (Case(T=2, H=8), Case(T=3, H=8, hidden=1)) if quick else CASES
    fewer = chosen if quick else (Case(), Case(K=5))
    everyone = [each for each in CONTENDERS if each != "torch.compile" or not quick]
    ours_and_jax = ("kernel", "workspace", "JAX")
    if name != "threads":
        one_core()
    if name.startswith("memory/"):
        _, who, at = name.split("/")
        return memory.peak(who, memory.CASES[int(at)], folder)
    if name == "machine":
        return machine.machine(folder)
    if name == "growth":
        return growth(folder, count, quick)
    if name == "iteration":
        return iteration.iterations(load(Case(), folder), count, quick)
    if name == "undone":
        return undone.undone(folder, count, quick)
    if name == "pinned":
        return cases(fewer, ours_and_jax, folder, count)
    return cases(chosen, everyone if name == "free" else ours_and_jax, folder, count)
