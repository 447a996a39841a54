"""Sweeps that several tests begin with."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from docs.experiment.sweep import runs
from docs.sinusoid.sweep.__main__ import main
from tests.docs.experiment.sweep.sweeps import GRID, SMALL
from tests.docs.experiment.sweep.watched import RUNS


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs in threads of this process: any executor will do, and these need no start-up."""
    monkeypatch.setattr(runs, "executor", lambda _, workers, *__: ThreadPoolExecutor(workers))


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep of two settings and three seeds."""
    folder = tmp_path_factory.mktemp("sweep")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "executor", lambda _, workers, *__: ThreadPoolExecutor(workers))
        assert main([*SMALL, *GRID, "--seeds", "3", "--run", str(folder)]) == 0
    return folder


@pytest.fixture(scope="session")
def serial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sweep of `RUNS` in this process, one run after another."""
    folder = tmp_path_factory.mktemp("serial")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "executor", lambda *_: ThreadPoolExecutor(1))
        assert main([*RUNS, "--workers", "1", "--quiet", "--run", str(folder)]) == 0
    return folder
