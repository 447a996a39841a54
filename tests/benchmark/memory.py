"""The peak memory of one call, in a process of its own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.benchmark.cases import Case, load, problem
from tests.benchmark.contenders import CONTENDERS

TINY = Case(T=1, K=2, H=8)
CASES = [Case(T=T, H=H) for H in (40, 1024) for T in (25, 100)]
WHO = ("workspace", "kernel", "reference", "JAX", "torch.func")


def peak(name: str, case: Case, folder: Path) -> dict[str, Any]:
    """Bytes that one call needs above what was there: preparing, compiling, computing.

    A tiny case goes first, so that what a library takes once is not counted.
    """
    net = load(case, folder)
    CONTENDERS[name](net, TINY, problem(TINY))()
    numbers = problem(case)
    # Linux: from here on the high-water mark counts anew.
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before = status("VmRSS")
    CONTENDERS[name](net, case, numbers)()
    return {
        **case.record,
        "contender": name,
        "bytes": status("VmHWM") - before,
        "weights of all tasks": 4 * case.T * case.H**2,
    }


def status(key: str) -> int:
    """A figure of this process, in bytes."""
    text = Path("/proc/self/status").read_text(encoding="ascii")
    found = re.search(rf"^{key}:\s+(\d+) kB", text, re.MULTILINE)
    assert found is not None
    return 1024 * int(found[1])
