"""Carry work out on other processes: any `concurrent.futures.Executor` can.

There are two by name: ``local``, the processes of this machine, and ``dask://HOST:PORT``, a Dask
cluster that runs already [1]_. Its scheduler and workers import this checkout, and its workers
write to the sweep's folder: both must be on a disk that all of them share. From the checkout::

    PYTHONPATH=. dask scheduler --port 8786
    PYTHONPATH=. dask worker HOST:8786 --nthreads 1 --nworkers 2

References
----------
.. [1] M. Rocklin: Dask: Parallel Computation with Blocked algorithms and Task Scheduling.
       SciPy 2015.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import threading
from collections import Counter
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tqdm import tqdm

from docs.sinusoid.command import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping
    from contextlib import AbstractContextManager

LOCAL = "local"

#: Seconds that a cluster has for its answer.
ANSWER = 5.0

#: Seconds from one look for signals to the next.
POLL = 0.2

#: Ends of its worker that one piece of work may see, each time as the only one there.
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


def executor(address: str, workers: int) -> AbstractContextManager[Executor]:
    """Open an executor by its name.

    Parameters
    ----------
    address
        ``local`` or ``dask://HOST:PORT``.
    workers
        Processes of the local one; a cluster has those that it has.

    Returns
    -------
    context manager of concurrent.futures.Executor
        It raises `Refusal` when the cluster does not answer.

    Raises
    ------
    Refusal
        When there is no such executor.
    """
    try:
        known(address)
    except argparse.ArgumentTypeError as error:
        raise Refusal(f"the executor {error}") from None
    return local(workers) if address == LOCAL else dask(address)


# --- the processes of this machine ---


@contextmanager
def local(workers: int) -> Iterator[Executor]:
    """Processes that share nothing with this one, and do not outlive it."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=spawn, initializer=settle_in) as pool:
        yield pool


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
    """Hold Ctrl-C back, or let it through, where the system can."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(how, {signal.SIGINT})


def begin(pool: Executor, work: Callable[..., Any], arguments: tuple[Any, ...]) -> Future[Any]:
    """Submit work; a process that is started for it is not interrupted before `settle_in`."""
    mask_interrupts(signal.SIG_BLOCK)
    try:
        return pool.submit(work, *arguments)
    finally:
        mask_interrupts(signal.SIG_UNBLOCK)


def interrupt(pool: Executor) -> None:
    """Have the runs of a local executor stop at a checkpoint; nobody else can be told."""
    if isinstance(pool, ProcessPoolExecutor):
        for process in multiprocessing.active_children():
            if process.pid is not None:
                with suppress(ProcessLookupError):  # it has just ended by itself
                    os.kill(process.pid, signal.SIGINT)


# --- a Dask cluster ---


@contextmanager
def dask(address: str) -> Iterator[Executor]:
    """Connect to a Dask cluster.

    Raises
    ------
    Refusal
        When `distributed` is not installed, no scheduler with a worker answers, or they cannot
        import this checkout.
    """
    try:
        from distributed import Client  # noqa: PLC0415
    except ModuleNotFoundError:
        raise Refusal(f"{address} needs Dask; pip install distributed") from None
    place = address.replace("dask://", "tcp://")
    try:
        client = Client(place, timeout=ANSWER, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError):
        raise Refusal(f"nobody answers at {address}; it must be a Dask scheduler") from None
    with client:
        try:
            client.wait_for_workers(1, timeout=ANSWER)
        except TimeoutError:
            raise Refusal(f"{address} has no workers; it must have one or more") from None
        try:
            client.run_on_scheduler(cores)  # type: ignore[no-untyped-call]
            client.run(cores)
        except Exception:
            raise Refusal(
                f"{address} cannot import docs.sinusoid; its scheduler and workers must be started "
                f"with this checkout in PYTHONPATH"
            ) from None
        # Not pure: the same arguments are the same run, but its folder may have changed.
        yield client.get_executor(pure=False)  # type: ignore[no-untyped-call]


# --- work ---


def carry(
    work: Callable[..., Any],
    jobs: Mapping[str, tuple[Any, ...]],
    connect: Callable[[], AbstractContextManager[Executor]],
    window: int,
    caught: list[int],
) -> Generator[tuple[str, Future[Any]]]:
    """Have every job done, whatever happens to the workers.

    The death of a process breaks a whole pool, and everything that was in it is lost. It may be
    the fault of one job, and nobody knows of which: so all of them are done again, one at a time,
    and a job that is alone at `ENDS` such ends is given up.

    Parameters
    ----------
    work
        A function of a module, that may be begun again.
    jobs
        By name, its arguments.
    connect
        Opens an executor, and another one when that is broken.
    window
        How many jobs are with the executor at a time.
    caught
        Signals: when there is one, no job is begun and those that can be are ended.

    Yields
    ------
    str, Future
        A job and its result or exception, as they come; none for a job that a signal ended.
    """
    waiting, suspects, ends = list(jobs), list[str](), Counter[str]()
    while (waiting or suspects) and not caught:
        with connect() as pool:

            def submit(name: str, pool: Executor = pool) -> Future[Any]:
                return begin(pool, work, jobs[name])

            lost = yield from flight(pool, submit, waiting, suspects, window, caught)
        for name, future in lost.items():
            ends[name] += len(lost) == 1
            if ends[name] < ENDS:
                suspects.append(name)
            elif not caught:
                yield name, future


def flight(
    pool: Executor,
    submit: Callable[[str], Future[Any]],
    waiting: list[str],
    suspects: list[str],
    window: int,
    caught: list[int],
) -> Generator[tuple[str, Future[Any]], None, dict[str, Future[Any]]]:
    """Carry out jobs until none is left, or the executor breaks; what is lost with it."""
    flying: dict[Future[Any], str] = {}
    lost: dict[str, Future[Any]] = {}
    whole = True
    while True:
        if not flying:
            queue, room = (suspects, 1) if suspects else (waiting, window)
        while queue and len(flying) < room and whole and not caught:
            try:
                flying[submit(queue[0])] = queue[0]
                queue.pop(0)
            except BrokenExecutor:
                whole = False
        if not flying:
            return lost
        done, _ = wait(flying, POLL, FIRST_COMPLETED)
        if caught:
            interrupt(pool)
            flying = {each: name for each, name in flying.items() if not each.cancel()}
        for future in done & flying.keys():
            name = flying.pop(future)
            # A cluster that goes away cancels what it had.
            if future.cancelled() or isinstance(future.exception(), BrokenExecutor):
                whole, lost[name] = False, future
            else:
                yield name, future
