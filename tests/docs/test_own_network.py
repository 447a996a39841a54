"""The example of "Derive your own": its commands derive a package and train it."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from docs.experiment.command import Refusal
from docs.experiment.networks import load_network
from docs.experiment.recipes import read
from docs.render.manifest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PAGE = (ROOT / "docs/derive-your-own.md").read_text(encoding="utf-8")


def commands(section: str) -> list[str]:
    """The two commands that a section of the page gives a reader."""
    text = PAGE.partition(f"{{ #{section} }}")[2].partition("\n## ")[0]
    found = re.findall(r"^python (.*)$", text, re.MULTILINE)
    assert len(found) == 2
    return found


def last_output(lines: list[str], folder: Path) -> str:
    """What the last of some commands prints, if all of them end well."""
    for line in lines:
        words = shlex.split(re.sub(r"(some|else)where/", f"{folder}/", line))
        result = subprocess.run(
            [sys.executable, *words], cwd=ROOT, check=False, capture_output=True, text=True
        )
        assert result.returncode == 0, result.stderr
    return result.stdout


def test_the_commands_of_the_page_derive_a_package_and_train_it(tmp_path: Path) -> None:
    example = commands("example")
    assert f"python {example[0]}" in PAGE.partition("## The flags")[0]
    printed = last_output(example, tmp_path)
    assert "rates W1 (2, 20) b1 (1, 20) W2 (20, 3) b2 (1, 3)" in printed
    losses = [float(loss) for loss in re.findall(r"meta-loss ([\d.]+)", printed)]
    assert losses[-1] < 0.6 * losses[0]
    (right,) = re.findall(r"(\d+)% of the points are named right", printed)
    # A guess would be right once in three.
    assert int(right) > 60


def test_an_experiment_takes_a_package_of_ones_own(tmp_path: Path) -> None:
    derived, trained = commands("on-sinusoids")
    last_output([derived], tmp_path / "made")
    run = trained.replace("somewhere/", f"{tmp_path}/made/")
    last_output([run.replace("elsewhere/", "elsewhere/run/")], tmp_path)
    evaluation = json.loads((tmp_path / "run/evaluation.json").read_text())
    errors = {name: float(after.split()[0]) for name, *_, after, _ in evaluation["table"]}
    assert errors["MAML"] < 0.5 * errors["random initialisation"]
    record = json.loads((tmp_path / "run/run.json").read_text())
    assert record["arguments"]["network"] == f"{tmp_path}/made/gentle"


@pytest.mark.parametrize("missing", ["no/such/folder", "docs"])
def test_what_is_no_package_is_refused(missing: str) -> None:
    with pytest.raises(
        Refusal, match=f"the network is '{missing}'; it must be one of .*by its folder or"
    ):
        load_network(missing)
    with pytest.raises(Refusal, match=f"network is '{missing}'; it must be one of .*workspace"):
        read("network", missing)
