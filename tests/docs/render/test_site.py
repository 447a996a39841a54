"""What the pages draw from the derivation, and what they may not ask for."""

from __future__ import annotations

import json
import logging
import posixpath
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from mkdocs.exceptions import PluginError

from derive.rewrite import PASSES
from docs.render import hooks
from docs.render.code import whole_file
from docs.render.manifest import (
    MODULES,
    PAGE_NETWORK,
    ROOT,
    Label,
    PageError,
    find,
    label_of,
    manifest,
    marked,
    readers,
    source_line,
    symbols,
)
from docs.render.measure import measure
from docs.render.page import Site, not_shown, places_of, render, shown_again
from docs.render.tables import decimal, example, figure
from tests.conftest import derivation

DOCS = ROOT / "docs"
NOTATION = ("reference/notation.md", "notation")

#: What MkDocs makes pages of.
PAGES = {
    path.relative_to(DOCS).as_posix(): path.read_text(encoding="utf-8")
    for path in sorted(DOCS.rglob("*.md"))
    if path.relative_to(DOCS).parts[0] not in ("assets", "theme")
    and path.parent != DOCS / "diagnose/vectors"
}
#: The numbered pages by chapter, and those that are packages.
CHAPTERS = {
    int(match[0]): name for name in PAGES if (match := re.match(r"\d+", name)) is not None
} | {
    11: "sinusoid/index.md",
    15: "sinusoid/protocols.md",
    16: "sinusoid/runs.md",
    17: "diagnose/index.md",
}

SMALL = {
    "3-network.md": "{{eq:Z1_s}}",
    "8-rewrite.md": "{{eq:rewritten/Z1_q}}",
    "sinusoid/index.md": "",
}


def relative(target: str, page: str) -> str:
    """The address of one file from another."""
    return posixpath.relpath(target, posixpath.dirname(page) or ".") if target in PAGES else ""


def small_site() -> Site:
    """Three pages with two equations."""
    figures = {
        "speed": 0.5,
        "bad": "equal",
        "table": {"a": {"x": 1e-9, "y": 2}, "b": {"x": 3.5, "y": 4}},
        "mixed": {"one": 1.0, "several": {"x": 1.0}},
    }
    return Site(places=places_of(SMALL), url=relative, measured=figures)


def filled(markdown: str, page: str = "3-network.md", site: Site | None = None) -> str:
    return render(markdown, page, site or small_site())


@cache
def figures() -> dict[str, Any]:
    return measure()


@cache
def rendered() -> tuple[Site, dict[str, str]]:
    """The whole site, page by page in the order of their names."""
    site = Site(places=places_of(PAGES), url=relative, measured=figures())
    return site, {name: render(markdown, name, site) for name, markdown in PAGES.items()}


# --- an equation, a reference, a piece of code ---


def test_an_equation_comes_with_number_shape_and_code() -> None:
    text = filled("{{eq:Z1_s}}")
    assert 'id="eq-Z1_s"' in text
    assert "(3.1)" in text
    assert r"N \times L_{1}" in text
    assert "Z1_s = X_s @ W1 + b1" in plain(text)


def test_a_reference_links_to_where_the_equation_is_shown() -> None:
    for markdown, page, number, address in [
        ("[eq:Z1_s]", "3-network.md", "3.1", "#eq-Z1_s"),
        ("[eq:Z1_s]", "8-rewrite.md", "3.1", "3-network.md#eq-Z1_s"),
        ("[eq:Z1_s]", "sinusoid/index.md", "3.1", "../3-network.md#eq-Z1_s"),
        ("[eq:rewritten/Z1_q]", "3-network.md", "8.6", "8-rewrite.md#eq-rewritten-Z1_q"),
        ("[eq:relu2/derived/Z1_s]", "3-network.md", "3.1", "#eq-Z1_s"),
    ]:
        link = f'<a class="ref" href="{address}">({number})</a>'
        assert filled(f"see {markdown}.", page) == f"see {link}."


def test_anchors_of_different_forms_and_networks_differ() -> None:
    texts = ["Z1_q", "rewritten/Z1_q", "first_order/W1_bar", "W1_bar", "tanh2/derived/Z1_q"]
    anchors = [label_of(text).anchor for text in texts]
    assert anchors[:3] == ["eq-Z1_q", "eq-rewritten-Z1_q", "eq-first_order-W1_bar"]
    assert len(set(anchors)) == len(anchors)


def test_a_symbol_in_a_sentence_is_as_in_its_equations() -> None:
    shown = filled("[sym:dZ1_s] and [sym:warm_up/w_fast]")
    latex = r"\q{gradient}{dZ1_s}{\mathrm{d}Z_{1}^{s}}"
    assert shown.startswith(f"${latex}$ and $")
    assert r"\q{weight}{w_fast}{w'}" in shown


@pytest.mark.parametrize(
    ("stage", "line"),
    [
        ("support forward", "Z1_s = X_s @ W1 + b1"),
        ("query forward", "K_X = gram(X_q, X_s, T) + 1"),
    ],
)
def test_code_comes_from_the_generated_file(stage: str, line: str) -> None:
    text = plain(filled(f"{{{{code:relu2/kernel/{stage}}}}}"))
    assert line in text
    first, *lines = text.splitlines()
    assert first == f"generated/relu2/kernel.py# --- {stage} ---"
    block = [f"    # --- {stage} ---", *(f"    {each}" for each in lines if each)]
    written = (ROOT / "generated/relu2/kernel.py").read_text(encoding="utf-8")
    function = written.partition("\ndef meta_loss_and_gradient(")[2]
    assert "\n".join(["", *block, "", ""]) in function


def test_a_module_is_shown_line_by_line() -> None:
    for module in ("relu2/kernel", "relu2/reference", "warm_up/scalar"):
        written = (ROOT / "generated" / f"{module}.py").read_text(encoding="utf-8")
        rows = source_rows(whole_file(module, lambda _: ""))
        assert [row.rstrip() for row in rows] == written.splitlines()


def test_figures_and_examples_are_printed_short() -> None:
    examples = [example(name) for name in ("w", "dw", "w_fast", "w_bar")]
    assert examples == ["0.5", "\N{MINUS SIGN}3", "0.8", "\N{MINUS SIGN}4.48"]
    assert [figure(value) for value in (1.23456e-9, 0.0, 0.12345, 1234.0, 7, "equal")] == [
        "1.2e-09", "0", "0.123", "1.23e+03", "7", "equal",
    ]  # fmt: skip
    assert filled("{{measured:speed}}, {{measured:bad}}") == "0.5, equal"
    header, *rows = filled("{{measured:table}}").splitlines()
    assert header.endswith(" | x | y |")
    assert rows == ["|---|--:|--:|", "| a | 1.0e-09 | 2 |", "| b | 3.5 | 4 |"]
    assert filled("{{number:relu2/derived/operations}}") == "421,244"
    with pytest.raises(PageError, match="1/3 is not a short decimal number"):
        decimal("1/3")


@pytest.mark.parametrize(
    ("markdown", "message"),
    [
        ("{{eq:Z9_s}}", "there is no equation relu2/derived/Z9_s"),
        ("{{eq:X_s}}", "there is no equation relu2/derived/X_s"),
        ("{{eq:rewritten/W1_fast}}", "there is no equation relu2/rewritten/W1_fast"),
        ("{{eq:wished/Z1_s}}", "'wished/Z1_s' must be name, form/name or network/form/name"),
        ("{{eq:relu2/x/derived/Z1_s}}", "'relu2/x/derived/Z1_s' must be name, form/name or"),
        ("{{eq:relu9/derived/Z1_s}}", "there is no network 'relu9'"),
        ("{{eq}}", "an equation is asked for without a label"),
        ("{{eq: }}", "an equation is asked for without a label"),
        ("{{eq:dZ3_s}}", r"relu2/derived/dZ3_s is \(4.1\) but is shown in chapter 3"),
        ("{{eq:rewritten/Z1_q}}", r"relu2/rewritten/Z1_q is \(8.6\) but is shown in chapter 3"),
        ("[eq:Z2_s]", "equation relu2/derived/Z2_s is referred to but shown nowhere"),
        ("[eq:Z9_s]", "there is no equation relu2/derived/Z9_s"),
        ("[sym:Z9_s]", "there is no quantity 'Z9_s' in relu2"),
        ("[sym:warm_up/Z1_s]", "there is no quantity 'Z1_s' in warm_up"),
        ("[sym:relu9/Z1_s]", "there is no network 'relu9'"),
        ("{{diagram:relu2/dream A caption.}}", "there is no diagram 'relu2/dream'"),
        ("{{diagram:relu2_5steps/whole A caption.}}", "no diagram 'relu2_5steps/whole'"),
        ("{{diagram:whole A caption.}}", "there is no diagram 'whole'"),
        ("{{passes:relu9}}", "there is no network 'relu9'"),
        ("{{number:relu2/inline/colour}}", "there is no figure relu2/inline/colour"),
        ("{{number:relu2/wish/products}}", "there is no figure relu2/wish/products"),
        ("{{number:relu2/inline}}", "'relu2/inline' must be network/pass/column"),
        ("{{code:relu2/kernel/coffee}}", "there is no block 'coffee' in generated/relu2/kernel"),
        ("{{code:relu2/tea/query forward}}", "no block 'query forward' in generated/relu2/tea"),
        ("{{code:relu2/kernel}}", "'relu2/kernel' must be network/module/stage title"),
        ("{{code:a/b/c/d}}", "'a/b/c/d' must be network/module/stage title"),
        ("{{source:relu2/tea}}", "there is no module generated/relu2/tea.py"),
        ("{{source:kernel}}", "'kernel' must be network/module"),
        ("{{rules:relu9}}", "there is no network 'relu9'"),
        ("{{rules:warm_up}}", "warm_up has no rules"),
        ("{{passes:warm_up}}", "warm_up has no passes"),
        ("{{number:relu2/inline/pass}}", "there is no figure relu2/inline/pass"),
        ("{{example:z}}", "there is no number 'z' in the example"),
        ("{{measured:weight}}", "nothing was measured under 'weight'"),
        ("{{measured:speed/light}}", "nothing was measured under 'speed/light'"),
        ("{{measured:table/c}}", "nothing was measured under 'table/c'"),
        ("{{measured:mixed}}", "'mixed' holds tables and numbers; name one of one, several"),
        ("{{diagnose:weight}}", "there is nothing about the diagnosis called 'weight'"),
        ("{{diagnose:verdict third order}}", "there is no mistake 'third order'"),
        ("{{wish:1}}", "there is no command 'wish'"),
        ("{{wish}}", "there is no command 'wish'"),
    ],
)
def test_what_does_not_exist_is_named(markdown: str, message: str) -> None:
    with pytest.raises(PageError, match=message):
        filled(markdown)


def test_only_the_pages_own_network_must_be_in_its_chapter() -> None:
    assert "(3.1)" in filled("{{eq:tanh2/derived/Z1_s}}", "12-several-steps.md")
    assert "(3.1)" in filled("{{eq:Z1_s}}", "index.md")


# --- LaTeX that a pointer finds its way in ---


class Marked(NamedTuple):
    """LaTeX without its marks, and the marks: each name with its kind."""

    latex: str
    names: list[tuple[str, str]]


def unmarked(latex: str) -> Marked:
    """Take the marks off, brace by brace."""
    mark = re.compile(r"\\q\{(\w+)\}\{(\w+)\}\{")
    text, names = "", []
    while (match := mark.search(latex)) is not None:
        depth, end = 1, match.end()
        while depth:
            depth += {"{": 1, "}": -1}.get(latex[end], 0)
            end += 1
        # No quantity stands in another one.
        inside = latex[match.end() : end - 1]
        assert "\\q{" not in inside
        text += latex[: match.start()] + inside
        names.append((match[2], match[1]))
        latex = latex[end:]
    return Marked(text + latex, names)


@pytest.mark.parametrize("network", ["relu1", "relu2", "tanh2", "relu2_5steps", "warm_up"])
def test_marks_change_nothing_and_name_every_quantity(network: str) -> None:
    known = symbols(network)
    lines = [line for form in MODULES for line in manifest(network).get(form, [])]
    assert len(lines) >= 6
    for line in lines:
        latex, found = unmarked(marked(line["latex"], network))
        assert latex == line["latex"]
        assert {name for name, _ in found} == {line["name"], *line["reads"]}, line["name"]
        assert all(kind == known[name]["kind"] for name, kind in found)


@pytest.mark.parametrize("network", ["relu1", "relu2", "tanh2", "relu2_5steps", "warm_up"])
def test_no_two_quantities_are_written_alike(network: str) -> None:
    written = [symbol["latex"] for symbol in symbols(network).values()]
    assert len(set(written)) == len(written)


# --- the whole site ---


class Shown(NamedTuple):
    """An equation as a page shows it."""

    page: str
    anchor: str
    name: str
    number: str
    reads: list[tuple[str, str]]
    read_by: list[tuple[str, str]]
    source: tuple[str, str, int]


def plain(html: str) -> str:
    """A page without its tags."""
    return unescape(re.sub(r"<[^>]*>", "", html))


def equations_on(page: str, html: str) -> Iterator[Shown]:
    for block in re.split(r'(?=<div class="equation")', html)[1:]:
        (anchor, number) = re.findall(r'class="number" href="#([\w-]+)">\(([\d.]+)\)', block)[0]
        assert f'id="{anchor}"' in block
        lists = dict(
            re.findall(r"<span>(reads|read by) (.*?)</span>(?=<span>|<a href|</div>)", block)
        )
        found = {
            kind: re.findall(r'data-sym="(\w+)"(?: href="([^"]*)")?', names)
            for kind, names in lists.items()
        }
        source = re.findall(r'<a href="([^"#]*)#L(\d+)">(\w+)\.py, line (\d+)</a>', block)
        address, line, module, same_line = source[0] if source else ("", "0", "", "0")
        assert line == same_line
        yield Shown(
            page,
            anchor,
            anchor.rpartition("-")[2],
            number,
            found.get("reads", []),
            found.get("read by", []),
            (place(page, address)[0], module, int(line)),
        )


def place(page: str, address: str) -> tuple[str, str]:
    """The page and the anchor that an address on a page means."""
    path, _, anchor = address.partition("#")
    if not path:
        return page, anchor
    return posixpath.normpath(posixpath.join(posixpath.dirname(page), path)), anchor


@cache
def shown() -> dict[tuple[str, str], Shown]:
    """Every equation of the site by page and anchor."""
    pages = rendered()[1].items()
    found = [each for page, html in pages for each in equations_on(page, html)]
    return {(each.page, each.anchor): each for each in found}


def labels() -> dict[tuple[str, str], Label]:
    return {(page, label.anchor): label for label, page in rendered()[0].places.items()}


def test_every_equation_is_shown_once() -> None:
    site, _ = rendered()
    assert not_shown(site.places) == []
    assert shown_again(PAGES) == []
    some = [Label(PAGE_NETWORK, "derived", "Z1_s"), Label(PAGE_NETWORK, "rewritten", "Z1_q")]
    some.append(Label("warm_up", "derived", "w_bar"))
    rest = {label: page for label, page in site.places.items() if label not in some}
    assert set(not_shown(rest)) == set(some)
    assert set(shown()) == set(labels())
    assert Counter(site.places.values()) == Counter(each.page for each in shown().values())


@pytest.mark.parametrize("again", ["{{eq:Z1_s}}", "{{eq: Z9_s Z1_s}}", "{{ eq:derived/Z1_s}}"])
def test_an_equation_that_is_shown_again_is_found(again: str) -> None:
    label = Label(PAGE_NETWORK, "derived", "Z1_s")
    assert shown_again({**SMALL, "9-numpy.md": again}) == [("9-numpy.md", label)]
    assert shown_again({**SMALL, "3-network.md": f"{{{{eq:Z1_s}}}} {again}"}) == [
        ("3-network.md", label)
    ]


def test_no_command_is_left_on_a_page() -> None:
    for page, html in rendered()[1].items():
        assert re.findall(r"\{\{\s*\w+[:}]|\[eq:|\[sym:", html) == [], page


def test_equations_on_a_page_stand_in_the_order_of_their_numbers() -> None:
    site, _ = rendered()
    for network, form in [
        (PAGE_NETWORK, "derived"), (PAGE_NETWORK, "rewritten"), (PAGE_NETWORK, "first_order"),
        ("warm_up", "derived"),
    ]:  # fmt: skip
        numbers = [
            tuple(map(int, find(label)["number"].split(".")))
            for label in site.places
            if (label.network, label.form) == (network, form)
        ]
        assert numbers
        assert numbers == sorted(numbers)
        assert len(set(numbers)) == len(numbers)


def test_a_number_on_a_chapter_page_begins_with_the_chapter() -> None:
    for each in shown().values():
        label = labels()[each.page, each.anchor]
        assert each.number == find(label)["number"]
        if label.network in (PAGE_NETWORK, "warm_up"):
            assert CHAPTERS[int(each.number.partition(".")[0])] == each.page


def test_what_an_equation_reads_leads_to_where_it_is_defined() -> None:
    assert re.search(r"^# Notation$|\{ *#notation *\}", PAGES[NOTATION[0]], re.MULTILINE)
    for where, each in shown().items():
        label = labels()[where]
        assert [name for name, _ in each.reads] == find(label)["reads"]
        defined = {line["name"]: line["number"] for line in manifest(label.network)["derived"]}
        defined |= {line["name"]: line["number"] for line in manifest(label.network)[label.form]}
        for name, address in each.reads:
            target = place(each.page, address)
            if name not in defined:
                assert target == NOTATION, (where, name)
            elif label.network in (PAGE_NETWORK, "warm_up"):
                # The same name and number: what the rewrite left alone is shown as derived.
                assert shown()[target].name == name
                assert shown()[target].number == defined[name]
            else:
                assert not address or shown()[target].name == name


def test_links_between_equations_go_both_ways() -> None:
    pairs = 0
    for where, each in shown().items():
        label = labels()[where]
        assert [name for name, _ in each.read_by] == readers(label)
        for names, back in ((each.reads, "read_by"), (each.read_by, "reads")):
            for name, address in names:
                target = place(each.page, address)
                if not address or target == NOTATION or labels()[target].form != label.form:
                    continue
                answers = [
                    place(target[0], other)
                    for other_name, other in getattr(shown()[target], back)
                    if other_name == label.name
                ]
                assert answers == [where], (where, name)
                pairs += 1
    assert pairs > 200


def test_a_line_of_code_is_found_in_the_generated_module() -> None:
    for where, each in shown().items():
        label = labels()[where]
        page, module, number = each.source
        if label.network not in (PAGE_NETWORK, "warm_up"):
            assert number == 0
            continue
        expected = "scalar" if label.network == "warm_up" else MODULES[label.form][0]
        assert module == expected
        path = ROOT / "generated" / label.network / f"{module}.py"
        lines = path.read_text(encoding="utf-8").splitlines()
        assert lines[number - 1].startswith(f"    {each.name} = "), where
        assert f"({each.number})" in lines[number - 1]
        functions = [line for line in lines[:number] if line.startswith("def ")]
        assert functions[-1].startswith(f"def {MODULES[label.form][1]}(")
        # The page has that line, under that number.
        assert page == f"reference/code/{label.network}-{module}.md"
        assert source_rows(rendered()[1][page])[number - 1] == lines[number - 1]


def source_rows(html: str) -> list[str]:
    """The lines of a module on a page, the numbers of the lines checked."""
    rows = re.findall(r'<span class="row" id=L(\d+)>(.*)</span>(?=\n)', html)
    assert [int(number) for number, _ in rows] == list(range(1, len(rows) + 1))
    return [plain(row) for _, row in rows]


@pytest.mark.parametrize("module", ["relu2-reference", "relu2-kernel", "warm_up-scalar"])
def test_numbers_in_code_lead_to_their_equations(module: str) -> None:
    page = f"reference/code/{module}.md"
    network, _, form = module.partition("-")
    rows = re.findall(r'<span class="row" id=L\d+>(.*)</span>(?=\n)', rendered()[1][page])
    linked = 0
    for row in rows:
        comment = re.search(r'<span class="c1">(# .*)</span>', row)
        numbers = re.findall(r"\((\d+\.\d+)\)", comment[1]) if comment else []
        links = re.findall(r'<a href="([^"]*)">\((\d+\.\d+)\)(, first order)?</a>', row)
        # Every equation of these networks is shown, so no number is without a link.
        assert [number for _, number, _ in links] == numbers, row
        for address, number, first_order in links:
            target = shown()[place(page, address)]
            label = labels()[target.page, target.anchor]
            assert label.network == network
            assert (label.form == "first_order") == bool(first_order)
            # First-order MAML is shown as derived, also where a line computes it rewritten.
            assert target.number == number or (first_order and form == "kernel")
            linked += 1
        if links and "from" not in row.partition("# ")[2]:
            # A line computes the equation to which its number leads.
            name = plain(row).split(" = ")[0].strip()
            known = shown()[place(page, links[0][0])].name
            assert name == known or name == known.replace("_s", ""), row
    assert linked >= {"reference": 100, "kernel": 100, "scalar": 6}[form]


def test_a_line_leads_back_to_the_equation_that_named_it() -> None:
    for where, each in shown().items():
        page, _, number = each.source
        if number:
            row = rendered()[1][page].split(f"id=L{number}>")[1].split("\n")[0]
            (address, *_) = re.findall(r'<a href="([^"]*)">', row)
            assert place(page, address) == where


def test_a_box_of_a_drawing_leads_to_its_equation() -> None:
    drawings = 0
    for page, html in rendered()[1].items():
        # They share one style sheet.
        assert html.count("<style>") == ('<figure class="diagram"' in html), page
        for drawing in re.findall(r'<figure class="diagram".*?</figure>', html, re.DOTALL):
            drawings += 1
            assert re.search(r"<figcaption>.+</figcaption>", drawing)
            for name, address in re.findall(r'data-sym="(\w+)" xlink:href="([^"]*)"', drawing):
                target = place(page, address)
                assert target == NOTATION or shown()[target].name == name, (page, name)
            for address in re.findall(r'xlink:href="([^"]*)"', drawing):
                assert place(page, address) in {NOTATION, *shown()}, page
        heads = re.findall(r'<marker id="([^"]*)"', html)
        assert len(set(heads)) == len(heads), page
    assert drawings >= 10


def test_a_rewritten_drawing_leads_to_rewritten_equations() -> None:
    site, _ = rendered()
    drawing = render("{{diagram:relu2/rewritten-query A caption.}}", "8-rewrite.md", site)
    addresses = dict(re.findall(r'data-sym="(\w+)" xlink:href="([^"]*)"', drawing))
    assert addresses["Z1_q"] == "#eq-rewritten-Z1_q"
    assert addresses["H1_q"] == "6-query-loss.md#eq-H1_q"
    assert addresses["X_q"] == "reference/notation.md#notation"


def test_the_table_of_quantities_leads_to_every_definition() -> None:
    page, _ = NOTATION
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", rendered()[1][page], re.MULTILINE)
    networks = re.findall(r"\{\{symbols:(\w+)\}\}", PAGES[page])
    assert PAGE_NETWORK in networks
    assert [name for name, _ in rows] == [name for each in networks for name in symbols(each)]
    given = {str(symbol) for symbol in derivation(PAGE_NETWORK).derived.inputs}
    for name, row in rows:
        links = re.findall(r'href="([^"]*)"', row)
        assert links or name in given, name
        for address in links:
            assert shown()[place(page, address)].name == name
    lines = {line["name"]: line for form in MODULES for line in manifest(PAGE_NETWORK)[form]}
    for name, symbol in symbols(PAGE_NETWORK).items():
        assert name not in lines or symbol["shape"] == lines[name]["shape"]


def test_a_line_number_that_is_not_there_is_named() -> None:
    with pytest.raises(PageError, match=r"kernel.py of relu2 does not compute W1_fast"):
        source_line(Label(PAGE_NETWORK, "rewritten", "W1_fast"))


# --- the chapters ---


def front_matter(page: str) -> dict[str, str]:
    match = re.match(r"---\n(.*?)\n---\n", PAGES[page], re.DOTALL)
    assert match is not None, page
    pairs = [line.partition(": ") for line in match[1].splitlines() if not line.startswith(" ")]
    return {key: value.strip('"') for key, _, value in pairs}


def sections(page: str) -> dict[str, str]:
    """The text under each heading of the second level."""
    parts = re.split(r"^## (.+)\n", PAGES[page], flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_the_chapters_are_numbered_without_a_gap() -> None:
    assert sorted(CHAPTERS) == list(range(1, max(CHAPTERS) + 1))


@pytest.mark.parametrize("page", CHAPTERS.values())
def test_a_chapter_ends_with_a_check_and_exercises(page: str) -> None:
    found = sections(page)
    assert list(found)[-2:] == ["Check it yourself", "Exercises"]
    assert re.search(r"^```text\n\S", found["Check it yourself"], re.MULTILINE)
    exercises = re.split(r"^(?=\d+\. )", found["Exercises"], flags=re.MULTILINE)
    assert not exercises[0].strip()
    assert len(exercises) >= 3
    for number, exercise in enumerate(exercises[1:], 1):
        assert exercise.startswith(f"{number}. ")
        (answer,) = exercise.split('    ??? success "Answer"\n')[1:]
        assert re.match(r" {8}\S", answer), exercise


def test_every_page_has_a_title_and_a_description_of_its_own() -> None:
    found = [front_matter(page) for page in PAGES]
    for key in ("title", "description"):
        values = [each[key] for each in found]
        assert all(len(value) > 3 for value in values)
        assert len(set(values)) == len(values)


def test_navigation_file_names_and_headings_have_the_same_numbers() -> None:
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    nav = text.partition("\nnav:\n")[2].partition("\n\n")[0]
    entries = re.findall(r"- (?:(\d+)\. )?([^:\n]+): (\S+\.md)$", nav, re.MULTILINE)
    assert [page for _, _, page in entries if page.startswith("reference")]
    assert sorted(page for _, _, page in entries) == sorted(PAGES)
    chapters = [(int(number), title, page) for number, title, page in entries if number]
    assert [(number, page) for number, _, page in chapters] == sorted(CHAPTERS.items())
    for number, title, page in chapters:
        without_code = re.sub(r"```.*?```", "", PAGES[page], flags=re.DOTALL)
        (heading,) = re.findall(r"^# (.+)$", without_code, re.MULTILINE)
        assert heading == f"{number}. {title}"
        assert front_matter(page)["title"] == title


# --- what MkDocs calls ---


def mkdocs_page(name: str) -> Any:
    return SimpleNamespace(file=SimpleNamespace(src_uri=name))


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Site:
    own = small_site()
    monkeypatch.setattr(hooks, "_site", own)
    return own


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize(
    "fence", ["```python\nx = 1\n```", "```py\nx = 1\n```", '```python title="a.py"\nx = 1\n```']
)
def test_python_typed_into_a_page_is_a_warning(
    fence: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert hooks.on_page_markdown(f"text\n\n{fence}\n", mkdocs_page("9-numpy.md")).endswith("```\n")
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith("9-numpy.md: Python code is typed into the page")


@pytest.mark.usefixtures("site")
def test_code_from_a_file_and_commands_of_a_shell_are_none(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for fence in (
        '```python title="derive/gradient.py"\n--8<-- "derive/gradient.py:sweep"\n```',
        "```text\npython a.py\n```",
    ):
        hooks.on_page_markdown(fence, mkdocs_page("9-numpy.md"))
    assert caplog.records == []


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("section", ["derive/gradient.py:sweet", "derive/gradients.py"])
def test_a_section_that_is_not_there_is_a_warning(
    section: str, caplog: pytest.LogCaptureFixture
) -> None:
    hooks.on_page_markdown(f'```python\n--8<-- "{section}"\n```', mkdocs_page("9-numpy.md"))
    (record,) = caplog.records
    assert record.getMessage() == f"9-numpy.md: there is no section {section}"


@pytest.mark.usefixtures("site")
def test_a_page_that_asks_in_vain_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    markdown = "{{eq:Z9_s}}"
    assert hooks.on_page_markdown(markdown, mkdocs_page("3-network.md")) == markdown
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == "3-network.md: there is no equation relu2/derived/Z9_s"


def test_places_and_figures_are_known_before_the_first_page(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [
        SimpleNamespace(
            src_uri=name,
            content_string=text,
            url_relative_to=lambda other, name=name: f"from {other.src_uri} to {name}",
        )
        for name, text in SMALL.items()
    ]
    site.places, site.measured = {}, {}
    monkeypatch.setattr("docs.render.measure.measure", lambda: {"speed": 2.0})
    given = SimpleNamespace(documentation_pages=lambda: files)
    assert hooks.on_files(given) is given
    text = hooks.on_page_markdown("[eq:Z1_s] {{measured:speed}}", mkdocs_page("8-rewrite.md"))
    assert 'href="from 8-rewrite.md to 3-network.md#eq-Z1_s"' in text
    assert text.endswith(" 2")
    # Measured once for all builds of a server.
    monkeypatch.setattr("docs.render.measure.measure", lambda: {"speed": 3.0})
    hooks.on_files(given)
    assert site.measured == {"speed": 2.0}


def test_a_missing_network_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(hooks, "ROOT", tmp_path)
    with pytest.raises(PluginError, match=r"^generated/relu1 is missing; make build writes it$"):
        hooks.figures()


def test_what_is_shown_nowhere_or_twice_is_a_warning(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    def warnings(pages: dict[str, str]) -> list[str]:
        files = [SimpleNamespace(src_uri=name, content_string=text) for name, text in pages.items()]
        caplog.clear()
        hooks.on_files(SimpleNamespace(documentation_pages=lambda: files))
        return [record.getMessage() for record in caplog.records]

    site.measured = {"speed": 1.0}
    assert warnings(PAGES) == []
    name = "3-network.md"
    fewer = PAGES[name].replace("{{eq:Z1_s H1_s}}", "{{eq:H1_s}}")
    assert warnings({**PAGES, name: fewer}) == [
        "equation relu2/derived/Z1_s is derived but shown nowhere"
    ]
    more = PAGES[name] + "{{eq:Z1_s}}"
    assert warnings({**PAGES, name: more}) == [
        f"{name}: equation relu2/derived/Z1_s is shown twice"
    ]


def test_figures_are_published(site: Site, tmp_path: Path) -> None:
    site.measured = {"speed": 1.0}
    hooks.on_post_build({"site_dir": str(tmp_path)})
    assert json.loads((tmp_path / "measured.json").read_text(encoding="utf-8")) == site.measured


def test_marks_of_docstrings_are_taken_out_of_the_reference() -> None:
    html = "<p>Adam [1]_.</p>\n<p>::</p>\n<p>Read so::</p><p>.. [1] Kingma</p>"
    expected = "<p>Adam.</p>\n<p>Read so:</p><p>Kingma</p>"
    assert hooks.on_page_content(html, mkdocs_page("reference/api.md")) == expected
    assert hooks.on_page_content(html, mkdocs_page("1-maml.md")) == html


# --- what the build measures ---


def leaves(record: Any) -> Iterator[Any]:
    """The figures of a record."""
    if isinstance(record, dict):
        for part in record.values():
            yield from leaves(part)
    else:
        yield record


def test_every_figure_is_within_its_bound() -> None:
    record = figures()
    networks = {"relu1", "relu2", "tanh2", "relu2_5steps"}
    assert set(record["finite_differences"]) == set(record["agreement"]) == networks
    bounds = {"finite_differences": 1e-5, "agreement": 1e-12, "proof": 1e-30}
    for name, bound in bounds.items():
        assert all(0 <= value <= bound for value in leaves(record[name])), name
    for gradients in record["finite_differences"].values():
        # Differences have rounding; where there is none, something was compared with itself.
        assert all(value > 0 for value in leaves(gradients))
        assert set(gradients) == {"inner gradient", "meta-gradient", "first-order meta-gradient"}
    assert set(record["proof"]) == {"derived", "rewritten"}
    assert record["passes"] == {apply.__name__: "equal" for apply in PASSES}
    assert all(value > 1e-3 for value in leaves(record["second_order"]))
    assert record["second_order"]["angle"] < 180
    assert record["warm_up"]["derived"] == pytest.approx(-4.48, rel=1e-14)
    assert record["warm_up"]["central difference"] == pytest.approx(-4.48, rel=1e-8)
    assert record["network"]["prediction"] <= 1e-12
    assert record["step"]["difference"] <= 1e-12
    assert 1 <= record["step"]["rank"] <= record["step"]["shots"] < record["step"]["units"]
    assert record["meta_loss"]["difference"] <= 1e-12
    json.dumps(record, allow_nan=False)


def test_the_same_figures_are_measured_again() -> None:
    assert measure() == figures()
