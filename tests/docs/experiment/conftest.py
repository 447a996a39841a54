"""Runs that several tests begin with."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from docs.experiment import train
from docs.experiment.networks import load_network
from docs.sinusoid.family import SINUSOIDS
from docs.sinusoid.tasks import batches
from docs.sinusoid.train import main
from tests.docs.experiment.learned import package
from tests.docs.experiment.trainings import LONG, SHORT, results

if TYPE_CHECKING:
    from docs.experiment.family import Batch


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The results of `LONG`, from one go."""
    folder = tmp_path_factory.mktemp("whole")
    assert main([*LONG, "--run", str(folder), "--quiet"]) == 0
    return results(folder)


@pytest.fixture
def half(tmp_path: Path) -> Path:
    """A folder whose run was ended after 25 of 40 iterations, and its two checkpoints."""

    def ending(*arguments: Any, **options: Any) -> Iterator[Batch]:
        drawn = batches(*arguments, **options)
        yield from islice(drawn, 25)
        os.kill(os.getpid(), signal.SIGTERM)
        yield from drawn

    folder, family = tmp_path / "half", replace(SINUSOIDS, batches=ending)
    assert train.main(family, [*SHORT, "--run", str(folder), "--quiet"]) == 143
    return folder


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The results of `SHORT`, from one go."""
    folder = tmp_path_factory.mktemp("short")
    assert main([*SHORT, "--run", str(folder), "--quiet"]) == 0
    return results(folder)


@pytest.fixture
def learned(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A package that learns its rates, in the place of `relu1`."""
    made = package()
    monkeypatch.setitem(sys.modules, "generated.relu1", made)
    load_network.cache_clear()
    yield made
    load_network.cache_clear()
