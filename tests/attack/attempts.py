"""Kinds of attempts, each a stream of what came of one after another."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import random
import re
import shutil
import signal
import string
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from derive.command import parse_arguments
from docs.check import __main__ as check
from docs.diagnose import __main__ as diagnose
from docs.diagnose import vectors
from docs.experiment.checkpoint import CURRENT, PREVIOUS
from docs.sinusoid import cost, evaluate, gauss_newton, gradcheck, train
from docs.sinusoid.plot import __main__ as plot
from docs.sinusoid.sweep import __main__ as sweep
from docs.sinusoid.sweep import scaling

#: What a test or a table calls what came of an attempt.
DONE, REFUSED = "done", "refused"

Main = Callable[[list[str]], int]

#: The size of a run.
SMALL = ["--iterations", "40", "--meta-batch", "3", "--shots", "4", "--queries", "5"]

#: An error that nobody has thought of names a place in the code.
UNFORESEEN = re.compile(r"Traceback|Warning: |, in \S+\.py:\d+$", re.MULTILINE)


class Fault(AssertionError):  # noqa: N818
    """Something was lost, wrong or a traceback."""


def ended(main: Main, arguments: list[str], verdicts: tuple[int, ...] = (0,)) -> tuple[int, str]:
    """Run a command; its status and what it said.

    Raises
    ------
    Fault
        When it ended in any other way than commands do.
    """
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main(arguments)
        except SystemExit as error:
            code = int(error.code or 0)
        except BaseException as error:
            raise Fault(f"{arguments}: {type(error).__name__}: {error}") from None
    said = err.getvalue()
    if UNFORESEEN.search(said) or code not in {*verdicts, 2}:
        raise Fault(f"{arguments}: status {code}: {said}")
    if code == 2 and not said.splitlines()[-1:][0].startswith(("error: ", "build.py: error: ")):
        raise Fault(f"{arguments}: an error without its line: {said}")
    if not all(each.isprintable() for line in said.splitlines() for each in line):
        raise Fault(f"{arguments}: said {said!r}")
    return code, said


# --- bytes ---


def damaged(content: bytes, rng: random.Random) -> bytes:
    """A file after an accident, or as somebody made it who means no good."""
    place = rng.randrange(len(content) + 1)
    size = rng.choice([1, 8, 64, 512])
    match rng.randrange(8):
        case 0 if content:
            place = min(place, len(content) - 1)
            flipped = bytes([content[place] ^ 1 << rng.randrange(8)])
            return content[:place] + flipped + content[place + 1 :]
        case 1:
            return content[:place]
        case 2:
            return content[:place] + bytes(size) + content[place + size :]
        case 3:
            return content[:place] + rng.randbytes(size) + content[place + size :]
        case 4:
            return content[:place] + content[place + size :]
        case 5:
            return rng.choice([b"", b"[" * 200_000, b'{"a":' * 200_000, b"null", b"1e999", b"\xff"])
        case 6:
            numbers = [match.span() for match in re.finditer(rb"-?\d+(\.\d+)?", content)]
            first, last = rng.choice(numbers or [(0, 0)])
            other = rng.choice([b"null", b"-1", b"1e308", b'"x"', b"[]", b"99999999999999999999"])
            return content[:first] + other + content[last:]
        case _:
            return content + rng.randbytes(size)


def undisturbed(folder: Path) -> dict[str, bytes]:
    """A run that was trained and evaluated, and what must always come out of it."""
    run = ["--run", str(folder)]
    for main, arguments in (
        (train.main, [*SMALL, "--checkpoint", "10", "--quiet", *run]),
        (evaluate.main, ["--tasks", "5", *run]),
    ):
        if ended(main, arguments)[0]:
            raise Fault("the run that is to be attacked was refused")
    return {name: (folder / name).read_bytes() for name in ("maml.npz", "joint.npz")}


def files_of_a_run(folder: Path, rng: random.Random) -> Iterator[str]:
    """Damage a file of a run, and go on with it: refused, or the weights are what they were."""
    whole = folder / "whole"
    weights = undisturbed(whole)
    names = sorted(path.name for path in whole.iterdir() if path.stat().st_size)
    evaluated = (whole / "evaluation.json").read_bytes()
    while True:
        room = folder / "damaged"
        shutil.rmtree(room, ignore_errors=True)
        shutil.copytree(whole, room)
        name = rng.choice(names)
        content = damaged((room / name).read_bytes(), rng)
        changed = content != (room / name).read_bytes()
        (room / name).write_bytes(content)
        run = ["--run", str(room)]
        code, said = ended(train.main, ["--resume", "--quiet", *run])
        if code == 0:
            code, more = ended(evaluate.main, ["--tasks", "5", *run])
            said += more
        if code == 0:
            found = {each: (room / each).read_bytes() for each in weights}
            if found != weights or (room / "evaluation.json").read_bytes() != evaluated:
                raise Fault(f"{name}: another result without a word: {said}")
        # What was damaged is still there, or is as it was, or was named.
        kept = {path.read_bytes() for path in room.iterdir() if path.is_file()}
        if changed and name not in {CURRENT, PREVIOUS, "written.txt"}:
            healed = (room / name).read_bytes() == (whole / name).read_bytes()
            if content not in kept and not healed:
                raise Fault(f"{name}: the damaged file is gone: {said}")
        yield DONE if code == 0 else REFUSED


def members_of_a_sweep(folder: Path, rng: random.Random) -> Iterator[str]:
    """Damage a member of a sweep and sweep again: the table is the same."""
    whole = folder / "whole"
    sizes = [*SMALL, "--iterations", "6", "--methods", "maml", "--tasks", "5", "--seeds", "1"]
    arguments = [*sizes, "--quiet", "--workers", "1", "--run"]
    if ended(sweep.main, [*arguments, str(whole)])[0]:
        raise Fault("the sweep that is to be attacked was refused")
    expected = (whole / "sweep.csv").read_bytes()
    while True:
        room = folder / "damaged"
        shutil.rmtree(room, ignore_errors=True)
        shutil.copytree(whole, room)
        (member,) = (room / "runs").iterdir()
        path = member / rng.choice(["evaluation.json", "run.json", "maml.npz"])
        path.write_bytes(damaged(path.read_bytes(), rng))
        code, said = ended(sweep.main, [*arguments, str(room)], verdicts=(0, 1))
        if code == 0 and (room / "sweep.csv").read_bytes() != expected:
            raise Fault(f"{path.name}: another table without a word: {said}")
        yield REFUSED if code else DONE


def gradient_files(folder: Path, rng: random.Random) -> Iterator[str]:
    """Damage a file of gradients or of quantities, and have it diagnosed."""
    contents = [(".npz", vectors.quantities()), (".npz", b"PK" + rng.randbytes(99))]
    flat = {"relu2/W1": [[0.5, 1.0]], "relu2": {"b1": [[1, 2]], "W2": None}}
    contents += [(".json", json.dumps(flat).encode()), (".json", vectors.as_json().encode())]
    while True:
        suffix, content = rng.choice(contents)
        path = folder / f"gradients{suffix}"
        path.write_bytes(damaged(content, rng))
        code, _ = ended(diagnose.main, [str(path)], verdicts=(0, 1))
        yield REFUSED if code == 2 else DONE


# --- kills ---


def kills(folder: Path, rng: random.Random) -> Iterator[str]:
    """Kill a training at any moment, and go on: the weights are what they were."""
    sizes = [*SMALL, "--iterations", "2000", "--checkpoint", "50", "--quiet"]
    command = [sys.executable, "-m", "docs.sinusoid.train", *sizes, "--run"]

    def started(room: Path, *more: str) -> subprocess.Popen[str]:
        return subprocess.Popen([*command, str(room), *more], stderr=subprocess.PIPE, text=True)

    begun = time.monotonic()
    process = started(folder / "whole")
    process.communicate()
    seconds = time.monotonic() - begun
    expected = (folder / "whole" / "maml.npz").read_bytes()
    while True:
        room = folder / "killed"
        shutil.rmtree(room, ignore_errors=True)
        process = started(room)
        time.sleep(rng.uniform(0, 1.1 * seconds))
        process.send_signal(rng.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGINT]))
        _, said = process.communicate()
        # Before Python has a handler, SIGINT ends it at once: a shell calls that 130, too.
        ended = {0, 130, -signal.SIGINT, -signal.SIGKILL}
        if process.returncode not in ended or UNFORESEEN.search(said):
            raise Fault(f"killed: status {process.returncode}: {said}")
        process = started(room, "--resume")
        _, said = process.communicate()
        if process.returncode or UNFORESEEN.search(said):
            raise Fault(f"resumed: status {process.returncode}: {said}")
        if (room / "maml.npz").read_bytes() != expected:
            raise Fault("a run that was killed has other weights")
        yield DONE


# --- command lines ---

#: Values that options are not made for, and some that they are.
VALUES = [
    "", " ", "0", "1", "2", "-1", "3", "0.5", "nan", "inf", "-inf", "1e308", "5e-324", "10**30",
    "1" + "0" * 30, "1" * 5000, "a" * 5000, "relu1", "relu2", "maml", "tanh2", "numpy", "math",
    "__main__", "\ufb01t", "a\nb", "\x1b[31mred", "\udcff", "/dev/null", "/dev/full", "..", ".",
    "alpha=0.1", "alpha=", "=", "hidden=1+2", "seed=0,1", "dask://x", "dask://::::1", "None",
    "cosine", "float64", "\N{PLUS-MINUS SIGN}", "quick", "--", "-", "*", "~", "$HOME", "{}", "%s",
]  # fmt: skip

#: Commands by name; the last word that is given keeps each of them short.
COMMANDS: dict[str, tuple[Main, list[str]]] = {
    "train": (train.main, ["--iterations", "1"]),
    "evaluate": (evaluate.main, ["--tasks", "2"]),
    "gradcheck": (gradcheck.main, []),
    "plot": (plot.main, []),
    "sweep": (sweep.main, ["--iterations", "1", "--seeds", "1", "--tasks", "2", "--workers", "1"]),
    "cost": (cost.main, ["--iterations", "1", "--rounds", "1", "--recipes", "quick"]),
    # It starts a cluster: what it refuses is attacked, and no more.
    "scaling": (scaling.main, ["--runs", "0"]),
    "gauss_newton": (gauss_newton.main, ["--seeds", "1", "--iterations", "1"]),
    "diagnose": (diagnose.main, []),
    "check": (check.main, []),
}


def parser_of(main: Main) -> argparse.ArgumentParser:
    """The parser that a command makes."""
    found: list[argparse.ArgumentParser] = []

    class FoundError(Exception):
        pass

    def parse(self: argparse.ArgumentParser, *_: Any, **__: Any) -> Any:
        found.append(self)
        raise SystemExit(0)

    before = argparse.ArgumentParser.parse_args
    argparse.ArgumentParser.parse_args = parse  # type: ignore[method-assign]
    try:
        with contextlib.suppress(SystemExit):
            main([])
    finally:
        argparse.ArgumentParser.parse_args = before  # type: ignore[method-assign]
    return found[0]


def line(parser: argparse.ArgumentParser, rng: random.Random) -> list[str]:
    """A random command line, of options that the parser has: every other value may be right."""
    arguments = []
    for action in rng.sample(parser._actions, min(len(parser._actions), rng.randrange(1, 4))):
        if isinstance(action, argparse._HelpAction):
            continue
        flags = [rng.choice(list(action.option_strings))] if action.option_strings else []
        letters = "".join(rng.choices(string.printable, k=rng.randrange(6)))
        wrong, right = [*VALUES, letters], [*map(str, action.choices or ("1", "2", "0.5"))]
        count = rng.choice([1, 1, 1, 2, 0])
        given = [rng.choice(rng.choice([wrong, right])) for _ in range(count)]
        arguments += [*flags, *([] if action.nargs == 0 else given)]
    return arguments


def command_lines(folder: Path, rng: random.Random) -> Iterator[str]:
    """Random command lines of every command, beside files that are somebody's."""
    parsers = {name: parser_of(main) for name, (main, _) in COMMANDS.items()}
    while True:
        mine = {folder / "run" / name: name.encode() for name in ("notes.txt", "metrics.csv")}
        shutil.rmtree(folder / "run", ignore_errors=True)
        (folder / "run").mkdir()
        for path, content in mine.items():
            path.write_bytes(content)
        name = rng.choice(list(COMMANDS))
        main, last = COMMANDS[name]
        where = rng.choice(["run", "other"])
        known = {flag for action in parsers[name]._actions for flag in action.option_strings}
        out = ["--run", str(folder / where)] if "--run" in known else []
        out += ["--out", str(folder / where / "out.json")] if "--out" in known else []
        arguments = [*line(parsers[name], rng), *last, *out]
        code, _ = ended(main, arguments, verdicts=(0, 1))
        if {path: path.read_bytes() for path in mine} != mine:
            raise Fault(f"{name} {arguments}: somebody's file has changed")
        yield REFUSED if code == 2 else DONE


def builds(folder: Path, rng: random.Random) -> Iterator[str]:
    """Random command lines of the program that derives, as far as it reads them."""

    def parsed(arguments: list[str]) -> int:
        parse_arguments(arguments)
        return 0

    flags = ["--name", "--hidden", "--activation", "--steps", "--loss", "--algorithm", "--output"]
    while True:
        given = [word for flag in rng.sample(flags, 3) for word in (flag, rng.choice(VALUES))]
        (folder / "theirs").mkdir(exist_ok=True)
        (folder / "theirs" / "notes.txt").write_text("mine")
        code, _ = ended(parsed, [*given, "--output", str(folder)])
        yield REFUSED if code == 2 else DONE


KINDS: dict[str, Callable[[Path, random.Random], Iterator[str]]] = {
    "files of a run": files_of_a_run,
    "members of a sweep": members_of_a_sweep,
    "gradient files": gradient_files,
    "kills": kills,
    "command lines": command_lines,
    "command lines of a build": builds,
}
