"""One part of the benchmark, in a process of its own; `__main__` sets its environment."""

from __future__ import annotations

import os
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from tests.benchmark import clock, iteration, machine, memory, undone
from tests.benchmark.cases import CASES, GROWTH, Case, flops, load, problem
from tests.benchmark.contenders import CONTENDERS, check, native
from tests.benchmark.figures import POINTS
from tests.benchmark.patience import CALLING, PREPARING, Skipped, limit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.benchmark.cases import Problem
    from tests.benchmark.contenders import Call

#: Whom every ratio and every figure needs.
ALWAYS = ("workspace", "kernel", "JAX")


def one_core() -> None:
    """Let this process run on one core, where the system can be told so."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    import torch

    torch.set_num_threads(1)


def ready(name: str, net: Any, case: Case, p: Problem) -> tuple[Call, float]:
    """A contender whose result was checked, and the seconds until its first result.

    Raises
    ------
    Skipped
        When it cannot be compiled, or takes too long.
    ValueError
        When its result is wrong.
    """
    compiles = name in ("torch.compile", "C")
    started = time.perf_counter()
    try:
        with limit(PREPARING) if compiles else nullcontext():
            call = CONTENDERS[name](net, case, p)
            result = call()
    except Exception as error:
        if not compiles:
            raise
        said = (str(error).strip().splitlines() or [""])[0]
        raise Skipped(f"not compiled: {type(error).__name__}: {said}") from error
    preparing = time.perf_counter() - started
    check(name, result, net, p)
    calling = clock.seconds(call)
    if name not in ALWAYS and calling > CALLING:
        raise Skipped(f"a call takes {calling:.1f} s")
    return call, preparing


def measured(case: Case, who: Sequence[str], folder: Path, count: int) -> dict[str, Any]:
    """Every contender on one case: checked first, then timed in turns."""
    net, numbers = load(case, folder), problem(case)
    calls, preparing, skipped = {}, {}, {}
    for name in who:
        try:
            calls[name], preparing[name] = ready(name, net, case, numbers)
        except Skipped as reason:
            skipped[name] = str(reason)
    busy, started = time.process_time(), time.perf_counter()
    times = clock.rounds(calls, count)
    # Well below 1 on one thread when another program had the core.
    core = (time.process_time() - busy) / (time.perf_counter() - started)
    work = flops(case, net)
    return {
        **case.record,
        "flops": work,
        "intensity": {name: work / written(name, net, case) for name in POINTS if name in times},
        "share of core": core,
        "rounds": len(times["JAX"]),
        "skipped": skipped,
        "contenders": {
            name: {
                "time": clock.summary(values),
                "ratio": clock.ratios(times["JAX"], values),
                "gflops": work / clock.summary(values)["median"] / 1e9,
                "first": preparing[name],
            }
            for name, values in times.items()
        },
    }


def written(form: str, net: Any, case: Case) -> int:
    """Bytes of the buffers that a call writes to, each counted as often as it is begun anew."""
    sizes = (case.sizes, case.T, case.K, case.K)
    if form == "C":
        # One thread, which computes one task after the other in the same memory.
        return int(net.workspace(*sizes, backend="c").memory) * case.T
    ws = net.workspace(*sizes)
    return int(ws.memory) * len(ws._chunks)


def cases(chosen: Sequence[Case], who: Sequence[str], folder: Path, count: int) -> dict[str, Any]:
    """All cases in one environment."""
    return {
        "blas": machine.blas(),
        "coretype": os.environ.get("OPENBLAS_CORETYPE"),
        "cases": [measured(case, who, folder, count) for case in chosen],
    }


def growth(folder: Path, count: int, quick: bool) -> dict[str, Any]:
    """Times while one size grows."""
    found: dict[str, Any] = {}
    for key, chosen in GROWTH.items():
        few = [Case(T=2, H=8)] if quick else chosen
        rows = [measured(case, ALWAYS, folder, count) for case in few]
        found[key] = {
            "sizes": [row[key] for row in rows],
            **{
                name: [row["contenders"][name]["time"]["median"] for row in rows] for name in ALWAYS
            },
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
    everyone = [each for each in CONTENDERS if each != "torch.compile" or not quick]
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
    if name == "C undone":
        return undone.undone(folder, count, quick, undone.NATIVE, native, time.process_time)
    if name == "pinned":
        return cases(chosen if quick else (Case(), Case(K=5)), (*ALWAYS, "C"), folder, count)
    return cases(chosen, everyone if name == "free" else (*ALWAYS, "C"), folder, count)
