"""A package's equations for readers: a listing in Markdown, and a manifest for the site."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..language.names import MEANINGS, Kernel, parse
from ..model.losses import LOSSES
from ..printers import latex
from ..printers.numpy import statement, sum_over_tasks
from .collapsed import collapsed_record
from .example import example
from .formatting import formatted_statements
from .numbers import PRIME
from .rules import applied

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..language.program import Equation, Program, Shape
    from ..printers.numpy import Layout
    from ..schedule.choice import Choice
    from ..schedule.plan import Plan
    from .derivation import Derivation
    from .rules import Rule


#: The quantity whose equation a page shows after each pass.
FOLLOWED = "Z2_q"


def equation_records(
    equations: Iterable[Equation],
    derivation: Derivation,
    numbers: Mapping[str, str],
    layout: Layout,
    values: Mapping[str, str],
) -> list[dict[str, object]]:
    """What a page needs to know of equations; also what they come to, where there are `values`."""
    lines = list(equations)
    lesser = (derivation.first_order, derivation.without_gauss_newton)
    first_order, without = ({line.name: line for line in program} for program in lesser)
    gradient = derivation.derived.outputs[1:] if layout == "dense" else ()
    codes = formatted_statements(
        [
            sum_over_tasks(line) if line.symbol in gradient else statement(line, layout)
            for line in lines
        ]
    )
    return [
        {
            "name": line.name,
            "number": numbers[line.name],
            "stage": line.stage,
            "latex": latex.equation_latex(line),
            "shape": latex.shape_latex(line.shape),
            "reads": [symbol.name for symbol in line.reads],
            "sources": list(line.sources),
            "code": code,
            "terms": term_records(
                line, derivation, first_order.get(line.name), without.get(line.name)
            ),
            **({"example": values[line.name]} if values else {}),
        }
        for line, code in zip(lines, codes, strict=True)
    ]


def term_records(
    equation: Equation,
    derivation: Derivation,
    first_order: Equation | None,
    without: Equation | None,
) -> list[dict[str, object]]:
    """The terms of an adjoint: the equations each comes from, by which rules, and its order.

    Beside its order stands whether it is gone where the Gauss-Newton part is left out. Both are
    read off the same equation as those programs have it, None where it is gone.
    """
    records = []
    for term, text in latex.terms_latex(equation) if equation.gains else ():
        gains = [gain for gain in equation.gains if gain.term == term] or equation.gains
        rules = [
            number
            for gain in gains
            for number in applied(derivation.rules, derivation.derived[gain.reader], gain.quantity)
        ]
        records.append(
            {
                "latex": text,
                "readers": list(dict.fromkeys(gain.reader for gain in gains)),
                "rules": list(dict.fromkeys(rules)),
                "second_order": first_order is None or term not in first_order.terms,
                "gauss_newton": without is None or term not in without.terms,
            }
        )
    return records


def symbol_record(name: str, shape: Shape = ()) -> dict[str, str]:
    """How a quantity is written, its shape, and the kind that gives it its colour."""
    return {
        "name": name,
        "latex": latex.name_latex(name),
        "kind": parse(name).kind,
        "shape": latex.shape_latex(shape),
    }


def rule_record(rule: Rule) -> dict[str, str]:
    """A derivative rule as a form and what it adds to an adjoint."""
    gain = "0" if rule.gain is None else latex.right_latex(rule.gain)
    return {"form": latex.right_latex(rule.form), "gain": gain}


def choice_record(choice: Choice) -> dict[str, object]:
    """When the dense form of a layer is less work: where the first sum is smaller."""
    return {
        "layer": choice.layer,
        "dense": latex.polynomial_latex(choice.dense),
        "kernel": latex.polynomial_latex(choice.kernel),
    }


def workspace_record(plan: Plan) -> dict[str, int]:
    """How many quantities the workspace form computes, and in how many buffers."""
    return {
        "quantities": sum(len(buffer.holds) for buffer in plan.buffers),
        "buffers": len(plan.buffers),
    }


def manifest(derivation: Derivation, banner: str) -> str:
    """``equations.json``: every equation, and what each pass did, for the site."""
    network, numbers, plan = derivation.network, derivation.numbers, derivation.plan
    loss = LOSSES[network.loss].meaning
    changed = [line for line in derivation.first_order if line.name in numbers.first_order]
    primed = {line.name: f"{numbers.derived[line.name]}{PRIME}" for line in changed}
    derived, rewritten, first_order = (
        example(network, program)
        for program in (derivation.derived, derivation.stages[-1], derivation.first_order)
    )
    inputs = [str(symbol) for symbol in derivation.derived.inputs]
    letters = _letters([*inputs, *_symbols(derivation)], bool(network.context))
    layout: Layout = "stacked" if derivation.form == "kernel" else "dense"
    record = {
        "banner": banner,
        "network": {"name": derivation.name, "summary": derivation.summary},
        "notation": [
            {"latex": latex.letter_latex(letter), "meaning": meaning or loss}
            for letter, meaning in MEANINGS.items()
            if letter in letters
        ],
        "symbols": [symbol_record(*each) for each in _symbols(derivation).items()],
        "derived": equation_records(
            derivation.derived, derivation, numbers.derived, "batched", derived
        ),
        "rewritten": equation_records(
            derivation.stages[-1], derivation, numbers.rewritten, layout, rewritten
        ),
        "first_order": equation_records(changed, derivation, primed, "batched", first_order),
        **({"example": {name: derived[name] for name in inputs}} if derived else {}),
        **(
            {"collapsed": collapsed_record(network, derivation.derived)}
            if derived and not network.hidden
            else {}
        ),
        "rules": [rule_record(rule) for rule in derivation.rules],
        "passes": [
            {"pass": name, **cost._asdict(), "followed": _followed(stage)}
            for (name, cost), stage in zip(derivation.costs.items(), derivation.stages, strict=True)
        ],
        "choices": [choice_record(choice) for choice in plan.choices] if plan else [],
        "workspace": workspace_record(plan) if plan else {},
    }
    return json_text(record)


def _followed(program: Program) -> list[str]:
    """The query pre-activation that the pages follow through the passes, none in other networks."""
    return [latex.equation_latex(line) for line in program if line.name == FOLLOWED]


def _letters(names: Iterable[str], context: bool) -> set[str]:
    """The letters that stand in some names, and those of sizes."""
    letters = {"T", "N", "M", "D", "O", "L", *(["C"] if context else [])}
    for name in map(parse, names):
        if isinstance(name, Kernel):
            letters.add("K")
        else:
            letters.update({name.base, *(["a"] if name.rate else [])})
    return letters


def _symbols(derivation: Derivation) -> dict[str, Shape]:
    """Every quantity of the derivation and of the rewrite, and its shape."""
    inputs = [symbol for symbol in derivation.derived.inputs if symbol.is_Matrix]
    lines = [*derivation.derived, *derivation.stages[-1]]
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
        f"`reference.py` computes the first list, `{derivation.form}.py` the second.",
        "",
        "## As derived",
        "",
        *_table(derivation.derived, derivation.numbers.derived),
        "",
        "## Rewritten",
        "",
        *_table(derivation.stages[-1], derivation.numbers.rewritten),
    ]
    return "\n".join(lines) + "\n"


def _table(program: Iterable[Equation], numbers: Mapping[str, str]) -> list[str]:
    rows = [
        f"| ({numbers[line.name]}) | ${latex.equation_latex(line)}$ "
        f"| ${latex.shape_latex(line.shape)}$ |"
        for line in program
    ]
    return ["| | equation | shape |", "|---|---|---|", *rows]
