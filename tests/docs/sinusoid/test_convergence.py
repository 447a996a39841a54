"""Each method learns the sinusoids, in a short training with large steps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from docs.experiment.metrics import read_metrics
from docs.experiment.train import fresh, go_on
from docs.sinusoid.family import BY_METHOD, SINUSOIDS

#: Which share of the loss at the start may be left. Without adaptation none below 3.0 can be
#: reached, about 0.7 of it; and what is learned of a last layer alone comes late.
LEFT = {"joint": 0.85, "anil": 0.8}


@pytest.mark.parametrize("name", BY_METHOD)
def test_a_short_training_learns(name: str, tmp_path: Path) -> None:
    recipe = replace(BY_METHOD[name], iterations=300, beta=0.005, hidden=(20, 20))
    state, _ = go_on(tmp_path, fresh(SINUSOIDS, recipe, 0, {}), 1000, quiet=True)
    assert not state.stopped
    losses = read_metrics(tmp_path / "metrics.csv")[recipe.methods[0]].losses
    assert np.mean(losses[-50:]) < LEFT.get(name, 0.6) * np.mean(losses[:10])
