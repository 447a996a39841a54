"""``metrics.csv``: a line an iteration, written as it comes."""

from __future__ import annotations

import csv
import hashlib
import io
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .command import Refusal
from .files import content_of, digest, naming
from .methods import METHODS
from .records import Measured, Row, converted

if TYPE_CHECKING:
    from io import FileIO
    from pathlib import Path
    from types import TracebackType
    from typing import Self

HEADER = b"method,iteration,loss,angle\n"

#: Of a file that has not been begun.
NOTHING = Measured(0, digest(b""))


def fits(path: Path, counted: Measured) -> bool:
    """Whether a file of ours begins with the bytes that count."""
    if not path.exists():
        return not counted.bytes and not path.is_symlink()
    found = content_of(path)[: counted.bytes]
    return not path.is_symlink() and Measured(len(found), digest(found)) == counted


class Metrics:
    """The file of a run in progress, open for its next line.

    Parameters
    ----------
    path
        The file.
    counted
        Bytes of it that count; what is beyond was written after the checkpoint.

    Raises
    ------
    Refusal
        When the file does not begin with them.
    OSError
        When it cannot be written; the error names the file.
    """

    def __init__(self, path: Path, counted: Measured = NOTHING) -> None:
        self.path = path
        if not fits(path, counted):
            raise Refusal(f"{path} has not the {counted.bytes:,} bytes of the checkpoint")
        self.file: FileIO = path.open("r+b" if path.exists() else "w+b", buffering=0)
        with naming(path):
            self._digest = hashlib.sha256(self.file.read(counted.bytes))
            self.file.truncate(counted.bytes)
            self.file.seek(counted.bytes)
        if not counted.bytes:
            self._write(HEADER)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.file.close()

    def add(self, method: str, iteration: int, loss: float, angle: float | None) -> None:
        """Write a line; `angle` is in degrees, and empty where it was not measured."""
        degrees = "" if angle is None else f"{angle:.4g}"
        self._write(f"{method},{iteration},{loss:.6g},{degrees}\n".encode())

    def counted(self) -> Measured:
        """Which bytes count now; they are on the disk."""
        with naming(self.path):
            os.fsync(self.file.fileno())
        return Measured(self.file.tell(), self._digest.hexdigest())

    def _write(self, line: bytes) -> None:
        try:
            # A disk that is nearly full takes a part, and says why at the next attempt.
            while line:
                written = self.file.write(line)
                self._digest.update(line[:written])
                line = line[written:]
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self.path)) from None


@dataclass
class Curve:
    """What was recorded of one method.

    Attributes
    ----------
    losses
        At every iteration.
    iterations, angles
        Where the angle between first- and second-order meta-gradient was measured, and the angle
        in degrees.
    """

    losses: list[float] = field(default_factory=list)
    iterations: list[int] = field(default_factory=list)
    angles: list[float] = field(default_factory=list)


def read_metrics(path: Path, counted: Measured | None = None) -> dict[str, Curve]:
    """The curves of ``metrics.csv``, by method.

    Parameters
    ----------
    path
        The file.
    counted
        What it begins with, if that is known.

    Raises
    ------
    Refusal
        When the file is missing or is not what ``train`` writes.
    """
    found, curves, wanted = content_of(path), dict[str, Curve](), HEADER.decode().strip()
    if counted and digest(found[: counted.bytes]) != counted.sha256:
        raise Refusal(f"{path} is damaged or of another run; it must be that of run.json")
    text = io.StringIO(found.decode("utf-8", "replace"), newline="")
    try:
        lines = [{**row, "angle": row.get("angle") or None} for row in csv.DictReader(text)]
    except csv.Error:
        raise Refusal(f"{path} must have the columns {wanted}") from None
    for row in converted(lines, list[Row], str(path), f"a table of {wanted}", strict=False):
        curve = curves.setdefault(row.method, Curve())
        curve.losses.append(row.loss)
        if row.angle is not None:
            curve.iterations.append(row.iteration)
            curve.angles.append(row.angle)
    if not curves or not set(curves) <= set(METHODS):
        raise Refusal(f"{path} holds {sorted(curves)}; it must hold some of {', '.join(METHODS)}")
    return curves
