"""Make the results that the pages show, from real runs: about an hour on two cores.

Each file is what one sweep has found, with its command, seeds and versions; the figures are those
of one run on glyphs. Finished runs are not run again. Omniglot's two minimal splits are read from
a folder that has their zips. What a call costs is measured by ``python -m tests.benchmark.images``.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..experiment.command import Parser, Refusal, status
from ..experiment.files import record_of, write_json
from . import __main__ as experiment
from .family import CHARACTERS
from .sweep import __main__ as sweep

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE = Path(__file__).resolve().parent

#: Where the tables of the page come from, and where its figures.
COMMITTED, FIGURES = HERE / "results", HERE / "figures"

# --8<-- [start:sweeps]
#: On Omniglot's minimal splits, at the settings of a measurement in another program.
OMNIGLOT = {
    "omniglot-maml": "--recipe shown --methods maml --seeds 3 --tasks 400",
    "omniglot-meta-sgd": "--recipe shown --methods meta-sgd --alpha 0.1 --steps 3 --seeds 3 "
    "--tasks 400",
    "omniglot-normalised": "--recipe shown --network relu2-cross_entropy-maml-1-normalised "
    "--hidden 128 64 --methods maml --seeds 3 --tasks 400",
}

#: On glyphs: every method, and MAML by way and shots in a third of the iterations.
GLYPHS = {
    "methods": "--recipe shown --seeds 3",
    "ways": "--methods maml --seeds 1 --tasks 400 --grid shots=1,5 --grid way=5,20",
}
SWEEPS = OMNIGLOT | GLYPHS
# --8<-- [end:sweeps]

#: The run whose figures the page shows, and which.
FLAGS = "--recipe shown --methods maml --tasks 400 --seeds 1"
SHOWN = (
    "contact_sheet",
    "test_task",
    "accuracy_by_step",
    "learning_curve",
    "confusion",
    "movement",
)


def rounded(value: Any) -> Any:
    """Numbers with five digits: more would only be noise in a file that people compare."""
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {name: rounded(each) for name, each in value.items()}
    return [rounded(each) for each in value] if isinstance(value, list) else value


def committed(record: Mapping[str, Any], command: str) -> dict[str, Any]:
    """What is kept of a sweep's record: without its paths, which are of one machine."""
    base = {**record["base"], "data": Path(record["base"]["data"]).name}
    return rounded({**record, "base": base, "command": command})  # type: ignore[no-any-return]


def compare(name: str, folder: Path, data: Path | None) -> int:
    """Run a sweep, or what is left of it, and keep what it found; its exit status."""
    place = []
    if name in OMNIGLOT:
        if data is None:
            raise Refusal(f"{name} needs --omniglot, a folder with the minimal splits")
        place = ["--data", str(data)]
    code = sweep.main([*SWEEPS[name].split(), *place, "--run", str(folder)])
    if code:
        return code
    record = record_of(folder / "sweep.json", dict[str, Any], CHARACTERS.command("sweep"))
    if not record["grid"]:
        record["baselines"] = without_gradients(folder)
    shown = "--data DIR " if place else ""
    command = f"{CHARACTERS.command('sweep')} {shown}{SWEEPS[name]}"
    write_json(COMMITTED / f"{name}.json", committed(record, command), own=False)
    return 0


def without_gradients(folder: Path) -> dict[str, float]:
    """The mean over a sweep's runs of what is measured beside its methods."""
    found: dict[str, list[float]] = {}
    for path in sorted(folder.glob("runs/*/evaluation.json")):
        for name, each in record_of(path, dict[str, Any], "the sweep")["baselines"].items():
            found.setdefault(name, []).append(each[CHARACTERS.score.name])
    return {name: sum(values) / len(values) for name, values in found.items()}


def draw(folder: Path) -> int:
    """Train what is left of the run, and keep its figures; the exit status."""
    code = experiment.main([*FLAGS.split(), "--resume", "--run", str(folder)])
    for figure in SHOWN if not code else ():
        shutil.copy(folder / "figures" / f"{figure}.svg", FIGURES)
    return code


def run(options: argparse.Namespace) -> int:
    """Make what was asked for; the exit status."""
    for folder in (COMMITTED, FIGURES):
        folder.mkdir(parents=True, exist_ok=True)
    for name in options.only or ["figures", *SWEEPS]:
        print(f"--- {name} ---", flush=True)
        folder = options.run / name
        code = draw(folder) if name == "figures" else compare(name, folder, options.omniglot)
        if code:
            print(f"error: {name} ended with status {code}; it is no result", file=sys.stderr)
            return code
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Run ``python -m docs.characters.results``."""
    options = Parser(prog="python -m docs.characters.results", description=str(__doc__))
    folder = CHARACTERS.folder / "results"
    options.add_argument("--run", type=Path, default=folder, metavar="DIR", help="for the runs")
    options.add_argument("--omniglot", type=Path, metavar="DIR", help="with the minimal splits")
    options.add_argument("--only", nargs="+", choices=["figures", *SWEEPS], metavar="NAME")
    return status(lambda: run(options.parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main())
