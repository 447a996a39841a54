"""An equation on a page: formula, number, line of code, shape, and what it is connected with."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING, Any

from docs.render.code import code_lines
from docs.render.manifest import (
    PAGE_NETWORK,
    Label,
    find,
    marked,
    readers,
    rule_number,
    same_form,
    source_line,
    symbols,
)
from docs.render.tables import value_html

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

#: The page that lists every quantity, also those that are given, and the one that lists the rules.
INPUTS = "reference/notation.md"
RULES = "reference/rules.md"

#: What a term says of itself in the manifest, and what it is then gone without, for scripts.
GONE = {"second_order": "first-order", "gauss_newton": "without-gauss-newton"}

#: What marks a term that first-order MAML does not have.
SECOND_ORDER = '<span class="order">second order</span>'


def equation_html(
    label: Label,
    href: Callable[[Label], str],
    page_url: Callable[[str], str],
    *,
    in_numbers: bool = False,
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
    in_numbers
        Whether its value for the small task is unfolded.
    """
    record = find(label)
    gone = _gone(_gone_without(record.get("terms", [])))
    code = "\n".join(code_lines(record["code"], label.network))
    return (
        f'<div class="equation" id="{label.anchor}">'
        f'<div class="formula" tabindex="0"{gone}>{_formula(label, record, href, page_url)}</div>'
        f'<div class="tag"><a class="number" href="#{label.anchor}">({record["number"]})</a>'
        f"{_note(label, record)}</div>"
        f'<div class="line highlight"><code>{code}</code></div>'
        '<div class="links" data-search-exclude>'
        f"{_links(label, record, href, page_url, in_numbers)}</div>"
        "</div>"
    )


def quoted_html(label: Label, href: Callable[[Label], str], page_url: Callable[[str], str]) -> str:
    """An equation away from its place: formula and line of code, each with the way there."""
    record = find(label)
    formula = escape(marked(record["latex"], label.network), quote=False)
    code = "\n".join(code_lines(record["code"], label.network))
    listing = page_url(f"reference/code/{label.network}-{label.module}.md")
    line = f"{label.module}.py, line {source_line(label)}"
    number, address = f"({record['number']})", href(label)
    place = f'<a href="{address}">{number}</a>' if address else number
    # Of a package without a page for its code, the package is named.
    source = f"{label.network}/{line}"
    if listing:
        source = f'<a href="{listing}#L{source_line(label)}">{line}</a>'
    return (
        f'<div class="quoted"><div class="formula arithmatex" tabindex="0">\\[{formula}\\]</div>'
        f'<div class="line highlight"><code>{code}</code></div>'
        f"<p data-search-exclude>Equation {place} and its line of code, {source}</p></div>"
    )


# --- the formula ---


def _math(latex: str, network: str) -> str:
    text = escape(marked(latex, network), quote=False)
    return rf'<span class="arithmatex">\(\displaystyle {text}\)</span>'


def _formula(
    label: Label,
    record: dict[str, Any],
    href: Callable[[Label], str],
    page_url: Callable[[str], str],
) -> str:
    """The formula, each term of an adjoint above where it comes from."""
    terms = record.get("terms", [])
    if not terms:
        return _math(record["latex"], label.network)
    left = record["latex"].partition(" = ")[0]
    wholly = _gone_without(terms)
    parts: list[str] = []
    for term in terms:
        own = _gone_without([term]) - wholly
        second = GONE["second_order"] in own
        origin = [SECOND_ORDER] if second else []
        origin.append(_origin(label, term, href, page_url))
        if own and not parts:  # the name stays when the term beside it is gone
            parts.append(_math(f"{left} =", label.network))
        # A sign keeps its distance from what follows only where something is before it.
        before = "{}" if parts else f"{left} = "
        formula = _math(f"{before}{term['latex']}", label.network)
        parts.append(
            f'<span class="term{" second" if second else ""}"{_gone(own)}>{formula}'
            f'<span class="origin" data-search-exclude>{", ".join(origin)}</span></span>'
        )
    return "".join(parts)


def _gone_without(terms: Sequence[dict[str, Any]]) -> set[str]:
    """What all of some terms are gone without; of no terms, nothing."""
    return {name for key, name in GONE.items() if terms and all(term[key] for term in terms)}


def _gone(names: set[str]) -> str:
    return f' data-gone="{" ".join(sorted(names))}"' if names else ""


def _origin(
    label: Label,
    term: dict[str, Any],
    href: Callable[[Label], str],
    page_url: Callable[[str], str],
) -> str:
    """The equations that a term comes back through, and the rules by which it does."""
    sources = [_number(label._replace(form="derived", name=name), href) for name in term["readers"]]
    numbers = dict.fromkeys(rule_number(label.network, place) for place in term["rules"])
    address = page_url(RULES)
    rules = [f'<a href="{address}#rule-{each}">rule {each}</a>' for each in numbers if each]
    return ", ".join([f"from {' and '.join(sources)}", *(rules if address else [])])


def _number(label: Label, href: Callable[[Label], str]) -> str:
    """The number of an equation, a link to it where a page shows it."""
    number, address = f"({find(label)['number']})", href(label)
    return f'<a href="{address}">{number}</a>' if address else number


# --- what stands below it ---


def _note(label: Label, record: dict[str, Any]) -> str:
    """What stands below the number: that all of it is of one order, or another network."""
    if label.network not in (PAGE_NETWORK, "warm_up", "linear"):
        return f"<span>{label.network}</span>"
    if label.form == "first_order":
        return "<span>first order</span>"
    terms = record.get("terms", [])
    return SECOND_ORDER if GONE["second_order"] in _gone_without(terms) else ""


def _links(
    label: Label,
    record: dict[str, Any],
    href: Callable[[Label], str],
    page_url: Callable[[str], str],
    in_numbers: bool,
) -> str:
    """One line, and what unfolds from it."""
    parts: list[str] = []
    if record["shape"]:
        parts.append(f'<span class="shape">{_shape(record["shape"])}</span>')
    source = page_url(f"reference/code/{label.network}-{label.module}.md")
    if source:
        line = source_line(label)
        module = f'<span class="module">{label.module}.py, </span>'
        parts.append(f'<a href="{source}#L{line}">{module}line {line}</a>')
    lists = [
        f"<span>{title} {_names(label, names, href, page_url)}</span>"
        for title, names in _connections(label, record).items()
        if names
    ]
    parts.append(_folded("connections", "".join(lists)))
    if "example" in record:
        value = f'<span class="value">{value_html(record["example"])}</span>'
        parts.append(_folded("in numbers", value, " open" * in_numbers))
    return "".join(parts)


def _shape(latex: str) -> str:
    """A shape as text, which is a tenth of a formula: two sizes, each a number or a letter."""
    text = latex.replace(r"\times", "\N{MULTIPLICATION SIGN}")
    return re.sub(r"([A-Z])(?:_\{(\d+)\})?", lambda match: _size(match[1], match[2]), text)


def _size(letter: str, layer: str | None) -> str:
    return f"<i>{letter}</i>" + (f"<sub>{layer}</sub>" if layer else "")


def _connections(label: Label, record: dict[str, Any]) -> dict[str, list[str]]:
    """What an equation is connected with, by how it is.

    The adjoint of a quantity has its terms from those that read it on the way there; those of the
    way back only use its value.
    """
    kinds = {name: symbol["kind"] for name, symbol in symbols(label.network).items()}
    after = readers(label)
    back = [name for name in after if kinds[label.name] != "adjoint" == kinds[name]]
    return {
        "reads": record["reads"],
        "read by": [name for name in after if name not in back],
        "read on the way back by": back,
    }


def _folded(title: str, html: str, is_open: str = "") -> str:
    return f"<details{is_open}><summary>{title}</summary><div>{html}</div></details>"


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
