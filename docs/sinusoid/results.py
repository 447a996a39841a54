"""Make the results that the pages show, from real runs: nearly three hours of them on two cores.

Each file is what one sweep or one measurement found, with its command, seeds and versions; the
figures are theirs and those of two runs. Finished runs are not run again.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..experiment.command import Parser, status
from ..experiment.files import record_of, write_json
from . import __main__ as experiment
from . import gauss_newton
from .family import COMPARED, SINUSOIDS
from .sweep import __main__ as sweep

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE = Path(__file__).resolve().parent

#: Where the tables of the pages come from, and where their figures.
COMMITTED, FIGURES = HERE / "results", HERE / "figures"

# --8<-- [start:sweeps]
MILESTONES = "--seeds 3 --grid initial=glorot,truncated --grid iterations=10000,30000,70000"

# --8<-- [start:undone]
#: What the best recipe is made of, undone by these flags.
UNDONE = {
    "clip": "--clip 0",
    "schedule": "--schedule constant",
    "multi-step": "--step-weights last",
    "entry-rates": "--network maml_plus_plus --methods maml++",
    "tanh": "--network results/networks/recipe_relu",
    "steps": "--network results/networks/recipe_1step --step-weights last",
    "rates": "--network results/networks/maml_tanh_5steps --methods maml --step-weights last",
}
#: The flags with which ``derive/build.py`` makes those of their networks that are not committed.
OWN = {
    "recipe_relu": "--algorithm recipe --activation relu --steps 5",
    "recipe_1step": "--algorithm recipe --activation tanh --steps 1",
    "maml_tanh_5steps": "--algorithm maml --activation tanh --steps 5",
}

# --8<-- [end:undone]

#: By the name of a file, the flags of its sweep.
SWEEPS = {
    "quick": "--recipe quick --seeds 5",
    "10shot-maml": f"--recipe paper-10shot --methods maml {MILESTONES}",
    "5shot-maml": f"--recipe paper-5shot --methods maml {MILESTONES}",
    "10shot-first-order": f"--recipe paper-10shot --methods first-order {MILESTONES}",
    "5shot-first-order": f"--recipe paper-5shot --methods first-order {MILESTONES}",
    "10shot-baselines": "--recipe paper-10shot --seeds 3 --grid methods=joint,oracle "
    "--grid initial=glorot,truncated",
    "5shot-baselines": "--recipe paper-5shot --seeds 3 --grid methods=joint,oracle "
    "--grid initial=glorot,truncated",
    "tanh": "--recipe tanh --methods maml --seeds 3",
    "grid": "--seeds 5 --grid alpha=0.005,0.01,0.02 --grid network=relu2,tanh2 --iterations 10000",
    # Files are named as their recipes.
    **{name: f"--recipe {name} --seeds 5" for name in COMPARED},
    # The best recipe with one thing undone.
    **{
        f"without-{name}": f"--recipe best-10shot {flags} --seeds 5"
        for name, flags in UNDONE.items()
    },
}

#: By the name of a folder of figures, the flags of its run and the figures that pages show.
RUNS = {
    "quick": ("--recipe quick", ("adaptation", "error_by_step", "fits", "learning_curve")),
    "paper-10shot": (
        "--recipe paper-10shot --methods maml joint oracle",
        ("angle", "error_by_step", "error_map", "half_range"),
    ),
    "best-10shot": (
        "--recipe best-10shot --methods recipe joint",
        ("adaptation", "error_by_step", "error_map", "half_range"),
    ),
    # The playground has the weights, and no figure.
    "play": ("--recipe maml-10shot --methods maml first-order joint", ()),
}
#: By the name of a file, the flags with which the parts of the meta-gradient are measured.
PARTS = {"gauss-newton": "", "gauss-newton-tanh": "--network tanh2"}
#: Sweeps and measurements whose figure a page shows.
DRAWN = ("grid", "gauss-newton")
# --8<-- [end:sweeps]


def rounded(value: Any) -> Any:
    """Numbers with five digits: more would only be noise in a file that people compare."""
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {name: rounded(each) for name, each in value.items()}
    return [rounded(each) for each in value] if isinstance(value, list) else value


def committed(record: Mapping[str, Any], command: str) -> dict[str, Any]:
    """What is kept of a sweep's record: without its paths, which are of one machine."""
    return {**rounded(dict(record)), "command": command}


def derive(name: str) -> int:
    """Derive a network that a sweep needs and nothing else does; the exit status."""
    program = [sys.executable, "derive/build.py", "--name", name, *OWN[name].split()]
    return subprocess.run([*program, "--output", "results/networks"], check=False).returncode


def compare(name: str, folder: Path) -> int:
    """Run a sweep, or what is left of it, and keep what it found; its exit status."""
    for own in OWN:
        if f"/{own} " in SWEEPS[name] and (code := derive(own)):
            return code
    code = sweep.main([*SWEEPS[name].split(), "--run", str(folder)])
    undone = name.startswith("without-")
    if code and not undone:
        return code
    record = record_of(folder / "sweep.json", dict[str, Any], SINUSOIDS.command("sweep"))
    # A training without something may end in a loss that is no number: that is what it is worth.
    if any("the loss is" not in reason for reason in record["failures"].values()):
        return code
    command = f"{SINUSOIDS.command('sweep')} {SWEEPS[name]}"
    write_json(COMMITTED / f"{name}.json", committed(record, command), own=False)
    if name in DRAWN:
        shutil.copy(folder / "sweep.svg", FIGURES / "sweeps" / f"{name}.svg")
    return 0


def draw(name: str, folder: Path) -> int:
    """Train what is left of a run, evaluate and draw it, and keep its figures; its exit status."""
    flags, figures = RUNS[name]
    code = experiment.main([*flags.split(), "--resume", "--run", str(folder)])
    if code:
        return code
    for figure in figures:
        shutil.copy(folder / "figures" / f"{figure}.svg", FIGURES / name)
    return 0


def take_apart(name: str, folder: Path) -> int:
    """Measure the parts of the meta-gradient, and keep numbers and figure; the exit status."""
    code = gauss_newton.main([*PARTS[name].split(), "--run", str(folder)])
    if code:
        return code
    made = folder / "gauss_newton"
    command = SINUSOIDS.command("gauss_newton")
    record = record_of(made.with_suffix(".json"), dict[str, Any], command)
    kept = committed(record, f"{command} {PARTS[name]}".strip())
    write_json(COMMITTED / f"{name}.json", kept, own=False)
    if name in DRAWN:
        shutil.copy(made.with_suffix(".svg"), FIGURES / "parts" / f"{name}.svg")
    return 0


def run(options: argparse.Namespace) -> int:
    """Make what was asked for; the exit status."""
    for folder in (
        COMMITTED,
        FIGURES / "sweeps",
        FIGURES / "parts",
        *(FIGURES / name for name in RUNS),
    ):
        folder.mkdir(parents=True, exist_ok=True)
    for name in options.only or [*RUNS, *SWEEPS, *PARTS]:
        print(f"--- {name} ---", flush=True)
        code = 0
        if name in RUNS:
            code = draw(name, options.run / "figures" / name)
        if name in SWEEPS and not code:
            code = compare(name, options.run / "sweeps" / name)
        if name in PARTS:
            code = take_apart(name, options.run / "parts" / name)
        if code:
            print(f"error: {name} ended with status {code}; it is no result", file=sys.stderr)
            return code
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Run ``python -m docs.sinusoid.results``."""
    options = Parser(prog="python -m docs.sinusoid.results", description=str(__doc__))
    folder = SINUSOIDS.folder
    options.add_argument("--run", type=Path, default=folder, metavar="DIR", help="for the runs")
    options.add_argument(
        "--only", nargs="+", choices=[*RUNS, *SWEEPS, *PARTS], metavar="NAME", help="some of them"
    )
    return status(lambda: run(options.parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main())
