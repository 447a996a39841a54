"""Numbers and tables of a page: of the rewrite, the rules, the notation, and what was measured."""

from __future__ import annotations

from fractions import Fraction
from functools import reduce
from typing import TYPE_CHECKING, Any

from docs.render.manifest import (
    PAGE_NETWORK,
    PageError,
    manifest,
    marked,
    parts_of,
    table,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PASS_TITLES = {
    "equations": "equations",
    "products": "matrix products",
    "operations": "operations",
    "weight_matrices": "weight matrices per task",
}


#: What a page calls the kinds of quantities, each of which has a colour.
KINDS = {
    "data": "data",
    "weight": "weight",
    "gradient": "gradient of the support loss",
    "adjoint": "adjoint of the query loss",
    "value": "value",
}


def pass_table(network: str) -> str:
    """What each pass of the rewrite did to the program's cost."""
    lines = [f"| after | {' | '.join(PASS_TITLES.values())} |", "|---|--:|--:|--:|--:|"]
    for row in table(network, "passes"):
        cells = [f"{row[column]:,}" for column in PASS_TITLES]
        lines.append(f"| `{row['pass']}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def pass_number(where: str) -> str:
    """A figure of the pass table, ``relu2/derived/equations``."""
    network, name, column = parts_of(where, "network/pass/column")
    for row in table(network, "passes"):
        if row["pass"] == name and column in PASS_TITLES:
            return f"{row[column]:,}"
    raise PageError(f"there is no figure {where}")


def choice_table(network: str) -> str:
    """For each layer, when the workspace form forms its fast weights."""
    rows = [
        f"| {row['layer']} | ${row['dense']} \\;<\\; {row['kernel']}$ |"
        for row in table(network, "choices")
    ]
    return "\n".join(["| layer | dense where |", "|--:|---|", *rows])


def workspace_number(where: str) -> str:
    """What the workspace form has, ``relu2/buffers``."""
    network, key = parts_of(where, "network/what")
    record = manifest(network).get("workspace", {})
    if key not in record:
        raise PageError(f"there is no figure {where}")
    return f"{record[key]:,}"


def rule_table(network: str) -> str:
    """The derivative rules that a network's derivation used."""
    rows = [f"| $V = {rule['form']}$ | ${rule['gain']}$ |" for rule in table(network, "rules")]
    return "\n".join(["| an equation | adds to the adjoint of $U$ |", "|---|---|", *rows])


def example(name: str) -> str:
    """A number of the worked example in scalars."""
    record = manifest("warm_up")
    values = {**record["example"], **{line["name"]: line["example"] for line in record["derived"]}}
    if name not in values:
        raise PageError(f"there is no number {name!r} in the example")
    return decimal(values[name])


def decimal(fraction: str) -> str:
    """A fraction as a decimal number of at most six digits."""
    if Fraction(f"{float(Fraction(fraction)):g}") != Fraction(fraction):
        raise PageError(f"{fraction} is not a short decimal number")
    return f"{float(Fraction(fraction)):g}".replace("-", "\N{MINUS SIGN}")


def numbers_table(rows: Sequence[Sequence[str]], words: int = 1) -> str:
    """A table whose first columns are words and whose others are numbers; nobody searches it."""
    header, *body = rows
    marks = ["---"] * words + ["--:"] * (len(header) - words)
    table = "\n".join(f"| {' | '.join(row)} |" for row in (header, marks, *body))
    return f'<div class="numbers" markdown="1" data-search-exclude>\n\n{table}\n\n</div>'


def recorded(text: str, record: Mapping[str, Any]) -> str:
    """A number or a word of a record by its path, with its format: ``machine/fma:.0f``."""
    path, _, form = text.partition(":")
    value = _at(path, record)
    if not isinstance(value, str | int | float):
        raise PageError(f"there is no number and no word under {path!r}")
    try:
        return format(value, form)
    except ValueError:
        raise PageError(f"what is under {path!r} cannot be printed as {form!r}") from None


def _at(path: str, record: Mapping[str, Any]) -> Any:
    try:
        return reduce(lambda part, key: part[key], path.split("/"), record)
    except (KeyError, TypeError):
        raise PageError(f"nothing was measured under {path!r}") from None


def measured(path: str, record: Mapping[str, Any]) -> str:
    """A number that this build measured, or a table of numbers by name."""
    value = _at(path, record)
    if not isinstance(value, dict):
        return figure(value)
    nested = {isinstance(part, dict) for part in value.values()}
    if len(nested) > 1:
        raise PageError(f"{path!r} holds tables and numbers; name one of {', '.join(value)}")
    if nested == {True}:
        columns = list(next(iter(value.values())))
        lines = [f"| gradient | {' | '.join(columns)} |", "|---|" + "--:|" * len(columns)]
        return "\n".join(
            [*lines, *(f"| {key} | {_cells(row.values())} |" for key, row in value.items())]
        )
    lines = [f"| {' | '.join(value)} |", "|" + "--:|" * len(value)]
    return "\n".join([*lines, f"| {_cells(value.values())} |"])


def _cells(values: Any) -> str:
    return " | ".join(map(figure, values))


def figure(value: Any) -> str:
    """A number as a page prints it: three digits, and two of a very small one."""
    if not isinstance(value, float):
        return str(value)
    if 0 < abs(value) < 1e-3:
        return f"{value:.1e}"
    return f"{value:.3g}".replace("-", "\N{MINUS SIGN}")


def symbol_table(network: str) -> str:
    """Every quantity of a network: its name in code, how it is written, where it is defined."""
    record = manifest(network)
    form = {line["name"]: form for form in ("rewritten", "derived") for line in record[form]}
    rows = []
    for each in record["symbols"]:
        name, shape, kind = each["name"], each["shape"], KINDS[each["kind"]]
        defined = f"[eq:{network}/{form[name]}/{name}]" if name in form else "given"
        latex = marked(each["latex"], network)
        rows.append(f"| `{name}` | ${latex}$ | {kind} | ${shape}$ | {defined} |")
    head = ["| in code | written | kind | shape | defined in |", "|---|---|---|---|---|"]
    return "\n".join([*head, *rows])


def notation_table() -> str:
    """The letters and what they stand for."""
    rows = [
        f'| <span id="{letter_anchor(row["latex"])}">${row["latex"]}$</span> | {row["meaning"]} |'
        for row in manifest(PAGE_NETWORK)["notation"]
    ]
    return "\n".join(["| letter | stands for |", "|---|---|", *rows])


def letter_anchor(latex: str) -> str:
    """The id of a letter in the table of them."""
    return "letter-" + latex.removeprefix("\\")
