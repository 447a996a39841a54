"""A copy of `derive/` with a change, and a build with it as its user would run one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def edited(folder: Path, file: str, before: str, after: str) -> Path:
    """Copy `derive/` into a folder, and replace what stands once in one of its files."""
    if not (folder / "derive").exists():
        shutil.copytree(ROOT / "derive", folder / "derive")
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert text.count(before) == 1, f"{file} does not have what is to be replaced"
    path.write_text(text.replace(before, after), encoding="utf-8")
    return folder


def build(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Build the package ``out/mine`` there."""
    command = [sys.executable, "derive/build.py", "--name", "mine", "--output", "out", *arguments]
    return subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)


def made(folder: Path, file: str) -> str:
    """A file of that package."""
    return (folder / "out" / "mine" / file).read_text(encoding="utf-8")
