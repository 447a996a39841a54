"""``metrics.csv``: a line an iteration, written as it comes."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .command import Refusal, naming
from .methods import METHODS

if TYPE_CHECKING:
    from io import FileIO
    from pathlib import Path
    from types import TracebackType
    from typing import Self

HEADER = b"method,iteration,loss,angle\n"


class Metrics:
    """The file of a run in progress, open for its next line.

    Parameters
    ----------
    path
        The file.
    position
        Bytes of it that count; what is beyond was written after the checkpoint.

    Raises
    ------
    Refusal
        When the file is shorter than that.
    OSError
        When it cannot be written; the error names the file.
    """

    def __init__(self, path: Path, position: int) -> None:
        self.path = path
        size = path.stat().st_size if path.exists() else 0
        if size < position:
            raise Refusal(
                f"{path} has {size:,} bytes; it must have the {position:,} of the checkpoint: "
                f"the run cannot go on without them, and another needs an empty folder"
            )
        self.file: FileIO = path.open("r+b" if path.exists() else "w+b", buffering=0)
        with naming(path):
            self.file.truncate(position)
            self.file.seek(position)
        if position == 0:
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

    def position(self) -> int:
        """How many bytes count now; they are on the disk."""
        with naming(self.path):
            os.fsync(self.file.fileno())
        return self.file.tell()

    def _write(self, line: bytes) -> None:
        try:
            # A disk that is nearly full takes a part, and says why at the next attempt.
            while line := line[self.file.write(line) :]:
                pass
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


def read_metrics(path: Path) -> dict[str, Curve]:
    """The curves of ``metrics.csv``, by method.

    Raises
    ------
    Refusal
        When the file is missing or is not what ``train`` writes.
    """
    curves: dict[str, Curve] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                curve = curves.setdefault(row["method"], Curve())
                curve.losses.append(float(row["loss"]))
                if row["angle"]:
                    curve.iterations.append(int(row["iteration"]))
                    curve.angles.append(float(row["angle"]))
    except OSError as error:
        raise Refusal(f"cannot read {path}: {error.strerror}") from None
    except (KeyError, TypeError, ValueError, csv.Error):
        raise Refusal(f"{path} must have the columns method, iteration, loss, angle") from None
    if not curves or not set(curves) <= set(METHODS):
        raise Refusal(f"{path} holds {sorted(curves)}; it must hold some of {', '.join(METHODS)}")
    return curves
