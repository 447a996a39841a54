"""The C form in tests: compiled so that it takes little time, into a cache of its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from derive.package.trial import QUICK
from generated.runtime import compiled

#: What users get.
FLAGS = compiled.FLAGS

#: The same statements, with functions that are called, so that they are compiled once.
QUICK_FLAGS = (*(flag for flag in FLAGS if flag != "-O3"), *QUICK)

needs_compiler = pytest.mark.skipif(not compiled.is_possible(), reason="needs a C compiler")


@contextmanager
def compiling(folder: Path, *more: str, flags: tuple[str, ...] = QUICK_FLAGS) -> Iterator[None]:
    """Have the cache in a folder, and compile with these flags."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(compiled.FOLDER, str(folder))
        patch.setattr(compiled, "FLAGS", (*flags, *more))
        yield


def program(folder: Path, source: str, defines: Mapping[str, Any], *options: str) -> str:
    """Compile a program against the header, run it, and return what it prints."""
    folder.mkdir(exist_ok=True)
    (folder / "program.c").write_text(source, encoding="utf-8")
    command = [*compiled.compiler(), "-std=gnu11", "-march=native", "-w", *options]
    command += [f"-D{name}={value}" for name, value in defines.items()]
    command += [f"-I{compiled.HEADER.parent}", str(folder / "program.c"), "-lm"]
    command += ["-o", str(folder / "program")]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}
    done = subprocess.run(
        [folder / "program"], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
