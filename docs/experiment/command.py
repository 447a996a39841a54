"""What all commands share: options, refusals, how they end. With the standard library alone."""

from __future__ import annotations

import argparse
import codecs
import io
import math
import os
import signal
import sys
import traceback
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from .. import interrupted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType


class Refusal(Exception):  # noqa: N818
    """Something that the user must mend; the message says what it was and what it must be."""


class Parser(argparse.ArgumentParser):
    """A parser that says in one line what is wrong."""

    def error(self, message: str) -> NoReturn:
        """Exit with status 2."""
        self.exit(2, f"error: {printable(message)}\n")


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


# --- how a command ends ---

#: The status of every error. A verdict is 0 or 1; Python's own for a traceback is 1.
ERROR = 2

#: Why this process must not wait for its threads when it ends: they wait for somebody else.
STUCK: list[str] = []

#: What a terminal shows that cannot show more.
PLAIN = {"\N{PLUS-MINUS SIGN}": "+-", "\N{DEGREE SIGN}": " deg", "\N{MULTIPLICATION SIGN}": "x"}


def printable(text: str) -> str:
    """Text in one line: what is no letter or sign as its escape sequence."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape", "surrogatepass").decode()
        for each in text
    )


def ending(error: BaseException) -> tuple[int, str]:
    """The exit status of a command that ended in an error, and the line that says so."""
    match error:
        case KeyboardInterrupt():
            return 130, "interrupted"
        case Refusal():
            said = str(error)
        case ModuleNotFoundError():
            said = f"cannot import {error.name}; it must be installed{shadowed(error)}"
        case MemoryError():
            said = f"the sizes are too large for this machine: {error}"
        case OSError():
            name = error.filename2 or error.filename or "the output"
            said = f"cannot write {os.fsdecode(name)}: {error.strerror or error}"
        case _:
            frames = traceback.extract_tb(error.__traceback__)
            place = f", in {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
            said = f"{type(error).__name__}: {error}{place}"
    return ERROR, f"error: {printable(said)}"


def shadowed(error: ModuleNotFoundError) -> str:
    """What else is imported by the name of a package of ours."""
    top = str(error.name).partition(".")[0]
    other = sys.modules.get(top) if top in {"derive", "docs", "generated"} else None
    place = getattr(other, "__file__", None)
    return f": {place} is imported as {top} instead" if place else ""


def begin() -> None:
    """Have every end of this process be one line and a status, from its first import on.

    Figures are files: no backend of a display has a part in them.
    """
    os.environ.pop("MPLBACKEND", None)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # It was closed: it takes what is printed, and no file of ours gets its number.
            nothing = Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115
            setattr(sys, name, nothing)
    sys.excepthook = end


def end(
    kind: type[BaseException],  # noqa: ARG001
    error: BaseException,
    trace: TracebackType | None,  # noqa: ARG001
) -> None:
    """End the process as `ending` says, from outside of any command."""
    code, line = ending(error)
    with suppress(OSError, ValueError):
        print(line, file=sys.stderr, flush=True)
    with suppress(OSError, ValueError, AttributeError):
        sys.stdout.flush()
    os._exit(code)


def status(command: Callable[[], int]) -> int:
    """Run a command; its exit status.

    An error is one line and the status `ERROR`, Ctrl-C is 130. Output that cannot be written
    ends nothing: what is kept is finished first, and then the status says so.
    """
    if signal.getsignal(signal.SIGINT) is interrupted:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    with shown() as lost:
        try:
            code = command()
        except Exception as error:
            code = told(error)
        except KeyboardInterrupt as error:
            code = told(error)
    if lost and code in {0, 1}:
        with suppress(OSError, ValueError):
            print(f"error: cannot write the output: {lost[0].strerror}", file=sys.stderr)
        code = ERROR
    if STUCK and sys.excepthook is end:
        sys.stdout.flush()
        os._exit(code)
    return code


def told(error: BaseException) -> int:
    """Say how a command ended; its status."""
    code, line = ending(error)
    print(line, file=sys.stderr)
    return code


class Forgiving(io.RawIOBase):
    """A file that takes everything, and remembers why it could not be written."""

    def __init__(self, raw: io.RawIOBase, lost: list[OSError]) -> None:
        self.raw, self.lost = raw, lost

    def writable(self) -> bool:
        """It is."""
        return True

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self.raw.isatty()

    def fileno(self) -> int:
        """Of the file itself."""
        return self.raw.fileno()

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Write, as long as it works."""
        if not self.lost:
            try:
                return self.raw.write(data) or 0
            except OSError as error:
                self.lost.append(error)
        return len(data)


def plainly(error: UnicodeError) -> tuple[str, int]:
    """What stands for a character that an encoding does not have."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end]
    return "".join(PLAIN.get(each, "?") for each in missing), error.end


@contextmanager
def shown() -> Iterator[list[OSError]]:
    """Let standard output take all that is printed; why it could not, if so."""
    codecs.register_error("plainly", plainly)
    lost: list[OSError] = []
    before = {name: getattr(sys, name) for name in ("stdout", "stderr")}
    for name, stream in before.items():
        # A test or a notebook has files of its own.
        if stream is getattr(sys, f"__{name}__") and hasattr(stream, "buffer"):
            setattr(sys, name, forgiving(stream, lost if name == "stdout" else []))
    try:
        yield lost
    finally:
        for name, stream in before.items():
            ours = getattr(sys, name)
            if ours is not stream:
                ours.flush()
                setattr(sys, name, stream)


def forgiving(stream: io.TextIOWrapper, lost: list[OSError]) -> io.TextIOWrapper:
    """The same stream, which takes everything."""
    stream.flush()
    # Where nothing is buffered the buffer is the file itself.
    buffer: Any = stream.buffer
    raw = Forgiving(getattr(buffer, "raw", buffer), lost)
    at_once = raw.isatty() or stream.write_through or stream is sys.__stderr__
    return io.TextIOWrapper(
        io.BufferedWriter(raw),  # type: ignore[type-var]
        stream.encoding,
        errors="plainly",
        line_buffering=at_once,
        write_through=at_once,
    )
