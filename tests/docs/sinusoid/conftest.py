"""A run that several tests begin with."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs.experiment.methods import TITLES
from tests.docs.sinusoid.commands import SMALL, run


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short run of everything."""
    folder = tmp_path_factory.mktemp("run")
    result = run("", *SMALL, "--tasks", "20", "--run", str(folder))
    assert result.returncode == 0, result.stderr
    for method in ("maml", "joint", "random"):
        assert TITLES[method] in result.stdout
    return folder
