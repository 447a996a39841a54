"""The workspace form in C: compiled once for sizes and machine, kept in a cache, called by ctypes.

An object is named by all that decides it: source, header, flags, the compiler and what it knows of
the processor, which another machine with the same home directory may lack. Its name also has the
digest of its content, so that a damaged one is never loaded.
"""

import ctypes
import importlib.util
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
import warnings
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from struct import Struct
from threading import Lock, Thread
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .memory import ALIGNMENT
from .rows import Array

Bytes: TypeAlias = NDArray[np.uint8]

BACKENDS = ("numpy", "c", "auto")

#: Hidden layers of so many units are left to numpy, whose products are as fast there.
TOO_WIDE = 512

#: Tasks are added up in blocks, and the blocks in their order, so that the bits of a sum do not
#: depend on how many threads there are, nor on which is first. A block has at least so many tasks
#: (where there are as many), and there are at most so many blocks.
TASKS_OF_A_BLOCK, BLOCKS = 6, 16

#: Bytes that are copied sooner than numpy says where they are.
COPIED = 2**15

#: The folder of the cache, where another is wanted than that of the user.
FOLDER = "MAML_CACHE"

HEADER = Path(__file__).with_name("kernels.h")

#: Nothing here may change a result, as fast-math does: comparisons may be made without branches.
FLAGS = (
    "-std=gnu11",
    "-O3",
    f"-m{'arch' if platform.machine() in ('x86_64', 'AMD64') else 'cpu'}=native",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fPIC",
    "-w",
)


class NotCompiledError(RuntimeError):
    """Why there is no object, in one line."""


class Compiled(NamedTuple):
    """An object, and how many threads run it.

    Attributes
    ----------
    library
        What has been loaded.
    threads
        As many tasks are computed side by side.
    """

    library: ctypes.CDLL
    threads: int


def compiled(
    backend: str,
    threads: int,
    source: Path,
    dtype: np.dtype,
    sizes: Mapping[str, int],
    dense: Sequence[bool],
) -> Compiled | None:
    """Compile a workspace, or find it in the cache; with numpy as its backend there is nothing.

    Parameters
    ----------
    backend
        ``numpy``, ``c``, or ``auto``: C where it can be had, else numpy, which is said once.
    threads
        How many run it.
    source
        The file in C.
    dtype
        Of all arrays.
    sizes
        Every size by its name in C, those of the layers among them.
    dense
        For each layer, whether its fast weights are formed.

    Raises
    ------
    ValueError
        When the backend is none, the threads are no whole number of at least 1 or more than one
        for numpy, or a layer is too wide.
    NotCompiledError
        When there is no compiler, or it fails.
    """
    if backend not in BACKENDS:
        raise ValueError(f"backend is {backend!r}; it must be one of {', '.join(BACKENDS)}")
    if not isinstance(threads, int | np.integer) or isinstance(threads, bool) or threads < 1:
        raise ValueError(f"threads is {threads!r}; it must be a whole number, at least 1")
    if backend == "numpy":
        if threads > 1:
            raise ValueError(f"threads is {threads}; with the backend 'numpy' it must be 1")
        return None
    try:
        hidden = [size for name, size in sizes.items() if name[0] == "L"]
        if wide := [size for size in hidden if size >= TOO_WIDE]:
            raise ValueError(
                f"sizes has a hidden layer of {wide[0]} units; with the backend 'c' it must have "
                f"fewer than {TOO_WIDE}, from where on numpy is as fast"
            )
        if not source.exists():
            raise ValueError(f"backend is {backend!r}; there is no C of this network")
        defines = {"WIDE": 8 * dtype.itemsize, "NARROWEST": min(hidden, default=0)}
        defines |= {f"SIZE_{name}": size for name, size in sizes.items()}
        defines |= {f"DENSE{layer}": int(form) for layer, form in enumerate(dense, start=1)}
        return Compiled(loaded(source, defines), int(threads))
    except (ValueError, NotCompiledError) as reason:
        if backend == "c":
            raise
        _say_once(f"numpy is used instead of C: {reason}")
        return None


@cache
def _say_once(message: str) -> None:
    warnings.warn(message, RuntimeWarning, stacklevel=4)


# --- the compiler ---


def compiler() -> tuple[str, ...]:
    """The command of a C compiler: ``$CC``, gcc, clang, or that of the package ``ziglang``.

    Raises
    ------
    NotCompiledError
        When there is none.
    """
    if given := os.environ.get("CC", "").strip():
        return tuple(shlex.split(given))
    for name in ("gcc", "clang"):
        if found := shutil.which(name):
            return (found,)
    if importlib.util.find_spec("ziglang"):
        return (sys.executable, "-m", "ziglang", "cc")
    raise NotCompiledError(
        "no C compiler: neither gcc nor clang nor ziglang is there; CC names one"
    )


def is_possible() -> bool:
    """Whether there is a compiler that runs."""
    try:
        _machine(compiler(), FLAGS)
    except NotCompiledError:
        return False
    return True


def _run(command: Sequence[str]) -> str:
    """What a compiler writes.

    Raises
    ------
    NotCompiledError
        When it cannot be run, or fails; the message is its own.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise NotCompiledError(
            f"the compiler {command[0]} does not run: {error.strerror}"
        ) from None
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        own = next((line for line in lines if "error" in line), lines[-1] if lines else "")
        raise NotCompiledError(f"the compiler {command[0]} fails: {own or done.returncode}")
    return done.stdout


@cache
def _machine(command: tuple[str, ...], flags: tuple[str, ...]) -> str:
    """What a compiler defines before it reads anything: its version, and the processor's parts."""
    return _run([*command, *flags, "-dM", "-E", "-x", "c", os.devnull])


# --- the cache ---


def folder() -> Path:
    """The folder of the cache, which is nobody else's.

    Raises
    ------
    NotCompiledError
        When it cannot be made, belongs to somebody else, or somebody else may write to it.
    """
    given = os.environ.get(FOLDER) or os.environ.get("XDG_CACHE_HOME")
    path = Path(given or Path("~/.cache").expanduser())
    path = path if os.environ.get(FOLDER) else path / "maml-derived"
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.stat()
    except OSError as error:
        raise NotCompiledError(f"the cache {path} cannot be made: {error.strerror}") from None
    if hasattr(os, "geteuid"):
        if found.st_uid != os.geteuid():
            raise NotCompiledError(f"the cache {path} belongs to somebody else; {FOLDER} names one")
        if found.st_mode & 0o022:
            raise NotCompiledError(f"the cache {path} can be written by others; it must be 0700")
    return path


def loaded(source: Path, defines: Mapping[str, object]) -> ctypes.CDLL:
    """Load the object of a source, from the cache where there is a sound one.

    Raises
    ------
    NotCompiledError
        When it has to be compiled, and that fails.
    """
    command = compiler()
    options = [*FLAGS, *(f"-D{name}={value}" for name, value in defines.items())]
    texts = [source.read_text(encoding="utf-8"), HEADER.read_text(encoding="utf-8")]
    decides = "\0".join([*texts, *command, *options, _machine(command, FLAGS)])
    key, place = sha256(decides.encode()).hexdigest()[:32], folder()
    for path in sorted(place.glob(f"{key}-*.so")):
        if path.stem == f"{key}-{_digest(path)}":
            return ctypes.CDLL(str(path))
    with _room(place) as room:
        made = room / "made.so"
        _run(
            [
                *command,
                *options,
                f"-I{HEADER.parent}",
                "-shared",
                str(source),
                "-o",
                str(made),
                "-lm",
            ]
        )
        kept = place / f"{key}-{_digest(made)}.so"
        if room.parent == place:
            made.replace(kept)
            made = kept
        return ctypes.CDLL(str(made))


def _digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()[:32]


@contextmanager
def _room(place: Path) -> Iterator[Path]:
    """A folder to compile in: inside the cache, or elsewhere where that is read-only."""
    inside = place if os.access(place, os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=inside) as room:
        yield Path(room).resolve() if inside is None else Path(room)


# --- what calls it ---


class Contexts:
    """The memory of an object, for each thread its own, and its calls.

    Attributes
    ----------
    used
        Bytes of all of it.
    """

    def __init__(self, made: Compiled, tasks: int, parameters: int, dtype: np.dtype) -> None:
        self._tasks, self._blocks = tasks, blocks_of(tasks)
        count = min(made.threads, self._blocks)
        self._bounds = [self._blocks * at // count for at in range(count + 1)]
        made.library.room.restype = ctypes.c_longlong
        self._memory = [aligned(made.library.room() * dtype.itemsize) for _ in range(count)]
        # A single block is written to where the gradient is wanted.
        self._gradients = np.zeros((self._blocks * (self._blocks > 1), parameters), dtype)
        self._losses = np.zeros(self._blocks)
        self._parameters, self._row = parameters, parameters * dtype.itemsize
        self._at_losses, self._at_gradients = address(self._losses), address(self._gradients)
        self._at_memory = list(map(address, self._memory))
        self.used = sum(each.nbytes for each in (*self._memory, self._gradients))
        self._run, self._total = made.library.run, made.library.total
        whole, array = ctypes.c_longlong, ctypes.c_void_p
        self._run.argtypes = [ctypes.c_int] * 3 + [whole] + [array] * 10
        self._total.argtypes = [ctypes.c_int, whole, array, array, array]
        self._total.restype = ctypes.c_double
        self._helpers: list[Helper] = []
        self._process = 0

    def run(
        self,
        weights: int,
        rates: int,
        data: Sequence[Array],
        numbers: Sequence[float],
        gradient: int,
    ) -> float:
        """Compute the gradient of all tasks, and return the sum of their losses.

        Parameters
        ----------
        weights, rates
            Where their vectors are.
        data
            The arrays of a meta-batch.
        numbers
            What is given beside, in the order in which the source reads it.
        gradient
            Where the gradient goes.
        """
        vectors = (_packing(len(numbers))(*numbers), weights, rates)
        given = (self._blocks, self._tasks, *vectors, *map(_passed, data))
        if self._blocks == 1:
            self._run(0, 1, *given, gradient, self._at_losses, self._at_memory[0])
            return self._losses.item()
        self._share(given)
        loss: float = self._total(
            self._blocks, self._parameters, self._at_gradients, gradient, self._at_losses
        )
        return loss

    def _share(self, given: tuple[int | bytes, ...]) -> None:
        """Let every thread compute its blocks."""

        def part(at: int) -> None:
            first, last = self._bounds[at : at + 2]
            row = self._at_gradients + first * self._row
            self._run(first, last, *given, row, self._at_losses, self._at_memory[at])

        helpers = self._helping()
        for at, helper in enumerate(helpers, start=1):
            helper.begin(partial(part, at))
        try:
            part(0)
        finally:
            for helper in helpers:
                helper.end()

    def _helping(self) -> "list[Helper]":
        """The threads beside the one that calls: a forked process has none of its parent's."""
        if self._process != os.getpid():
            self._process = os.getpid()
            self._helpers = [Helper() for _ in self._memory[1:]]
            for helper in self._helpers:
                weakref.finalize(self, helper.stop)
        return self._helpers


class Helper:
    """A thread that does one thing at a time; a lock is quicker to hand over than a future."""

    def __init__(self) -> None:
        self._work: Callable[[], None] | None = None
        self._go, self._done, self._busy = Lock(), Lock(), False
        self._go.acquire()
        self._done.acquire()
        Thread(target=self._loop, daemon=True).start()

    def begin(self, work: Callable[[], None]) -> None:
        """Do something, after what was begun and not waited for to its end."""
        self.end()
        self._work, self._busy = work, True
        self._go.release()

    def end(self) -> None:
        """Wait until it is done."""
        if self._busy:
            self._done.acquire()
            self._busy = False

    def stop(self) -> None:
        """End the thread."""
        self._work = None
        self._go.release()

    def _loop(self) -> None:
        while True:
            self._go.acquire()
            if self._work is None:
                return
            try:
                self._work()
            finally:
                self._work = None
                self._done.release()


def blocks_of(tasks: int) -> int:
    """In how many blocks tasks are added up: a power of two, so that threads share them evenly."""
    blocks = 1
    while 2 * blocks <= min(BLOCKS, tasks // TASKS_OF_A_BLOCK):
        blocks *= 2
    return blocks


@cache
def _packing(count: int) -> Callable[..., bytes]:
    """Makes numbers of 64 bits of so many."""
    return Struct(f"{count}d").pack


def _passed(array: Array) -> int | bytes:
    """An array as a function in C is given it: where it is, or a copy where that is quicker."""
    flags = array.flags
    if array.nbytes > COPIED and flags.c_contiguous and flags.aligned:
        return address(array)
    return array.tobytes()


def address(array: Array | Bytes) -> int:
    """Where an array is; its attribute `ctypes` takes several times as long."""
    where: int = array.__array_interface__["data"][0]
    return where


def aligned(size: int) -> Bytes:
    """So many bytes of zeros, which start at a line of the cache."""
    memory = np.zeros(size + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + size]
