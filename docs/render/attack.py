"""The table of what hostile inputs came to, from what ``make attack`` wrote."""

from __future__ import annotations

from docs.render.manifest import ROOT, PageError
from docs.render.texts import read

#: What the attempts of a kind are.
KINDS = {
    "files of a run": "a file of a run is damaged, and the run gone on with and evaluated",
    "members of a sweep": "a file of a sweep's member is damaged, and the sweep gone on with",
    "gradient files": "a file of gradients or quantities is damaged, and diagnosed",
    "kills": "a training is killed at any moment, and gone on with",
    "command lines": "options of a command, from its own parser, with values that suit it or not",
    "command lines of a build": "the same of `derive/build.py`",
}


def attacked(what: str) -> str:
    """The ``table``, or in words how many attempts and faults there were in ``all``."""
    rows = read(ROOT / "docs/attack.json")
    tried = sum(row["done"] + row["refused"] + row["fault"] for row in rows)
    if what == "all":
        return f"{tried:,} attempts, {sum(row['fault'] for row in rows):,} faults"
    if what != "table":
        raise PageError(f"there is nothing about the attack called {what!r}")
    lines = ["| what is tried | done | refused | faults |", "|---|--:|--:|--:|"]
    for row in rows:
        counts = " | ".join(f"{row[name]:,}" for name in ("done", "refused", "fault"))
        lines.append(f"| {KINDS[row['kind']]} | {counts} |")
    return "\n".join(lines)
