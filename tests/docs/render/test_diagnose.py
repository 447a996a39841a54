"""What the page of the diagnosis shows."""

from __future__ import annotations

import re
from math import radians, sin
from pathlib import Path

import numpy as np
import pytest

from docs.experiment.metrics import read_metrics
from docs.experiment.recipes import Recipe
from docs.experiment.train import fresh, go_on
from docs.render.diagnose import diagnosed
from docs.render.manifest import PageError
from docs.sinusoid.family import SINUSOIDS
from tests.docs.diagnose.diagnosed import NAMES


def test_the_page_shows_a_verdict_of_every_mistake() -> None:
    text = diagnosed("mistakes")
    shown = re.findall(r'^\?\?\? \w+ "(.*)"$', text, re.MULTILINE)
    single = [name for name in NAMES if not name.startswith("first order,")]
    assert shown == [*single, "summed over tasks", "the opposite sign", "none of these"]
    for name in single:
        assert f"relu2_5steps: {name}\n" in text
    # All but zeros, which are exact, and none of these.
    assert text.count("to float32 accuracy") == len(shown) - 2
    assert "second order? yes\n    the meta-gradient? no: second order, times T\n" in text
    assert "second order? yes\n    the meta-gradient? no: second order, times -1\n" in text


def test_a_small_angle_is_not_a_small_error() -> None:
    rows = [line.strip("| ").split(" | ") for line in diagnosed("vectors").splitlines()[2:]]
    for _, *cells in rows:
        angle, length, error = map(float, cells)
        assert angle < 10
        # Vectors of equal length would be that far apart at this angle.
        assert error > 1.5 * 2 * sin(radians(angle) / 2)
        assert length > 1.05


def test_the_angle_grows_with_training(tmp_path: Path) -> None:
    recipe = Recipe(methods=("maml",), iterations=3001)
    go_on(tmp_path, fresh(SINUSOIDS, recipe, 0, {}), every=10**6, quiet=True)
    start, *later = read_metrics(tmp_path / "metrics.csv")["maml"].angles
    assert 1 < start < 10
    assert len(later) == 6
    assert 20 < np.median(later) < 90


def test_the_page_shows_the_first_wrong_equation() -> None:
    text = diagnosed("equation the error of the output")
    assert "relu2: (4.8) is the first wrong equation\n" in text
    assert "another quantity: `dZ3_s` stands where `dZ2_s` is meant\n" in text
    text = diagnosed("equation a missing term")
    assert " (right) and W1_bar (wrong)\n" in text
    assert "in between     (7.27) Z1_s_bar to (7.28) W1_bar\n" in text
    assert "missing term: the term `dH1_s * dZ1_s_bar * " in text
    assert ", in (7.27)\n" in text
    with pytest.raises(PageError, match="no wrong derivation 'nothing'"):
        diagnosed("equation nothing")
