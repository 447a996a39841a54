"""What the experiment's commands share: options, refusals, folders, files written whole."""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RESULTS = Path("results")


class Refusal(Exception):  # noqa: N818
    """Something that the user must mend; the message says what it was and what it must be."""


def parser(module: str, description: str) -> argparse.ArgumentParser:
    """A command's parser, with the options that all of them have."""
    made = argparse.ArgumentParser(
        prog=f"python -m docs.sinusoid{module}",
        description=description,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    made.add_argument("--seed", type=whole(0), default=0, help="of every random draw")
    made.add_argument("--run", type=Path, default=RESULTS, metavar="DIR", help="the run's folder")
    return made


def whole(least: int) -> Callable[[str], int]:
    """An option's type: a whole number, at least `least`."""

    def convert(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if number < least:
            raise argparse.ArgumentTypeError(
                f"is {text!r}; it must be a whole number, at least {least}"
            )
        return number

    return convert


def step_size(text: str) -> float:
    """An option's type: a finite number, at least 0."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise argparse.ArgumentTypeError(f"is {text!r}; it must be a finite number, at least 0")
    return number


def status(command: Callable[[], int]) -> int:
    """Run a command; a refusal is one line and exit status 2, Ctrl-C is 130."""
    try:
        return command()
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
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise Refusal(
            f"cannot write to {folder}: {error.strerror}; it must be a folder that can be written"
        ) from None
    return folder


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that takes its place only when it is whole."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
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
