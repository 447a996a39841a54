"""Every equation of the site: where it is shown, and what leads to it."""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from html import unescape
from typing import NamedTuple

import pytest

from docs.render.manifest import (
    LINEAR,
    MODULES,
    PAGE_NETWORK,
    ROOT,
    Label,
    find,
    manifest,
    readers,
    symbols,
)
from docs.render.page import not_shown, render, shown_again
from tests.conftest import derivation
from tests.docs.render.pages import CHAPTERS, PAGES, SMALL, plain, rendered, source_rows

NOTATION = ("reference/notation.md", "notation")


class Shown(NamedTuple):
    """An equation as a page shows it."""

    page: str
    anchor: str
    name: str
    number: str
    reads: list[tuple[str, str]]
    read_by: list[tuple[str, str]]
    source: tuple[str, str, int]


def equations_on(page: str, html: str) -> Iterator[Shown]:
    for block in re.split(r'(?=<div class="equation")', html)[1:]:
        (anchor, number) = re.findall(r'class="number" href="#([\w-]+)">\(([\d.]+\'?)\)', block)[0]
        assert f'id="{anchor}"' in block
        lists = dict(
            re.findall(r"<span>(reads|read[a-z ]* by) (.*?)</span>(?=<span>|</div>)", block)
        )
        found = {
            kind: re.findall(r'data-sym="(\w+)"(?: href="([^"]*)")?', names)
            for kind, names in lists.items()
        }
        source = re.findall(
            r'<a href="([^"#]*)#L(\d+)"><span class="module">(\w+)\.py, </span>line (\d+)</a>',
            block,
        )
        address, line, module, same_line = source[0] if source else ("", "0", "", "0")
        assert line == same_line
        yield Shown(
            page,
            anchor,
            anchor.rpartition("-")[2],
            number,
            found.get("reads", []),
            [*found.get("read by", []), *found.get("read on the way back by", [])],
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
        ("warm_up", "derived"), (LINEAR, "derived"),
    ]:  # fmt: skip
        numbers = [
            tuple(map(int, find(label)["number"].removesuffix("'").split(".")))
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
        chapter = each.number.partition(".")[0]
        if label.network in (PAGE_NETWORK, "warm_up"):
            assert CHAPTERS[chapter] == each.page
        elif label.network == LINEAR:
            assert CHAPTERS[f"{chapter}b"] == each.page


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
            elif label.network in (PAGE_NETWORK, LINEAR, "warm_up"):
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
        if label.network not in (PAGE_NETWORK, LINEAR, "warm_up"):
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


@pytest.mark.parametrize(
    "module", ["relu2-reference", "relu2-kernel", "linear-reference", "warm_up-scalar"]
)
def test_numbers_in_code_lead_to_their_equations(module: str) -> None:
    page = f"reference/code/{module}.md"
    network, _, form = module.partition("-")
    rows = re.findall(r'<span class="row" id=L\d+>(.*)</span>(?=\n)', rendered()[1][page])
    linked = 0
    for row in rows:
        comment = re.search(r'<span class="c1">(# .*)</span>', row)
        numbers = re.findall(r"\((\d+\.\d+'?)\)", unescape(comment[1])) if comment else []
        links = re.findall(r"""<a href="([^"]*)">\((\d+\.\d+'?)\)</a>""", unescape(row))
        # Every equation of these networks is shown, so no number is without a link.
        assert [number for _, number in links] == numbers, row
        for address, number in links:
            first_order = number.endswith("'")
            target = shown()[place(page, address)]
            label = labels()[target.page, target.anchor]
            assert label.network == network
            assert (label.form == "first_order") == first_order
            # First-order MAML is shown as derived, also where a line computes it rewritten.
            assert target.number == number or (first_order and form == "kernel")
            linked += 1
        if links and "from" not in row.partition("# ")[2]:
            # A line computes the equation to which its number leads.
            name = plain(row).split(" = ")[0].strip()
            known = shown()[place(page, links[0][0])].name
            assert name == known or name == known.replace("_s", ""), row
    least = {"relu2": 100, "linear": 20, "warm_up": 6}
    assert linked >= least[network]


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


def test_every_term_says_where_it_comes_from() -> None:
    site, pages = rendered()
    rules = re.findall(r'id="(rule-\d+)"', pages["reference/rules.md"])
    assert rules == [f"rule-{number}" for number in range(1, len(rules) + 1)]
    seen = 0
    for label, page in site.places.items():
        terms = find(label).get("terms", [])
        block = pages[page].split(f'<div class="equation" id="{label.anchor}">')[1]
        shown_terms = re.findall(
            r'<span class="term( second)?"[^>]*>.*?'
            r'<span class="origin"[^>]*>(.*?)</span></span>(?=<)',
            block.split('<div class="tag">')[0],
        )
        assert len(shown_terms) == len(terms), label
        mixed = not all(term["second_order"] for term in terms)
        for term, (second, origin) in zip(terms, shown_terms, strict=True):
            assert bool(second) == (mixed and term["second_order"])
            assert bool(second) == ("second order" in origin)
            numbers = [
                find(label._replace(form="derived", name=n))["number"] for n in term["readers"]
            ]
            assert re.findall(r"\(([\d.]+)\)", origin) == numbers
            for address in re.findall(r'href="([^"]*)"', origin):
                where = place(page, address)
                assert where in labels() or (where[0] == "reference/rules.md" and where[1] in rules)
            if label.network == PAGE_NETWORK:
                assert origin.count("href") >= len(numbers) + 1
            seen += 1
    assert seen > 60
