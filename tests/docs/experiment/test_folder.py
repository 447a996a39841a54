"""The folder of a run: full disks, missing rights, other processes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from docs.experiment.checkpoint import CURRENT
from docs.sinusoid.train import main
from tests.docs.experiment.trainings import LONG, ROOT, SHORT, ended, reached, results, started


def test_what_a_killed_process_was_writing_is_cleared_away(tmp_path: Path) -> None:
    left = [tmp_path / f".{name}.maml-derived-0123456789abcdef" for name in (CURRENT, "run.json")]
    # These only look like it.
    others = [tmp_path / ".settings.json.original", tmp_path / ".weights.npz.20240101"]
    for path in (*left, *others):
        path.write_bytes(b"half")
    assert main([*SHORT, "--run", str(tmp_path), "--quiet"]) == 0
    assert not any(path.exists() for path in left)
    assert all(path.exists() for path in others)


@pytest.mark.parametrize("name", ["metrics.csv", "run.json", "maml.npz", CURRENT, "written.txt"])
@pytest.mark.parametrize("resume", [[], ["--resume"]])
def test_what_is_somebody_elses_is_not_replaced(
    name: str, resume: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_bytes(b"mine")
    assert main([*SHORT, *resume, "--run", str(tmp_path), "--quiet"]) == 2
    said = capsys.readouterr().err
    assert str(tmp_path / name) in said
    assert len(said.splitlines()) == 1
    assert (tmp_path / name).read_bytes() == b"mine"
    assert {path.name for path in tmp_path.iterdir()} <= {name, ".maml-derived.lock"}


#: A training in which no file may grow beyond so many bytes. The limit is set in the new process:
#: this one may have threads of JAX, and must not fork.
LIMITED = """
import resource, runpy, sys
limit = int(sys.argv.pop(1))
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
runpy.run_module("docs.sinusoid.train", run_name="__main__")
"""


@pytest.mark.parametrize(
    ("size", "name"), [(60_000, "metrics.csv"), (20_000, CURRENT), (10, "written.txt")]
)
def test_a_full_disk_loses_nothing(
    size: int, name: str, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    result = subprocess.run(
        [sys.executable, "-c", LIMITED, str(size), "--run", str(tmp_path), *LONG],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2
    assert result.stderr == f"error: cannot write {tmp_path / name}: File too large\n"
    assert not list(tmp_path.glob(".checkpoint*"))
    assert ended(started(tmp_path, *LONG, "--resume"))[0] == 0
    assert results(tmp_path) == undisturbed


def test_a_read_only_folder_is_refused(tmp_path: Path) -> None:
    assert main([*SHORT, "--run", str(tmp_path), "--quiet"]) == 0
    before = results(tmp_path)
    command = [sys.executable, "-m", "docs.sinusoid.train", "--run", str(tmp_path), *SHORT]
    if os.getuid() == 0:  # who may write anywhere, unless it gives that up
        if not shutil.which("setpriv"):
            pytest.skip("setpriv is not installed")
        command = ["setpriv", "--inh-caps=-all", "--bounding-set=-dac_override", *command]
    tmp_path.chmod(0o555)
    try:
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    finally:
        tmp_path.chmod(0o755)
    assert result.returncode == 2
    assert result.stderr == (
        f"error: cannot write to {tmp_path}: Permission denied; "
        f"it must be a folder that can be written\n"
    )
    assert results(tmp_path) == before


def test_two_processes_do_not_share_a_folder(undisturbed: dict[str, bytes], tmp_path: Path) -> None:
    first = started(tmp_path, *LONG)
    reached(tmp_path, 0)
    for arguments in (LONG, ["--resume"]):
        code, _, err = ended(started(tmp_path, *arguments))
        assert code == 2
        assert err == (f"error: {tmp_path} is in use by another process; it must be alone there\n")
    assert ended(first)[0] == 0
    assert results(tmp_path) == undisturbed
