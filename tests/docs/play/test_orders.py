"""What chapter 7 dims is what is gone: nothing else is zero, and nothing else is not computed."""

from __future__ import annotations

import ast
import re
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from sympy import MatrixSymbol, zeros

from derive.language.program import Equation, Group, Program, evaluate
from derive.making import NETWORKS
from derive.model.programs import meta_gradient_program
from derive.package.example import given
from docs.render.manifest import PAGE_NETWORK, ROOT, manifest
from docs.render.page import Site, places_of
from tests.docs.render.pages import CHAPTERS, PAGES, filled, relative

if TYPE_CHECKING:
    from derive.language.program import Value

#: Where an order cuts the way back: what is zero then.
CUTS = {
    "first-order": {f"d{letter}{layer}_bar" for letter in "Wb" for layer in (1, 2, 3)},
    "without-gauss-newton": {"Z3_s_bar"},
}

Terms = set[tuple[str, int]]


class Shown(NamedTuple):
    """The terms that a page says to be gone, and how many terms each of its equations has."""

    gone: dict[str, Terms]
    counts: dict[str, int]


@cache
def chapter() -> str:
    """The equations of the chapter as a browser gets them."""
    name = CHAPTERS["7"]
    lines = PAGES[name].splitlines()
    equations = [line for line in lines if line.startswith(("{{eq:", "<maml-orders"))]
    return filled("\n".join(equations), name, Site(places_of(PAGES), relative))


@cache
def shown() -> Shown:
    """What the chapter says of its equations."""
    found = Shown({order: set() for order in CUTS}, {})
    for name, formula in re.findall(
        r'<div class="equation" id="eq-(\w+)"><div class="formula"(.*?)<div class="tag">', chapter()
    ):
        whole, _, rest = formula.partition(">")
        terms = re.findall(r'<span class="term[^>]*>', rest)
        found.counts[name] = len(terms)
        for order, gone in found.gone.items():
            gone |= {(name, at) for at, term in enumerate(terms) if order in whole or order in term}
    return found


def program() -> Program:
    """The meta-gradient of the pages' network, as derived."""
    return meta_gradient_program(NETWORKS[PAGE_NETWORK])


def values(cut: set[str]) -> dict[Any, Value]:
    """What everything comes to in the small task, each term of an adjoint by itself, too."""
    derived = program()
    start = given(NETWORKS[PAGE_NETWORK], derived)
    lines, terms = [], []
    for line in derived:
        nothing = MatrixSymbol(f"{line.name}_cut", *line.shape) if line.name in cut else None
        lines.append(Equation(line.symbol, nothing, line.stage) if nothing else line)
        for at, term in enumerate(line.terms if line.gains else ()):
            symbol = MatrixSymbol(f"{line.name}/{at}", *line.shape)
            terms.append(Equation(symbol, nothing or term, line.stage))
    cuts = tuple(each for line in lines for each in line.reads if str(each.name).endswith("_cut"))
    for symbol in cuts:
        shape = [int(size.xreplace(start)) for size in symbol.shape]
        start[symbol] = zeros(*shape).as_immutable()
    groups = (*derived.groups, Group("direction", cuts))
    found = evaluate(Program(groups, (*lines, *terms), ()), start)
    return {str(symbol.name): value for symbol, value in found.items()}


def zero_terms(cut: set[str]) -> Terms:
    """The terms that are zero in every entry."""
    return {
        (name.partition("/")[0], int(name.partition("/")[2]))
        for name, value in values(cut).items()
        if "/" in name and not any(value)
    }


def unread(gone: Terms) -> Terms:
    """The terms of equations whose results nothing needs that is left, but what is gone."""
    derived = program()
    needed = {str(output.name) for output in derived.outputs}
    for line in reversed(derived.equations):
        if line.name in needed:
            left = [term for at, term in enumerate(line.terms) if (line.name, at) not in gone]
            needed |= {str(each.name) for term in left for each in term.atoms(MatrixSymbol)}
    lines = [line for line in derived if line.gains and line.name not in needed]
    return {(line.name, at) for line in lines for at, _ in enumerate(line.terms)}


def test_every_adjoint_is_on_the_page() -> None:
    adjoints = {line.name: len(line.terms) for line in program() if line.name.endswith("_bar")}
    assert shown().counts == adjoints


@pytest.mark.parametrize("order", CUTS)
def test_what_is_dimmed_is_zero_or_leads_to_nothing_else(order: str) -> None:
    zero = zero_terms(CUTS[order])
    assert zero
    assert shown().gone[order] == zero | unread(zero)
    assert zero_terms(set()) == set(), "the small task hides what vanishes by itself"


def right_sides(function: str) -> dict[str, list[str]]:
    """The terms of each line of a generated function, by the name of what it computes."""
    path = ROOT / "generated" / PAGE_NETWORK / "reference.py"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [each for each in tree.body if isinstance(each, ast.FunctionDef)]
    [body] = [each.body for each in functions if each.name == function]
    return {
        each.targets[0].id: summands(each.value)
        for each in body
        if isinstance(each, ast.Assign) and isinstance(each.targets[0], ast.Name)
    }


def summands(node: ast.expr) -> list[str]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return [*summands(node.left), *summands(node.right)]
    return [ast.unparse(node)]


def test_what_is_dimmed_in_first_order_is_what_its_generated_code_lacks() -> None:
    whole = right_sides("meta_loss_and_gradient")
    first_order = right_sides("first_order_meta_loss_and_gradient")
    lacks = {
        (name, at)
        for name in shown().counts
        for at, term in enumerate(whole[name])
        if term not in first_order.get(name, [])
    }
    assert shown().gone["first-order"] == lacks
    assert len({name for name, _ in lacks} - set(first_order)) == 16


def test_a_number_stands_beside_every_equation() -> None:
    lines = {line["name"] for line in manifest(PAGE_NETWORK)["derived"]} & set(shown().counts)
    unfolded = re.findall(r"<details open><summary>in numbers</summary>", chapter())
    assert len(unfolded) == len(lines) + len(manifest(PAGE_NETWORK)["first_order"])
    other = filled("{{eq:Z1_s}}")
    assert "in numbers" in other
    assert "<details open>" not in other
