"""``inplace.py`` of a package: the workspace form as straight-line code on preallocated buffers."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from ..language.names import STAGES, C
from ..printers.inplace import calls_of, constructor, polynomial, zeros_of
from ..printers.numpy import names_in, taken, unpacked
from ..schedule.buffers import ALWAYS
from ..schedule.plan import in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ..schedule.buffers import Under
    from ..schedule.forms import Line
    from ..schedule.plan import Plan

WIDTH = 100


def inplace_blocks(plan: Plan, number_of: Callable[[Line], str]) -> tuple[list[str], list[str]]:
    """The functions that plan and run, and what they call by its bare name in numpy.

    Parameters
    ----------
    plan
        What to print.
    number_of
        The number of the page's equation that a line computes, or nothing.
    """
    calls = [[calls_of(step) for step in steps] for _, steps in plan.lines]
    used = {call.function for line in calls for step in line for call in step}
    lines = [
        (line, _numbered([call.text for step in made for call in step], number_of(line)))
        for (line, _), made in zip(plan.lines, calls, strict=True)
    ]
    widths = ["D", *(f"L{choice.layer}" for choice in plan.choices[:-1]), "O"]
    blocks = [_dense_function(plan, widths), _plan_function(plan, lines, widths)]
    return blocks, sorted((used | {"copyto"}) - {""})


def _numbered(texts: list[str], number: str) -> list[str]:
    return [f"{texts[0]}  # ({number})" if number else texts[0], *texts[1:]]


# --- buffers ---


def _buffer_lines(plan: Plan) -> list[str]:
    """A line a buffer, where it is first needed; what shares one is defined together."""
    made = [
        (buffer.first, names[0], buffer.under, _assignment(names, constructor(buffer.holds[0])))
        for buffer in plan.buffers
        if (names := [str(symbol) for symbol in buffer.holds])
    ]
    lines: dict[Under, list[str]] = {}
    for _, _, under, text in sorted([*made, *_zeros_lines(plan)]):
        lines.setdefault(under, []).extend(text)
    code = ["zero, ones, sign = arena.zero, arena.ones, arena.sign", *lines.pop(ALWAYS)]
    for layer in sorted({layer for layer, _ in lines}):
        code += _chosen(layer, lines.get((layer, True), []), lines.get((layer, False), []))
    return code


def _assignment(names: Sequence[str], value: str) -> list[str]:
    line = f"{' = '.join(names)} = {value}"
    if len(line) + len("        ") <= WIDTH:
        return [line]
    # No formatter breaks a chain of names.
    first, *rest = names
    return [f"{first} = {value}", *(f"{name} = {first}" for name in rest)]


def _zeros_lines(plan: Plan) -> list[tuple[int, str, Under, list[str]]]:
    """A line for the zeros of each shape with which something is compared."""
    found: dict[str, tuple[int, str, Under, list[str]]] = {}
    for at, (under, step) in enumerate(in_order(plan.lines)):
        if zeros := zeros_of(step):
            name, call = zeros
            first, _, known, _ = found.get(name, (at, name, under, []))
            where = under if known == under else ALWAYS
            found[name] = (first, name, where, [f"{name} = {call}"])
    return list(found.values())


# --- the functions ---


def _plan_function(
    plan: Plan, lines: Sequence[tuple[Line, list[str]]], widths: Sequence[str]
) -> str:
    """``plan``: the buffers of a chunk of tasks, and the function that runs on them."""
    sizes = ", ".join(widths)
    context = "C: int, " if any(C in weight.shape for weight in plan.weights) else ""
    dense = [f"dense{choice.layer}" for choice in plan.choices]
    groups = {"layers": plan.weights, "rates": plan.rates, "gradients": plan.outputs}
    groups["numbers"] = plan.numbers
    slopes = "".join(f", {slope}" for slope in plan.slopes)
    body = [
        *(unpacked(map(str, symbols), name) for name, symbols in groups.items() if symbols),
        *(f"copyto({s}.task[:, :, :{s.shape[1]}], {s}_given)" for s in plan.data),
        *_body(lines),
        f"return loss_q{slopes}" if slopes else "return (loss_q,)",
    ]
    buffers = _buffer_lines(plan)
    read = names_in([*buffers, *body])
    names, _, value = unpacked(dense, "dense").partition(" = ")
    text = [
        "def plan(",
        f"    arena: Arena, T: int, N: int, M: int, {context}",
        "    sizes: Sequence[int], dense: Sequence[bool],",
        ") -> Run:",
        '    """Lay out the buffers of a chunk of tasks, and return what runs on them.',
        "",
        "    Parameters",
        "    ----------",
        "    arena",
        "        Gives the memory; it knows the number of tasks of the chunk.",
        "    T",
        "        Tasks of the whole meta-batch, whose mean the gradient is of.",
        "    N, M",
        "        Support and query rows of a task.",
        *(["    C", "        Units of the context."] if context else []),
        "    sizes",
        f"        Layer sizes {sizes}.",
        "    dense",
        "        For each layer, whether its fast weights are formed.",
        '    """',
        f"    {sizes} = sizes",
        *([f"    {taken(names, value, read)}"] if read.intersection(dense) else []),
        *_indented(buffers),
        "",
        "    def run(",
        "        layers: Sequence[Layer],",
        "        rates: Sequence[Layer],",
        "        gradients: Sequence[Array],",
        *(f"        {symbol}_given: Array," for symbol in plan.data),
        "        numbers: Sequence[float],",
        "    ) -> tuple[float, ...]:",
        *_indented(body, 2),
        "",
        "    return run",
    ]
    return "\n".join(line.rstrip() for line in text)


def _indented(lines: Iterable[str], levels: int = 1) -> list[str]:
    return [f"{'    ' * levels}{line}" for line in lines]


def _body(each: Sequence[tuple[Line, list[str]]]) -> list[str]:
    """The calls in order, under the headings of their stages."""
    lines: list[str] = []
    stage = ""
    for (layer, _), group in groupby(each, key=lambda pair: (pair[0].layer, _stage(pair[0]))):
        pairs = list(group)
        of_last = pairs[-1][0].equation.stage
        if of_last != stage:
            stage = of_last
            lines += ["", f"# --- {STAGES[stage]} ---"]
        dense, others = (
            [text for line, texts in pairs if line.dense is form for text in texts]
            for form in (True, False)
        )
        lines += _chosen(layer, dense, others)
    return lines


def _stage(line: Line) -> str:
    """Lines of a choice stay together, whatever stage they came from."""
    return "" if line.layer else line.equation.stage


def _chosen(layer: int, dense: list[str], others: list[str]) -> list[str]:
    """Lines under the choice for a layer."""
    if not layer:
        return others
    if not dense:
        return [f"if not dense{layer}:", *_indented(others)]
    return [
        f"if dense{layer}:",
        *_indented(dense),
        *(["else:", *_indented(others)] if others else []),
    ]


def _dense_function(plan: Plan, widths: Sequence[str]) -> str:
    """``dense_layers``: for each layer, whether forming its fast weights takes less work."""
    choices = [
        f"{polynomial(dense)} < {polynomial(kernel)}" if dense != kernel else "False"
        for _, dense, kernel in plan.choices
    ]
    read = names_in(choices)
    names, _, value = unpacked(widths[:-1], "(size + 1 for size in sizes[:-1])").partition(" = ")
    sizes = [f"    {taken(names, value, read)}"] if read.intersection(widths[:-1]) else []
    return "\n".join(
        [
            "def dense_layers(N: int, M: int, sizes: Sequence[int]) -> tuple[bool, ...]:",
            '    """For each layer, whether its dense form has fewer multiply-adds.',
            "",
            "    What both forms have has been cancelled; sizes are with the constant unit.",
            '    """',
            *sizes,
            *(["    O = max(sizes[-1], 2)"] if "O" in read else []),
            "    return (",
            *(f"        {choice}," for choice in choices),
            "    )",
        ]
    )
