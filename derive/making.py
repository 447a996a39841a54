"""Derive networks, write their packages into a folder that is ours, and try them there."""

from __future__ import annotations

import os
import signal
import time
import traceback
from collections.abc import Iterator
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from .disk import Refusal, write
from .model.network import Network
from .package import warm_up, webassembly
from .package.derivation import derive
from .package.modules import MARK, files_of, runtime_files, to_compile
from .package.trial import Failure, try_package, try_warm_up

if TYPE_CHECKING:
    from .package.webassembly import Module

Content = TypeVar("Content")

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

#: Where the committed packages find their runtime.
SHARED = "..runtime"

WARM_UP_BANNER = f"{MARK} from derive/package/warm_up.py. Do not edit."

#: Makes the folder a package that no other folder of its name on the path is taken for.
PACKAGES = f'# {MARK}. Do not edit.\n"""What the build derives: a package a network."""\n'


class Made(NamedTuple):
    """The package of one network, derived, written and tried.

    Attributes
    ----------
    files
        The text of each of its files.
    report
        What each stage did, and which form there is not.
    modules
        What of it is to be compiled to WebAssembly, by the names of the files.
    """

    files: dict[str, str]
    report: str
    modules: dict[str, Module]


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
        modules: dict[str, Module] = {}
        if runtime == SHARED and name in webassembly.FUNCTIONS:
            sources, modules = to_compile(derivation)
            files |= sources
        write(folder / name, files)
        try_package(folder, derivation)
    except (Failure, OSError):
        raise
    except Exception as error:
        raise Refusal(str(error) if isinstance(error, ValueError) else where(error)) from None
    return Made(files, "\n".join(lines), modules)


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


def inside(folder: str, files: dict[str, Content]) -> dict[str, Content]:
    """The same files, by their names from one folder above."""
    return {f"{folder}/{name}": text for name, text in files.items()}


def derived(
    networks: dict[str, Network], room: Path, own: bool, quiet: bool
) -> tuple[dict[str, str], dict[str, Module]]:
    """All that is written, derived and tried in a folder that is ours, and what is to be compiled.

    A package of one's own stands alone, with the runtime inside. Those under ``generated/`` share
    it, and the warm-up is beside them.
    """
    runtime = inside("runtime", runtime_files())
    shared = runtime | inside("warm_up", warm_up.files(WARM_UP_BANNER)) | {"__init__.py": PACKAGES}
    if own:
        write(room / next(iter(networks)), runtime)
    else:
        write(room, shared)
        try_warm_up(room)
    files = dict(runtime if own else shared)
    modules: dict[str, Module] = {}
    everything = make_all(networks, room, ".runtime" if own else SHARED)
    for name, made in zip(networks, everything, strict=True):
        if not quiet:
            print(made.report, flush=True)
        files |= made.files if own else inside(name, made.files)
        modules |= inside(name, made.modules)
    return files, modules
