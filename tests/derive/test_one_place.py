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
        'LOSSES = {"squared"',
        'LOSSES = {"tenth": Loss("a tenth", lambda p, t: mean_squared_error(p, t) / 10), "squared"',
    )
    result = build(folder, "--hidden", "1", "--loss", "tenth")
    assert result.returncode == 0, result.stderr
    assert "loss = np.sum(E**2) / (10 * N * O)" in made(folder, "kernel.py")
    assert "A tenth over rows and outputs." in made(folder, "kernel.py")
    assert 'loss="tenth"' in made(folder, "__init__.py")


def test_an_algorithm_is_a_row(tmp_path: Path) -> None:
    folder = edited(
        tmp_path,
        "derive/model/algorithms.py",
        "ALGORITHMS = {",
        'ALGORITHMS = {"mine": Algorithm("mine", second_order=False, reference="Nobody."),',
    )
    result = build(folder, "--hidden", "1", "--algorithm", "mine")
    assert result.returncode == 0, result.stderr
    assert ".. [1] Nobody." in made(folder, "kernel.py")
    assert 'algorithm="mine"' in made(folder, "__init__.py")
    assert "dZ1_s_bar" not in made(folder, "kernel.py")


def test_a_pass_is_a_function_in_the_list(tmp_path: Path) -> None:
    file = "derive/passes/rewrite.py"
    edited(tmp_path, file, "\n#: The rewrite, in order.", "\ndef rest(program: Program) -> Program:\n"
           "    return program\n\n\n#: The rewrite, in order.")  # fmt: skip
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
        "from derive.printers.numpy import statement\n",
        "from derive.printers.numpy import statement\nfrom derive.printers.plain import plain\n",
    )
    (folder / "derive/printers/plain.py").write_text(
        "def plain(program, banner):\n"
        "    return banner + ''.join(f'\\n{line.name} = {line.value}' for line in program)\n",
        encoding="utf-8",
    )
    result = build(folder, "--hidden", "1")
    assert result.returncode == 0, result.stderr
    assert "Z1_s = OneMatrix" in made(folder, "equations.txt") or "X_s*W1" in made(
        folder, "equations.txt"
    )
