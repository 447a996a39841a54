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
    "derive/lower.py": {
        "sympy", "derive.program", "derive.notation", "derive.equations", "derive.rewrite",
    },
    "derive/choice.py": {"sympy", "derive.program", "derive.lower"},
    "derive/numpy_code.py": {"sympy", "derive.program", "derive.notation"},
    "derive/storage.py": {"sympy", "derive.program", "derive.notation", "derive.equations"},
    # Two forms of numpy: they print scalars alike.
    "derive/calls.py": {
        "sympy", "derive.program", "derive.notation", "derive.storage", "derive.numpy_code",
    },
    "derive/buffers.py": {"sympy", "derive.notation", "derive.storage", "derive.calls"},
    "derive/plan.py": {"sympy", "derive"},
    "derive/inplace_code.py": {"sympy", "derive"},
    "derive/latex.py": {"sympy", "derive.program", "derive.notation"},
    "derive/svg.py": {"derive.notation"},
    "derive/diagram.py": {"sympy", "derive.program", "derive.notation", "derive.svg"},
    "derive/gates.py": {"sympy", "derive.program"},
    "derive/circuit.py": {
        "sympy", "derive.program", "derive.notation", "derive.gates", "derive.svg",
    },
    "derive/rules.py": {"sympy", "derive.program", "derive.notation", "derive.gradient"},
    "derive/proof.py": {"sympy", "mpmath", "derive.program", "derive.notation"},
    "derive/warm_up.py": {
        "sympy", "derive.notation", "derive.latex", "derive.listing", "derive.diagram",
    },
    "derive/derivation.py": {"derive"},
    "derive/functions.py": {"derive"},
    "derive/listing.py": {"derive"},
    "derive/package.py": {"derive"},
    "derive/build.py": {"derive"},
    "docs/render/__init__.py": set(),
    "docs/render/manifest.py": set(),
    "docs/render/code.py": {"pygments", "docs.render.manifest"},
    "docs/render/equations.py": {"docs.render.code", "docs.render.manifest"},
    "docs/render/tables.py": {"docs.render.manifest"},
    "docs/render/speed.py": {"docs.render.manifest", "docs.render.tables"},
    "docs/render/results.py": {
        "docs.render.manifest", "docs.render.speed", "docs.render.tables",
    },
    "docs/render/diagnose.py": {
        "numpy", "docs.diagnose", "docs.experiment", "docs.render.manifest", "docs.render.tables",
    },
    "docs/render/page.py": {
        "docs.render.code", "docs.render.diagnose", "docs.render.equations",
        "docs.render.manifest", "docs.render.results", "docs.render.speed", "docs.render.tables",
    },
    "docs/render/measure.py": {
        "numpy", "sympy", "derive", "generated", "docs.by_hand", "docs.experiment", "docs.sinusoid",
    },
    "docs/render/hooks.py": {
        "mkdocs", "derive.build",
        "docs.render.manifest", "docs.render.measure", "docs.render.page",
    },
    "docs/diagnose/__init__.py": {"docs.diagnose.function", "docs.diagnose.verdict"},
    "docs/diagnose/torch_wrapper.py": {"torch", "docs.diagnose.diagnose"},
    "docs/diagnose/jax_wrapper.py": {"jax", "docs.diagnose.diagnose"},
    "docs/diagnose/*.py": {
        "numpy",
        "docs.diagnose", "docs.experiment", "docs.sinusoid",
    },
    "docs/by_hand.py": {"numpy", "docs.experiment", "docs.sinusoid"},
    "docs/speed/*.py": {"numpy", "docs.experiment", "docs.sinusoid"},
    "docs/experiment/plot/*.py": {"numpy", "matplotlib", "docs.experiment"},
    "docs/experiment/sweep/figure.py": {"numpy", "matplotlib", "docs.experiment"},
    "docs/experiment/sweep/executors.py": {"distributed", "tqdm", "docs.experiment"},
    "docs/experiment/sweep/scaling.py": {"distributed", "docs.experiment"},
    "docs/experiment/sweep/runs.py": {"matplotlib", "tqdm", "docs.experiment"},
    "docs/experiment/sweep/*.py": {"docs.experiment"},
    "docs/experiment/checkpoint.py": {"numpy", "filelock", "docs.experiment"},
    "docs/experiment/statistics.py": {"numpy", "scipy", "docs.experiment"},
    "docs/experiment/train.py": {"numpy", "tqdm", "docs.experiment"},
    "docs/experiment/*.py": {"numpy", "docs.experiment"},
    "docs/sinusoid/plot/*.py": {"numpy", "matplotlib", "docs.experiment", "docs.sinusoid"},
    "docs/sinusoid/sweep/*.py": {"docs.experiment", "docs.sinusoid"},
    "docs/sinusoid/*.py": {"numpy", "docs.experiment", "docs.sinusoid"},
}  # fmt: skip

#: The pages' build measures the interpreter on SymPy's matrices.
SYMPY_OUTSIDE_DERIVE = {ROOT / "docs/render/measure.py"}


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


def prefixes(module: str) -> set[str]:
    """The module itself and every package around it."""
    parts = module.split(".")
    return {".".join(parts[:n]) for n in range(1, len(parts) + 1)}


def pattern_of(path: Path) -> str | None:
    relative = path.relative_to(ROOT)
    return next((pattern for pattern in ALLOWED if fits(relative, pattern)), None)


def rule(path: Path) -> set[str] | None:
    pattern = pattern_of(path)
    return None if pattern is None else ALLOWED[pattern]


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
        known = module.partition(".")[0] in sys.stdlib_module_names
        assert known or prefixes(module) & allowed, f"{module} may not be imported here"


@pytest.mark.parametrize("pattern", ALLOWED)
def test_a_row_allows_no_more_than_its_files_need(pattern: str) -> None:
    # A row that has become too wide would let a new import pass unseen.
    files = [path for path in FILES if pattern_of(path) == pattern]
    assert files, "a row without a file"
    needed = set().union(*(prefixes(module) for path in files for module in imported(path)))
    assert needed >= ALLOWED[pattern]


def test_sympy_lives_in_derive_and_nowhere_else() -> None:
    for path in FILES:
        if "sympy" in {module.partition(".")[0] for module in imported(path)}:
            assert path.parent == ROOT / "derive" or path in SYMPY_OUTSIDE_DERIVE
