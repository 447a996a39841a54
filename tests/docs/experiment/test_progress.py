"""What is to be seen of a run while it lasts."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

from docs.experiment.metrics import read_metrics
from tests.docs.experiment.trainings import LONG, ROOT, ended, started


def test_metrics_stream_as_they_come(tmp_path: Path) -> None:
    process = started(tmp_path, *LONG[:-1], "100000")
    deadline = time.monotonic() + 60
    path = tmp_path / "metrics.csv"
    while not (path.exists() and path.read_bytes().count(b"\n") > 50):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    assert process.poll() is None
    process.kill()
    ended(process)
    curve = read_metrics(path)["maml"]
    assert len(curve.losses) >= 50
    assert curve.iterations[0] == 0
    assert 0 < curve.angles[0] < 90


def test_progress_is_shown_to_a_terminal_only(tmp_path: Path) -> None:
    shown = {}
    for name, extra in (("terminal", []), ("quiet", ["--quiet"])):
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
        process = subprocess.Popen(
            [sys.executable, "-m", "docs.sinusoid.train", "--run", str(tmp_path / name), *LONG,
             *extra],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=theirs,
        )  # fmt: skip
        os.close(theirs)
        shown[name] = b""
        with os.fdopen(ours, "rb", buffering=0) as terminal:
            try:
                while part := terminal.read(4096):
                    shown[name] += part
            except OSError:
                pass  # the other end is closed
        assert process.wait() == 0
    for word in (b"maml", b"loss", b"it/s", b"4000/4000", b"<"):
        assert word in shown["terminal"]
    assert shown["quiet"] == b""
    code, out, err = ended(started(tmp_path / "pipe", *LONG, "--quiet"))
    assert (code, out, err) == (0, "", "")
