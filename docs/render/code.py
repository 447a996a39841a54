"""Code as a page shows it: symbols that a pointer can find, numbers that lead to equations."""

from __future__ import annotations

import ast
import re
from html import escape
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from docs.render.manifest import ROOT, PageError, by_number, parts_of, symbols

if TYPE_CHECKING:
    from collections.abc import Callable

    from docs.render.manifest import Label


META_GRADIENT = r"def (meta_loss_and_gradient|run)\("


def code_lines(code: str, network: str) -> list[str]:
    """Highlighted lines; each quantity of the network carries its name and its kind."""
    known = symbols(network)

    def mark(match: re.Match[str]) -> str:
        name = match["name"]
        if name not in known:
            return match[0]
        kind = known[name]["kind"]
        return f'<span class="n q-{kind}" data-sym="{name}">{name}</span>'

    html: str = highlight(code, PythonLexer(stripnl=False), HtmlFormatter(nowrap=True))
    return re.sub(r'<span class="n">(?P<name>\w+)</span>', mark, html).rstrip("\n").split("\n")


def linked(lines: list[str], network: str, module: str, href: Callable[[Label], str]) -> list[str]:
    """Make the number at the end of a line a link to its equation, where a page shows it."""
    labels = by_number(network, module)

    def link(match: re.Match[str]) -> str:
        label = labels.get(match["number"])
        if label and match["prime"]:
            label = label._replace(form="first_order")
        target = href(label) if label else ""
        return f'<a href="{target}">{match[0]}</a>' if target else match[0]

    number = r"\((?P<number>\d+\.\d+)(?P<prime>')?\)"
    return [re.sub(number, link, line) if 'class="c1"' in line else line for line in lines]


def block(title: str, lines: list[str], anchors: bool) -> str:
    """Lines of code under a title; with anchors, every line has an id."""
    rows = [
        f'<span class="row"{f" id=L{number}" if anchors else ""}>{line or " "}</span>'
        for number, line in enumerate(lines, 1)
    ]
    name = "linked source" if anchors else "linked"
    return (
        f'<div class="highlight"><span class="filename">{escape(title)}</span>'
        f'<pre tabindex="0" class="{name}"><code>' + "\n".join(rows) + "\n</code></pre></div>"
    )


def whole_file(where: str, href: Callable[[Label], str]) -> str:
    """A generated module, ``relu2/kernel``, with line numbers."""
    network, module = parts_of(where, "network/module")
    path = ROOT / "generated" / network / f"{module}.py"
    if not path.is_file():
        raise PageError(f"there is no module generated/{network}/{module}.py")
    lines = code_lines(path.read_text(encoding="utf-8"), network)
    title = f"generated/{network}/{module}.py"
    return block(title, linked(lines, network, module, href), anchors=True)


def stage_block(where: str, href: Callable[[Label], str]) -> str:
    """The lines of a stage of the meta-gradient, ``relu2/kernel/query forward``."""
    network, module, title = parts_of(where, "network/module/stage title")
    path = ROOT / "generated" / network / f"{module}.py"
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    # In the workspace form it is the function `run` of a chunk of tasks.
    start = next((i for i, line in enumerate(lines) if re.search(META_GRADIENT, line)), len(lines))
    heading = f"# --- {title} ---"
    first = next((i for i in range(start, len(lines)) if lines[i].strip() == heading), None)
    if first is None:
        raise PageError(f"there is no block {title!r} in generated/{network}/{module}.py")
    last = next(i for i in range(first, len(lines)) if not lines[i].strip())
    code = dedent("\n".join(lines[first:last]))
    shown = linked(code_lines(code, network), network, module, href)
    return block(f"generated/{network}/{module}.py", shown, anchors=False)


def hand_written(where: str) -> str:
    """A section of a module that a person wrote, ``docs/sinusoid/tasks.py:sample``, to be read.

    What is said in docstrings the page says itself, and marks for the linters say nothing of it.
    """
    name, _, section = where.partition(":")
    path = ROOT / name
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    mark = r"^ *# --8<-- \[{}:" + re.escape(section) + r"\]\n"
    parts = re.split("|".join(map(mark.format, ("start", "end"))), text, flags=re.MULTILINE)
    if len(parts) != 3:
        raise PageError(f"there is no section {where}")
    code = re.sub(r"^ *# --8<-- .*\n", "", parts[1], flags=re.MULTILINE)
    code = without_docstrings(dedent(code))
    code = re.sub(r" *# (noqa|type)\b.*$| \[\d+\]_", "", code, flags=re.MULTILINE)
    # Who copies it has what was installed.
    package = ".".join(["maml_derived", *Path(name).parts[1:-1]])
    code = re.sub(r"^from \. import", f"from {package} import", code, flags=re.MULTILINE)
    return f'```python title="{name}"\n{code.strip()}\n```'


def without_docstrings(code: str) -> str:
    """Code without the docstrings of its functions and classes; one that is all there is stays."""
    lines = code.splitlines()
    dropped = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and len(node.body) > 1:
            docstring, following = node.body[:2]
            if ast.get_docstring(node) is not None:
                places = range(docstring.lineno - 1, following.lineno - 1)
                after = docstring.end_lineno or 0
                # A comment before the first statement stays.
                dropped |= {at for at in places if at < after or not lines[at].strip()}
    return "\n".join(line for at, line in enumerate(lines) if at not in dropped)
