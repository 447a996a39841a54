"""The command that derives every network's meta-gradient and writes its package.

What is derived is first written to a temporary folder and tried there (`package.trial`). Only then
does it take the place of what is on disk.
"""

from __future__ import annotations

import argparse
import dataclasses
import keyword
import os
import shlex
import sys
import tempfile
import threading
import time
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from .disk import (
    WRITTEN,
    Refusal,
    claimed,
    diff,
    foreign,
    listed,
    on_disk,
    printable,
    replace,
    shown,
    stale,
    write,
)
from .language.elementwise import ACTIVATIONS
from .making import NETWORKS, derived, where
from .model.algorithms import ALGORITHMS
from .model.losses import LOSSES
from .model.network import Network
from .package import webassembly
from .package.trial import Failure

HERE = Path(__file__).resolve().parent

#: In the repository it is a file, with what is committed beside it; where it was installed it is
#: a command, and what was installed beside it stays as it is.
INSTALLED = __package__ != "derive"

PROGRAM = "maml-derived build" if INSTALLED else "build.py"

GENERATED = HERE.parent / "generated"

#: A folder's name may have 255 bytes on common file systems.
LONGEST = 200

#: Seconds that a derivation may take without being asked for, and after which it says that it is
#: still at it.
LONG, EVERY = 60.0, 10.0


class Parser(argparse.ArgumentParser):
    """A parser that says in one line what is wrong."""

    def error(self, message: str) -> NoReturn:
        """Exit with status 2."""
        self.exit(2, f"{self.prog}: error: {printable(message)}\n")


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line; what is wrong with it is said in one line."""
    parser = Parser(
        prog=PROGRAM,
        allow_abbrev=False,
        description="Derive the meta-gradient of a network and write its numpy package.",
        epilog=None if INSTALLED else "Without --name, all of generated/ is derived again.",
    )
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if stale")
    own = parser.add_argument_group("a network of your own")
    own.add_argument("--name", help="name of the package")
    own.add_argument("--hidden", type=int, help="hidden layers, 0 for a linear network (default 2)")
    own.add_argument("--activation", choices=ACTIVATIONS, help="activation (default relu)")
    own.add_argument("--steps", type=int, help="inner gradient steps (default 1)")
    own.add_argument("--loss", choices=LOSSES, help="loss (default squared)")
    own.add_argument("--algorithm", choices=ALGORITHMS, help="algorithm (default maml)")
    own.add_argument(
        "--bias",
        action=argparse.BooleanOptionalAction,
        help="whether layers have biases (default: they have)",
    )
    for name, meaning in (
        ("penalty", "whether the inner loss has a penalty on what adapts"),
        ("task-weights", "whether tasks have weights"),
        ("normalised", "whether hidden layers are normalised over the rows at hand"),
    ):
        own.add_argument(f"--{name}", action="store_true", default=None, help=meaning)
    own.add_argument("--output", type=Path, help="folder that gets the package")
    own.add_argument("--yes", action="store_true", help="derive it even if that takes minutes")
    options = parser.parse_args(arguments)
    fields = {each.name: getattr(options, each.name) for each in dataclasses.fields(Network)}
    given = {name: value for name, value in fields.items() if value is not None}
    if max(map(abs, (options.hidden or 0, options.steps or 0))) > 10**6:
        parser.error("--hidden and --steps must be at most a million")
    if options.name is None:
        if INSTALLED:
            parser.error("--name is missing; it must be the name of the package")
        if given or options.output is not None:
            parser.error(f"--{next(iter(given), 'output')} is for a network that has a --name")
        return options
    if reason := unfit(options.name):
        parser.error(f"--name is {options.name!r}; {reason}")
    if options.output is None:
        parser.error("--name needs --output, the folder that gets the package")
    check_target(parser, options)
    try:
        options.network = Network(**given)
    except ValueError as error:
        parser.error(f"--{error}")
    seconds = estimate(options.network)
    if seconds > LONG and not options.yes:
        parser.error(f"that takes about {spoken(seconds)}; --yes derives it all the same")
    return options


def check_target(parser: Parser, options: argparse.Namespace) -> None:
    """Make sure that a package can be written, and that nothing else is there."""
    try:
        target = (options.output / options.name).resolve()
        above = next(path for path in (target, *target.parents) if path.exists())
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links
        reason = getattr(error, "strerror", None) or error
        parser.error(f"--output is {str(options.output)!r}; {reason}")
    if not above.is_dir() or not os.access(above, os.W_OK):
        parser.error(f"--output is {str(options.output)!r}; {above} is no folder to write to")
    if target.is_relative_to(GENERATED):
        parser.error(f"--output is {str(options.output)!r}; it must be outside generated/")
    if not claimed(target):
        parser.error(
            f"--output is {str(options.output)!r}; {target} holds what this program has not "
            f"written, and must be moved away"
        )


def estimate(network: Network) -> float:
    """Seconds that the derivation of a network takes, about.

    It goes by the passes through the layers, and by how often each equation is compared with all
    others: 4 s of one step through three layers, 31 s of ten.
    """
    layers = (network.hidden + 1) * (network.steps + 1)
    of_entries = 2.0 if network.rule.learns and network.rule.per_step else 1.0
    return of_entries * (2 + 0.35 * layers + 0.015 * layers**2)


def spoken(seconds: float) -> str:
    """A time as people say it."""
    for unit, length in (("years", 31557600), ("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:,.0f} {unit}"
    return f"{seconds:.0f} seconds"


@contextmanager
def said_to_be_at_it(seconds: float) -> Iterator[None]:
    """Say now and then that a derivation is under way, if it takes long, and how long in all."""
    over, begun = threading.Event(), time.perf_counter()

    def say() -> None:
        while not over.wait(EVERY):
            passed = time.perf_counter() - begun
            told = f"deriving for {passed:.0f} s, of about {spoken(seconds)}"
            print(told, file=sys.stderr, flush=True)

    if seconds > LONG / 2:
        threading.Thread(target=say, daemon=True).start()
    try:
        yield
    finally:
        over.set()


def unfit(name: str) -> str:
    """Why a name is none for a package, or nothing."""
    imported = unicodedata.normalize("NFKC", name)
    if imported != name:
        return f"Python imports that as {imported!r}, which must be given"
    if not name.isidentifier() or keyword.iskeyword(name):
        return "it must be a Python identifier, no keyword"
    if len(name.encode()) > LONGEST:
        return f"it must have at most {LONGEST} bytes"
    if name.startswith("__"):
        return "Python has such names for itself; it must be another"
    if name in {*sys.stdlib_module_names, "numpy"}:
        return "the package would be imported in the place of that module; it must be another"
    return ""


def refuse(reason: str) -> int:
    """Say why in one line; the exit status."""
    print(f"{PROGRAM}: {printable(reason)}", file=sys.stderr)
    return 2


def terminate(*_: object) -> NoReturn:
    """End as Ctrl-C does: the temporary folder goes."""
    raise KeyboardInterrupt


def room_beside(folder: Path, check: bool) -> tempfile.TemporaryDirectory[str]:
    """A temporary folder: on the same disk, so that a file is replaced whole or not at all."""
    above = next(path for path in folder.parents if path.exists())
    return tempfile.TemporaryDirectory(prefix=".derive-", dir=None if check else above)


def show_stale(
    folder: Path, files: Mapping[str, str | bytes], changed: list[str], given: list[str]
) -> int:
    """Print what is stale and the command that mends it; the exit status."""
    for name in changed:
        print(f"stale: {shown(folder / name)}")
        print(diff(folder / name, files.get(name, "")))
    if changed:
        rest = shlex.join(each for each in given if each != "--check")
        program = PROGRAM if INSTALLED else f"python {os.path.relpath(HERE / PROGRAM)}"
        print(f"{len(changed)} files are stale; run: {program} {printable(rest)}".rstrip())
    return 1 if changed else 0


def main(arguments: list[str] | None = None) -> int:
    """Run the program; the exit status."""
    options = parse_arguments(arguments)
    own = options.name is not None
    folder = options.output.resolve() / options.name if own else GENERATED
    networks = {options.name: options.network} if own else NETWORKS
    started = time.perf_counter()
    try:
        with room_beside(folder, options.check) as room:
            tried = Path(room) / ("alone" if own else "tried")
            with said_to_be_at_it(estimate(options.network) if own else 0):
                texts, modules = derived(networks, tried, own, options.check)
            compiled, old = webassembly.files_of(modules, lambda name: on_disk(folder / name))
            files: dict[str, str | bytes] = {**texts, **compiled}
            files[WRITTEN] = listed(files)
            tried /= options.name if own else ""
            write(tried, {**compiled, WRITTEN: files[WRITTEN]})
            changed = stale(folder, files)
            if old:
                print(f"older than their C, for ziglang {webassembly.ZIGLANG}: {', '.join(old)}")
            if options.check:
                given = sys.argv[1:] if arguments is None else arguments
                return show_stale(folder, files, changed, given) or int(bool(old))
            said = replace(folder, files, changed, tried)
        said += [
            f"left alone, not written by this program: {shown(folder / name)}"
            for name in foreign(folder, files)
        ]
        seconds = time.perf_counter() - started
        said.append(f"{len(changed)} of {len(files)} files changed, {seconds:.1f} s in all")
        print("\n".join(said), flush=True)
    except (ValueError, Failure, Refusal) as error:
        return refuse(str(error))
    except OSError as error:
        name = error.filename2 or error.filename
        if name is None:  # nobody reads it: nothing more can be said there
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return refuse(f"cannot write {name or 'the output'}: {error.strerror}")
    except Exception as error:
        return refuse(where(error))
    except KeyboardInterrupt:
        refuse("interrupted")
        return 130
    return 0
