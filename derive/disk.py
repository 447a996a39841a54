"""What the build has written on disk: what is stale, what is foreign, and how it is replaced."""

from __future__ import annotations

import difflib
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from .package.modules import MARK

#: Written by hand, among what is generated.
BY_HAND = "README.md"

#: The list of what the build wrote into a folder, so that it never takes anything else for its own.
WRITTEN = "written.txt"


class Refusal(Exception):  # noqa: N818
    """Why the program does nothing, in one line."""


def printable(text: str) -> str:
    """A text in one line, as any terminal shows it."""
    escaped = text.encode("unicode_escape", "surrogatepass").decode()
    return text if text.isprintable() else escaped


def shown(path: Path) -> str:
    """A path as one reads it."""
    return printable(os.path.relpath(path))


def write(folder: Path, files: Mapping[str, str | bytes]) -> None:
    """Write files into a folder that is ours."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(content))


def encoded(content: str | bytes) -> bytes:
    """What stands on the disk."""
    return content.encode() if isinstance(content, str) else content


def on_disk(path: Path) -> bytes:
    """The bytes of a file, or nothing."""
    return path.read_bytes() if path.is_file() else b""


def listed(files: Iterable[str]) -> str:
    """The list of some files."""
    return "\n".join([f"# {MARK}. What is not listed here is not touched.", *sorted(files), ""])


def read(path: Path) -> str:
    """The text of a file, or nothing."""
    return on_disk(path).decode("utf-8", "replace")


def written_before(folder: Path) -> list[str]:
    """What the build wrote into a folder, as far as it still bears its mark."""
    names = read(folder / WRITTEN).splitlines()[1:]
    inside = (name for name in names if ".." not in Path(name).parts and not Path(name).anchor)
    return [name for name in inside if MARK in read(folder / name)[:200]]


def claimed(folder: Path) -> bool:
    """Whether a folder is there to be written into: new, empty, or written by the build."""
    if not folder.exists():
        return True
    names = {each.name for each in folder.iterdir()} - {"__pycache__"}
    return not names or read(folder / WRITTEN).startswith(f"# {MARK}.")


def stale(folder: Path, files: Mapping[str, str | bytes]) -> list[str]:
    """Files that differ from what was derived, or were written and are derived no more."""
    changed = {name for name, each in files.items() if on_disk(folder / name) != encoded(each)}
    return sorted(changed.union(set(written_before(folder)) - set(files)))


def foreign(folder: Path, files: Mapping[str, str | bytes]) -> list[str]:
    """What was not written by the build, and stands among what was."""
    folders = {parent.as_posix() for name in files for parent in Path(name).parents}
    found = [path for each in sorted(folders) for path in (folder / each).iterdir()]
    names = {path.relative_to(folder).as_posix(): path for path in found}
    return sorted(
        name
        for name, path in names.items()
        if name not in {*files, *folders, BY_HAND} and path.name != "__pycache__"
    )


def diff(path: Path, text: str | bytes) -> str:
    """A unified diff from what is on disk to what was derived."""
    name = shown(path)
    if isinstance(text, bytes):
        return f"{name} has other bytes"
    lines = difflib.unified_diff(
        read(path).splitlines(), text.splitlines(), f"{name} (on disk)", f"{name} (derived)",
        lineterm="",
    )  # fmt: skip
    return "\n".join(lines)


def replace(
    folder: Path, files: Mapping[str, str | bytes], changed: list[str], tried: Path
) -> list[str]:
    """Put what was tried in the place of what is on disk, and remove what is derived no more.

    Returns
    -------
    list of str
        What has become of each file, to be shown when all is done.

    Raises
    ------
    Refusal
        When a file stands in the way that the build did not write.
    OSError
        When a file cannot be written or removed.
    """
    for path in (folder / name for name in changed):
        above = next(each for each in path.parents if each.exists())
        if path.is_dir() or not above.is_dir():
            raise Refusal(f"cannot write {path}: {path if path.is_dir() else above} is in the way")
        if path.exists() and MARK not in read(path)[:200]:
            raise Refusal(f"{path} was not written by this program; move it away")
    said: list[str] = []
    if not changed:
        return said
    # Whatever ends this early: all that may have been written is on the list.
    folder.mkdir(parents=True, exist_ok=True)
    (tried / "list").write_text(listed({*files, *written_before(folder)}), encoding="utf-8")
    (tried / "list").replace(folder / WRITTEN)
    for name in [each for each in changed if each != WRITTEN]:
        path = folder / name
        if name in files:
            path.parent.mkdir(parents=True, exist_ok=True)
            (tried / name).replace(path)
        else:
            path.unlink()
            for empty in path.parents:
                if empty == folder or {each.name for each in empty.iterdir()} - {"__pycache__"}:
                    break
                shutil.rmtree(empty)
        said.append(f"{'wrote' if name in files else 'removed'} {shown(path)}")
    (tried / WRITTEN).replace(folder / WRITTEN)
    return said
