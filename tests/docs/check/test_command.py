"""The command on the file of a model: what it prints, and what it refuses in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from docs.check import __main__ as command
from docs.check.__main__ import main

if TYPE_CHECKING:
    from pathlib import Path

MODEL = """
import numpy as np

from beside import ALPHA

def loss(weights, batch):
    return float(((batch[0] @ weights[0] - batch[1]) ** 2).mean())

def slope(weights, batch):
    return 2 * batch[0].T @ (batch[0] @ weights[0] - batch[1]) / batch[1].size

def adapt(weights, support):
    return [weights[0] - ALPHA * slope(weights, support)]

def meta_gradient(weights, tasks):
    total = [slope(adapt(weights, support), query) for support, query in tasks]
    return [sum(total) / len(tasks)]

rng = np.random.default_rng(0)
weights = [rng.normal(size=(4, 2))]
tasks = [
    tuple((rng.normal(size=(rows, 4)), rng.normal(size=(rows, 2))) for rows in (5, 7))
    for _ in range(3)
]
"""


def test_a_file_gets_its_verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "beside.py").write_text("ALPHA = 0.1\n", encoding="utf-8")
    (tmp_path / "first.py").write_text(MODEL, encoding="utf-8")
    assert main([str(tmp_path / "first.py")]) == 1
    assert "the meta-gradient? no: first order\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (None, "cannot read FILE; it must be a .py file that defines meta_gradient, adapt, loss,"),
        ("def f(:", "FILE is no Python: invalid syntax, in line 1"),
        ("import numpy\n\nnumpy.nothing", "FILE cannot be run: AttributeError: module 'numpy' has"),
        ("\n\n1 / 0", "FILE cannot be run: ZeroDivisionError: division by zero, in line 3"),
        ("import no_such", "FILE cannot be run: ModuleNotFoundError: No module named 'no_such'"),
        ("raise SystemExit", "FILE cannot be run: it ends the program"),
        ("loss = adapt = len", "FILE lacks meta_gradient, weights and tasks; it must define meta_"),
        (MODEL.replace("from beside import", "pass #").replace("ALPHA", "0.1")
         .replace("tasks = [", "tasks = []; other = ["), "tasks is empty"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_model_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, error: str
) -> None:
    path = tmp_path / "mine.py"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    assert main([str(path)]) == 2
    said = capsys.readouterr()
    assert said.err.startswith("error: " + error.replace("FILE", str(path)))
    assert said.err.count("\n") == 1
    assert not said.out


def test_a_folder_is_no_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 2
    assert "cannot read" in capsys.readouterr().err


def test_who_waits_is_told_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "PATIENCE", 0.0)
    path = tmp_path / "first.py"
    path.write_text(MODEL.replace("from beside import ALPHA", "ALPHA = 0.1"), encoding="utf-8")
    assert main([str(path)]) == 1
    assert capsys.readouterr().err == command.LONG + "\n"
