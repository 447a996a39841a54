"""Measure what each technique of the form in C gives, on one core.

What else runs on the machine takes no time of this process, whose own time is measured.

python -m tests.benchmark.native            a minute or two; writes docs/speed/native.json
python -m tests.benchmark.native --quick    tiny sizes and few rounds: whether it runs, not how fast
"""

from __future__ import annotations

import json
import shlex
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from docs.experiment.command import Parser, status
from docs.experiment.files import write_text
from tests.benchmark.__main__ import OUTPUT, child
from tests.benchmark.clock import tidy


def everything(rounds: int, quick: bool) -> dict[str, Any]:
    """Run the parts."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        found = {name: child(name, folder, rounds, quick) for name in PARTS}
    return {
        "command": shlex.join(["python", "-m", "tests.benchmark.native", *sys.argv[1:]]),
        "date": datetime.now(UTC).date().isoformat(),
        "rounds": rounds,
        **found,
    }


PARTS = ("machine", "C undone")


def main(arguments: list[str] | None = None) -> int:
    """Measure and write; the exit status."""
    parser = Parser(prog="python -m tests.benchmark.native", description=__doc__.splitlines()[0])
    where = OUTPUT.with_name("native.json")
    parser.add_argument("--output", type=Path, default=where, help="where the results go")
    parser.add_argument("--rounds", type=int, default=21, help="rounds of each case")
    parser.add_argument("--quick", action="store_true", help="whether it runs, not how fast")
    options = parser.parse_args(arguments)
    if options.rounds < 2:
        parser.error(f"--rounds is {options.rounds}; it must be at least 2")
    if not options.output.parent.is_dir():
        parser.error(f"--output is {options.output}; its folder must exist")

    def run() -> int:
        record = everything(2 if options.quick else options.rounds, options.quick)
        write_text(
            options.output, json.dumps(tidy(record), indent=2, sort_keys=True) + "\n", own=False
        )
        return 0

    return status(run)


if __name__ == "__main__":
    sys.exit(main())
