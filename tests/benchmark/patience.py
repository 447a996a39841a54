"""How long a contender may take, to be prepared and for a call."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Seconds that preparing may take: compiling is what takes long.
PREPARING = 300.0

#: Seconds that a call may take.
CALLING = 3.0


class Skipped(Exception):  # noqa: N818
    """A contender is not timed on a case; the message says why."""


@contextmanager
def limit(seconds: float) -> Iterator[None]:
    """Stop what takes longer, where the system has an alarm.

    Raises
    ------
    TimeoutError
        When it does.
    """

    def late(*_: object) -> NoReturn:
        raise TimeoutError(f"it takes more than {seconds:.3g} s")

    if not hasattr(signal, "SIGALRM"):
        yield
        return
    previous = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
