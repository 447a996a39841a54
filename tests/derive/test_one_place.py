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
        'LOSSES = {"tenth": Loss("a tenth", "tenth of it", lambda p, t: '
        "mean_squared_error(p, t) / 10),",
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
        'ALGORITHMS = {"mine": Algorithm("Loss and half [1]_.", "Half.", '
        'inner_gradients, "Nobody."),',
    )
    result = build(folder, "--hidden", "1", "--algorithm", "mine")
    assert result.returncode == 0, result.stderr
    kernel = made(folder, "kernel.py")
    assert '"""Loss and half [1]_.' in kernel
    assert "    gradient : Weights\n        Half." in kernel
    assert ".. [1] Nobody." in kernel
    assert 'algorithm="mine"' in made(folder, "__init__.py")
    assert "dZ1_s_bar" not in kernel


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
        "from derive.printers.numpy import statement, unpacked\n",
        "from derive.printers.numpy import statement, unpacked\n"
        "from derive.printers.plain import plain\n",
    )
    (folder / "derive/printers/plain.py").write_text(
        "def plain(program, banner):\n"
        "    return banner + ''.join(f'\\n{line.name} = {line.value}' for line in program)\n",
        encoding="utf-8",
    )
    result = build(folder, "--hidden", "1")
    assert result.returncode == 0, result.stderr
    assert "X_s*W1" in made(folder, "equations.txt")
