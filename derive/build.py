"""The one program: derive every network's meta-gradient and write its package.

python derive/build.py            regenerate everything, print each stage and what changed
python derive/build.py --check    write nothing, exit 1 with a diff where something is stale
python derive/build.py --hidden 3 --activation tanh --steps 2 --name mine --output somewhere/
                                  a network of your own, importable with numpy alone

What is derived is first written to a temporary folder and tried there (`derive.package.trial`).
Only then does it take the place of what is on disk.
"""

from __future__ import annotations

import argparse
import dataclasses
import difflib
import keyword
import os
import shlex
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterable, Iterator
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple, NoReturn

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from derive.language.elementwise import ACTIVATIONS  # noqa: E402
from derive.model.algorithms import ALGORITHMS  # noqa: E402
from derive.model.losses import LOSSES  # noqa: E402
from derive.model.network import Network  # noqa: E402
from derive.package import warm_up  # noqa: E402
from derive.package.derivation import derive  # noqa: E402
from derive.package.modules import MARK, files_of, runtime_files  # noqa: E402
from derive.package.trial import Failure, try_package, try_warm_up  # noqa: E402

#: The networks that are emitted by default and committed.
NETWORKS = {
    "relu1": Network(hidden=1, activation="relu"),
    "relu2": Network(hidden=2, activation="relu"),
    "tanh2": Network(hidden=2, activation="tanh"),
    "relu2_5steps": Network(hidden=2, activation="relu", steps=5),
    "linear": Network(hidden=0, bias=False),
    "meta_sgd": Network(algorithm="meta_sgd"),
    "maml_plus_plus": Network(algorithm="maml_plus_plus", activation="tanh", steps=5),
    "anil": Network(algorithm="anil"),
    "boil": Network(algorithm="boil"),
    "biases": Network(algorithm="biases"),
    "cavia": Network(algorithm="cavia"),
    "recipe": Network(algorithm="recipe", activation="tanh", steps=5),
    "cross_entropy": Network(loss="cross_entropy"),
}

#: Written by hand, among what is generated.
BY_HAND = "README.md"

#: The list of what the build wrote into a folder, so that it never takes anything else for its own.
WRITTEN = "written.txt"

WARM_UP_BANNER = f"{MARK} from derive/package/warm_up.py. Do not edit."


# --- what is derived ---


class Made(NamedTuple):
    """The package of one network, derived, written and tried.

    Attributes
    ----------
    files
        The text of each of its files.
    report
        What each stage did, and which form there is not.
    """

    files: dict[str, str]
    report: str


def make(folder: Path, runtime: str, named: tuple[str, Network]) -> Made:
    """Derive one network with its name, write its package into a folder, and try it there.

    Raises
    ------
    Failure
        When what was written is wrong.
    Refusal
        When what derives it fails.
    """
    started, (name, network) = time.perf_counter(), named
    try:
        derivation = derive(name, network)
        lines = [
            f"{name}: {time.perf_counter() - started:.1f} s",
            f"  {'':12}{'equations':>10}{'products':>10}{'flops/task':>12}{'weights/task':>14}",
        ]
        for stage, (equations, products, operations, weights) in derivation.costs.items():
            lines.append(f"  {stage:12}{equations:>10}{products:>10}{operations:>12,}{weights:>14}")
        lines += [f"  {name} has {reason}" for reason in derivation.lacks]
        files = files_of(derivation, runtime)
        write(folder / name, files)
        try_package(folder, derivation)
    except (Failure, OSError):
        raise
    except Exception as error:
        raise Refusal(str(error) if isinstance(error, ValueError) else where(error)) from None
    return Made(files, "\n".join(lines))


def make_all(networks: dict[str, Network], folder: Path, runtime: str) -> Iterator[Made]:
    """Make some networks, in their order; several at a time, as they do not need each other."""
    one = partial(make, folder, runtime)
    if len(networks) == 1:
        yield from map(one, networks.items())
        return
    # Whatever ends the loop early ends the processes.
    with get_context("spawn").Pool(initializer=leave_to_parent) as pool:
        yield from pool.imap(one, networks.items())


def leave_to_parent() -> None:
    """Ctrl-C goes to every process; the first one ends the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def where(error: Exception) -> str:
    """What somebody has changed in ``derive/`` may fail anywhere: what and where, in one line."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [each for each in frames if Path(each.filename).is_relative_to(Path(__file__).parent)]
    place = f"{os.path.relpath(ours[-1].filename)}:{ours[-1].lineno}"
    return f"{type(error).__name__}: {' '.join(str(error).split())}, in {place}"


def write(folder: Path, files: dict[str, str]) -> None:
    """Write files into a folder that is ours."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")


def inside(folder: str, files: dict[str, str]) -> dict[str, str]:
    """The same files, by their names from one folder above."""
    return {f"{folder}/{name}": text for name, text in files.items()}


def derived(networks: dict[str, Network], room: Path, own: bool, quiet: bool) -> dict[str, str]:
    """All that is written, derived and tried in a folder that is ours.

    A package of one's own stands alone, with the runtime inside. Those under ``generated/`` share
    it, and the warm-up is beside them.
    """
    runtime = inside("runtime", runtime_files())
    shared = runtime | inside("warm_up", warm_up.files(WARM_UP_BANNER))
    if own:
        write(room / next(iter(networks)), runtime)
    else:
        write(room, shared)
        try_warm_up(room)
    files = dict(runtime if own else shared)
    everything = make_all(networks, room, ".runtime" if own else "..runtime")
    for name, made in zip(networks, everything, strict=True):
        if not quiet:
            print(made.report, flush=True)
        files |= made.files if own else inside(name, made.files)
    return files


def listed(files: Iterable[str]) -> str:
    """The list of some files."""
    return "\n".join([f"# {MARK}. What is not listed here is not touched.", *sorted(files), ""])


# --- what is on disk ---


def read(path: Path) -> str:
    """The text of a file, or nothing."""
    return path.read_bytes().decode("utf-8", "replace") if path.is_file() else ""


def written_before(folder: Path) -> list[str]:
    """What the build wrote into a folder, as far as it still bears its mark."""
    names = read(folder / WRITTEN).splitlines()[1:]
    inside = (name for name in names if ".." not in Path(name).parts and not Path(name).anchor)
    return [name for name in inside if MARK in read(folder / name)[:200]]


def stale(folder: Path, files: dict[str, str]) -> list[str]:
    """Files that differ from what was derived, or were written and are derived no more."""
    changed = {name for name, text in files.items() if read(folder / name) != text}
    return sorted(changed.union(set(written_before(folder)) - set(files)))


def foreign(folder: Path, files: dict[str, str]) -> list[str]:
    """What was not written by the build, and stands among what was."""
    folders = {parent.as_posix() for name in files for parent in Path(name).parents}
    found = [path for each in sorted(folders) for path in (folder / each).iterdir()]
    names = {path.relative_to(folder).as_posix(): path for path in found}
    return sorted(
        name
        for name, path in names.items()
        if name not in {*files, *folders, BY_HAND} and path.name != "__pycache__"
    )


def diff(path: Path, text: str) -> str:
    """A unified diff from what is on disk to what was derived."""
    shown = os.path.relpath(path)
    lines = difflib.unified_diff(
        read(path).splitlines(), text.splitlines(), f"{shown} (on disk)", f"{shown} (derived)",
        lineterm="",
    )  # fmt: skip
    return "\n".join(lines)


def show_stale(folder: Path, files: dict[str, str], changed: list[str], given: list[str]) -> int:
    """Print what is stale and the command that mends it; the exit status."""
    for name in changed:
        print(f"stale: {os.path.relpath(folder / name)}")
        print(diff(folder / name, files.get(name, "")))
    if changed:
        rest = shlex.join(each for each in given if each != "--check")
        program = os.path.relpath(__file__)
        print(f"{len(changed)} files are stale; run: python {program} {rest}".rstrip())
    return 1 if changed else 0


def replace(folder: Path, files: dict[str, str], changed: list[str], tried: Path) -> None:
    """Put what was tried in the place of what is on disk, and remove what is derived no more.

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
    if not changed:
        return
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
        print(f"{'wrote' if name in files else 'removed'} {os.path.relpath(path)}")
    (tried / WRITTEN).replace(folder / WRITTEN)


class Refusal(Exception):  # noqa: N818
    """Why the program does nothing, in one line."""


# --- the program ---


class Parser(argparse.ArgumentParser):
    """A parser that says in one line what is wrong."""

    def error(self, message: str) -> NoReturn:
        """Exit with status 2."""
        self.exit(2, f"{self.prog}: error: {message}\n")


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line; what is wrong with it is said in one line."""
    parser = Parser(
        prog="build.py",
        allow_abbrev=False,
        description="Derive the meta-gradient of a network and write its numpy package.",
        epilog="Without --name, everything under generated/ is derived again.",
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
    if target.is_relative_to(ROOT / "generated"):
        parser.error(f"--output is {str(options.output)!r}; it must be outside generated/")
    try:
        options.network = Network(**given)
    except ValueError as error:
        parser.error(f"--{error}")
    return options


def main(arguments: list[str] | None = None) -> int:
    """Run the program; the exit status."""
    options = parse_arguments(arguments)
    own = options.name is not None
    folder = options.output.resolve() / options.name if own else ROOT / "generated"
    networks = {options.name: options.network} if own else NETWORKS
    started = time.perf_counter()
    try:
        with room_beside(folder, options.check) as room:
            tried = Path(room) / ("alone" if own else "tried")
            files = derived(networks, tried, own, options.check)
            files[WRITTEN] = listed(files)
            tried /= options.name if own else ""
            write(tried, {WRITTEN: files[WRITTEN]})
            changed = stale(folder, files)
            if options.check:
                given = sys.argv[1:] if arguments is None else arguments
                return show_stale(folder, files, changed, given)
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


def refuse(reason: str) -> int:
    """Say why in one line; the exit status."""
    print(f"build.py: {reason}", file=sys.stderr)
    return 2


def terminate(*_: object) -> NoReturn:
    """End as Ctrl-C does: the temporary folder goes."""
    raise KeyboardInterrupt


def room_beside(folder: Path, check: bool) -> tempfile.TemporaryDirectory[str]:
    """A temporary folder: on the same disk, so that a file is replaced whole or not at all."""
    above = next(path for path in folder.parents if path.exists())
    return tempfile.TemporaryDirectory(prefix=".derive-", dir=None if check else above)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, terminate)
    sys.exit(main())
