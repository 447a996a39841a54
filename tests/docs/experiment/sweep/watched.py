"""Sweeps in processes of their own, to be watched and disturbed."""

from __future__ import annotations

import csv
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from docs.experiment.evaluate import STEPS

ROOT = Path(__file__).parents[4]


SMALL = ["--meta-batch", "3", "--tasks", "5"]


RUNS = ["--iterations", "2500", *SMALL, "--seeds", "4"]


LONG = ["--iterations", "1000000", "--methods", "maml", *SMALL]


FILES = ("run.json", "maml.npz", "joint.npz", "metrics.csv", "evaluation.json")


#: Seconds that anything may take on a machine that does much else.
LIMIT = 300.0


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
