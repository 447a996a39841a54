"""ES modules as one script, which a browser takes from disk as from a host.

From disk no browser loads a module, a worker or a file of data. So each module becomes a function
that returns what it exports, in the order in which they import one another, and what is imported
as text or bytes stands in the script itself::

    import { plot } from "./plot.js";
    import worker from "./worker.js" with { type: "text" };     that one as a script of its own
    import wasm from "./relu2.wasm" with { type: "bytes" };
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

IMPORT = re.compile(
    r'^import (?P<what>\{[^}]*\}|\* as \w+|\w+) from "(?P<path>[^"]+)"'
    r'(?: with \{ type: "(?P<kind>text|bytes)" \})?;\n',
    re.MULTILINE,
)
EXPORT = re.compile(
    r"^export (?=(?:const|let|class|function\*?|async function\*?) (\w+))", re.MULTILINE
)


def bundled(entry: Path) -> str:
    """A module and all that it imports, as one script.

    Parameters
    ----------
    entry
        The module that a page would load.

    Raises
    ------
    OSError
        When something that is imported is not there.
    ValueError
        When modules import one another in a circle or what is not exported, or a line is no import
        or export that this understands.
    """
    made: dict[Path, Module] = {}
    _add(entry.resolve(), made, ())
    texts = [each.text for each in made.values()]
    return "\n".join(["(() => {", '"use strict";', *texts, "})();", ""])


class Module(NamedTuple):
    """A module as a function that is called, and the names of what it returns."""

    text: str
    names: tuple[str, ...]


def _add(path: Path, made: dict[Path, Module], importers: tuple[Path, ...]) -> None:
    """Put a module behind those that it imports."""
    if path in importers:
        circle = " -> ".join(each.name for each in (*importers, path))
        raise ValueError(f"modules import one another: {circle}")
    if path in made:
        return
    text = path.read_text(encoding="utf-8")
    for found in IMPORT.finditer(text):
        if not found["kind"]:
            _add((path.parent / found["path"]).resolve(), made, (*importers, path))
    places = {each: f"module{at}" for at, each in enumerate(made)}

    def taken(found: re.Match[str]) -> str:
        target = (path.parent / found["path"]).resolve()
        if found["kind"]:
            return f"const {found['what']} = {_data(target, found['kind'])};\n"
        asked = re.findall(r"(\w+)(?: as \w+)?", found["what"].removeprefix("* as "))
        if found["what"].startswith("{") and (lost := {*asked} - {*made[target].names, "as"}):
            raise ValueError(
                f"{path.name}: {target.name} does not export {', '.join(sorted(lost))}"
            )
        name = found["what"].removeprefix("* as ").replace(" as ", ": ")
        return f"const {name} = {places[target]};\n"

    body = IMPORT.sub(taken, text)
    names = EXPORT.findall(body)
    body = EXPORT.sub("", body)
    if left := re.search(r"^(import|export)\b.*", body, re.MULTILINE):
        raise ValueError(f"{path.name}: {left[0]!r} is no import or export that is understood")
    head, end = f"const module{len(made)} = (() => {{", f"return {{ {', '.join(names)} }};\n}})();"
    made[path] = Module(f"{head}\n{body}{end}", tuple(names))


def _data(path: Path, kind: str) -> str:
    """What is imported as text or bytes, as an expression."""
    if kind == "text":
        # A script that is made of it must not end the one that it stands in.
        return json.dumps(bundled(path)).replace("</", "<\\/")
    code = b64encode(path.read_bytes()).decode()
    return f'Uint8Array.from(atob("{code}"), (each) => each.charCodeAt(0))'
