"""Who carries a sweep out: processes that die, signals, a Dask cluster that loses a worker."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from docs.experiment.command import Parser, Refusal
from docs.experiment.evaluate import STEPS
from docs.sinusoid.sweep import __main__ as sweep
from docs.sinusoid.sweep import executors

ROOT = Path(__file__).parent.parent
SMALL = ["--meta-batch", "3", "--tasks", "5"]
RUNS = ["--iterations", "2500", *SMALL, "--seeds", "4"]
LONG = ["--iterations", "1000000", "--methods", "maml", *SMALL]
FILES = ("run.json", "maml.npz", "joint.npz", "metrics.csv", "evaluation.json")

#: Seconds that anything may take on a machine that does much else.
LIMIT = 60.0


def command(*arguments: str) -> subprocess.Popen[str]:
    """Start a sweep as a user does, in a group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "docs.sinusoid.sweep", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def until(condition: Callable[[], Any]) -> None:
    """Wait for something."""
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def in_training(folder: Path) -> list[Path]:
    """The runs that have begun and are not evaluated."""
    return [
        path.parent
        for path in folder.glob("runs/*/metrics.csv")
        if path.stat().st_size > 2000 and not (path.parent / "evaluation.json").exists()
    ]


def children(process: int) -> list[int]:
    """The workers of a process."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
            line = path.with_name("cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if parent == process and b"spawn_main" in line:
            found.append(int(path.parent.name))
    return found


def alive(process: int) -> bool:
    """Whether a process is neither gone nor waits for somebody to ask how it ended."""
    try:
        text = Path(f"/proc/{process}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return text.rpartition(")")[2].split()[0] != "Z"


needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")


def assert_undisturbed(folder: Path, serial: Path) -> None:
    """Every run of a sweep is there once, with the bytes of an undisturbed serial one."""
    assert (folder / "sweep.csv").read_bytes() == (serial / "sweep.csv").read_bytes()
    with (folder / "sweep.csv").open(newline="") as file:
        keys = [tuple(row.values())[:-5] for row in csv.DictReader(file)]
    runs = sorted(path.name for path in (serial / "runs").iterdir())
    assert sorted(path.name for path in (folder / "runs").iterdir()) == runs
    assert len(set(keys)) == len(keys) == len(runs) * 3 * (STEPS + 1)
    for name in runs:
        for each in FILES:
            ours, theirs = (base / "runs" / name / each for base in (folder, serial))
            assert ours.read_bytes() == theirs.read_bytes(), f"{name}/{each}"


@pytest.fixture(scope="module")
def serial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sweep of `RUNS` in this process, one run after another."""
    folder = tmp_path_factory.mktemp("serial")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sweep, "executor", lambda *_: ThreadPoolExecutor(1))
        assert sweep.main([*RUNS, "--workers", "1", "--quiet", "--run", str(folder)]) == 0
    return folder


# --- processes that die ---


def dies(folder: str, name: str, times: int) -> str:
    """Work that kills its process a few times, and counts how often it was begun."""
    mark = Path(folder) / name
    mark.write_text(mark.read_text() + "." if mark.exists() else ".")
    if len(mark.read_text()) <= times:
        os.kill(os.getpid(), signal.SIGKILL)
    return name


@pytest.mark.parametrize("workers", [1, 3])
def test_a_worker_that_dies_once_loses_nothing(workers: int, tmp_path: Path) -> None:
    jobs = {name: (str(tmp_path), name, int(name == "b")) for name in "abcd"}
    connect = partial(executors.local, workers)
    found = list(executors.carry(dies, jobs, connect, workers, []))
    assert sorted((name, future.result()) for name, future in found) == [(n, n) for n in "abcd"]
    assert (tmp_path / "b").read_text() == ".."


def test_work_that_always_kills_its_worker_is_given_up(tmp_path: Path) -> None:
    jobs = {name: (str(tmp_path), name, 99 * (name == "b")) for name in "abc"}
    found = dict(executors.carry(dies, jobs, partial(executors.local, 2), 2, []))
    assert {name for name, future in found.items() if future.exception() is None} == {"a", "c"}
    assert isinstance(found["b"].exception(), BrokenExecutor)
    # It may have had company the first time; then it was alone.
    assert len((tmp_path / "b").read_text()) in {executors.ENDS, executors.ENDS + 1}
    # Whoever was with it is not blamed.
    assert len((tmp_path / "a").read_text()) <= 2


def test_an_executor_breaks_only_for_what_is_in_it(tmp_path: Path) -> None:
    opened = []

    @contextmanager
    def connect() -> Iterator[Executor]:
        opened.append(1)
        with executors.local(2) as pool:
            yield pool

    jobs = {str(number): (str(tmp_path), str(number), 0) for number in range(9)}
    assert len(list(executors.carry(dies, jobs, connect, 2, []))) == 9
    assert len(opened) == 1


class Fragile(Executor):
    """Does every piece of work in a moment, and breaks in two when there is a certain one."""

    def __init__(self, culprit: str) -> None:
        self.culprit, self.flying, self.company = culprit, dict[str, Future[str]](), list[str]()

    def submit(self, _: Any, name: str) -> Future[str]:  # type: ignore[override]
        """Begin."""
        self.flying[name] = future = Future[str]()
        if self.culprit in self.flying:
            self.company.append(name)
        end = self.snap if name == self.culprit else partial(self.finish, name)
        threading.Timer(0.1 if name == self.culprit else 0.05, end).start()
        return future

    def finish(self, name: str) -> None:
        """Be done with one, if it is not lost."""
        if name in self.flying:
            self.flying.pop(name).set_result(name)

    def snap(self) -> None:
        """Lose everything."""
        while self.flying:
            self.flying.popitem()[1].set_exception(BrokenExecutor("a process has died"))


def test_a_suspect_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "POLL", 0.01)  # many chances to begin something else
    opened: list[Fragile] = []

    @contextmanager
    def connect() -> Iterator[Executor]:
        opened.append(Fragile("b"))
        yield opened[-1]

    jobs = {name: (name,) for name in "abcdef"}
    found = dict(executors.carry(dies, jobs, connect, 2, []))
    assert {name for name, future in found.items() if future.exception() is None} == set("acdef")
    # Once with company, and then until it is given up.
    assert [pool.company[-1] for pool in opened[:-1]][1:] == ["b"] * executors.ENDS
    assert [pool.company for pool in opened[1:-1]] == [["b"]] * executors.ENDS
    assert len(opened) == executors.ENDS + 2


@pytest.mark.parametrize("address", ["", "threads", "dask:/x:1", "dask://x", "dask://x:0"])
def test_an_unknown_executor(address: str) -> None:
    with pytest.raises(Refusal, match="it must be local or dask://HOST:PORT"):
        executors.executor(address, 1)


# --- the command ---


@needs_proc
def test_a_killed_worker_and_a_killed_sweep(serial: Path, tmp_path: Path) -> None:
    arguments = [*RUNS, "--workers", "2", "--run", str(tmp_path)]
    with command(*arguments) as first:
        until(lambda: len(in_training(tmp_path)) == 2)
        workers = children(first.pid)
        os.kill(workers[0], signal.SIGKILL)
        until(lambda: set(children(first.pid)) - set(workers))
        workers = children(first.pid)
        first.kill()
    until(lambda: not any(map(alive, workers)))
    with command(*arguments) as second:
        shown, said = second.communicate(timeout=LIMIT)
    assert second.returncode == 0, said
    assert "step 10" in shown
    assert_undisturbed(tmp_path, serial)


@pytest.mark.parametrize(
    ("number", "group"),
    [
        (signal.SIGINT, True),
        (signal.SIGINT, False),
        (signal.SIGTERM, True),
        (signal.SIGTERM, False),
    ],
)
def test_a_signal_stops_at_a_checkpoint(number: int, group: bool, tmp_path: Path) -> None:
    # A terminal tells the whole group, `kill` one process.
    with command(*LONG, "--seeds", "3", "--workers", "2", "--run", str(tmp_path)) as process:
        until(lambda: len(in_training(tmp_path)) == 2)
        (os.killpg if group else os.kill)(process.pid, number)
        shown, said = process.communicate(timeout=LIMIT)
    assert (process.returncode, shown) == (128 + number, "")
    assert said == "interrupted: 0 of 3 runs are finished; the same command goes on\n"
    begun = sorted(path.name for path in (tmp_path / "runs").iterdir())
    assert begun == ["seed=0", "seed=1"]
    for name in begun:
        record = json.loads((tmp_path / "runs" / name / "run.json").read_text())
        lines = (tmp_path / "runs" / name / "metrics.csv").read_text().splitlines()
        assert record["trained"]["maml"] == len(lines) - 1


# --- Dask ---


@pytest.mark.parametrize("port", [1, 9])
def test_a_cluster_that_does_not_answer(
    port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(executors, "ANSWER", 0.3)
    address = f"dask://127.0.0.1:{port}"
    with pytest.raises(Refusal, match=f"nobody answers at {address}; it must be a Dask scheduler"):
        sweep.run(options("--executor", address, "--run", str(tmp_path)), "")


def options(*arguments: str) -> Any:
    """The parsed options of a sweep."""
    made = Parser()
    sweep.add_options(made)
    return made.parse_args([*SMALL, "--quiet", *arguments])


def test_dask_that_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert sweep.main(["--executor", "dask://127.0.0.1:8786", "--run", str(tmp_path)]) == 2
    message = "error: dask://127.0.0.1:8786 needs Dask; pip install distributed\n"
    assert capsys.readouterr().err == message


@contextmanager
def cluster(
    workers: int, threads: int, checkout: Path = ROOT
) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """The address of a scheduler and its workers, each a process as on another machine."""
    distributed = pytest.importorskip("distributed")
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    dask = [sys.executable, "-m", "distributed.cli.dask_"]
    found: list[subprocess.Popen[bytes]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(checkout))
        port = free_port()
        place = f"127.0.0.1:{port}"
        limits = ["--nthreads", str(threads), "--no-nanny", "--no-dashboard"]
        for part in (
            ["scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"],
            *[["worker", place, *limits]] * workers,
        ):
            line = [*dask[:-1], dask[-1] + part[0], *part[1:]]
            found.append(subprocess.Popen(line, cwd=checkout, **quiet))
    try:
        with distributed.Client(f"tcp://{place}", timeout=LIMIT, set_as_default=False) as client:
            client.wait_for_workers(workers, timeout=LIMIT)
        yield f"dask://{place}", found[1:]
    finally:
        for process in found:
            process.kill()
            process.wait()


def free_port() -> int:
    import socket

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def test_a_cluster_that_loses_a_worker(serial: Path, tmp_path: Path) -> None:
    with (
        cluster(workers=2, threads=1) as (address, workers),
        command(*RUNS, "--executor", address, "--run", str(tmp_path)) as ours,
    ):
        until(lambda: len(in_training(tmp_path)) == 2)
        workers[0].kill()
        _, said = ours.communicate(timeout=LIMIT)
    assert ours.returncode == 0, said
    assert_undisturbed(tmp_path, serial)


def test_a_cluster_with_threads(serial: Path, tmp_path: Path) -> None:
    with (
        cluster(workers=1, threads=3) as (address, _),
        command(*RUNS, "--executor", address, "--run", str(tmp_path)) as ours,
    ):
        _, said = ours.communicate(timeout=LIMIT)
    assert ours.returncode == 0, said
    assert_undisturbed(tmp_path, serial)


def test_a_cluster_without_this_checkout(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with cluster(workers=1, threads=1, checkout=tmp_path) as (address, _):
        assert sweep.main([*RUNS, "--executor", address, "--run", str(tmp_path / "ours")]) == 2
    said = capsys.readouterr().err.splitlines()
    assert said[-1].startswith(f"error: {address} cannot import docs.sinusoid; its scheduler and")


# --- an executor that goes away ---


class Vanishing(Executor):
    """Cancels what it is given, as a cluster does whose scheduler dies."""

    def submit(self, *_: Any, **__: Any) -> Future[Any]:
        """Give a future that nobody will finish."""
        future: Future[Any] = Future()
        future.cancel()
        future.set_running_or_notify_cancel()
        return future


def test_what_a_vanished_executor_has_cancelled_is_given_to_the_next_one() -> None:
    opened: list[Executor] = []

    @contextmanager
    def connect() -> Iterator[Executor]:
        with ThreadPoolExecutor(1) if opened else Vanishing() as pool:
            opened.append(pool)
            yield pool

    jobs = {name: (value,) for name, value in (("a", 1), ("b", 2), ("c", 3))}
    found = {name: each.result() for name, each in executors.carry(str, jobs, connect, 2, [])}
    assert found == {"a": "1", "b": "2", "c": "3"}
    assert len(opened) > 1


def test_an_executor_that_does_not_come_back_is_refused() -> None:
    calls: list[int] = []

    @contextmanager
    def connect() -> Iterator[Executor]:
        calls.append(1)
        if len(calls) > 1:
            raise Refusal("nobody answers")
        with Vanishing() as pool:
            yield pool

    with pytest.raises(Refusal, match="nobody answers"):
        list(executors.carry(str, {"a": (1,), "b": (2,)}, connect, 2, []))


def test_a_job_that_is_given_up_has_a_reason() -> None:
    given_up = list(executors.carry(str, {"a": (1,)}, Vanishing, 1, []))
    assert [(name, sweep.why(future)) for name, future in given_up] == [
        ("a", "its executor has gone away")
    ]
