"""``native.c`` of a package: the workspace form for one task at a time, to be compiled."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from ..language.names import STAGES, C, adjoint, name_of
from ..printers.c import call_text, definitions, extent_text, turned
from ..schedule.task import LOSS, Extent, Sum, extents, has_bias, has_unit, is_turned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from sympy import MatrixSymbol

    from ..language.names import Named
    from ..schedule.forms import Line
    from ..schedule.plan import Plan
    from ..schedule.task import TaskPlan, Work


def native_source(
    title: str,
    plan: Plan,
    task: TaskPlan,
    rates: Sequence[Named],
    number_of: Callable[[Line], str],
) -> str:
    """The text of the file.

    Parameters
    ----------
    title
        What stands at its head.
    plan, task
        What to print.
    rates
        The learned step sizes as a vector has them, those of biases apart.
    number_of
        The number of the page's equation that a line computes, or nothing.

    Raises
    ------
    ValueError
        When an operation has no C.
    """
    layers = range(1, len(plan.choices) + 1)
    context = [str(C)] if any(C in weight.shape for weight in plan.weights) else []
    widths = ["D", *(f"L{layer}" for layer in layers[:-1]), "O"]
    calls = [call for _, each in task.works for call in each]
    matrices = [
        *(_matrix(symbol, str(symbol)) for symbol in task.matrices),
        *(f"MATRIX({turned(W)}, {W.shape[1]}, {W.shape[0]})" for W in task.turned),
    ]
    return "\n".join(
        [
            title,
            "",
            '#include "kernels.h"',
            "",
            "enum {",
            f"    {', '.join(f'{size} = SIZE_{size}' for size in ['N', 'M', *context, *widths])},",
            f"    {', '.join(f'dense{layer} = DENSE{layer}' for layer in layers)}",
            "};",
            "",
            *definitions(calls),
            "",
            "/* All that needs memory: its rows, and its columns without a constant unit. */",
            "#define MATRICES(MATRIX) \\",
            *(f"    {matrix} \\" for matrix in matrices[:-1]),
            f"    {matrices[-1]}",
            "",
            "/* Numbers that a context needs room for. */",
            "EXPORT Size room(void) { return 0 MATRICES(COUNT); }",
            "",
            HEAD,
            "    MATRICES(TAKE)",
            *indented(_before(plan, task, rates)),
            "    for (Size block = first; block < last; block++) {",
            *indented(_begin(plan), 2),
            "        for (Size t = TASK(block); t < TASK(block + 1); t++) {",
            *indented(map(_data, plan.data), 3),
            *indented(_body(task, number_of), 3),
            "        }",
            *indented(_end(plan, rates), 2),
            "    }",
            "}",
            "",
        ]
    )


HEAD = """\
/* The gradients of some blocks of tasks, a row each, and their losses, summed over a block. */
EXPORT void run(int first, int last, int blocks, Size tasks, const double *numbers,
                const F *weights, const F *rates, const F *X_s_given, const F *Y_s_given,
                const F *X_q_given, const F *Y_q_given, F *gradients, double *losses,
                F *memory) {
    const double T = tasks;"""


def _matrix(symbol: MatrixSymbol, name: str) -> str:
    rows, columns = extents(symbol)
    return f"MATRIX({name}, {extent_text(rows)}, {columns.size})"


# --- what is given, and what is returned ---


class _Part(NamedTuple):
    """What follows another in the vector of the parameters: a matrix or its last row, or a number.

    Attributes
    ----------
    holder
        The number, or the matrix as it has memory.
    entry
        The place of entry (i, j) in it.
    rows, columns
        How many entries there are.
    """

    holder: Named
    entry: str
    rows: str
    columns: str

    def text(self, holder: Named) -> str:
        """The arguments of a call, with the matrix itself or one that lies likewise."""
        return f"{holder}{self.entry}, {self.rows}, {self.columns}"


def _parts(plan: Plan, rates: Sequence[Named]) -> tuple[list[_Part], list[_Part]]:
    """The weights, and the learned step sizes."""
    held = {str(rate): rate for rate in plan.rates}
    weights = [
        _Part(W, _entry(W), extent_text(Extent(W.shape[0], has_bias(W))), str(W.shape[1]))
        for W in plan.weights
    ]
    return weights, [_part_of_rates(rate, held) for rate in rates]


def _part_of_rates(rate: Named, held: Mapping[str, Named]) -> _Part:
    if not rate.is_Matrix:
        return _Part(rate, "", "", "")
    rows, columns = map(str, rate.shape)
    name = name_of(rate)
    if name.base != "b":
        return _Part(rate, _entry(rate), rows, columns)
    W = held[str(replace(name, base="W"))]
    last = f"[j][{W.shape[0]}]" if is_turned(W) else f"[{W.shape[0]}][j]"
    return _Part(W, last, rows, columns)


def _entry(symbol: MatrixSymbol) -> str:
    return "[j][i]" if is_turned(symbol) else "[i][j]"


def _before(plan: Plan, task: TaskPlan, rates: Sequence[Named]) -> list[str]:
    """Numbers, weights and step sizes, once for all tasks."""
    given = [symbol for symbol in plan.numbers if symbol not in rates]
    weights, learned = _parts(plan, rates)
    return [
        *(f"const double {symbol} = numbers[{at}];" for at, symbol in enumerate(given)),
        *(f"READ({part.text(part.holder)}, weights);" for part in weights),
        *(f"COPY({turned(W)}[j][i], {W}[i][j], {W.shape[0]}, {W.shape[1]});" for W in task.turned),
        *(
            f"READ({part.text(part.holder)}, rates);"
            if part.entry
            else f"const double {part.holder} = *rates++;"
            for part in learned
        ),
        *(f"CONSTANT({X}, {X.shape[0]}, {X.shape[1]}, 1);" for X in plan.data if has_unit(X)),
    ]


def _begin(plan: Plan) -> list[str]:
    """Sums over the tasks of a block."""
    return [
        f"double {' = 0, '.join(map(str, [LOSS, *plan.slopes]))} = 0;",
        *(
            f"EACH({out}, {', '.join(map(extent_text, extents(out)))}, (V){{}});"
            for out in plan.outputs
        ),
    ]


def _data(symbol: MatrixSymbol) -> str:
    """The rows of a task."""
    rows, columns = symbol.shape
    given = f"{symbol}_given[(t * {rows} + i) * {columns} + j]"
    return f"COPY({symbol}{_entry(symbol)}, {given}, {rows}, {columns});"


def _end(plan: Plan, rates: Sequence[Named]) -> list[str]:
    """The loss and the gradient of a block, in the order of the parameters."""
    weights, learned = _parts(plan, rates)
    lines = [f"losses[block] = {LOSS};"]
    for part in (*weights, *learned):
        output = adjoint(part.holder)
        text = f"WRITE({part.text(output)}, gradients);"
        lines.append(text if part.entry else f"*gradients++ = {output};")
    return lines


# --- what is computed ---


def _body(task: TaskPlan, number_of: Callable[[Line], str]) -> list[str]:
    """The calls in order, under the headings of their stages."""
    own = [call.writes for _, calls in task.works for call in calls if isinstance(call, Sum)]
    numbers = [str(symbol) for symbol in dict.fromkeys(own) if not name_of(symbol).bar]
    apart = ", ".join(name for name in numbers if name != str(LOSS))
    lines = [f"double {apart};"] if apart else []
    stage = ""
    for (layer, _), group in groupby(task.works, key=lambda pair: together(pair[0])):
        pairs = list(group)
        of_last = pairs[-1][0].lines[-1].equation.stage
        if of_last != stage:
            stage = of_last
            lines += ["", f"/* --- {STAGES[stage]} --- */"]
        dense, others = (
            [
                text
                for work, calls in pairs
                if work.under[1] is form
                for text in _numbered(map(call_text, calls), work, number_of)
            ]
            for form in (True, False)
        )
        lines += chosen(layer, dense, others)
    return lines


def together(work: Work) -> tuple[int, str]:
    """Lines of a choice stay together, whatever stage they came from."""
    layer, _ = work.under
    return layer, "" if layer else work.lines[0].equation.stage


def _numbered(texts: Iterable[str], work: Work, number_of: Callable[[Line], str]) -> Iterator[str]:
    """The calls of an operation, the first with the numbers of its equations."""
    numbers = [f"({number})" for line in work.lines if (number := number_of(line))]
    note = f" // {', '.join(numbers)}" if numbers else ""
    first, *rest = texts
    yield first + note
    yield from rest


def chosen(layer: int, dense: list[str], others: list[str]) -> list[str]:
    """Calls under the choice for a layer."""
    if not layer:
        return others
    if not dense:
        return [f"if (!dense{layer}) {{", *indented(others), "}"]
    rest = ["} else {", *indented(others)] if others else []
    return [f"if (dense{layer}) {{", *indented(dense), *rest, "}"]


def indented(lines: Iterable[str], levels: int = 1) -> list[str]:
    """Lines of a block; what is empty stays so."""
    return [f"{'    ' * levels}{line}".rstrip() for line in lines]
