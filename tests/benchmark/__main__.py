"""Measure everything, each part in a process with an environment of its own.

python -m tests.benchmark            about a quarter of an hour; writes docs/speed/benchmark.json
python -m tests.benchmark --quick    tiny sizes and few rounds: whether it runs, not how fast
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

from docs.sinusoid.command import write_json
from tests.benchmark import memory
from tests.benchmark.cases import CASES, GROWTH, ROOT, emit
from tests.benchmark.part import part

NEEDED = ("jax", "torch", "autograd", "threadpoolctl")
OUTPUT = ROOT / "docs" / "speed" / "benchmark.json"

#: Makes BLAS and JAX use one thread; `part` tells PyTorch.
ONE_THREAD = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
}

#: What may pin the kernel of OpenBLAS.
PINS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


class Parser(argparse.ArgumentParser):
    """A parser that says in one line what is wrong."""

    def error(self, message: str) -> NoReturn:
        """Exit with status 2."""
        self.exit(2, f"error: {message}\n")


def environment(name: str) -> dict[str, str]:
    """The environment of a part: one thread and BLAS left to choose, unless it says otherwise."""
    variables = {**os.environ, "JAX_PLATFORMS": "cpu"}
    if name != "found":
        variables = {key: value for key, value in variables.items() if key not in PINS}
    if name == "pinned":
        variables["OPENBLAS_CORETYPE"] = "Haswell"
    return variables if name == "threads" else {**variables, **ONE_THREAD}


def child(name: str, folder: Path, rounds: int, quick: bool) -> Any:
    """Run a part, and read what it found.

    Raises
    ------
    RuntimeError
        When it failed; what it said is the message.
    """
    print(f"{name} ...", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", "tests.benchmark", "--part", name, "--folder", str(folder)]
    command += ["--rounds", str(rounds), *(["--quick"] if quick else [])]
    result = subprocess.run(
        command, cwd=ROOT, env=environment(name), check=False, capture_output=True, text=True
    )
    if result.returncode:
        lines = result.stderr.strip().splitlines()
        raise RuntimeError(f"{name}: {lines[-1] if lines else 'it failed'}")
    return json.loads(result.stdout.splitlines()[-1])


def building() -> dict[str, float]:
    """Seconds of the build: all committed packages, and one with three hidden layers."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, arguments in {
            "all packages": ["--check"],
            "three hidden layers": ["--hidden", "3", "--name", "deep", "--output", folder],
        }.items():
            started = time.perf_counter()
            command = [sys.executable, str(ROOT / "derive/build.py"), *arguments]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            found[name] = round(time.perf_counter() - started, 1)
    return found


def everything(rounds: int, quick: bool) -> dict[str, Any]:
    """Run all parts."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        needed = [*CASES, *(case for cases in GROWTH.values() for case in cases)]
        emit([] if quick else needed, folder)
        few = max(2, rounds // 3)
        names = ["machine", "free", "pinned", "threads", "growth", "iteration", "undone"]
        names += ["found"] if any(pin in os.environ for pin in PINS) else []
        counts = {"free": rounds, "iteration": rounds, "undone": rounds, "pinned": rounds}
        found = {name: child(name, folder, counts.get(name, few), quick) for name in names}
        who = memory.WHO[:2] if quick else memory.WHO
        cases = memory.CASES[:1] if quick else memory.CASES
        found["memory"] = [
            child(f"memory/{name}/{at}", folder, few, quick)
            for at in range(len(cases))
            for name in who
        ]
    # Its own part ran without it.
    found["machine"]["coretype as found"] = os.environ.get("OPENBLAS_CORETYPE")
    return {
        "schema": 1,
        "command": shlex.join(["python", "-m", "tests.benchmark", *sys.argv[1:]]),
        "date": datetime.now(UTC).date().isoformat(),
        "rounds": rounds,
        "build": building(),
        **found,
    }


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; the exit status."""
    parser = Parser(prog="python -m tests.benchmark", description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=OUTPUT, help="where the results go")
    parser.add_argument("--rounds", type=int, default=21, help="rounds of each case")
    parser.add_argument("--quick", action="store_true", help="whether it runs, not how fast")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        parser.error(f"{', '.join(missing)} is not installed; make bench installs it")
    if options.rounds < 2:
        parser.error(f"--rounds is {options.rounds}; it must be at least 2")
    if options.part:
        print(json.dumps(part(options.part, options.folder, options.rounds, options.quick)))
        return 0
    if not options.output.parent.is_dir():
        parser.error(f"--output is {options.output}; its folder must exist")
    try:
        record = everything(2 if options.quick else options.rounds, options.quick)
        write_json(options.output, record)
    except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
