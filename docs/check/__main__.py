"""Check the model of a file: what its meta-gradient is, and where the graph is cut."""

from __future__ import annotations

import sys
import traceback
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from threading import Timer
from typing import Any

from .. import program
from ..experiment.command import Parser, Refusal, printable, status, whole
from .function import check

#: What the file defines, and `check` takes.
NAMES = ("meta_gradient", "adapt", "loss", "weights", "tasks")

#: After so many seconds the command says why it takes long.
PATIENCE = 10.0
LONG = (
    "still at it: a check takes hundreds or thousands of losses after adaptation; "
    "smaller sets, fewer tasks or channels give the same verdict sooner"
)

#: What the file is called as a module.
CHECKED = "checked_model"


def model(path: Path) -> dict[str, Any]:
    """What a file defines of a model.

    Raises
    ------
    Refusal
        When it cannot be run as Python, or lacks one of the names.
    """
    # Not by the file's own name, which may be that of a library.
    spec = spec_from_file_location(CHECKED, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise Refusal(f"cannot read {path}; it must be a .py file that defines {listed(NAMES)}")
    module = sys.modules[CHECKED] = module_from_spec(spec)
    # As Python does it for a script: what stands beside the file can be imported.
    sys.path.insert(0, str(path.resolve().parent))
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise Refusal(f"{path} is no Python: {error.msg}, in line {error.lineno}") from None
    except SystemExit:
        raise Refusal(f"{path} cannot be run: it ends the program") from None
    except Exception as error:
        raise Refusal(f"{path} cannot be run: {reason(error, path)}") from None
    if lacking := [name for name in NAMES if not hasattr(module, name)]:
        raise Refusal(f"{path} lacks {listed(lacking)}; it must define {listed(NAMES)}")
    return {name: getattr(module, name) for name in NAMES}


def listed(names: Any) -> str:
    """A few names in a sentence."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else str(last)


def reason(error: Exception, path: Path) -> str:
    """What went wrong in somebody's file, and in which of its lines, in one line."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [each.lineno for each in frames if Path(each.filename).resolve() == path.resolve()]
    where = f", in line {lines[-1]}" if lines else ""
    return f"{type(error).__name__}: {' '.join(str(error).split())}{where}"


def main(arguments: list[str] | None = None) -> int:
    """Run ``python -m docs.check``."""
    parser = Parser(
        prog=program(str(__package__)),
        description="Say what the meta-gradient of a model of your own is, and which of its "
        "arrays or lines are the reason.",
        epilog="Exit status: 0 it is the second-order meta-gradient; 1 it is not; 2 an error.",
    )
    parser.add_argument(
        "file", type=Path, metavar="FILE", help=f"a .py file that defines {listed(NAMES)}"
    )
    parser.add_argument("--seed", type=whole(0), default=0, help="of the random directions")
    options = parser.parse_args(arguments)

    def run() -> int:
        given = model(options.file)
        waiting = Timer(PATIENCE, print, [LONG], {"file": sys.stderr, "flush": True})
        waiting.daemon = True
        waiting.start()
        try:
            verdict = check(**given, seed=options.seed)
        finally:
            waiting.cancel()
        print(*map(printable, str(verdict).splitlines()), sep="\n")
        return 0 if verdict.right else 1

    return status(run)


if __name__ == "__main__":
    sys.exit(main())
