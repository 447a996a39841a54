"""Write the test vectors, or say what somebody's gradients are."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from docs.diagnose import vectors
from docs.diagnose.compare import judge
from docs.diagnose.reading import read
from docs.diagnose.verdict import Verdict
from docs.experiment.command import Parser, Refusal, status

if TYPE_CHECKING:
    import argparse


def run(options: argparse.Namespace) -> int:
    """Do what was asked; exit status 0 only for vectors written and for the true meta-gradient."""
    if options.what == "vectors":
        if options.out is None:
            raise Refusal("--out is missing; it must be the folder that gets the vectors")
        for name in vectors.write(options.out):
            print(f"wrote {options.out / name}")
        return 0
    if options.out is not None:
        raise Refusal("--out is given; it goes with vectors only")
    verdict = Verdict(tuple(map(judge, read(Path(options.what)))))
    print(verdict)
    return 0 if verdict.right else 1


def main(arguments: list[str] | None = None) -> int:
    """Run ``python -m docs.diagnose``."""
    parser = Parser(
        prog="python -m docs.diagnose",
        description="Write test vectors of MAML's meta-gradient, or say what gradients are.",
        epilog="Exit status: 0 it is the second-order meta-gradient, 1 it is not, 2 an error.",
    )
    parser.add_argument(
        "what", metavar="vectors | GRADIENTS", help="write the vectors, or judge a .npz or .json"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="the folder that gets the vectors")
    options = parser.parse_args(arguments)
    return status(lambda: run(options))


if __name__ == "__main__":
    sys.exit(main())
