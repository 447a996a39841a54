"""Try the check on right codes and planted faults, and write down what it says."""

from __future__ import annotations

import importlib
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..experiment.command import Parser, Refusal, status
from ..experiment.files import output, write_json
from .__main__ import model
from .function import check

if TYPE_CHECKING:
    import argparse

    from .planted.model import Planted

WHERE = ("in_numpy", "in_torch", "in_jax")


def rooms() -> list[Any]:
    """The modules with planted codes; they need PyTorch, JAX and higher."""
    try:
        return [importlib.import_module(f"docs.check.planted.{name}") for name in WHERE]
    except ImportError as error:
        raise Refusal(f"{error}; the trial needs torch, jax and higher") from None


def tried(planted: Planted) -> dict[str, Any]:
    """A code with the verdict on it."""
    given = planted.model()
    verdict = check(*given)
    return {
        "framework": planted.framework,
        "network": planted.network,
        "code": planted.code,
        "said": verdict.answer,
        "expected": planted.expected,
        "named": verdict.answer.startswith(planted.expected),
        "error": verdict.matches[0].error if verdict.matches else verdict.nearest[0].error,
        "cut": verdict.cut[0].splitlines()[0] if verdict.cut else "",
    }


def example() -> str:
    """What is said of the model that the page shows."""
    return str(check(**model(Path(__file__).with_name("example.py"))))


def run(options: argparse.Namespace) -> int:
    """Try all codes; exit status 1 if one is named wrongly."""
    output(options.out, {"example", "right", "faults"})
    warnings.simplefilter("ignore")  # Hooks of higher and `.grad` of clones are warned about.
    record: dict[str, Any] = {"example": example(), "right": [], "faults": []}
    for room in rooms():
        for kind, codes in (("right", room.RIGHT), ("faults", room.FAULTS)):
            for each in codes:
                row = tried(each)
                record[kind].append(row)
                print(f"{row['framework']}, {each.network}, {each.code}: {row['said']}", flush=True)
    write_json(options.out, record, own=False)
    print(f"wrote {options.out}")
    return 0 if all(row["named"] for row in record["right"] + record["faults"]) else 1


def main(arguments: list[str] | None = None) -> int:
    """Run ``python -m docs.check.trial``."""
    parser = Parser(prog="python -m docs.check.trial", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the JSON to write")
    options = parser.parse_args(arguments)
    return status(lambda: run(options))


if __name__ == "__main__":
    sys.exit(main())
