"""Chapters as notebooks, from the same source: ``python -m docs.render.notebook --out FOLDER``.

A notebook has the page's prose, each equation with its number, and under it the generated line of
code, run with the numbers of the example and compared with what the page states. It needs numpy and
nothing else. The site offers it beside the chapter.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from textwrap import dedent, indent
from typing import Any, NamedTuple

from docs.render.formulas import unmarked
from docs.render.manifest import ROOT, PageError, find, label_of, manifest, symbols
from docs.render.tables import collapsed, decimal, example, given_numbers

#: The chapters that are notebooks, and the derivation whose equations each of them shows.
NOTEBOOKS = {"2-warm-up.md": "warm_up", "2b-linear.md": "linear"}

INTRODUCTION = """\
*A chapter of “MAML, derived” as a notebook: the text and the equations of the page, and under each
equation its generated line of code. Run the cells from the top; numpy is all that is needed.*"""

SETUP = '''\
import numpy as np


def check(value, page):
    """Print a value and compare it with what the page states."""
    print(np.array2string(np.asarray(value), precision=6))
    assert np.allclose(value, page), f"the page states {page}"
'''

#: The letters of the shapes; there is one task.
SIZES = """\
(N, D), (M, O), T = X_s.shape, Y_q.shape, 1
"""

DIFFERENCE = '''\
def central_difference(loss, at, h=1e-5):
    """Move every entry a little up and a little down: the change of a loss over the way."""
    at = np.asarray(at, dtype=float)
    found = np.zeros_like(at)
    for place in np.ndindex(at.shape):
        step = np.zeros_like(at)
        step[place] = h
        found[place] = (loss(at + step) - loss(at - step)) / (2 * h)
    return found


'''


class Cell(NamedTuple):
    """A cell: ``markdown`` or ``code``, a name that is unique in its notebook, and its text."""

    kind: str
    name: str
    text: str


def notebook_name(page: str) -> str:
    """The file that a page is downloaded as."""
    return page.removesuffix(".md") + ".ipynb"


def notebook(page: str, markdown: str) -> str:
    """A chapter as a notebook.

    Parameters
    ----------
    page
        Its path under ``docs``, one of `NOTEBOOKS`.
    markdown
        The page as written.

    Returns
    -------
    str
        The notebook, in version 4.5 of its format. The same page gives the same bytes.

    Raises
    ------
    PageError
        When the page shows what a notebook cannot.
    """
    cells: list[dict[str, Any]] = [
        {"cell_type": cell.kind, "id": cell.name, "metadata": {}, "source": _lines(cell.text)}
        | ({"execution_count": None, "outputs": []} if cell.kind == "code" else {})
        for cell in cells_of(markdown, NOTEBOOKS[page])
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    whole = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _lines(text: str) -> list[str]:
    return text.strip("\n").splitlines(keepends=True)


# --- a page as cells ---


def cells_of(markdown: str, network: str) -> list[Cell]:
    """The cells of a page, in order."""
    body = re.sub(r"\A---\n.*?\n---\n", "", markdown, flags=re.DOTALL)
    body, _, exercises = body.partition("\n## Exercises\n")
    first, _, rest = body.partition("\n## ")
    title, _, opening = first.strip().partition("\n")
    return [
        Cell("markdown", "title", f"{title}\n\n{INTRODUCTION}"),
        *_passage(opening, network, "opening"),
        Cell("code", "given", given(network)),
        *_passage(f"## {rest}", network, "text"),
        Cell("markdown", "exercises", "## Exercises"),
        *_exercises(exercises, network),
    ]


def _passage(text: str, network: str, name: str) -> Iterator[Cell]:
    """Prose, with a cell for each equation between.

    What follows a measurement are the commands that repeat it in the repository.
    """
    parts = re.split(r"^\{\{(eq|measured|diagram):([^}]*)\}\}$", text, flags=re.MULTILINE)
    for place in range(0, len(parts), 3):
        measured = parts[place + 1 : place + 2] == ["measured"]
        if words := prose(parts[place], network, whole=not measured):
            yield Cell("markdown", f"{name}-{place // 3 + 1}", words)
        if measured:
            yield Cell("code", "central-difference", difference(network))
            return
        if parts[place + 1 : place + 2] == ["eq"]:
            for label in parts[place + 2].split():
                yield from _equation(label)


def _equation(text: str) -> Iterator[Cell]:
    label = label_of(text)
    record = find(label)
    number, code, name = record["number"], record["code"], label.name
    if label.form != "derived":
        # It must not take the place of the one that was derived.
        name, code = f"{label.form}_{name}", f"{label.form}_{code}"
    yield Cell("markdown", label.anchor, f"$$\n{record['latex']} \\tag{{{number}}}\n$$")
    stated = literal(record["example"])
    yield Cell("code", f"code-{name}", f"{code}  # ({number})\ncheck({name}, {stated})")


def _exercises(text: str, network: str) -> Iterator[Cell]:
    """Each exercise, a cell to try it in, and its answer, folded."""
    for place, exercise in enumerate(re.split(r"^(?=\d+\. )", text, flags=re.MULTILINE)[1:], 1):
        question, _, answer = exercise.partition('    ??? success "Answer"\n')
        words = prose(dedent(re.sub(r"^\d+\. ", "   ", question)), network)
        yield Cell("markdown", f"exercise-{place}", f"**Exercise {place}.** {words}")
        yield Cell("code", f"try-{place}", f"# Try exercise {place} here.")
        folded = prose(dedent(answer), network)
        shown = f"<details><summary>Answer</summary>\n\n{folded}\n\n</details>"
        yield Cell("markdown", f"answer-{place}", shown)


def prose(markdown: str, network: str, whole: bool = True) -> str:
    """A passage without what only the site has: commands, links between pages, boxes of a shell.

    Parameters
    ----------
    markdown
        The passage as written.
    network
        The derivation that its numbers belong to.
    whole
        Whether its last sentence is complete; if a measurement was to end it, it goes.
    """
    text = re.sub(r"^```text\n.*?^```$", "", markdown, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"^.*\]\([^)]*\.ipynb\).*\n", "", text, flags=re.MULTILINE)
    text = re.sub(
        r"((?:^.+\n)+)\{ \.takeaway \}", lambda match: indent(match[1], "> "), text, flags=re.M
    )
    text = re.sub(r"\{\{(\w+):([\w-]+)\}\}", _shown, text)
    text = re.sub(r"\[eq:([\w/]+)\]", lambda match: f"({find(label_of(match[1]))['number']})", text)
    text = re.sub(r"\[sym:([\w/]+)\]", lambda match: _symbol(match[1], network), text)
    text = re.sub(r"\[([^\]]+)\]\((?!https:)[^)]*\)(\{[^}]*\})?", r"\1", text)
    if unknown := re.search(r"\{\{[^}]*\}\}", text):
        raise PageError(f"a notebook has no {unknown[0]!r}")
    if not whole:
        text = re.sub(r"(?<=\.)[^.]*\Z", "", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def _shown(match: re.Match[str]) -> str:
    """A number or a table of the example."""
    tables = {"example": example, "numbers": given_numbers, "collapsed": collapsed}
    command = tables.get(match[1])
    return unmarked(command(match[2])) if command else match[0]


def _symbol(text: str, network: str) -> str:
    *front, name = text.split("/")
    known = symbols(front[0] if front else network)
    if name not in known:
        raise PageError(f"there is no quantity {text!r}")
    return f"${known[name]['latex']}$"


# --- code ---


def given(network: str) -> str:
    """The imports, and the numbers that the example starts from."""
    values = manifest(network)["example"]
    matrices = any("pmatrix" in value for value in values.values())
    lines = [f"{name} = {_array(literal(value))}" for name, value in values.items()]
    sizes = f"\n{SIZES}" if matrices else ""
    return f"{SETUP}\n\n" + "\n".join(lines) + "\n" + sizes


def _array(text: str) -> str:
    return f"np.array({text})" if text.startswith("[") else text


def literal(value: str) -> str:
    r"""A value of a manifest as Python: a fraction, or a matrix in LaTeX."""
    match = re.fullmatch(r"\\begin\{pmatrix\}(.*)\\end\{pmatrix\}", value)
    if match is None:
        return _number(value)
    rows = [
        [_number(entry) for entry in row.split("&")]
        for row in re.split(r"\\\\(?:\[[^\]]*\])?", match[1])
    ]
    return "[" + ", ".join(f"[{', '.join(row)}]" for row in rows) + "]"


def _number(text: str) -> str:
    plain = re.sub(r"\\frac\{(\d+)\}\{(\d+)\}", r"\1/\2", text).replace(" ", "")
    try:
        return decimal(plain).replace("\N{MINUS SIGN}", "-")
    except PageError:
        return str(Fraction(plain)).replace("/", " / ")


def difference(network: str) -> str:
    """The cell that holds the meta-gradient against central differences of the query loss."""
    known = symbols(network)
    values = manifest(network)["example"]
    weights = [name for name in values if name in known and known[name]["kind"] == "weight"]
    derived = manifest(network)["derived"]
    body = "\n".join(line["code"] for line in _needed(derived, "loss_q"))
    arguments = ", ".join(weights)
    checks = "\n".join(
        f"check(central_difference(lambda {name}: query_loss({arguments}), {name}), {name}_bar)"
        for name in weights
    )
    function = f"def query_loss({arguments}):\n{indent(body, '    ')}\n    return loss_q\n\n\n"
    return DIFFERENCE + function + checks


def _needed(lines: Iterable[Mapping[str, Any]], name: str) -> list[Mapping[str, Any]]:
    """The equations that one of them depends on, and itself."""
    wanted, found = {name}, []
    for line in reversed(list(lines)):
        if line["name"] in wanted:
            wanted |= set(line["reads"])
            found.append(line)
    return found[::-1]


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the notebooks."""
    parser = argparse.ArgumentParser(
        prog="python -m docs.render.notebook", description="Write chapters as notebooks."
    )
    parser.add_argument("--out", type=Path, required=True, help="the folder they go into")
    folder = parser.parse_args(arguments).out
    try:
        texts = {
            notebook_name(page): notebook(page, (ROOT / "docs" / page).read_text(encoding="utf-8"))
            for page in NOTEBOOKS
        }
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
            print(folder / name)
    except (PageError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
