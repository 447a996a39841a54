"""Files of a folder: written whole or not at all, known again by their digests, read as bytes.

``written.txt`` lists what was written into a folder, as ``sha256sum --check`` reads it. What stands
there and is not on the list is somebody else's: it is never replaced or removed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import stat
import sys
import tempfile
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from .command import Refusal, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

WRITTEN = "written.txt"

#: The first line of the list.
HEAD = "# Written by maml-derived. What is not listed here is not touched.\n"

#: What a file is called until it is whole; only such names are cleared away.
PARTIAL = re.compile(r"\..+\.maml-derived-[0-9a-f]{16}")


# --- whose a file is ---


def digest(content: bytes) -> str:
    """What tells one content from another."""
    return hashlib.sha256(content).hexdigest()


def listed(folder: Path) -> dict[str, set[str]] | None:
    """By name, the digests of what was written into a folder; None where there is no list.

    Raises
    ------
    Refusal
        When there is a list that is somebody else's.
    """
    path = folder / WRITTEN
    if not os.path.lexists(path):
        return None
    text = content_of(path).decode("utf-8", "replace")
    if not text.startswith(HEAD):
        raise Refusal(f"{path} was not written by this program; it must be moved away")
    found: dict[str, set[str]] = {}
    for line in text.splitlines()[1:]:
        sha, _, name = line.partition("  ")
        found.setdefault(name, set()).add(sha)
    return found


def own(folder: Path) -> None:
    """Begin the list of a folder, where there is none."""
    path = folder / WRITTEN
    if listed(folder) is None:
        with whole(path) as (file, partial):
            file.write(HEAD.encode())
        partial.replace(path)


def list_also(path: Path, sha: str) -> None:
    """Add what a file is about to hold to the list of its folder."""
    own(path.parent)
    if sha not in (listed(path.parent) or {}).get(path.name, ()):
        add(path.parent, f"{sha}  {path.name}\n")


def add(folder: Path, line: str) -> None:
    """Add a line to a list: at its end, so that what another process adds at once is not lost."""
    path = folder / WRITTEN
    # A disk that was full may have taken a part of the line before.
    torn = not content_of(path).endswith(b"\n")
    with naming(path), path.open("ab") as file:
        file.write(("\n" * torn + line).encode())
        file.flush()
        os.fsync(file.fileno())


def is_ours(path: Path, mark: bytes = b"") -> bool:
    """Whether a file, in a folder of ours, begins with a mark or is on the list."""
    known = listed(path.parent)
    if known is None or not os.path.lexists(path) or not stat.S_ISREG(path.lstat().st_mode):
        return False
    try:
        found = content_of(path)
    except Refusal:
        return False
    return found.startswith(mark) if mark else digest(found) in known.get(path.name, ())


def refuse_foreign(path: Path, mark: bytes = b"") -> None:
    """Make sure that a file may be replaced or removed: there is none, or it is ours.

    Raises
    ------
    Refusal
        When it is not.
    """
    if os.path.lexists(path) and not is_ours(path, mark):
        raise Refusal(
            f"{path} is not what this program has written; it must be moved away, "
            f"or another folder be taken"
        )


def make_room(folder: Path, names: Mapping[str, bytes]) -> None:
    """Set aside, by name, what is not ours where files of ours are about to be written.

    In a folder of ours that is damaged, or was put there by hand: nothing is lost, and work goes
    on. A folder without a list is somebody else's; when it has none of the names, it gets a list.

    Parameters
    ----------
    folder
        Where they are to be written.
    names
        What they are called, and what each begins with if it is not listed.

    Raises
    ------
    Refusal
        When something stands there in a folder that is not ours.
    """
    marks = {folder / name: mark for name, mark in names.items()}
    foreign = [
        path for path, mark in marks.items() if os.path.lexists(path) and not is_ours(path, mark)
    ]
    if listed(folder) is None:
        for path in foreign:
            refuse_foreign(path, marks[path])
        own(folder)
    for path in foreign:
        set_aside(path)


def unmarked(*names: str) -> dict[str, bytes]:
    """Files that are known by the list alone, as `make_room` takes them."""
    return dict.fromkeys(names, b"")


def set_aside(path: Path) -> None:
    """Give a file that cannot be trusted another name, and say so."""
    names = (path.with_name(f"{path.stem}.refused{n or ''}{path.suffix}") for n in count())
    free = next(name for name in names if not os.path.lexists(name))
    path.rename(free)
    print(printable(f"{path} is not what was written; it is now {free.name}"), file=sys.stderr)


def remove(*paths: Path, mark: bytes = b"") -> None:
    """Remove files of ours; none is removed where one of them is somebody else's."""
    for path in paths:
        refuse_foreign(path, mark)
    for path in paths:
        path.unlink(missing_ok=True)


def clear(folder: Path) -> None:
    """Remove what a process that was killed was about to write; nobody else is in the folder."""
    for path in folder.iterdir():
        if PARTIAL.fullmatch(path.name) and stat.S_ISREG(path.lstat().st_mode):
            path.unlink()


# --- writing ---


def writable(folder: Path) -> Path:
    """Make a folder for output, before any work is done for it.

    Raises
    ------
    Refusal
        When nothing can be written there.
    """
    try:
        if folder.is_symlink() and not folder.exists():
            raise FileNotFoundError(0, f"it is a link to {folder.readlink()}, which is not there")
        if folder.exists() and not folder.is_dir():
            raise NotADirectoryError(0, "it is a file")
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise Refusal(
            f"cannot write to {folder}: {reason}; it must be a folder that can be written"
        ) from None
    return folder


def output(path: Path, keys: set[str]) -> Path:
    """Make sure that one file can be written, before any work is done for it.

    It is asked for by its name, so that it needs no list: what may be replaced is JSON with some
    keys, as an earlier call of the same command has made it.

    Raises
    ------
    Refusal
        When it cannot be written, or something else is there.
    """
    writable(path.parent)
    if os.path.lexists(path):
        try:
            found = json.loads(content_of(path))
        except (ValueError, RecursionError):
            found = None
        rows = found if isinstance(found, list) else [found]
        if path.is_symlink() or not all(isinstance(row, dict) and keys <= set(row) for row in rows):
            raise Refusal(f"{path} is something else; it must be a new file, or one made by this")
    return path


@contextmanager
def whole(path: Path) -> Iterator[tuple[IO[bytes], Path]]:
    """Open a file under a name of its own; the caller moves it to its place when it is whole."""
    partial = path.with_name(f".{path.name[:100]}.maml-derived-{secrets.token_hex(8)}")
    # Created as any program creates files: the user's umask decides who may read them.
    with naming(path):
        handle = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with naming(path), os.fdopen(handle, "w+b") as file:
            yield file, partial
            file.flush()
            os.fsync(handle)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


@contextmanager
def replacing(
    path: Path, kept: Path | None = None, mark: bytes = b"", own: bool = True
) -> Iterator[IO[bytes]]:
    """Open a file that takes its place only when it is whole and on the disk.

    Parameters
    ----------
    path
        The file; what stands there must be ours.
    kept
        Where that is moved to, if it is to be kept.
    mark
        What the file begins with. Without one it is listed.
    own
        Whether the file is one of a folder of ours; else the caller knows what it replaces.

    Raises
    ------
    Refusal
        When something else stands there.
    """
    if own:
        refuse_foreign(path, mark)
    with whole(path) as (file, partial):
        yield file
        if own and not mark:
            file.seek(0)
            list_also(path, digest(file.read()))
    try:
        if kept is not None and path.exists():
            path.replace(kept)
        partial.replace(path)
        settle(path.parent)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def settle(folder: Path) -> None:
    """Have the names of a folder's files written to the disk, where the system can."""
    if hasattr(os, "O_DIRECTORY"):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Name the file in errors that do not: those of writing have only a reason."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename != str(path):
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise


def write_text(path: Path, text: str, own: bool = True) -> None:
    """Write a text file, whole or not at all."""
    with replacing(path, own=own) as file:
        file.write(text.encode())


def write_json(path: Path, record: object, own: bool = True) -> None:
    """Write a JSON file, whole or not at all."""
    write_text(path, json.dumps(record, indent=2) + "\n", own)


# --- reading ---


def content_of(path: Path) -> bytes:
    """All bytes of a file; what is no file is not waited for.

    Raises
    ------
    Refusal
        When it cannot be read.
    """
    try:
        if path.exists() and not path.is_file():
            raise OSError(0, "Is a directory" if path.is_dir() else "it is no file")
        return path.read_bytes()
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: a loop of links
        raise Refusal(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None


def unaltered(path: Path) -> bytes:
    """All bytes of a file, as they were written.

    A folder without a list is not ours to vouch for: its files are what they are.

    Raises
    ------
    Refusal
        When it cannot be read, or is not what was written.
    """
    found, known = content_of(path), listed(path.parent)
    if known is not None and digest(found) not in known.get(path.name, ()):
        raise Refusal(f"{path} is damaged or of another folder: {WRITTEN} has not its digest")
    return found


def record_of(path: Path, kind: type[Any], made_by: str) -> Any:
    """Read a JSON file of ours as a record of a declared kind; see `records`.

    Raises
    ------
    Refusal
        When it cannot be read or is another; the message names the command that makes it.
    """
    from .records import decoded  # noqa: PLC0415

    return decoded(unaltered(path), kind, f"{path}", f"as {made_by} makes it")
