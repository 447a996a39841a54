"""Emitted Python as ruff leaves it: a line that is too long is broken, and nothing else."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from ruff import find_ruff_bin

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Between statements that are formatted together.
_BETWEEN = "# next"


def formatted(code: str) -> str:
    """Format a module.

    Raises
    ------
    ValueError
        When it is no Python.
    """
    command = [find_ruff_bin(), "format", "--isolated", "--line-length", "100", "-"]
    done = subprocess.run(command, input=code, capture_output=True, check=False, encoding="utf-8")
    if done.returncode:
        raise ValueError(f"what was printed is no Python: {done.stderr.strip().splitlines()[0]}")
    return done.stdout


def formatted_statements(statements: Sequence[str]) -> list[str]:
    """Format statements as they stand in a function, each by itself."""
    if not statements:
        return []
    inside = f"\n{_BETWEEN}\n".join(statements)
    text = formatted("def _():\n" + "\n".join(f"    {line}" for line in inside.splitlines()))
    lines = [line.removeprefix("    ") for line in text.splitlines()[1:]]
    return "\n".join(lines).split(f"\n{_BETWEEN}\n")
