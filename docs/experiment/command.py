"""What all commands share: options, refusals, folders, files written whole."""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Refusal(Exception):  # noqa: N818
    """Something that the user must mend; the message says what it was and what it must be."""


class Parser(argparse.ArgumentParser):
    """A parser that says in one line what is wrong."""

    def error(self, message: str) -> NoReturn:
        """Exit with status 2."""
        self.exit(2, f"error: {message}\n")


class Defaults(argparse.ArgumentDefaultsHelpFormatter):
    """Help that shows defaults where there are any."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help if action.default is None else super()._get_help_string(action)


def parser(
    prog: str, description: str, folder: Path, seed: int | str = 0
) -> argparse.ArgumentParser:
    """The parser of a command on one run.

    A `seed` of ``argparse.SUPPRESS`` leaves no trace where the flag is not given.
    """
    made = Parser(prog=prog, description=description, formatter_class=Defaults)
    made.add_argument("--seed", type=whole(0), default=seed, help="of every random draw")
    made.add_argument("--run", type=Path, default=folder, metavar="DIR", help="the run's folder")
    return made


def whole(least: int, most: int = 10**9) -> Callable[[str], int]:
    """An option's type: a whole number from `least` to `most`."""

    def convert(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(
                f"is {text!r}; it must be a whole number from {least} to {most:,}"
            )
        return number

    return convert


def one_of(*allowed: str) -> Callable[[str], str]:
    """An option's type: one of a few words."""

    def convert(text: str) -> str:
        if text not in allowed:
            raise argparse.ArgumentTypeError(f"is {text!r}; it must be one of {', '.join(allowed)}")
        return text

    return convert


def not_negative(text: str) -> float:
    """An option's type: a finite number, at least 0."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise argparse.ArgumentTypeError(f"is {text!r}; it must be a finite number, at least 0")
    return number


def status(command: Callable[[], int]) -> int:
    """Run a command; what the user must mend is one line and exit status 2, Ctrl-C is 130."""
    try:
        return command()
    except OSError as error:
        name = error.filename2 or error.filename or "the output"
        print(f"error: cannot write {name}: {error.strerror or error}", file=sys.stderr)
        return 2
    except MemoryError as error:
        print(f"error: the sizes are too large for this machine: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except Refusal as refusal:
        print(f"error: {refusal}", file=sys.stderr)
        return 2


def writable(folder: Path) -> Path:
    """Make a folder for output, before any work is done for it.

    Raises
    ------
    Refusal
        When nothing can be written there.
    """
    try:
        if folder.exists() and not folder.is_dir():
            raise NotADirectoryError(0, "it is a file")
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise Refusal(
            f"cannot write to {folder}: {error.strerror}; it must be a folder that can be written"
        ) from None
    return folder


@contextmanager
def replacing(path: Path, kept: Path | None = None) -> Iterator[IO[bytes]]:
    """Open a file that takes its place only when it is whole and on the disk.

    What stood there before is moved to `kept`, if that is given.
    """
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with naming(path), os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(handle)
        Path(temporary).chmod(0o644)
        if kept is not None and path.exists():
            path.replace(kept)
        Path(temporary).replace(path)
        settle(path.parent)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
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
        if error.filename is None and error.errno is not None:
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    with replacing(path) as file:
        file.write(text.encode())


def write_json(path: Path, record: object) -> None:
    """Write a JSON file, whole or not at all."""
    write_text(path, json.dumps(record, indent=2) + "\n")


def read_json(path: Path, keys: set[str], made_by: str) -> dict[str, Any]:
    """Read a JSON file of a run.

    Raises
    ------
    Refusal
        When it cannot be read or lacks a key; the message names the command that makes it.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Refusal(f"cannot read {path}: {error.strerror}; {made_by} makes it") from None
    except ValueError:
        raise Refusal(f"{path} is not JSON; it must be as {made_by} makes it") from None
    if not isinstance(record, dict) or not keys <= set(record):
        raise Refusal(f"{path} lacks {', '.join(sorted(keys))}; it must be as {made_by} makes it")
    return record
