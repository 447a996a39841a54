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
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from .disk import WRITTEN, Refusal, diff, foreign, listed, on_disk, replace, stale, write
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


class Parser(argparse.ArgumentParser):
    """A parser that says in one line what is wrong."""

    def error(self, message: str) -> NoReturn:
        """Exit with status 2."""
        self.exit(2, f"{self.prog}: error: {message}\n")


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
    ):
        own.add_argument(f"--{name}", action="store_true", default=None, help=meaning)
    own.add_argument("--output", type=Path, help="folder that gets the package")
    options = parser.parse_args(arguments)
    fields = {each.name: getattr(options, each.name) for each in dataclasses.fields(Network)}
    given = {name: value for name, value in fields.items() if value is not None}
    if options.name is None:
        if INSTALLED:
            parser.error("--name is missing; it must be the name of the package")
        if given or options.output is not None:
            parser.error(f"--{next(iter(given), 'output')} is for a network that has a --name")
        return options
    if not options.name.isidentifier() or keyword.iskeyword(options.name):
        parser.error(f"--name is {options.name!r}; it must be a Python identifier, no keyword")
    if options.output is None:
        parser.error("--name needs --output, the folder that gets the package")
    target = (options.output / options.name).resolve()
    above = next(path for path in (target, *target.parents) if path.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        parser.error(f"--output is {str(options.output)!r}; {above} is no folder to write to")
    if target.is_relative_to(GENERATED):
        parser.error(f"--output is {str(options.output)!r}; it must be outside generated/")
    try:
        options.network = Network(**given)
    except ValueError as error:
        parser.error(f"--{error}")
    return options


def refuse(reason: str) -> int:
    """Say why in one line; the exit status."""
    print(f"{PROGRAM}: {reason}", file=sys.stderr)
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
        print(f"stale: {os.path.relpath(folder / name)}")
        print(diff(folder / name, files.get(name, "")))
    if changed:
        rest = shlex.join(each for each in given if each != "--check")
        program = PROGRAM if INSTALLED else f"python {os.path.relpath(HERE / PROGRAM)}"
        print(f"{len(changed)} files are stale; run: {program} {rest}".rstrip())
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
            replace(folder, files, changed, tried)
    except (ValueError, Failure, Refusal) as error:
        return refuse(str(error))
    except OSError as error:
        return refuse(f"cannot write {error.filename2 or error.filename}: {error.strerror}")
    except Exception as error:
        return refuse(where(error))
    except KeyboardInterrupt:
        refuse("interrupted")
        return 130
    for name in foreign(folder, files):
        print(f"left alone, not written by this program: {os.path.relpath(folder / name)}")
    seconds = time.perf_counter() - started
    print(f"{len(changed)} of {len(files)} files changed, {seconds:.1f} s in all")
    return 0
