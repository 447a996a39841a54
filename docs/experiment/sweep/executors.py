"""Carry work out on other processes: any `concurrent.futures.Executor` can.

There are two by name: ``local``, the processes of this machine, and ``dask://HOST:PORT``, a Dask
cluster that runs already [1]_. Its scheduler and workers import this checkout, and its workers
write to the sweep's folder: both must be on a disk that all of them share. From the checkout::

    PYTHONPATH=. dask scheduler --port 8786
    PYTHONPATH=. dask worker HOST:8786 --nthreads 1 --nworkers 2

A worker may die. Dask begins its work again on another one, by its own count of failures. The
standard library's pool of processes does not, nor do joblib and loky: all three give up
everything that was in the pool, and leave open which piece of work was at fault. So each process
here is a pool of its own.

References
----------
.. [1] M. Rocklin: Dask: Parallel Computation with Blocked algorithms and Task Scheduling.
       SciPy 2015.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from contextlib import contextmanager, suppress
from importlib import import_module
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tqdm import tqdm

from ..command import STUCK, Refusal, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

LOCAL = "local"

#: Seconds that a cluster has for an answer, and after which one is told what is waited for.
ANSWER, PATIENCE = 5.0, 2.0

#: Seconds from one look for signals to the next.
POLL = 0.2

#: Processes that one piece of work may end.
ENDS = 3


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def known(text: str) -> str:
    """An option's type: the name of an executor."""
    try:
        url = urlsplit(text)
        cluster = url.scheme == "dask" and url.hostname and url.port
    except ValueError:  # the port is not a number
        cluster = False
    if text != LOCAL and not (cluster and text == f"dask://{url.netloc}" and "@" not in text):
        raise argparse.ArgumentTypeError(f"is {text!r}; it must be {LOCAL} or dask://HOST:PORT")
    return text


def executor(
    address: str, workers: int, module: str, caught: Sequence[int] = ()
) -> AbstractContextManager[Executor]:
    """Open an executor by its name: so many processes, or a cluster that can import a module.

    Signals that come while a cluster is waited for are in `caught`.
    """
    return Processes(workers) if address == LOCAL else dask(address, module, caught)


# --- the processes of this machine ---


class Processes(ThreadPoolExecutor):
    """A process for every thread: one that dies takes nothing else with it.

    Its work is begun again in another process; it is given up when it has ended `ENDS` of them.
    The processes share nothing with this one, and do not outlive it.
    """

    def __init__(self, workers: int) -> None:
        # A process that a thread starts is not interrupted before `settle_in`.
        super().__init__(workers, initializer=mask_interrupts, initargs=(signal.SIG_BLOCK,))
        self._pools = [one_process() for _ in range(workers)]

    def submit(self, work: Callable[..., Any], /, *arguments: Any) -> Future[Any]:  # type: ignore[override]
        """Have a process do the work, or others when that dies."""
        return super().submit(self._carry_out, work, arguments)

    def _carry_out(
        self, work: Callable[..., Any], arguments: tuple[Any, ...], attempt: int = 1
    ) -> Any:
        pool = self._pools.pop()
        try:
            return pool.submit(work, *arguments).result()
        except BrokenExecutor:
            pool = one_process()
            if attempt == ENDS:
                raise
        finally:
            self._pools.append(pool)
        return self._carry_out(work, arguments, attempt + 1)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes, after their work."""
        super().shutdown(wait, cancel_futures=cancel_futures)
        for pool in self._pools:
            pool.shutdown(wait)


def one_process() -> ProcessPoolExecutor:
    """A process that is started for the first work it is given."""
    spawn = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(1, mp_context=spawn, initializer=settle_in)


def settle_in() -> None:
    """Prepare a worker: what ends the sweep is told by it, and its death is the worker's.

    A run that is being trained catches Ctrl-C, and stops at a checkpoint; a worker without one
    has nothing to stop.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    mask_interrupts(signal.SIG_UNBLOCK)
    # The lock of progress bars is a semaphore, which would outlive a process that is killed.
    tqdm.set_lock(threading.RLock())
    threading.Thread(target=follow_parent, daemon=True).start()


def follow_parent() -> None:
    """End this process when the one that began it has ended; checkpoints survive that."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def mask_interrupts(how: int) -> None:
    """Hold Ctrl-C back from this thread, or let it through, where the system can."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(how, {signal.SIGINT})


def interrupt() -> None:
    """Have the runs of this process's children stop at a checkpoint."""
    for process in multiprocessing.active_children():
        if process.pid is not None:
            with suppress(ProcessLookupError):  # it has just ended by itself
                os.kill(process.pid, signal.SIGINT)


# --- a Dask cluster ---


@contextmanager
def dask(address: str, module: str, caught: Sequence[int]) -> Iterator[Executor]:
    """Connect to a Dask cluster.

    Raises
    ------
    Refusal
        When `distributed` is not installed, no scheduler with a worker answers, or they cannot
        import the module.
    KeyboardInterrupt
        When a signal comes before they have answered.
    """
    try:
        from distributed import Client  # noqa: PLC0415
    except ModuleNotFoundError:
        raise Refusal(f"{address} needs Dask; pip install distributed") from None
    logging.disable(logging.CRITICAL)  # what becomes of a cluster is said in one line, by us
    place, found = address.replace("dask://", "tcp://"), list[Any]()

    def connect() -> None:
        try:
            client = Client(place, timeout=ANSWER, set_as_default=False)  # type: ignore[no-untyped-call]
        except Exception:  # whatever a service says that is none of Dask's
            raise Refusal(f"nobody answers at {address}; it must be a Dask scheduler") from None
        found.append(client)
        try:
            client.wait_for_workers(1, timeout=ANSWER)
        except TimeoutError:
            raise Refusal(f"{address} has no workers; it must have one or more") from None
        try:
            client.run_on_scheduler(can_import, module)  # type: ignore[no-untyped-call]
            client.run(can_import, module)
        except Exception:
            raise Refusal(
                f"{address} cannot import {module}; its scheduler and workers must be started "
                f"with this checkout in PYTHONPATH"
            ) from None

    try:
        STUCK.append(address)  # until it has answered
        if not within(2 * ANSWER, connect, f"waiting for {address}", caught):
            raise Refusal(f"nobody answers at {address}; it must be a Dask scheduler at work")
        STUCK.remove(address)
        # Not pure: the same arguments are the same run, but its folder may have changed.
        yield found[0].get_executor(pure=False)
    finally:
        for client in found:
            if not within(ANSWER, client.close, f"waiting for {address} to let go", ()):
                STUCK.append(address)


def within(limit: float, call: Callable[[], None], waiting: str, caught: Sequence[int]) -> bool:
    """Whether a call that cannot be interrupted comes to its end in so many seconds.

    It is left alone when it does not. After a while one is told what is waited for.
    """
    errors: list[BaseException] = []

    def run() -> None:
        try:
            call()
        except BaseException as error:
            errors.append(error)

    thread, begun, told = threading.Thread(target=run, daemon=True), time.monotonic(), False
    thread.start()
    while thread.is_alive():
        thread.join(POLL)
        if caught:
            raise KeyboardInterrupt
        waited = time.monotonic() - begun
        if waited > limit:
            return False
        if waited > PATIENCE and not told:
            print(printable(waiting), file=sys.stderr, flush=True)
            told = True
    for error in errors:
        raise error
    return True


def can_import(module: str) -> None:
    """Import a module."""
    import_module(module)


# --- work ---


def carry(
    pool: Executor,
    work: Callable[..., Any],
    jobs: Mapping[str, tuple[Any, ...]],
    window: int,
    caught: list[int],
) -> Generator[tuple[str, Future[Any]]]:
    """Have every job done.

    Parameters
    ----------
    pool
        Who does them.
    work
        A function of a module, that may be begun again.
    jobs
        By name, its arguments.
    window
        How many jobs are with the executor at a time.
    caught
        Signals: when there is one, no job is begun and those that can be are ended.

    Yields
    ------
    str, Future
        A job and its result or exception, as they come; none for a job that a signal ended.
    """
    waiting, flying = iter(jobs.items()), dict[Future[Any], str]()
    while True:
        for name, arguments in islice(waiting, 0 if caught else window - len(flying)):
            flying[pool.submit(work, *arguments)] = name
        if not flying:
            return
        done, _ = wait(flying, POLL, FIRST_COMPLETED)
        if caught:
            interrupt()
            flying = {each: name for each, name in flying.items() if not each.cancel()}
        for future in done & flying.keys():
            yield flying.pop(future), future
            if future.cancelled():  # its cluster has gone away, and answers no more
                yield from ((name, future) for name, _ in waiting)
