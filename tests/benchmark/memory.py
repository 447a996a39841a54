"""The peak memory of one call, in a process of its own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.benchmark.cases import Case, load, problem
from tests.benchmark.contenders import CONTENDERS, jax_function

if TYPE_CHECKING:
    from tests.benchmark.cases import Problem

TINY = Case(T=1, K=2, H=8)
CASES = [Case(T=T, H=H) for H in (40, 1024) for T in (25, 100)]
WHO = ("workspace", "kernel", "reference", "JAX", "torch.func")

#: Where Linux tells a process of its memory, and how its high-water mark is made to count anew.
STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def is_told() -> bool:
    """Whether the system tells a peak."""
    return STATUS.is_file() and RESET.is_file()


def peak(name: str, case: Case, folder: Path) -> dict[str, Any]:
    """Bytes that one call needs above what was there: preparing, compiling, computing.

    A tiny case goes first, so that what a library takes once is not counted. What compiling takes
    is more than a small case takes to compute, so for JAX there is also what its executable says
    that it needs beside arguments and results.
    """
    net = load(case, folder)
    CONTENDERS[name](net, TINY, problem(TINY))()
    numbers = problem(case)
    RESET.write_text("5", encoding="ascii")
    before = told("VmRSS")
    CONTENDERS[name](net, case, numbers)()
    used = told("VmHWM") - before
    return {
        **case.record,
        "contender": name,
        "bytes": used,
        "executable": executable(case, numbers) if name == "JAX" else None,
        "weights of all tasks": 4 * case.T * case.H**2,
    }


def executable(case: Case, p: Problem) -> int | None:
    """Bytes of temporaries that JAX's executable asks for, where it says so."""
    function, arguments = jax_function(case, p)
    analysis = function.lower(*arguments).compile().memory_analysis()
    return int(analysis.temp_size_in_bytes) if analysis else None


def told(key: str) -> int:
    """A figure of this process, in bytes.

    Raises
    ------
    ValueError
        When the system does not tell it.
    """
    found = re.search(rf"^{key}:\s+(\d+) kB", STATUS.read_text(encoding="ascii"), re.MULTILINE)
    if found is None:
        raise ValueError(f"{STATUS} has no {key}")
    return 1024 * int(found[1])
