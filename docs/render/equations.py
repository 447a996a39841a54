"""An equation on a page: formula, number, line of code, shape, and what it is connected with."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from docs.render.code import code_lines
from docs.render.manifest import (
    PAGE_NETWORK,
    Label,
    find,
    marked,
    readers,
    same_form,
    source_line,
    symbols,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

#: The page that lists every quantity, also those that are given.
INPUTS = "reference/notation.md"


def equation_html(
    label: Label, href: Callable[[Label], str], page_url: Callable[[str], str]
) -> str:
    """An equation as a page shows it.

    Parameters
    ----------
    label
        Which equation.
    href
        The address of an equation, or nothing where no page shows it.
    page_url
        The address of a page, or nothing where there is no such page.
    """
    record = find(label)
    formula = escape(marked(record["latex"], label.network), quote=False)
    code = "\n".join(code_lines(record["code"], label.network))
    return (
        f'<div class="equation" id="{label.anchor}">'
        f'<div class="formula arithmatex" tabindex="0">\\[{formula}\\]</div>'
        f'<a class="number" href="#{label.anchor}">({record["number"]})</a>'
        f'<div class="line highlight"><code>{code}</code></div>'
        f'<div class="links" data-search-exclude>{_links(label, record, href, page_url)}</div>'
        "</div>"
    )


def quoted_html(label: Label, href: Callable[[Label], str], page_url: Callable[[str], str]) -> str:
    """An equation away from its place: formula and line of code, each with the way there."""
    record = find(label)
    formula = escape(marked(record["latex"], label.network), quote=False)
    code = "\n".join(code_lines(record["code"], label.network))
    listing = page_url(f"reference/code/{label.network}-{label.module}.md")
    line = source_line(label)
    return (
        f'<div class="quoted"><div class="formula arithmatex" tabindex="0">\\[{formula}\\]</div>'
        f'<div class="line highlight"><code>{code}</code></div>'
        f'<p data-search-exclude>Equation <a href="{href(label)}">({record["number"]})</a> and its '
        f'line of code, <a href="{listing}#L{line}">{label.module}.py, line {line}</a></p></div>'
    )


def _note(label: Label) -> str:
    """What the number belongs to, where it is not the pages' own meta-gradient."""
    if label.network not in (PAGE_NETWORK, "warm_up"):
        return label.network
    return "first order" if label.form == "first_order" else ""


def _links(
    label: Label,
    record: dict[str, Any],
    href: Callable[[Label], str],
    page_url: Callable[[str], str],
) -> str:
    parts = [f"<strong>{note}</strong>"] if (note := _note(label)) else []
    if record["shape"]:
        shape = escape(record["shape"], quote=False)
        parts.append(f'<span class="shape arithmatex">\\({shape}\\)</span>')
    reads = _names(label, record["reads"], href, page_url)
    parts.append(f"<span>reads {reads}</span>")
    after = readers(label)
    if after:
        parts.append(f"<span>read by {_names(label, after, href, page_url)}</span>")
    source = page_url(f"reference/code/{label.network}-{label.module}.md")
    if source:
        line = source_line(label)
        parts.append(f'<a href="{source}#L{line}">{label.module}.py, line {line}</a>')
    return "".join(parts)


def _names(
    label: Label,
    names: Iterable[str],
    href: Callable[[Label], str],
    page_url: Callable[[str], str],
) -> str:
    """Names of quantities as links to their equations; an input's leads to the notation."""
    known = symbols(label.network)
    links = []
    for name in names:
        target = same_form(label, name)
        address = href(target) if target else f"{page_url(INPUTS)}#notation"
        attributes = f'class="q-{known[name]["kind"]}" data-sym="{name}"'
        links.append(
            f'<a {attributes} href="{address}">{name}</a>'
            if address
            else f"<span {attributes}>{name}</span>"
        )
    return ", ".join(links)
