"""What the pages draw from the derivation.

A page names equations, numbers and code; this module fetches them from the files that
``derive/build.py`` and the experiment write. Nothing derived is typed into a page::

    {{eq:Z1_s H1_s}}               equations of relu2 as derived, with number, shape and code
    {{eq:rewritten/Z1_q}}          as rewritten
    {{eq:first_order/W1_bar}}      as first-order MAML has it
    {{passes:relu2}}               what each pass of the rewrite did
    {{code:relu2/kernel/query forward}}   a block of meta_loss_and_gradient
    {{number:relu2/derived/equations}}    a figure of the pass table
    {{results}}                    the errors of the published run
    {{notation}}                   the letters and what they stand for
    [eq:Z1_s]                      the number of an equation, as a link to it

`render` is a plain function; MkDocs calls it through the hooks at the end.
"""

from __future__ import annotations

import json
import logging
import re
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent
PAGE_NETWORK = "relu2"
PASS_TITLES = {
    "equations": "equations",
    "products": "matrix products",
    "operations": "operations",
    "weight_matrices": "weight matrices per task",
}

log = logging.getLogger("mkdocs.hooks.render")


class PageError(Exception):
    """A page asks for something that does not exist."""


@dataclass
class Shown:
    """Which equations of the derivation the pages show.

    Attributes
    ----------
    pages
        The page that shows an equation, by form and name.
    """

    pages: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, form: str, name: str, page: str) -> None:
        """Note where an equation is shown."""
        if (form, name) in self.pages:
            raise PageError(f"equation {form}/{name} is shown twice")
        self.pages[form, name] = page


def manifest(network: str) -> dict[str, Any]:
    """What ``derive/build.py`` wrote about a network."""
    path = ROOT / "generated" / network / "equations.json"
    if not path.is_file():
        raise PageError(f"there is no network {network!r}")
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return record


def find(form: str, name: str) -> dict[str, Any]:
    """An equation of the network that the pages follow."""
    for equation in manifest(PAGE_NETWORK).get(form, []):
        if equation["name"] == name:
            return dict(equation)
    raise PageError(f"there is no equation {form}/{name}")


def split(label: str) -> tuple[str, str]:
    """``rewritten/Z1_q`` -> form and name; without a form it is the derived one."""
    form, _, name = label.rpartition("/")
    return form or "derived", name


def anchor(form: str, name: str) -> str:
    """The id of an equation on its page."""
    return f"eq-{name}" if form == "derived" else f"eq-{form.replace('_', '-')}-{name}"


def equation_html(equation: dict[str, Any], form: str) -> str:
    """An equation with its number, its shape and its line of code."""
    note = ", first order" if form == "first_order" else ""
    formula, code = escape(equation["latex"], quote=False), escape(equation["code"], quote=False)
    return (
        f'<div class="equation" id="{anchor(form, equation["name"])}">'
        f'<div class="formula arithmatex" tabindex="0">\\[{formula}\\]</div>'
        f'<span class="number">({equation["number"]}{note})</span>'
        f'<div class="shape arithmatex">\\({equation["shape"]}\\)</div>'
        f'<pre class="line" tabindex="0"><code>{code}</code></pre>'
        "</div>"
    )


def shown_equations(labels: str, page: str, shown: Shown) -> str:
    """The equations that a page asks for."""
    blocks = []
    for label in labels.split():
        form, name = split(label)
        equation = find(form, name)
        shown.add(form, name, page)
        blocks.append(equation_html(equation, form))
    return '<div class="equations">\n' + "\n".join(blocks) + "\n</div>"


def pass_table(network: str) -> str:
    """What each pass of the rewrite did to the program's cost."""
    lines = [f"| after | {' | '.join(PASS_TITLES.values())} |", "|---|--:|--:|--:|--:|"]
    for row in manifest(network)["passes"]:
        cells = [f"{row[column]:,}" for column in PASS_TITLES]
        lines.append(f"| `{row['pass']}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def pass_number(network: str, name: str, column: str) -> str:
    """A figure of the pass table."""
    for row in manifest(network)["passes"]:
        if row["pass"] == name and column in row:
            return f"{row[column]:,}"
    raise PageError(f"there is no figure {network}/{name}/{column}")


def code_block(network: str, module: str, title: str) -> str:
    """The lines of a stage in ``meta_loss_and_gradient``."""
    path = ROOT / "generated" / network / f"{module}.py"
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    start = next((i for i, line in enumerate(lines) if "def meta_loss_and_gradient" in line), None)
    heading = f"    # --- {title} ---"
    if start is None or heading not in lines[start:]:
        raise PageError(f"there is no block {title!r} in generated/{network}/{module}.py")
    first = lines.index(heading, start)
    last = next(i for i in range(first, len(lines)) if not lines[i].strip())
    body = "\n".join(line[4:] for line in lines[first:last])
    return f'```python title="generated/{network}/{module}.py"\n{body}\n```'


def results_table() -> str:
    """The errors of the published run."""
    record = json.loads((ROOT / "docs/sinusoid/evaluation.json").read_text(encoding="utf-8"))
    header, *rows = record["table"]
    lines = [f"| {' | '.join(header)} |", f"|---|{'--:|' * (len(header) - 1)}"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    caption = (
        f"Mean squared error over {record['tasks']:,} unseen sinusoids, {record['points']} points "
        f"each, inner step size {record['alpha']:g}, with 95 % confidence intervals."
    )
    return "\n".join([*lines, "", caption])


def notation_table() -> str:
    """The letters and what they stand for."""
    rows = [
        f"| ${row['latex']}$ | {row['meaning']} |" for row in manifest(PAGE_NETWORK)["notation"]
    ]
    return "\n".join(["| letter | stands for |", "|---|---|", *rows])


def reference(label: str, page: str, places: dict[tuple[str, str], str]) -> str:
    """The number of an equation, as a link to where it is shown."""
    form, name = split(label)
    number = find(form, name)["number"]
    target = places.get((form, name))
    if target is None:
        raise PageError(f"equation {form}/{name} is referred to but shown nowhere")
    depth = page.count("/")
    link = "" if target == page else "../" * depth + target
    return f"[({number})]({link}#{anchor(form, name)})"


def render(markdown: str, page: str, shown: Shown, places: dict[tuple[str, str], str]) -> str:
    """Fill a page in.

    Parameters
    ----------
    markdown
        The page as written.
    page
        Its path under ``docs``.
    shown
        What has been shown so far; the page's equations are added.
    places
        The page that shows each equation, for references.

    Returns
    -------
    str
        The page to convert.

    Raises
    ------
    PageError
        When the page asks for something that does not exist, or shows an equation again.
    """
    commands: dict[str, Callable[[str], str]] = {
        "eq": lambda rest: shown_equations(rest, page, shown),
        "passes": pass_table,
        "number": lambda rest: pass_number(*rest.split("/")),
        "code": lambda rest: code_block(*rest.split("/")),
        "results": lambda _: results_table(),
        "notation": lambda _: notation_table(),
    }

    def fill(match: re.Match[str]) -> str:
        command = commands.get(match["command"])
        if command is None:
            raise PageError(f"there is no command {match['command']!r}")
        return command((match["rest"] or "").strip())

    filled = re.sub(r"\{\{(?P<command>\w+)(:(?P<rest>[^}]*))?\}\}", fill, markdown)
    return re.sub(r"\[eq:([\w/]+)\]", lambda match: reference(match[1], page, places), filled)


def places_of(pages: dict[str, str]) -> dict[tuple[str, str], str]:
    """The page that shows each equation."""
    places: dict[tuple[str, str], str] = {}
    for page, markdown in pages.items():
        for labels in re.findall(r"\{\{eq:([^}]*)\}\}", markdown):
            places |= {split(label): page for label in labels.split()}
    return places


def not_shown(shown: Shown) -> list[str]:
    """The equations of the derivation, and of the rewrite where it changed them, without a page."""
    record = manifest(PAGE_NETWORK)
    derived = {equation["number"] for equation in record["derived"]}
    wanted = [("derived", equation["name"]) for equation in record["derived"]]
    wanted += [
        ("rewritten", equation["name"])
        for equation in record["rewritten"]
        if equation["number"] not in derived
    ]
    return [f"{form}/{name}" for form, name in wanted if (form, name) not in shown.pages]


# --- MkDocs ---

_shown = Shown()
_places: dict[tuple[str, str], str] = {}


def on_files(files: Any, **_: Any) -> Any:
    """Find out where every equation is shown, before any page is rendered."""
    _shown.pages.clear()
    _places.clear()
    _places.update(
        places_of({file.src_uri: file.content_string for file in files.documentation_pages()})
    )
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Fill a page in; what it asks for in vain fails a strict build."""
    if re.search(r"^```py[^\n]*\n(?!--8<--)", markdown, re.MULTILINE):
        log.warning(
            "%s: Python code is typed into the page; take it from a file", page.file.src_uri
        )
    try:
        return render(markdown, page.file.src_uri, _shown, _places)
    except PageError as error:
        log.warning("%s: %s", page.file.src_uri, error)
        return markdown


def on_post_build(**_: Any) -> None:
    """Say which equations were left out."""
    for label in not_shown(_shown):
        log.warning("equation %s is derived but shown nowhere", label)
