"""What ``derive/build.py`` wrote about a network, and how pages refer to it."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent.parent

#: The network that the pages follow.
PAGE_NETWORK = "relu2"

#: The network of the chapter between the scalar and the network.
LINEAR = "linear"

#: The module that computes each form of the meta-gradient, and the function of it that does.
MODULES = {
    "derived": ("reference", "meta_loss_and_gradient"),
    "rewritten": ("kernel", "meta_loss_and_gradient"),
    "first_order": ("reference", "first_order_meta_loss_and_gradient"),
}


class PageError(Exception):
    """A page asks for something that does not exist."""


class Label(NamedTuple):
    """An equation: of a network, as derived, as rewritten or as first-order MAML has it."""

    network: str
    form: str
    name: str

    def __str__(self) -> str:
        return "/".join(self)

    @property
    def anchor(self) -> str:
        """Its id on a page."""
        prefix = [] if self.network in (PAGE_NETWORK, "warm_up") else [self.network]
        form = [] if self.form == "derived" else [self.form]
        return "-".join(["eq", *prefix, *form, self.name])

    @property
    def module(self) -> str:
        """The module that computes it."""
        return "scalar" if self.network == "warm_up" else MODULES[self.form][0]


def label_of(text: str) -> Label:
    """Read ``Z1_q``, ``rewritten/Z1_q`` or ``relu1/rewritten/Z1_q``."""
    *front, name = text.split("/")
    network = front[0] if len(front) > 1 else PAGE_NETWORK
    form = front[-1] if front else "derived"
    if form not in MODULES or len(front) > 2:
        raise PageError(f"{text!r} must be name, form/name or network/form/name")
    return Label(network, form, name)


def parts_of(text: str, form: str) -> list[str]:
    """What a page wrote between the slashes of a command, as many parts as its form has."""
    parts = text.split("/")
    if len(parts) != form.count("/") + 1:
        raise PageError(f"{text!r} must be {form}")
    return parts


def manifest(network: str) -> dict[str, Any]:
    """The manifest of a network; it is read again when it has changed."""
    path = ROOT / "generated" / network / "equations.json"
    if not path.is_file():
        raise PageError(f"there is no network {network!r}")
    return _read(path, path.stat().st_mtime_ns)


def table(network: str, key: str) -> list[dict[str, Any]]:
    """A table of a network's manifest."""
    record = manifest(network)
    if key not in record:
        raise PageError(f"{network} has no {key}")
    rows: list[dict[str, Any]] = record[key]
    return rows


@cache
def _read(path: Path, _: int) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return record


def find(label: Label) -> dict[str, Any]:
    """An equation's record."""
    for equation in manifest(label.network).get(label.form, []):
        if equation["name"] == label.name:
            return dict(equation)
    raise PageError(f"there is no equation {label}")


def readers(label: Label) -> list[str]:
    """The names of the equations that read a quantity."""
    lines = manifest(label.network).get(label.form, [])
    return [line["name"] for line in lines if label.name in line["reads"]]


def same_form(label: Label, name: str) -> Label | None:
    """Another equation of the same program; what the rewrite left alone is found as derived.

    Nothing for an input.
    """
    own = Label(label.network, label.form, name)
    derived = Label(label.network, "derived", name)
    numbers = {each: _number(each) for each in (own, derived)}
    unchanged = label.form == "rewritten" and numbers[own] == numbers[derived]
    if numbers[own] is None or unchanged:
        return derived if numbers[derived] else None
    return own


def _number(label: Label) -> str | None:
    try:
        return str(find(label)["number"])
    except PageError:
        return None


def by_number(network: str, module: str) -> dict[str, Label]:
    """The equations that a module computes, by number; an unchanged one counts as derived."""
    # The workspace form has lines of both, and numbers tell which.
    own = "kernel" if module == "inplace" else module
    forms = ["derived", *(form for form, (of_form, _) in MODULES.items() if of_form == own)]
    found: dict[str, Label] = {}
    for form in forms:
        for line in manifest(network).get(form, []):
            found.setdefault(line["number"], Label(network, form, line["name"]))
    return found


def symbols(network: str) -> dict[str, dict[str, str]]:
    """How each quantity of a network is written, and its kind, by name."""
    return {symbol["name"]: symbol for symbol in manifest(network)["symbols"]}


def rule_number(network: str, place: int) -> int | None:
    """The number of a derivative rule in the table of the pages' network, nothing if not there."""
    form = table(network, "rules")[place]["form"]
    forms = [rule["form"] for rule in table(PAGE_NETWORK, "rules")]
    return forms.index(form) + 1 if form in forms else None


@cache
def _symbol_pattern(pairs: tuple[tuple[str, str], ...]) -> re.Pattern[str]:
    longest_first = sorted((latex for latex, _ in pairs), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)))


def marked(latex: str, network: str) -> str:
    r"""LaTeX whose quantities carry their kind and their name, so that a pointer can find them.

    ``\q{kind}{name}{...}`` is a macro of `formulas`.
    """
    known = symbols(network)
    names = {symbol["latex"]: name for name, symbol in known.items()}
    pattern = _symbol_pattern(tuple(sorted(names.items())))

    def mark(match: re.Match[str]) -> str:
        name = names[match[0]]
        return rf"\q{{{known[name]['kind']}}}{{{name}}}{{{match[0]}}}"

    return pattern.sub(mark, latex)


def source_line(label: Label) -> int:
    """The line of the generated module that computes an equation, from 1."""
    function = MODULES[label.form][1]
    path = ROOT / "generated" / label.network / f"{label.module}.py"
    lines = path.read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"def {function}("))
    for number, line in enumerate(lines[start:], start + 1):
        if line.startswith(f"    {label.name} = "):
            return number
    raise PageError(f"{path.name} of {label.network} does not compute {label.name}")
