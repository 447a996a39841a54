"""How C is compiled and kept: the compiler, its errors, the cache, and who may use it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import stat
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from generated.runtime import compiled
from generated.runtime.compiled import NotCompiledError
from tests.conftest import problem
from tests.native import compiling, needs_compiler
from tests.workspaces import ALPHA, NET, close, of

ROOT = Path(__file__).parents[3]

SMALL: dict[str, Any] = {"sizes": (1, 2, 2, 1), "tasks": 2, "shots": 2, "queries": 2}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> Iterator[Path]:
    with compiling(tmp_path / "cache"):
        yield tmp_path / "cache"


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A compiler that writes a line into this file whenever it makes an object."""
    log, script = tmp_path / "calls", tmp_path / "cc"
    log.write_text("")
    script.write_text(
        f'#!/bin/sh\ncase "$*" in *-shared*) echo made >> {log};; esac\n'
        f'exec {" ".join(compiled.compiler())} "$@"\n'
    )
    script.chmod(0o700)
    monkeypatch.setenv("CC", str(script))
    return log


def made(log: Path) -> int:
    return len(log.read_text().splitlines())


def objects(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


# --- what is asked for ---


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"backend": "fortran"}, "backend is 'fortran'; it must be one of numpy, c, auto"),
        ({"backend": None}, "backend is None; it must be one of numpy, c, auto"),
        ({"backend": "c", "threads": 0}, "threads is 0; it must be a whole number, at least 1"),
        ({"backend": "c", "threads": True}, "threads is True; it must be a whole number"),
        ({"backend": "c", "threads": 1.5}, "threads is 1.5; it must be a whole number"),
        ({"threads": 2}, "threads is 2; with the backend 'numpy' it must be 1"),
        (
            {"backend": "c", "sizes": (1, 40, 512, 1)},
            "sizes has a hidden layer of 512 units; with the backend 'c' it must have fewer",
        ),
    ],
)
def test_what_cannot_be_had_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as raised:
        NET.workspace(**{**SMALL, **change})
    assert "\n" not in str(raised.value)


def test_numpy_is_the_default_and_compiles_nothing(folder: Path) -> None:
    assert NET.workspace(**SMALL).backend == "numpy"
    assert not folder.exists()


# --- the compiler ---


def no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)


def test_without_a_compiler_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    no_compiler(monkeypatch)
    with pytest.raises(
        NotCompiledError, match="no C compiler: neither gcc nor clang nor"
    ) as raised:
        NET.workspace(**SMALL, backend="c")
    assert "\n" not in str(raised.value)


def test_auto_falls_back_and_says_so_once(monkeypatch: pytest.MonkeyPatch) -> None:
    no_compiler(monkeypatch)
    compiled._say_once.cache_clear()
    with pytest.warns(RuntimeWarning, match="numpy is used instead of C: no C compiler") as said:
        ws = NET.workspace(**SMALL, backend="auto", threads=2)
    assert ws.backend == "numpy"
    assert len(said) == 1
    assert said[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert NET.workspace(**SMALL, backend="auto").backend == "numpy"


def failing(folder: Path, text: str) -> str:
    script = folder / "failing"
    script.write_text(f"#!/bin/sh\n{text}\n")
    script.chmod(0o700)
    return str(script)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("echo native.c: fatal error: out of ink >&2; exit 1", "native.c: fatal error: out of ink"),
        ("echo a; echo b >&2; exit 3", "fails: b"),
        ("exit 3", "fails: 3"),
    ],
)
def test_the_message_of_a_compiler_that_fails(
    text: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    monkeypatch.setenv("CC", failing(tmp_path, text))
    with pytest.raises(NotCompiledError, match=message) as raised:
        NET.workspace(**SMALL, backend="c")
    assert "\n" not in str(raised.value)
    assert not folder.exists() or not objects(folder)


def test_a_compiler_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", str(tmp_path / "nothing"))
    with pytest.raises(NotCompiledError, match="nothing does not run: No such file"):
        NET.workspace(**SMALL, backend="c")


@needs_compiler
def test_an_error_in_the_source_leaves_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled, "FLAGS", (*compiled.FLAGS, "-DINLINE=nonsense"))
    with pytest.raises(NotCompiledError, match=r"fails: .*error: unknown type name") as raised:
        NET.workspace(**SMALL, backend="c")
    assert "\n" not in str(raised.value)
    assert not objects(folder)


# --- the cache ---


@needs_compiler
def test_an_object_is_made_once(calls: Path, folder: Path) -> None:
    for _ in range(2):
        assert NET.workspace(**SMALL, backend="auto").backend == "c"
    assert made(calls) == 1
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    (only,) = objects(folder)
    assert only.suffix == ".so"


@needs_compiler
def test_whatever_decides_an_object_makes_another(
    calls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    NET.workspace(**SMALL, backend="c")
    changes: list[dict[str, Any]] = [
        {"sizes": (1, 2, 3, 1)}, {"shots": 3}, {"queries": 3}, {"dtype": np.float64},
    ]  # fmt: skip
    for count, change in enumerate(changes, start=2):
        NET.workspace(**{**SMALL, **change}, backend="c")
        assert made(calls) == count, change
    # Neither the tasks nor the threads decide anything.
    NET.workspace(**{**SMALL, "tasks": 50}, backend="c", threads=2)
    assert made(calls) == 5
    for attribute, value in (
        ("FLAGS", (*compiled.FLAGS, "-fno-inline")),
        ("_machine", lambda *_: "another processor"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(compiled, attribute, value)
            before = made(calls)
            NET.workspace(**SMALL, backend="c")
            assert made(calls) == before + 1, attribute
    NET.workspace(**SMALL, backend="c")
    assert made(calls) == 7


@needs_compiler
@pytest.mark.parametrize("damage", [b"", b"\x7fELF", None])
def test_a_damaged_object_is_made_again(damage: bytes | None, calls: Path, folder: Path) -> None:
    p = problem(NET)
    loss = of(p, NET, backend="c").meta_loss_and_gradient(*p, ALPHA)[0]
    (only,) = objects(folder)
    sound = only.read_bytes()
    # As another process would find it: this one has loaded what was there.
    broken = sound[: len(sound) // 2] + b"\xff" + sound[len(sound) // 2 + 1 :]
    only.unlink()
    only.write_bytes(broken if damage is None else damage)
    assert of(p, NET, backend="c").meta_loss_and_gradient(*p, ALPHA)[0] == loss
    assert made(calls) == 2
    assert only.read_bytes() == sound
    assert objects(folder) == [only]


@needs_compiler
def test_a_cache_that_is_read_only(
    calls: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.mkdir(mode=0o700)
    p = problem(NET)
    with monkeypatch.context() as patch:
        patch.setattr(os, "access", lambda *_: False)
        folder.chmod(0o500)
        expected = NET.reference.meta_loss_and_gradient(*p, ALPHA)
        for _ in range(2):
            close(of(p, NET, backend="c").meta_loss_and_gradient(*p, ALPHA), expected, 1e-12)
        folder.chmod(0o700)
        assert not objects(folder)
        assert made(calls) == 2
    of(p, NET, backend="c")
    monkeypatch.setattr(os, "access", lambda *_: False)
    of(p, NET, backend="c")
    assert made(calls) == 3


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs owners")
def test_a_cache_that_others_own_or_may_write_to(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.mkdir()
    folder.chmod(0o770)
    with pytest.raises(NotCompiledError, match="can be written by others; it must be 0700"):
        NET.workspace(**SMALL, backend="c")
    folder.chmod(0o700)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(NotCompiledError, match=f"the cache {folder} belongs to somebody else"):
        NET.workspace(**SMALL, backend="c")
    compiled._say_once.cache_clear()
    with pytest.warns(RuntimeWarning, match="numpy is used instead of C: the cache"):
        assert NET.workspace(**SMALL, backend="auto").backend == "numpy"


def test_a_cache_that_is_a_file(folder: Path) -> None:
    folder.write_text("")
    with pytest.raises(NotCompiledError, match=f"the cache {folder} cannot be made: File exists"):
        NET.workspace(**SMALL, backend="c")


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(compiled.FOLDER)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert compiled.folder() == tmp_path / "maml-derived"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert compiled.folder() == tmp_path / "home/.cache/maml-derived"


SCRIPT = """
import sys
from pathlib import Path
from tests.conftest import problem
from tests.native import compiling
from tests.workspaces import ALPHA, NET, of

p = problem(NET)
with compiling(Path(sys.argv[1])):
    print(of(p, NET, backend="c").meta_loss_and_gradient(*p, ALPHA)[0])
"""


@needs_compiler
def test_two_processes_make_the_same(folder: Path) -> None:
    command = [sys.executable, "-c", SCRIPT, str(folder)]
    both = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    first, second = (each.communicate(timeout=120) for each in both)
    assert first[1] == second[1] == b""
    assert first[0] == second[0] != b""
    assert all(path.suffix == ".so" for path in objects(folder))
