"""Trainings as a user starts them, and what they leave."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from docs.experiment.checkpoint import CURRENT, unpacked
from docs.experiment.command import Refusal
from docs.experiment.methods import METHODS
from docs.sinusoid.family import SINUSOIDS

ROOT = Path(__file__).parents[3]


#: What sinusoids, which are of no classes, can be trained with.
OF_TASKS = sorted(name for name, method in METHODS.items() if not method.classes)

SIZES = ["--meta-batch", "3", "--shots", "4", "--queries", "5"]


#: A second and a half of training, a checkpoint every few hundredths.
LONG = ["--iterations", "4000", "--methods", "maml", "joint", *SIZES, "--checkpoint", "150"]


SHORT = ["--iterations", "40", *SIZES, "--checkpoint", "10"]


def started(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """A training in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "docs.sinusoid.train", "--run", str(folder), *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def results(folder: Path) -> dict[str, bytes]:
    """What a finished run must have the same, however it came to its end."""
    return {
        path.name: path.read_bytes()
        for path in sorted(folder.iterdir())
        if path.suffix in (".csv", ".json") or path.name in ("maml.npz", "joint.npz", "recipe.npz")
    }


def reached(folder: Path, iterations: int) -> None:
    """Wait until a run has a checkpoint of so many iterations, those of all methods together."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            state = unpacked((folder / CURRENT).read_bytes(), SINUSOIDS)
        except (FileNotFoundError, Refusal):
            pass
        else:
            if 4000 * len(state.finished) + state.iteration >= iterations:
                return
        time.sleep(0.005)
    raise TimeoutError
