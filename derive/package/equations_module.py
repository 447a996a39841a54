"""``equations.js`` of a package: the derivation, every equation a function of JavaScript."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..language.names import STAGES
from ..language.program import shape_of
from ..printers.arrows import arrow
from .example import given
from .numbers import PRIME
from .task_module import KERNELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sympy import Expr

    from ..language.program import Equation, Program
    from .derivation import Derivation

#: What ``matrices.js`` offers to the right-hand sides.
MATRICES = (
    "add", "hadamard", "map", "matmul", "ones", "rowMax", "scale", "subtract", "trace", "transpose",
    "without",
)  # fmt: skip


def equations_module(title: str, derivation: Derivation) -> str:
    """The text of the file.

    Parameters
    ----------
    title
        What stands at its head, as comments.
    derivation
        What to print.

    Raises
    ------
    ValueError
        When an equation has no JavaScript.
    """
    derived, numbers = derivation.derived, derivation.numbers.derived
    shapes = (f"  {symbol}: [{_shape(shape_of(symbol))}]," for symbol in derived.inputs)
    body = "\n".join(
        [
            "// What is given: rows and columns, or a number.",
            "export const inputs = {",
            *shapes,
            "};",
            "",
            *_example(derivation),
            f"export const outputs = [{_quoted(map(str, derived.outputs))}];",
            "",
            "export const equations = [",
            *_by_stage(derived, numbers),
            "];",
            "",
            "// The inner gradients held constant: what is gone, and what is left of the others.",
            *_without("firstOrder", derivation.first_order, derivation, f"({{}}{PRIME})"),
            "// The same with the predictions of the support set held constant, and no more.",
            *_without(
                "withoutGaussNewton", derivation.without_gauss_newton, derivation, "left of ({})"
            ),
        ]
    )
    imports = [
        f'import {{ {", ".join(used)} }} from "../runtime/{file}";'
        for file, offered in (("kernels.js", KERNELS), ("matrices.js", MATRICES))
        if (used := [name for name in offered if re.search(rf"(?<![\w.]){name}\(", body)])
    ]
    return "\n".join([title, "", *imports, "", body])


def _example(derivation: Derivation) -> Iterator[str]:
    """What is given of a toy task, where the network has one."""
    values = given(derivation.network, derivation.derived)
    if not values:
        return
    yield "// The same of a toy task, whose numbers stand in equations.json."
    yield "export const example = {"
    for symbol in derivation.derived.inputs:
        value = values[symbol]
        yield f"  {symbol}: {value.tolist() if symbol.is_Matrix else value},"
    yield from ("};", "")


def _without(name: str, program: Program, derivation: Derivation, note: str) -> Iterator[str]:
    """A program that lacks some of the derived equations, and terms of others."""
    numbers = derivation.numbers.derived
    kept = {equation.name: equation for equation in program}
    changed = [kept[each.name] for each in derivation.derived if each.name in kept]
    yield f"export const {name} = without("
    yield "  equations,"
    yield f"  [{_quoted(each for each in numbers if each not in kept)}],"
    yield "  ["
    for each in changed:
        if each.value != derivation.derived[each.name].value:
            yield f"  {_line(each, note.format(numbers[each.name]))}"
    yield from ("  ],", ");", "")


def _by_stage(equations: Iterable[Equation], numbers: dict[str, str]) -> Iterator[str]:
    stage = ""
    for equation in equations:
        if equation.stage != stage:
            stage = equation.stage
            yield f"  // --- {STAGES[stage]} ---"
        yield _line(equation, f"({numbers[equation.name]})")


def _line(equation: Equation, note: str) -> str:
    return f'  ["{equation.name}", {arrow(equation)}], // {note}'


def _shape(shape: tuple[Expr, ...]) -> str:
    return ", ".join(str(size) if size.is_Integer else f'"{size}"' for size in shape)


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
