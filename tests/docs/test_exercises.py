"""The exercises that change `derive/`: what the pages say is done to a copy, and it is built."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.derive.copies import ROOT, build, edited, made

if TYPE_CHECKING:
    from pathlib import Path

#: A change that a page asks for: a file, and its lines with a sign in front of them.
DIFF = re.compile(r'^( *)```diff title="(?P<file>[^"]+)"\n(?P<lines>.*?)^\1```$', re.M | re.S)
PAGES = sorted(ROOT.glob("docs/**/*.md"))


def changes() -> dict[str, tuple[str, str, str]]:
    """Every change of every page: the file, what stands there, what replaces it."""
    found = {}
    for page in PAGES:
        for match in DIFF.finditer(page.read_text(encoding="utf-8")):
            indent = len(match[1])
            lines = [line[indent:] for line in match["lines"].splitlines(keepends=True)]
            before = "".join(line[1:] for line in lines if line[0] in " -")
            after = "".join(line[1:] for line in lines if line[0] in " +")
            found[f"{page.stem}:{match['file']}"] = (match["file"], before, after)
    return found


def changed(name: str, folder: Path) -> Path:
    """A copy of the project's `derive/` with a change made."""
    return edited(folder, *changes()[name])


def test_every_change_of_a_page_is_tried() -> None:
    assert set(changes()) == {
        "3-network:derive/model/losses.py",
        "8-rewrite:derive/passes/rewrite.py",
        "9-numpy:derive/language/elementwise.py",
    }


def test_half_the_loss(tmp_path: Path) -> None:
    folder = changed("3-network:derive/model/losses.py", tmp_path)
    result = build(folder, "--hidden", "2")
    assert result.returncode == 0, result.stderr
    derived = (ROOT / "generated/relu2/equations.md").read_text(encoding="utf-8").splitlines()
    now = made(folder, "equations.md").splitlines()
    start, end = (now.index(title) for title in ("## As derived", "## Rewritten"))
    different = [
        line.split("$")[1].split(" = ")[0]
        for line, old in zip(now[start:end], derived[start:end], strict=True)
        if line != old
    ]
    bar = r"\overline"
    assert different == [
        r"\ell^{s}", r"\mathrm{d}Z_{3}^{s}", r"\ell^{q}", f"{bar}{{Z_{{3}}^{{q}}}}",
        f"{bar}{{Z_{{3}}^{{s}}}}",
    ]  # fmt: skip


def test_sharing_before_naming(tmp_path: Path) -> None:
    folder = changed("8-rewrite:derive/passes/rewrite.py", tmp_path)
    result = build(folder, "--hidden", "2")
    assert result.returncode == 0, result.stderr
    last = next(line for line in result.stdout.splitlines() if "  reassociate" in line)
    assert last.split()[1] == "50"
    assert "mine has no workspace form" in result.stdout
    package = made(folder, "__init__.py")
    assert "There is no workspace form: " in package
    assert "import workspace" not in package


def test_the_arctangent(tmp_path: Path) -> None:
    folder = changed("9-numpy:derive/language/elementwise.py", tmp_path)
    result = build(folder, "--activation", "arctan")
    assert result.returncode == 0, result.stderr
    assert "H1_s = np.arctan(Z1_s)" in made(folder, "reference.py")
    assert "arctan(Z1_s.all, out=H1_s.all)" in made(folder, "inplace.py")
    assert r"\arctan(Z_{1}^{s})" in made(folder, "equations.md")


@pytest.mark.parametrize("name", changes())
def test_a_change_leaves_the_project_alone(name: str) -> None:
    file, _, after = changes()[name]
    assert after not in (ROOT / file).read_text(encoding="utf-8")
