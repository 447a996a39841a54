"""Who may import whom."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

#: Beside the standard library. The paths are matched in order, the first one counts.
ALLOWED = {
    "generated/**/*.py": {"numpy"},
    "derive/runtime/*.py": {"numpy"},
    "derive/program.py": {"sympy"},
    "derive/notation.py": {"sympy"},
    "derive/gradient.py": {"sympy", "derive.program"},
    "derive/equations.py": {"sympy", "derive.program", "derive.notation", "derive.gradient"},
    "derive/cost.py": {"sympy", "derive.program", "derive.notation"},
    "derive/rewrite.py": {"sympy", "derive.program", "derive.notation", "derive.cost"},
    "derive/numpy_code.py": {"sympy", "derive.program", "derive.notation"},
    "derive/latex.py": {"sympy", "derive.program", "derive.notation"},
    "derive/derivation.py": {"derive"},
    "derive/functions.py": {"derive"},
    "derive/listing.py": {"derive"},
    "derive/package.py": {"derive"},
    "derive/build.py": {"derive"},
    "docs/render.py": set(),
    "docs/sinusoid/plot.py": {"numpy", "matplotlib", "docs"},
    "docs/sinusoid/*.py": {"numpy", "tqdm", "docs", "generated"},
}


def imported(path: Path) -> set[str]:
    """The modules that a file imports from outside its package."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            module = str(node.module)
            inside = ROOT / module.replace(".", "/")
            found |= (
                {f"{module}.{alias.name}" for alias in node.names} if inside.is_dir() else {module}
            )
    return found


def rule(path: Path) -> set[str] | None:
    relative = path.relative_to(ROOT)
    return next((names for pattern, names in ALLOWED.items() if fits(relative, pattern)), None)


def fits(relative: Path, pattern: str) -> bool:
    if "**" in pattern:
        return relative.as_posix().startswith(pattern.partition("**")[0])
    return relative.parent == Path(pattern).parent and relative.match(pattern)


FILES = sorted(
    path for folder in ("generated", "derive", "docs") for path in (ROOT / folder).rglob("*.py")
)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_imports_what_it_may(path: Path) -> None:
    allowed = rule(path)
    assert allowed is not None, "a new file needs a row in the table"
    for module in imported(path):
        top = module.partition(".")[0]
        known = top in sys.stdlib_module_names or top in allowed
        prefixes = {".".join(module.split(".")[:n]) for n in range(1, module.count(".") + 2)}
        assert known or prefixes & allowed, f"{module} may not be imported here"


def test_sympy_lives_in_derive_and_nowhere_else() -> None:
    for path in FILES:
        if "sympy" in {module.partition(".")[0] for module in imported(path)}:
            assert path.parent == ROOT / "derive"
