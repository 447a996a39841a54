"""Time in interleaved rounds, so that what slows the machine slows every contender."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

#: A contender is called until this much time has passed, in seconds.
SLICE = 0.02


def rounds(calls: Mapping[str, Callable[[], Any]], count: int) -> dict[str, list[float]]:
    """Time every call in every round; seconds a call."""
    repeats = {name: _repeats(call) for name, call in calls.items()}
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(count):
        for name, call in calls.items():
            started = time.perf_counter()
            for _ in range(repeats[name]):
                call()
            times[name].append((time.perf_counter() - started) / repeats[name])
    return times


def _repeats(call: Callable[[], Any]) -> int:
    """How often to call something so that it takes about `SLICE`; it is warm afterwards."""
    call()
    started = time.perf_counter()
    call()
    once = time.perf_counter() - started
    return max(1, round(SLICE / max(once, 1e-7)))


def summary(values: Sequence[float]) -> dict[str, float]:
    """Median and quartiles."""
    low, median, high = np.quantile(np.asarray(values), [0.25, 0.5, 0.75])
    return {"median": rounded(median), "low": rounded(low), "high": rounded(high)}


def ratios(above: Sequence[float], below: Sequence[float]) -> dict[str, float]:
    """The ratio round by round: median and quartiles."""
    return summary([a / b for a, b in zip(above, below, strict=True)])


def rounded(value: float) -> float:
    """Four digits."""
    return float(f"{value:.4g}")
