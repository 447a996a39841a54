"""Time in interleaved rounds, so that what slows the machine slows every contender."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

#: A contender is called until this much time has passed, in seconds.
SLICE = 0.02

#: Seconds that all rounds of a case may take, as long as there are the fewest.
LONGEST, FEWEST = 30.0, 5


def rounds(
    calls: Mapping[str, Callable[[], Any]],
    count: int,
    now: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Time every call in every round; seconds a call by the clock `now`.

    There are `count` rounds, or fewer where they would take longer than `LONGEST`.
    """
    once = {name: _once(call) for name, call in calls.items()}
    repeats = {name: max(1, math.ceil(SLICE / seconds)) for name, seconds in once.items()}
    a_round = sum(repeats[name] * once[name] for name in calls)
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(min(count, max(FEWEST, int(LONGEST / a_round)))):
        for name, call in calls.items():
            started = now()
            for _ in range(repeats[name]):
                call()
            times[name].append((now() - started) / repeats[name])
    return times


def _once(call: Callable[[], Any]) -> float:
    """Seconds of a call, not more than the quickest of three; it is warm afterwards."""
    call()
    return max(1e-7, min(seconds(call) for _ in range(3)))


def seconds(call: Callable[[], Any]) -> float:
    """Seconds of one call."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


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


def tidy(record: Any) -> Any:
    """A record with every number that is not whole rounded to four digits."""
    if isinstance(record, dict):
        return {key: tidy(value) for key, value in record.items()}
    if isinstance(record, list | tuple):
        return [tidy(value) for value in record]
    return rounded(record) if isinstance(record, float) else record
