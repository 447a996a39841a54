"""A sweep whose workers are killed, and one that is told to end."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from tests.docs.experiment.sweep.watched import (
    LIMIT,
    LONG,
    RUNS,
    alive,
    assert_undisturbed,
    children,
    command,
    in_training,
    needs_proc,
    until,
)


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
