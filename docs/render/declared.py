"""What a network may be declared with: rows of the tables of `derive`, and what is refused."""

from __future__ import annotations

import ast
import io
import re
from contextlib import redirect_stderr
from shlex import split

from sympy import MatrixSymbol, Symbol, latex

from derive.command import parse_arguments
from derive.language.elementwise import ACTIVATIONS, SLOPES, TABLE, elementwise
from derive.language.names import MEANINGS
from derive.printers.latex import letter_latex, value_latex
from docs.render.manifest import PAGE_NETWORK, ROOT, PageError, manifest

ALGORITHMS = "derive/model/algorithms.py"


def declared(key: str) -> str:
    """The row of an algorithm as it is written; where the algorithm comes from is left out."""
    tree = ast.parse((ROOT / ALGORITHMS).read_text(encoding="utf-8"))
    rows = {
        name.value: row
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict)
        for name, row in zip(node.value.keys, node.value.values, strict=True)
        if isinstance(name, ast.Constant) and isinstance(row, ast.Call)
    }
    if key not in rows:
        raise PageError(f"there is no algorithm {key!r}")
    row = rows[key]
    row.args[1:] = [ast.Constant(...)]
    text = ast.unparse(row).replace("'", '"')
    return f'```python title="{ALGORITHMS}"\n"{key}": {text},\n```'


def activation_table() -> str:
    """The activations: what each is at a number, and its slope in functions of the same table."""
    lines = ["| `--activation` | value $f(z)$ | slope $f'(z)$ |", "|---|---|---|"]
    for name in ACTIVATIONS:
        value = latex(TABLE[name].at(Symbol("z", real=True)))
        lines.append(f"| `{name}` | ${value}$ | ${_slope(name)}$ |")
    return "\n".join(lines)


def _slope(name: str) -> str:
    """A slope at a number: a product entry by entry is one of numbers there."""
    text = value_latex(elementwise(SLOPES[name], MatrixSymbol("Z", 2, 2)))
    text = re.sub(r"\^\{\\circ (-?\d+)\}", r"^{\1}", text.replace("Z", "z"))
    return text.replace(r" \odot ", r" \, ").replace("(z)^{", "z^{")


def family_letters() -> str:
    """The letters of the notation that the pages' network does not have."""
    known = {row["latex"] for row in manifest(PAGE_NETWORK)["notation"]}
    # These two mark a parameter, which stands below them.
    marks = {"a": r"\alpha_W", "v": "v_W"}
    letters = {marks.get(each) or letter_latex(each): each for each in MEANINGS}
    rows = [
        f"| ${latex}$ | {MEANINGS[each]} |" for latex, each in letters.items() if latex not in known
    ]
    return "\n".join(["| letter | stands for |", "|---|---|", *rows])


def refused(flags: str) -> str:
    """The line in which ``derive/build.py`` refuses flags."""
    said = io.StringIO()
    try:
        with redirect_stderr(said):
            parse_arguments(["--name", "mine", "--output", str(ROOT), *split(flags)])
    except SystemExit:
        return said.getvalue().strip()
    raise PageError(f"{flags!r} are not refused")
