"""A run with the workspace in C: what it records, and how it goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from docs.sinusoid.train import main
from generated.runtime import compiled
from tests.docs.experiment.trainings import SHORT
from tests.native import compiling, needs_compiler


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> Iterator[Path]:
    with compiling(tmp_path / "cache"):
        yield tmp_path / "run"


def recorded(folder: Path) -> str:
    return str(json.loads((folder / "run.json").read_text(encoding="utf-8"))["backend"])


def weights(folder: Path) -> np.ndarray:
    with np.load(folder / "maml.npz") as file:
        return np.concatenate([array.ravel() for array in file.values() if array.ndim == 2])


@needs_compiler
def test_a_run_in_c_is_nearly_the_same(tmp_path: Path) -> None:
    maml = [*SHORT, "--methods", "maml", "--quiet"]
    assert main([*maml, "--run", str(tmp_path / "numpy")]) == 0
    assert recorded(tmp_path / "numpy") == "numpy"
    for backend in ("c", "auto"):
        assert main([*maml, "--run", str(tmp_path / backend), "--backend", backend]) == 0
        assert recorded(tmp_path / backend) == "c"
        found, expected = weights(tmp_path / backend), weights(tmp_path / "numpy")
        np.testing.assert_allclose(found, expected, atol=1e-4)


@needs_compiler
def test_a_run_that_goes_on_with_another_says_so(
    half: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert recorded(half) == "numpy"
    assert main(["--resume", "--run", str(half), "--quiet", "--backend", "c"]) == 0
    assert capsys.readouterr().err == (
        f"{half} was begun with numpy as its backend and goes on with c: its last bits may differ\n"
    )
    assert recorded(half) == "c"


def test_a_backend_that_cannot_be_had_is_refused_before_anything(
    half: Path, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CC", "/nowhere/cc")
    message = "error: the compiler /nowhere/cc does not run: No such file or directory\n"
    before = {path: path.read_bytes() for path in half.iterdir()}
    assert main([*SHORT, "--run", str(folder), "--backend", "c"]) == 2
    assert capsys.readouterr().err == message
    assert not list(folder.glob("*.npz")) + list(folder.glob("*.json"))
    assert main(["--resume", "--run", str(half), "--backend", "c"]) == 2
    assert capsys.readouterr().err == message
    assert {path: path.read_bytes() for path in half.iterdir()} == before
    compiled._say_once.cache_clear()
    with pytest.warns(RuntimeWarning, match="numpy is used instead of C: the compiler /nowhere"):
        assert main([*SHORT, "--run", str(folder), "--backend", "auto", "--quiet"]) == 0
    assert recorded(folder) == "numpy"
