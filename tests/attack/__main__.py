"""Attack the commands for a while; what came of it, by kind, goes into a file that a page reads."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from docs.experiment.command import Parser, status, whole
from docs.experiment.files import output, write_json
from tests.attack.attempts import KINDS, Fault


def attacked(kind: str, seconds: float, seed: int) -> dict[str, int | str]:
    """Attempts of one kind for some seconds: how many ended in which way."""
    found: Counter[str] = Counter()
    rng, begun = random.Random(f"{kind} {seed}"), time.monotonic()
    while time.monotonic() - begun < seconds:
        with tempfile.TemporaryDirectory() as folder:
            attempts = KINDS[kind](Path(folder), rng)
            try:
                while time.monotonic() - begun < seconds:
                    found[next(attempts)] += 1
            except Fault as fault:
                found["fault"] += 1
                print(f"{kind}: {str(fault)[:2000]!r}", file=sys.stderr, flush=True)
    row: dict[str, int | str] = {
        "kind": kind,
        **{name: found[name] for name in ("done", "refused", "fault")},
    }
    print(", ".join(f"{name}: {value}" for name, value in row.items()), flush=True)
    return row


def run(options: argparse.Namespace) -> int:
    """Attack, write the counts; exit status 1 if there was a fault."""
    output(options.out, {"kind", "done", "refused", "fault"})
    rows = [attacked(kind, options.seconds, options.seed) for kind in options.kinds or KINDS]
    write_json(options.out, rows, own=False)
    return 1 if any(row["fault"] for row in rows) else 0


def main(arguments: list[str] | None = None) -> int:
    """Run ``python -m tests.attack``."""
    options = Parser(prog="python -m tests.attack", description=__doc__)
    options.add_argument("--out", type=Path, default=Path("docs/attack.json"), metavar="FILE")
    options.add_argument("--seconds", type=whole(1), default=120, help="of each kind")
    options.add_argument("--seed", type=whole(0), default=0)
    options.add_argument("--kinds", nargs="+", choices=KINDS, metavar="KIND", help="some of them")
    return status(lambda: run(options.parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main())
