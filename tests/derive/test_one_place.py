"""What is added stands in one place: a row, a function, or a file and its line.

An activation is a row of the table, too; the exercise of chapter 9 adds one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.derive.copies import build, edited, made

if TYPE_CHECKING:
    from pathlib import Path


def test_a_loss_is_a_row(tmp_path: Path) -> None:
    folder = edited(
        tmp_path,
        "derive/model/losses.py",
        "LOSSES = {",
        "def tenth(Z, Y, _):\n    yield None, Trace((Z - Y).T * (Z - Y)) / (10 * entries(Y))\n\n\n"
        'LOSSES = {"tenth": Loss("a tenth", "tenth of it", tenth),',
    )
    result = build(folder, "--hidden", "1", "--loss", "tenth")
    assert result.returncode == 0, result.stderr
    assert "loss = np.sum(E**2) / (10 * N * O)" in made(folder, "kernel.py")
    assert "Tenth of it." in made(folder, "kernel.py")
    assert '"meaning": "tenth of it"' in made(folder, "equations.json")
    assert 'loss="tenth"' in made(folder, "__init__.py")


def test_an_algorithm_is_a_row(tmp_path: Path) -> None:
    folder = edited(
        tmp_path,
        "derive/model/algorithms.py",
        "ALGORITHMS = {",
        'ALGORITHMS = {"mine": Algorithm("Half of it", "Nobody.", adapted="head"),',
    )
    result = build(folder, "--hidden", "1", "--algorithm", "mine")
    assert result.returncode == 0, result.stderr
    reference = made(folder, "reference.py")
    assert "Half of it as derived, line by line" in reference
    assert ".. [1] Nobody." in reference
    assert 'algorithm="mine"' in made(folder, "__init__.py")
    # The first layer stays as it is.
    assert "W2_fast = W2 - alpha * dW2" in reference
    assert "W1_fast" not in reference
    assert "W1_bar = " in reference


def test_a_pass_is_a_function_in_the_list(tmp_path: Path) -> None:
    file = "derive/passes/rewrite.py"
    function = "def rest(program: Program) -> Program:\n    return program"
    last = "#: The rewrite, in order."
    edited(tmp_path, file, last, f"{function}\n\n\n{last}")
    folder = edited(tmp_path, file, "reassociate, share)", "reassociate, share, rest)")
    result = build(folder, "--hidden", "1")
    assert result.returncode == 0, result.stderr
    *_, before, after = (line.split() for line in result.stdout.splitlines() if line[:2] == "  ")
    assert (before[0], after[0]) == ("share", "rest")
    assert before[1:] == after[1:]


def test_a_printer_is_a_file_and_its_line(tmp_path: Path) -> None:
    folder = edited(
        tmp_path,
        "derive/package/modules.py",
        '"equations.json": manifest(derivation, BANNER),',
        '"equations.txt": plain(derivation.derived, BANNER),\n'
        '        "equations.json": manifest(derivation, BANNER),',
    )
    edited(
        folder,
        "derive/package/modules.py",
        "from ..printers.numpy import names_in,",
        "from ..printers.plain import plain\nfrom ..printers.numpy import names_in,",
    )
    (folder / "derive/printers/plain.py").write_text(
        "def plain(program, banner):\n"
        "    return banner + ''.join(f'\\n{line.name} = {line.value}' for line in program)\n",
        encoding="utf-8",
    )
    result = build(folder, "--hidden", "1")
    assert result.returncode == 0, result.stderr
    assert "X_s*W1" in made(folder, "equations.txt")
