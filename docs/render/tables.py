"""Numbers and tables of a page: of the rewrite, the rules, the notation, and what was measured."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import reduce
from typing import TYPE_CHECKING, Any

from docs.render.manifest import (
    LINEAR,
    PAGE_NETWORK,
    PageError,
    manifest,
    marked,
    parts_of,
    rule_number,
    symbols,
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


def followed(name: str) -> str:
    """The equation that the pages follow through the rewrite, after a pass or as ``derived``."""
    for row in table(PAGE_NETWORK, "passes"):
        if row["pass"] == name:
            return "\n\n".join(f"$$\n{marked(each, PAGE_NETWORK)}\n$$" for each in row["followed"])
    raise PageError(f"there is no pass {name!r}")


def stages(network: str) -> str:
    """The followed equation and the program's counts as derived and after each pass, as blocks."""
    blocks = []
    for row in table(network, "passes"):
        counts = ", ".join(f"{row[column]:,} {title}" for column, title in PASS_TITLES.items())
        data = " ".join(
            f'data-{column.replace("_", "-")}="{row[column]}"' for column in PASS_TITLES
        )
        name = row["pass"]
        when = "As derived" if name == "derived" else f"After `{name}`"
        head = f'<div class="stage" data-pass="{name}" {data} markdown="block">'
        blocks.append("\n\n".join([head, f"{when}: {counts}.", followed(name), "</div>"]))
    return "\n\n".join(blocks)


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
    """The derivative rules that a network's derivation used; those of the pages are numbered."""
    rows = []
    for place, rule in enumerate(table(network, "rules")):
        number = rule_number(network, place) or ""
        own = network == PAGE_NETWORK
        shown = f'<span id="rule-{number}">{number}</span>' if own else number
        rows.append(f"| {shown} | $V = {rule['form']}$ | ${rule['gain']}$ |")
    return "\n".join(
        ["| rule | an equation | adds to the adjoint of $U$ |", "|--:|---|---|", *rows]
    )


def example(name: str) -> str:
    """A number of the worked example in scalars."""
    record = manifest("warm_up")
    values = {**record["example"], **{line["name"]: line["example"] for line in record["derived"]}}
    if name not in values:
        raise PageError(f"there is no number {name!r} in the example")
    return decimal(values[name])


def given_numbers(network: str) -> str:
    """What is given in the toy example of a network: a table of data, and one of weights."""
    values, known = manifest(network).get("example"), symbols(network)
    if values is None:
        raise PageError(f"{network} has no example")
    weights = [name for name in values if name in known and known[name]["kind"] == "weight"]
    return "\n\n".join(
        _beside({f"`{name}`": f"${value_latex(values[name])}$" for name in names})
        for names in ([name for name in values if name not in weights], weights)
    )


def rows_of(value: str) -> list[list[str]]:
    """The entries of a matrix of an example, ``[1 -1/2; 0 3]``, row by row; none of a number."""
    return [row.split() for row in value[1:-1].split(";")] if value.startswith("[") else []


def value_latex(value: str) -> str:
    """A number of an example, or a matrix, for a formula."""
    entries = re.sub(r"(\d+)/(\d+)", r"\\frac{\1}{\2}", value)
    rows = [" & ".join(row) for row in rows_of(entries)]
    # Fractions of two rows would touch.
    apart = r" \\[0.3em] " if "/" in value else r" \\ "
    return rf"\begin{{pmatrix}} {apart.join(rows)} \end{{pmatrix}}" if rows else entries


def value_html(value: str) -> str:
    """The same for a line of text: a matrix stands between brackets that are a border."""
    signed = value.replace("-", "\N{MINUS SIGN}")
    rows = [f"<span>{each}</span>" for each in map(_cells_html, rows_of(signed))]
    if not rows:
        return signed
    return f'<span class="matrix" role="img" aria-label="{signed[1:-1]}">{"".join(rows)}</span>'


def _cells_html(row: Sequence[str]) -> str:
    return "".join(f"<span>{entry}</span>" for entry in row)


def _beside(cells: Mapping[str, str]) -> str:
    """A table of one row."""
    rows = [list(cells), [":-:"] * len(cells), list(cells.values())]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def collapsed(key: str) -> str:
    """The meta-gradient of one linear layer as one product, and what the matrix in it does."""
    record = manifest(LINEAR)["collapsed"]
    if key not in record:
        raise PageError(f"there is no {key!r} of the linear layer")
    if key == "product":
        return f"${record[key]}$"
    if key != "directions":
        return f"$$\n{marked(record[key], LINEAR)}\n$$"
    head = [
        "direction",
        r"eigenvalue $\lambda$",
        r"of the way, $\alpha \lambda$",
        r"left, $1 - \alpha \lambda$",
    ]
    rows = [[f"${each}$" for each in row.values()] for row in record[key]]
    marks = [":-:"] * len(head)
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, marks, *rows))


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
    value = part_of(path, record)
    if not isinstance(value, str | int | float):
        raise PageError(f"there is no number and no word under {path!r}")
    try:
        return format(value, form)
    except ValueError:
        raise PageError(f"what is under {path!r} cannot be printed as {form!r}") from None


def part_of(path: str, record: Mapping[str, Any]) -> Any:
    """What a record has under a path."""
    try:
        return reduce(lambda part, key: part[key], path.split("/"), record)
    except (KeyError, TypeError):
        raise PageError(f"nothing was measured under {path!r}") from None


def measured(path: str, record: Mapping[str, Any]) -> str:
    """A number that this build measured, or a table of numbers by name."""
    value = part_of(path, record)
    if not isinstance(value, dict):
        return figure(value)
    if not is_table(value):
        raise PageError(f"{path!r} is no table; name one of {', '.join(value)}")
    if any(isinstance(part, dict) for part in value.values()):
        columns = list(next(iter(value.values())))
        lines = [f"| gradient | {' | '.join(columns)} |", "|---|" + "--:|" * len(columns)]
        return "\n".join(
            [*lines, *(f"| {key} | {_cells(row.values())} |" for key, row in value.items())]
        )
    lines = [f"| {' | '.join(value)} |", "|" + "--:|" * len(value)]
    return "\n".join([*lines, f"| {_cells(value.values())} |"])


def is_table(part: Any) -> bool:
    """Whether these are numbers by name, or by two names."""
    rows = [row.values() if isinstance(row, dict) else [row] for row in part.values()]
    nested = {isinstance(row, dict) for row in part.values()}
    return len(nested) == 1 and not any(isinstance(cell, dict) for row in rows for cell in row)


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


def notation_table(letters: str) -> str:
    """The letters and what they stand for, all or some of them as LaTeX writes them."""
    meanings = {row["latex"]: row["meaning"] for row in manifest(PAGE_NETWORK)["notation"]}
    wanted = letters.split() or list(meanings)
    if unknown := [letter for letter in wanted if letter not in meanings]:
        raise PageError(f"there is no letter {unknown[0]!r}")
    rows = [
        f'| <span id="{letter_anchor(letter)}">${letter}$</span> | {meanings[letter]} |'
        for letter in wanted
    ]
    return "\n".join(["| letter | stands for |", "|---|---|", *rows])


def letter_anchor(latex: str) -> str:
    """The id of a letter in the table of them."""
    return "letter-" + latex.removeprefix("\\")
