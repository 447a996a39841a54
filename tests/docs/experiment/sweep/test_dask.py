"""A Dask cluster that does not answer, loses a worker, or goes away."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from docs.experiment.command import Parser, Refusal
from docs.experiment.sweep import executors, runs
from docs.sinusoid.family import SINUSOIDS
from docs.sinusoid.sweep.__main__ import main
from tests.docs.experiment.sweep.watched import (
    LIMIT,
    LONG,
    ROOT,
    RUNS,
    SMALL,
    assert_undisturbed,
    command,
    in_training,
    until,
)


@pytest.mark.parametrize("port", [1, 9])
def test_a_cluster_that_does_not_answer(
    port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(executors, "ANSWER", 0.3)
    address = f"dask://127.0.0.1:{port}"
    with pytest.raises(Refusal, match=f"nobody answers at {address}; it must be a Dask scheduler"):
        runs.run(SINUSOIDS, options("--executor", address, "--run", str(tmp_path)), "")


@contextmanager
def service(answer: bytes) -> Iterator[str]:
    """A service that is no scheduler: it says something to everybody, or nothing."""
    import socket
    import threading

    kept: list[socket.socket] = []

    def serve() -> None:
        with suppress(OSError):  # it is closed
            while True:
                kept.append(listening.accept()[0])
                kept[-1].sendall(answer)

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        threading.Thread(target=serve, daemon=True).start()
        yield f"dask://127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
    for each in kept:
        each.close()


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", bytes(range(256))])
def test_a_service_that_is_no_scheduler(answer: bytes, tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    with (
        service(answer) as address,
        command(*RUNS, "--executor", address, "--run", str(tmp_path)) as ours,
    ):
        _, said = ours.communicate(timeout=LIMIT)
    assert ours.returncode == 2, said
    refused = f"error: nobody answers at {address}; it must be a Dask scheduler"
    *before, last = said.splitlines()
    assert last.startswith(refused)
    assert before in ([], [f"waiting for {address}"])


def test_a_cluster_that_is_waited_for_is_left_at_the_first_signal(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    with (
        service(b"") as address,
        command(*RUNS, "--executor", address, "--run", str(tmp_path)) as ours,
    ):
        assert ours.stderr is not None
        assert ours.stderr.readline() == f"waiting for {address}\n"
        ours.send_signal(signal.SIGINT)
        _, said = ours.communicate(timeout=LIMIT)
    assert (ours.returncode, said) == (130, "interrupted\n")


def options(*arguments: str) -> Any:
    """The parsed options of a sweep."""
    made = Parser()
    runs.add_options(made, SINUSOIDS)
    return made.parse_args([*SMALL, "--quiet", *arguments])


def test_dask_that_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert main(["--executor", "dask://127.0.0.1:8786", "--run", str(tmp_path)]) == 2
    message = "error: dask://127.0.0.1:8786 needs Dask; pip install distributed\n"
    assert capsys.readouterr().err == message


@contextmanager
def cluster(
    workers: int, threads: int, checkout: Path = ROOT
) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """The address of a scheduler; it and its workers, each a process as on another machine."""
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
        yield f"dask://{place}", found
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
        cluster(workers=2, threads=1) as (address, parts),
        command(*RUNS, "--executor", address, "--run", str(tmp_path)) as ours,
    ):
        until(lambda: len(in_training(tmp_path)) == 2)
        parts[1].kill()
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
        assert main([*RUNS, "--executor", address, "--run", str(tmp_path / "ours")]) == 2
    said = capsys.readouterr().err.splitlines()
    assert said[-1].startswith(f"error: {address} cannot import docs.sinusoid; its scheduler and")


@pytest.mark.parametrize("extra", [[], ["--workers", "1"]], ids=str)
def test_a_cluster_that_goes_away(extra: list[str], tmp_path: Path) -> None:
    with (
        cluster(workers=1, threads=1) as (address, parts),
        command(
            *LONG, "--seeds", "3", *extra, "--executor", address, "--run", str(tmp_path)
        ) as ours,
    ):
        until(lambda: in_training(tmp_path))
        for process in parts:
            process.kill()
        _, said = ours.communicate(timeout=LIMIT)
    assert ours.returncode == 1, said
    failures = json.loads((tmp_path / "sweep.json").read_text())["failures"]
    assert failures == dict.fromkeys(
        ("seed=0", "seed=1", "seed=2"), "its executor has gone away"
    ), said
