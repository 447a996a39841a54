"""Measure everything, each part in a process with an environment of its own.

python -m tests.benchmark            about ten minutes; writes docs/speed/benchmark.json
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
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from docs.experiment.command import Parser, Refusal, status
from docs.experiment.files import write_text
from tests.benchmark import memory
from tests.benchmark.cases import CASES, GROWTH, ROOT, build, emit, last_line
from tests.benchmark.clock import seconds, tidy
from tests.benchmark.environments import described, environment
from tests.benchmark.figures import case_name
from tests.benchmark.part import part

NEEDED = ("jax", "torch", "autograd", "threadpoolctl")
OUTPUT = ROOT / "docs" / "speed" / "benchmark.json"

#: Parts of which the chapter states ratios; the others have a third of the rounds.
PRECISE = ("free", "pinned", "found", "iteration", "undone", "C undone")

#: A share of the core with which nothing else was running on it.
ALONE = 0.95


def child(name: str, folder: Path, rounds: int, quick: bool) -> Any:
    """Run a part, and read what it found.

    Raises
    ------
    Refusal
        When it failed; what it said last is the message.
    """
    print(f"{name} ...", file=sys.stderr, flush=True)
    count = rounds if name in PRECISE else max(2, rounds // 3)
    command = [sys.executable, "-m", "tests.benchmark", "--part", name, "--folder", str(folder)]
    command += ["--rounds", str(count), *(["--quick"] if quick else [])]
    # Compiled anew, whatever was compiled before, and removed with the folder.
    variables = {"TORCHINDUCTOR_CACHE_DIR": str(folder / "torch"), "MAML_CACHE": str(folder / name)}
    variables = environment(name, os.environ) | variables
    result = subprocess.run(
        command, cwd=ROOT, env=variables, check=False, capture_output=True, text=True
    )
    if result.returncode:
        raise Refusal(f"{name}: {last_line(result.stderr)}")
    return json.loads(result.stdout.splitlines()[-1])


def building(folder: Path) -> dict[str, float]:
    """Seconds of the build: all committed packages, and one with three hidden layers."""
    deep = ("--hidden", 3, "--name", "deep", "--output", folder)
    return {
        "all packages": seconds(lambda: build("--check")),
        "three hidden layers": seconds(lambda: build(*deep)),
    }


def memories(folder: Path, rounds: int, quick: bool) -> list[Any]:
    """The peak memory of every contender, where the system tells it."""
    if not memory.is_told():
        return []
    who, cases = (memory.WHO[:2], memory.CASES[:1]) if quick else (memory.WHO, memory.CASES)
    names = [f"memory/{name}/{at}" for at in range(len(cases)) for name in who]
    return [child(name, folder, rounds, quick) for name in names]


def shares(found: dict[str, Any], machine: dict[str, Any]) -> None:
    """Add to every contender its share of what the machine can do."""
    for case in found["cases"]:
        for own in case["contenders"].values():
            for limit in ("sgemm", "fma"):
                peak = machine[limit]
                own[f"share of {limit}"] = own["gflops"] / peak if peak else None


def show(name: str, found: dict[str, Any]) -> None:
    """Print the kernel of BLAS and the ratios of an environment."""
    print(f"{name}: BLAS is {found['blas']}; time of JAX over time of the workspace form")
    for case in found["cases"]:
        own = case["contenders"]["workspace"]
        microseconds, ratio = 1e6 * own["time"]["median"], own["ratio"]["median"]
        print(f"  {case_name(case):28}{microseconds:10,.0f} us{ratio:8.2f}", flush=True)


def warn_of_company(found: dict[str, Any]) -> None:
    """Say so when another program had the core: the times are no good then."""
    share = min(case["share of core"] for case in found["cases"])
    if share < ALONE:
        print(
            f"warning: only {share:.0%} of the core was ours; measure again on an idle machine",
            file=sys.stderr,
        )


def everything(rounds: int, quick: bool) -> dict[str, Any]:
    """Run all parts."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        # First, so that a derivation that does not work costs nobody ten minutes.
        found: dict[str, Any] = {"build": building(folder)}
        emit([] if quick else [*CASES, *(each for own in GROWTH.values() for each in own)], folder)
        for name in ("machine", "free"):
            found[name] = child(name, folder, rounds, quick)
        shares(found["free"], found["machine"])
        warn_of_company(found["free"])
        environments = described(os.environ, found["free"]["blas"])
        names = [name for name in environments if "not measured" not in environments[name]]
        for name in (*names, "growth", "iteration", "undone"):
            found[name] = found.get(name) or child(name, folder, rounds, quick)
            if name in names:
                show(name, found[name])
        found["memory"] = memories(folder, rounds, quick)
    # Its own part ran without it.
    found["machine"]["coretype as found"] = os.environ.get("OPENBLAS_CORETYPE")
    return {
        "schema": 1,
        "command": shlex.join(["python", "-m", "tests.benchmark", *sys.argv[1:]]),
        "date": datetime.now(UTC).date().isoformat(),
        "rounds": rounds,
        "environments": environments,
        **found,
    }


def run(output: Path, rounds: int, quick: bool) -> int:
    """Measure and write; the exit status."""
    record = everything(2 if quick else rounds, quick)
    write_text(output, json.dumps(tidy(record), indent=2, sort_keys=True) + "\n", own=False)
    return 0


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
    return status(lambda: run(options.output, options.rounds, options.quick))


if __name__ == "__main__":
    sys.exit(main())
