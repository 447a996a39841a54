"""The tables of the chapter about checking a model of one's own, from what the trial wrote."""

from __future__ import annotations

import json
from typing import Any

from docs.render.manifest import ROOT, PageError
from docs.render.tables import figure
from docs.render.texts import escaped


def checked(what: str) -> str:
    """A table, ``right`` or ``faults``, or how many of it were named rightly: ``right/named``.

    Or the verdict on the ``example``.
    """
    record: dict[str, Any] = json.loads(
        (ROOT / "docs/check/results.json").read_text(encoding="utf-8")
    )
    kind, _, part = what.partition("/")
    if kind not in record or part not in {"", "named"}:
        raise PageError(f"there is nothing about the check called {what!r}")
    if kind == "example":
        return f"```text\n{record[kind]}\n```"
    rows = escaped(record[kind])
    if part:
        return f"{sum(row['named'] for row in rows)} of {len(rows)}"
    lines = ["| framework | network | code | verdict | error |", "|---|---|---|---|--:|"]
    for row in rows:
        wrong = "" if row["named"] else " **(wrong)**"
        names = " | ".join((row["framework"], row["network"], row["code"]))
        lines.append(f"| {names} | {row['said']}{wrong} | {figure(row['error'])} |")
    return "\n".join(lines)
