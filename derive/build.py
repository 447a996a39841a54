"""The one program: derive every network's meta-gradient and write its package.

python derive/build.py            regenerate everything, print each stage and what changed
python derive/build.py --check    write nothing, exit 1 with a diff where something is stale
python derive/build.py --hidden 3 --activation tanh --steps 2 --name mine --output somewhere/
                                  a network of your own, importable with numpy alone
"""

from __future__ import annotations

import argparse
import difflib
import keyword
import os
import shlex
import shutil
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from derive.cost import cost_of  # noqa: E402
from derive.derivation import Derivation  # noqa: E402
from derive.equations import ACTIVATIONS, Network  # noqa: E402
from derive.package import files_of  # noqa: E402
from derive.rewrite import PASSES  # noqa: E402

#: The networks that are emitted by default and committed.
NETWORKS = {
    "relu1": Network(hidden=1, activation="relu"),
    "relu2": Network(hidden=2, activation="relu"),
    "tanh2": Network(hidden=2, activation="tanh"),
    "relu2_5steps": Network(hidden=2, activation="relu", steps=5),
}


def build(name: str, network: Network, quiet: bool) -> dict[str, str]:
    """Derive one network, print what each stage did, and return its files."""
    started = time.perf_counter()
    derivation = Derivation(name, network)
    files = files_of(derivation)
    if not quiet:
        print(f"{name}: {time.perf_counter() - started:.1f} s")
        print(f"  {'':12}{'equations':>10}{'products':>10}{'flops/task':>12}{'weights/task':>14}")
        names = ["derived", *(apply.__name__ for apply in PASSES)]
        for stage, program in zip(names, derivation.stages, strict=True):
            equations, products, operations, weights = cost_of(program)
            print(f"  {stage:12}{equations:>10}{products:>10}{operations:>12,}{weights:>14}")
    return files


def stale(files: dict[Path, str], folders: list[Path]) -> list[Path]:
    """Files that differ from what was derived, are missing, or do not belong in the folders."""
    found = [
        path
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    ]
    changed = [path for path, text in files.items() if read(path) != text]
    return sorted({*changed, *(path for path in found if path not in files)})


def read(path: Path) -> str:
    """The text of a file, or nothing."""
    return path.read_bytes().decode("utf-8", "replace") if path.is_file() else ""


def write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink()
        raise


def diff(path: Path, text: str | None) -> str:
    """A unified diff from what is on disk to what was derived."""
    shown = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
    lines = difflib.unified_diff(
        read(path).splitlines(), (text or "").splitlines(), f"{shown} (on disk)",
        f"{shown} (derived)", lineterm="",
    )  # fmt: skip
    return "\n".join(lines)


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line; what is wrong with it is said in one line."""
    parser = argparse.ArgumentParser(
        prog="build.py",
        description="Derive the meta-gradient of a network and write its numpy package.",
        epilog="Without --name, everything under generated/ is derived again.",
    )
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if stale")
    own = parser.add_argument_group("a network of your own")
    own.add_argument("--name", help="name of the package")
    own.add_argument("--hidden", type=int, help="hidden layers (default 2)")
    own.add_argument("--activation", choices=ACTIVATIONS, help="activation (default relu)")
    own.add_argument("--steps", type=int, help="inner gradient steps (default 1)")
    own.add_argument("--output", type=Path, help="folder that gets the package")
    options = parser.parse_args(arguments)
    given = [options.hidden, options.activation, options.steps, options.output]
    if options.name is None:
        if any(option is not None for option in given):
            parser.error("--hidden, --activation, --steps and --output need --name")
        return options
    if not options.name.isidentifier() or keyword.iskeyword(options.name):
        parser.error(f"--name is {options.name!r}; it must be a Python identifier")
    if options.output is None:
        parser.error("--name needs --output, the folder that gets the package")
    if options.output.exists() and not options.output.is_dir():
        parser.error(f"--output is {str(options.output)!r}; it must be a folder")
    if options.output.resolve() == ROOT / "generated" and options.name in NETWORKS:
        parser.error(f"--name is {options.name!r}; that package is emitted by default")
    try:
        options.network = Network(
            2 if options.hidden is None else options.hidden,
            options.activation or "relu",
            1 if options.steps is None else options.steps,
        )
    except ValueError as error:
        parser.error(f"--{error}")
    return options


def main(arguments: list[str] | None = None) -> int:
    """Run the program; the exit status."""
    options = parse_arguments(arguments)
    own = options.name is not None
    output = options.output.resolve() if own else ROOT / "generated"
    networks = {options.name: options.network} if own else NETWORKS
    started = time.perf_counter()
    try:
        files = {
            output / name / file: text
            for name, network in networks.items()
            for file, text in build(name, network, options.check).items()
        }
    except ValueError as error:
        print(f"build.py: {error}", file=sys.stderr)
        return 2
    # In the packages of generated/ nothing else may lie about; a reader's own folder is theirs.
    changed = stale(files, [] if own else sorted(path for path in output.glob("*/")))
    if options.check:
        for path in changed:
            print(diff(path, files.get(path)))
        if changed:
            given = sys.argv[1:] if arguments is None else arguments
            rest = shlex.join(each for each in given if each != "--check")
            print(f"{len(changed)} files are stale; run: python derive/build.py {rest}".rstrip())
        return 1 if changed else 0
    try:
        for path in changed:
            if path in files:
                write(path, files[path])
            else:
                path.unlink()
                if not [each for each in path.parent.iterdir() if each.name != "__pycache__"]:
                    shutil.rmtree(path.parent)
            print(f"{'wrote' if path in files else 'removed'} {os.path.relpath(path)}")
    except OSError as error:
        print(f"build.py: cannot write {error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    seconds = time.perf_counter() - started
    print(f"{len(changed)} of {len(files)} files changed, {seconds:.1f} s in all")
    return 0


if __name__ == "__main__":
    sys.exit(main())
