"""Write the test vectors, or say what somebody's gradients or quantities are."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .. import program
from ..experiment.command import Parser, Refusal, printable, status
from . import vectors
from .compare import judged
from .reading import arrays_of, gradients
from .walk import holds_quantities, walk

if TYPE_CHECKING:
    import argparse


def show(text: str) -> None:
    """Print lines; keys of somebody's file may be anything."""
    print(*map(printable, text.splitlines()), sep="\n")


def run(options: argparse.Namespace) -> int:
    """Do what was asked; exit status 0 only for vectors written and for what is right."""
    if options.what == "vectors":
        if options.out is None:
            raise Refusal("--out is missing; it must be the folder that gets the vectors")
        for name in vectors.write(options.out):
            print(printable(f"wrote {options.out / name}"))
        return 0
    if options.out is not None:
        raise Refusal("--out is given; it goes with vectors only")
    path = Path(options.what)
    by_case = arrays_of(path)
    if holds_quantities(by_case):
        walks = [walk(name, arrays, f"{path}: {name}/") for name, arrays in by_case.items()]
        show("\n\n".join(map(str, walks)))
        return 0 if all(each.right for each in walks) else 1
    verdict = judged(gradients(by_case, path))
    show(str(verdict))
    return 0 if verdict.right else 1


def main(arguments: list[str] | None = None) -> int:
    """Run ``python -m docs.diagnose``."""
    parser = Parser(
        prog=program(str(__package__)),
        description="Write test vectors of MAML's meta-gradient, say what gradients are, "
        "or which equation of a derivation by hand is the first wrong one.",
        epilog="Exit status: 0 it is the second-order meta-gradient, or no equation is wrong; "
        "1 otherwise; 2 an error.",
    )
    parser.add_argument(
        "what",
        metavar="vectors | FILE",
        help="write the vectors, or judge a .npz or .json of gradients or of quantities",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="the folder that gets the vectors")
    options = parser.parse_args(arguments)
    return status(lambda: run(options))


if __name__ == "__main__":
    sys.exit(main())
