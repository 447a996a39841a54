"""A package's equations for readers: a listing in Markdown, and a manifest for the site."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from derive import latex, notation, numpy_code
from derive.choice import dense_if
from derive.plan import plan_of
from derive.rules import rules_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from derive.derivation import Derivation
    from derive.numpy_code import Layout
    from derive.program import Equation, Program, Shape
    from derive.rules import Rule


def equation_record(equation: Equation, number: str, layout: Layout) -> dict[str, object]:
    """What a page needs to know of an equation."""
    return {
        "name": equation.name,
        "number": number,
        "stage": equation.stage,
        "latex": latex.equation_latex(equation),
        "shape": latex.shape_latex(equation.shape),
        "reads": [symbol.name for symbol in equation.reads],
        "sources": list(equation.sources),
        "code": "\n".join(numpy_code.statement(equation, layout)),
    }


def symbol_record(name: str, shape: Shape = ()) -> dict[str, str]:
    """How a quantity is written, its shape, and the kind that gives it its colour."""
    return {
        "name": name,
        "latex": latex.name_latex(name),
        "kind": notation.kind(name),
        "shape": latex.shape_latex(shape),
    }


def rule_record(rule: Rule) -> dict[str, str]:
    """A derivative rule as a form and what it adds to an adjoint."""
    gain = "0" if rule.gain is None else latex.right_latex(rule.gain)
    return {"form": latex.right_latex(rule.form), "gain": gain}


def choice_record(derivation: Derivation, layer: int) -> dict[str, object]:
    """When the dense form of a layer is less work: where the first sum is smaller."""
    dense, kernel = dense_if(derivation.derived, layer)
    return {
        "layer": layer,
        "dense": latex.polynomial_latex(dense),
        "kernel": latex.polynomial_latex(kernel),
    }


def workspace_record(derivation: Derivation) -> dict[str, int]:
    """How many quantities the workspace form computes, and in how many buffers."""
    plan = plan_of(derivation.derived)
    return {
        "quantities": sum(len(buffer.holds) for buffer in plan.buffers),
        "buffers": len(plan.buffers),
    }


def manifest(derivation: Derivation, banner: str) -> str:
    """``equations.json``: every equation, and what each pass did, for the site."""
    record = {
        "banner": banner,
        "network": {"name": derivation.name, "summary": derivation.summary},
        "notation": [
            {"latex": latex.letter_latex(letter), "meaning": meaning}
            for letter, meaning in notation.MEANINGS.items()
        ],
        "symbols": [symbol_record(*each) for each in _symbols(derivation).items()],
        "derived": [
            equation_record(line, derivation.numbers[line.name], "batched")
            for line in derivation.derived
        ],
        "rewritten": [
            equation_record(line, derivation.rewritten_numbers[line.name], "stacked")
            for line in derivation.rewritten
        ],
        "first_order": [
            equation_record(line, derivation.numbers[line.name], "batched")
            for line in derivation.first_order
            if line.name in derivation.first_order_names
        ],
        "rules": [rule_record(rule) for rule in rules_of(derivation.derived)],
        "passes": [{"pass": name, **cost._asdict()} for name, cost in derivation.costs.items()],
        "choices": [
            choice_record(derivation, layer) for layer in range(1, derivation.network.hidden + 2)
        ],
        "workspace": workspace_record(derivation),
    }
    return json_text(record)


def _symbols(derivation: Derivation) -> dict[str, Shape]:
    """Every quantity of the derivation and of the rewrite, and its shape."""
    inputs = [symbol for symbol in derivation.derived.inputs if symbol.is_Matrix]
    lines = [*derivation.derived, *derivation.rewritten]
    return {
        **{str(symbol.name): tuple(symbol.shape) for symbol in inputs},
        **{line.name: line.shape for line in lines},
    }


def json_text(record: Mapping[str, object]) -> str:
    """A record as JSON, one line an equation, so that a diff shows the mathematics."""
    blocks = []
    for key, value in record.items():
        if isinstance(value, list):
            rows = ",\n  ".join(json.dumps(row) for row in value)
            blocks.append(f'"{key}": [\n  {rows}\n ]')
        else:
            blocks.append(f'"{key}": {json.dumps(value)}')
    return "{\n " + ",\n ".join(blocks) + "\n}\n"


def listing(derivation: Derivation, banner: str) -> str:
    """``equations.md``: every equation with its number and shape, for a reader of the code."""
    lines = [
        f"<!-- {banner} -->",
        "",
        f"# The equations of `{derivation.name}`",
        "",
        f"{derivation.summary[0].upper()}{derivation.summary[1:]}.",
        "`reference.py` computes the first list, `kernel.py` the second.",
        "",
        "## As derived",
        "",
        *_table(derivation.derived, derivation.numbers),
        "",
        "## Rewritten",
        "",
        *_table(derivation.rewritten, derivation.rewritten_numbers),
    ]
    return "\n".join(lines) + "\n"


def _table(program: Program, numbers: dict[str, str]) -> list[str]:
    rows = [
        f"| ({numbers[line.name]}) | ${latex.equation_latex(line)}$ "
        f"| ${latex.shape_latex(line.shape)}$ |"
        for line in program
    ]
    return ["| | equation | shape |", "|---|---|---|", *rows]
