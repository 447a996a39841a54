"""What is wrong with an emitted package is found before it is written, and named."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from derive import command, disk
from derive.language import elementwise
from derive.model.algorithms import ALGORITHMS, RATES, Algorithm
from derive.package.modules import files_of, runtime_files
from derive.package.trial import Failure, try_package, try_warm_up
from tests.conftest import derivation
from tests.derive.copies import ROOT, edited
from tests.derive.copies import build as build_copy

if TYPE_CHECKING:
    from pathlib import Path

META = "of meta_loss_and_gradient"


def written(folder: Path, name: str, file: str = "", pattern: str = "", instead: str = "") -> None:
    """Write a package, a pattern of one of its files replaced wherever it stands."""
    files = {
        f"{name}/{each}": text for each, text in files_of(derivation(name), "..runtime").items()
    }
    files |= {f"runtime/{each}": text for each, text in runtime_files().items()}
    if file:
        files[f"{name}/{file}"], count = re.subn(pattern, instead, files[f"{name}/{file}"])
        assert count, "nothing was broken"
    disk.write(folder, files)


@pytest.mark.parametrize("name", ["relu1", "tanh2"])
def test_what_is_emitted_passes(name: str, tmp_path: Path) -> None:
    written(tmp_path / "tried", name)
    try_package(tmp_path / "tried", derivation(name))


@pytest.mark.parametrize(
    ("file", "pattern", "instead", "message"),
    [
        ("kernel.py", r"- alpha", "+ alpha", "kernel form of inner_step: `W1_fast` is off by"),
        ("kernel.py", r"K_X\.mT", "2 * K_X.mT", f"kernel form {META}: `dZ1_s_bar` is off by"),
        ("kernel.py", r"gram\(H1_q, H1_s, T\) \+ 1", "gram(H1_q, H1_s, T)", "`K_H1` is off by"),
        ("kernel.py", r"np\.maximum", "np.minimum", "kernel form of predict: `H1` is off by"),
        ("kernel.py", r"/ \(M \* O\)", "/ M", "kernel form of meta_loss: `loss_q` is off by"),
        ("reference.py", r"dZ1_s_bar = X_s @ dW1_bar \+ db1_bar", "dZ1_s_bar = X_s @ dW1_bar",
         f"reference form {META}: `dZ1_s_bar` is off by"),
        ("reference.py", r"\.sum\(-2, keepdims=True\)", ".sum(-2)", "`db1` has shape"),
        ("reference.py", r"np\.sum", "np.som", "AttributeError"),
        ("inplace.py", r"from numpy import add, ", "from numpy import ",
         f"workspace form (as chosen) {META}: NameError: name 'add' is not defined, in `add("),
        ("inplace.py", r"matmul\(K_X, uZ1_s", "matmul(2 * K_X, uZ1_s",
         f"workspace form (as chosen) {META}: `loss_q` is off by"),
        ("inplace.py", r"add\(W1_fast\.stored", "subtract(W1_fast.stored",
         f"workspace form (dense) {META}"),
        ("inplace.py", r"(W2_bar_term, out=W2_bar\))", r"W2_bar_term, out=W2_bar_term)",
         f"workspace form (as chosen) {META}"),
        ("inplace.py", r"L1 \* O", "Q * L1", "(as chosen) of meta_loss_and_gradient: NameError"),
        ("kernel.py", r"for _ in range\(check_steps\(steps\)\)", "for _ in range(1)",
         "relu1: adapt: `W1_fast` is off by"),
        ("kernel.py", r"np\.maximum\(Z1, 0\)", "np.log(-np.maximum(Z1, 0))",
         "kernel form of predict: `H1` is not finite"),
        ("weights.py", r"W1: Array", "W1: Arrays", "relu1: NameError: name 'Arrays'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(
    file: str, pattern: str, instead: str, message: str, tmp_path: Path
) -> None:
    written(tmp_path / "tried", "relu1", file, pattern, instead)
    with pytest.raises(Failure) as failed:
        try_package(tmp_path / "tried", derivation("relu1"))
    assert message in str(failed.value)
    assert str(failed.value).startswith("relu1: ")
    assert "\n" not in str(failed.value)


def test_a_wrong_derivation_is_found_by_differences(tmp_path: Path) -> None:
    # The code is what was derived, and the interpreter agrees; only the slope is another's.
    table = "derive/language/elementwise.py"
    folder = edited(tmp_path, table, 'slope="1 - tanh(z)**2"', 'slope="1 - tanh(z)**3"')
    result = build_copy(folder, "--activation", "tanh", "--hidden", "1")
    assert result.returncode == 2
    assert result.stderr.startswith("build.py: mine: loss_and_gradient: the gradient `dW1`")
    assert result.stderr.endswith("from differences of its loss\n")
    assert result.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["derive"]


def test_a_wrong_text_is_found_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--name", "mine", "--activation", "tanh", "--hidden", "1"]
    arguments += ["--output", str(tmp_path)]
    assert command.main(arguments) == 0
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    row = elementwise.TABLE["tanh"]
    monkeypatch.setitem(elementwise.TABLE, "tanh", row._replace(inplace=(("tan", "z"),)))
    capsys.readouterr()
    assert command.main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith(
        "build.py: mine: workspace form (as chosen) of meta_loss_and_gradient: `"
    )
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_the_warm_up_is_tried(tmp_path: Path) -> None:
    folder = tmp_path / "tried" / "warm_up"
    folder.mkdir(parents=True)
    scalar = (ROOT / "generated/warm_up/scalar.py").read_text(encoding="utf-8")
    (folder / "scalar.py").write_text(scalar.replace("w - alpha", "w + alpha"), encoding="utf-8")
    with pytest.raises(Failure, match="warm_up: meta_loss_and_gradient: `loss_q` is off by"):
        try_warm_up(tmp_path / "tried")


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("adapted", ["all", "biases", "context"])
def test_every_number_of_step_sizes_of_whatever_adapts(
    rate: str, adapted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The trial holds weights, step sizes and every form against the interpreter and differences.
    row = Algorithm("any", "none.", adapted, rate, per_step=rate != "given", outer="every")
    monkeypatch.setitem(ALGORITHMS, f"{rate}_of_{adapted}", row)
    arguments = ["--algorithm", f"{rate}_of_{adapted}", "--hidden", "0", "--steps", "2"]
    assert command.main(["--name", "mine", "--output", str(tmp_path), *arguments]) == 0
