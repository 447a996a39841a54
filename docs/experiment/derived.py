"""Networks that are derived when they are first asked for, by a name that says what they are.

``relu2-cross_entropy-anil-3`` has two hidden layers of relu, cross-entropy as its loss, and is
derived for three inner steps of ANIL; ``-normalised`` after that has hidden layers normalised over
the rows at hand. Derivation takes some ten seconds, and its package is kept in the user's cache.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import tempfile
from functools import cache as once
from pathlib import Path
from typing import NamedTuple

from .. import INSTALLED
from .cache import cache
from .command import Refusal
from .files import writable

HERE = Path(__file__).resolve()

#: What derives, and what runs it: the folder of all modules, and the name of the package there.
DERIVE = HERE.parents[1 if INSTALLED else 2] / "derive"
ABOVE, PROGRAM = HERE.parents[2], str(__package__).partition(".")[0]

#: Passes through layers whose derivation takes minutes, which such a network is worth, not hours.
MINUTES = 150

NAMED = re.compile(r"([a-z]+)([0-9]{1,2})-([a-z_]+)-([a-z_]+)-([0-9]{1,3})(-normalised)?")


class Derived(NamedTuple):
    """What a network is to be derived for; the words are those of ``build``."""

    activation: str
    hidden: int
    loss: str
    algorithm: str
    steps: int
    normalised: bool = False

    @property
    def name(self) -> str:
        """As `parsed` reads it."""
        words = (f"{self.activation}{self.hidden}", self.loss, self.algorithm, f"{self.steps}")
        return "-".join([*words, *(["normalised"] if self.normalised else [])])

    @property
    def flags(self) -> list[str]:
        """What ``build`` is told."""
        *said, normalised = zip(self._fields, self, strict=True)
        flags = [each for name, value in said for each in (f"--{name}", str(value))]
        return [*flags, *([f"--{normalised[0]}"] if normalised[1] else [])]


def parsed(name: str) -> Derived | None:
    """What the name of a network says; None where it is the name of something else."""
    found = NAMED.fullmatch(name)
    if found is None:
        return None
    activation, hidden, loss, algorithm, steps, normalised = found.groups()
    return Derived(activation, int(hidden), loss, algorithm, int(steps), normalised is not None)


def folder(network: Derived) -> Path:
    """The package of a network; it is derived if it is not in the cache.

    Raises
    ------
    Refusal
        When it cannot be derived, or the cache not be written.
    """
    place = cache() / "networks" / version()
    package = place / identifier(network)
    if not (package / "weights.py").is_file():
        from filelock import FileLock  # noqa: PLC0415 - of the experiment alone

        with FileLock(writable(place) / ".lock"):
            if not (package / "weights.py").is_file():
                derive(network, place)
    return package


def identifier(network: Derived) -> str:
    """The name as Python has names."""
    return network.name.replace("-", "_")


@once
def version() -> str:
    """What tells one state of ``derive/`` from another: what both write need not be the same."""
    digest = hashlib.sha256()
    for path in sorted(DERIVE.rglob("*.py")):
        digest.update(path.relative_to(DERIVE).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def derive(network: Derived, place: Path) -> None:
    """Derive a network and put its package into a folder, whole or not at all.

    Raises
    ------
    Refusal
        When it cannot be derived; the message is that of the program.
    """
    print(f"deriving {network.name}, which is not there yet ...", file=sys.stderr, flush=True)
    flags = network.flags
    if (network.hidden + 1) * (network.steps + 1) <= MINUTES:
        flags.append("--yes")
    with tempfile.TemporaryDirectory(dir=place, prefix=".derive-") as room:
        ended = subprocess.run(
            [
                *(sys.executable, "-m", PROGRAM, "build", "--name", identifier(network)),
                *(*flags, "--output", room),
            ],
            cwd=ABOVE,
            capture_output=True,
            text=True,
            check=False,
        )
        if ended.returncode:
            reason = (ended.stderr.strip().splitlines() or ["it was ended"])[-1]
            raise Refusal(f"the network {network.name} cannot be derived: {reason}")
        (Path(room) / identifier(network)).replace(place / identifier(network))
