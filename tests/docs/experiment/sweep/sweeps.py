"""Small sweeps, and what they leave."""

from __future__ import annotations

import csv
from pathlib import Path

from docs.experiment.sweep import comparison

BASE = ["--iterations", "6", "--meta-batch", "3", "--shots", "4", "--queries", "5"]


SMALL = [*BASE, "--tasks", "5", "--quiet"]


COLUMNS = ("mse", *comparison.COLUMNS)


GRID = ["--grid", "alpha=0.005,0.01", "--grid", "network=relu2,relu1"]


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "sweep.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def times(folder: Path) -> dict[str, int]:
    """When the files of all runs were last written, but for the locks."""
    return {
        str(path.relative_to(folder)): path.stat().st_mtime_ns
        for path in (folder / "runs").rglob("*.*")
        if path.name != ".maml-derived.lock"
    }
