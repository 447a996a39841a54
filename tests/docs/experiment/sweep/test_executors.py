"""Processes that die."""

from __future__ import annotations

import argparse
import os
import signal
from concurrent.futures import BrokenExecutor
from pathlib import Path

import pytest

from docs.experiment.sweep import executors, runs


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
    with executors.Processes(workers) as pool:
        found = list(executors.carry(pool, dies, jobs, workers, []))
    assert sorted((name, future.result()) for name, future in found) == [(n, n) for n in "abcd"]
    # What is done beside it, before or after, is not begun again.
    assert {name: len((tmp_path / name).read_text()) for name in "abcd"} == {
        **dict.fromkeys("acd", 1),
        "b": 2,
    }


def test_work_that_always_kills_its_worker_is_given_up(tmp_path: Path) -> None:
    jobs = {name: (str(tmp_path), name, 99 * (name == "b")) for name in "abc"}
    with executors.Processes(2) as pool:
        found = dict(executors.carry(pool, dies, jobs, 2, []))
    assert {name for name, future in found.items() if future.exception() is None} == {"a", "c"}
    assert isinstance(found["b"].exception(), BrokenExecutor)
    assert runs.why(found["b"]).startswith("BrokenProcessPool: ")
    assert len((tmp_path / "b").read_text()) == executors.ENDS
    assert len((tmp_path / "a").read_text()) == len((tmp_path / "c").read_text()) == 1


def process_of(_: str) -> int:
    return os.getpid()


def test_a_process_does_many_pieces_of_work() -> None:
    with executors.Processes(2) as pool:
        found = list(executors.carry(pool, process_of, {n: (n,) for n in "abcdefgh"}, 2, []))
    assert 1 <= len({future.result() for _, future in found}) <= 2
    assert len(found) == 8


@pytest.mark.parametrize("address", ["", "threads", "dask:/x:1", "dask://x", "dask://x:0"])
def test_an_unknown_executor(address: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="it must be local or dask://HOST:PORT"):
        executors.known(address)
