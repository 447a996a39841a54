"""The example of "Derive your own": its commands derive a package and train it."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

from docs.render.manifest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PAGE = (ROOT / "docs/derive-your-own.md").read_text(encoding="utf-8")


def test_the_commands_of_the_page_derive_a_package_and_train_it(tmp_path: Path) -> None:
    example = PAGE.partition("{ #example }")[2]
    commands = re.findall(r"^python (.*)$", example, re.MULTILINE)
    assert len(commands) == 2
    assert f"python {commands[0]}" in PAGE.partition("## The flags")[0]
    for command in commands:
        words = shlex.split(command.replace("somewhere/", str(tmp_path)))
        result = subprocess.run(
            [sys.executable, *words], cwd=ROOT, check=False, capture_output=True, text=True
        )
        assert result.returncode == 0, result.stderr
    printed = result.stdout
    assert "rates W1 (2, 20) b1 (1, 20) W2 (20, 3) b2 (1, 3)" in printed
    losses = [float(loss) for loss in re.findall(r"meta-loss ([\d.]+)", printed)]
    assert losses[-1] < 0.6 * losses[0]
    (right,) = re.findall(r"(\d+)% of the points are named right", printed)
    # A guess would be right once in three.
    assert int(right) > 60
