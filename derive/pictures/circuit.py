"""Programs as circuits: operations are nodes, quantities are the wires between them.

A lane is a pass over the network: a forward pass runs from left to right, a backward pass from
right to left, and each operation stands where its layer is. What an equation reads from the
equation before it comes along the lane; everything else enters from above, written out where it
is computed on the way, as in ``W1 - alpha dW1``. What a lane gives off for weights leaves below.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from ..language.names import is_row_free, name_of
from . import svg
from .gates import Gate, Label, Quantity, chain, label

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sympy import Expr, MatrixExpr, MatrixSymbol

    from ..language.program import Equation, Program

    Steps = Mapping[MatrixSymbol, MatrixExpr]
    Wires = dict[MatrixSymbol, tuple[int, int]]

#: Pixels: between gates, for a wire's label, between gates under one another, a gate's radius.
GATE, WIRE, DOWN, RADIUS = 100, 66, 44, 13
#: Above a lane, between the labels that enter a gate, around everything.
ABOVE, BETWEEN, MARGIN = 88, 14, 40


class Lane(NamedTuple):
    """A pass over the network.

    Attributes
    ----------
    way
        1 to the right, -1 to the left.
    start
        What it begins with.
    along
        The equations on the lane itself with their gates.
    below
        What leaves for the weights: from which quantity, and through which gates.
    """

    way: int
    start: Label
    along: list[tuple[Equation, list[Gate]]]
    below: list[tuple[Equation, MatrixSymbol, list[Gate]]]


def circuits(program: Program, banner: str) -> dict[str, str]:
    """The circuits of the meta-gradient of a network with one hidden layer and one inner step.

    ``circuit-inner`` is the inner forward and backward pass, ``circuit-query`` the query forward
    pass with the fast weights written out, ``circuit-outer`` the sweep back through the query
    pass, the step and the inner pass.
    """
    stages: dict[str, list[Equation]] = {}
    for line in program:
        stages.setdefault(line.stage, []).append(line)
    step = {line.symbol: line.value for line in stages["step"]}
    support = stages.get("support adjoints", [])
    gradient = [line for line in support if name_of(line.symbol).inner]
    forward = [line for line in support if line not in gradient]
    fast = [line for line in stages["step adjoints"] if not name_of(line.symbol).inner]
    handed_on = {line.symbol: line.value for line in stages["step adjoints"] if line not in fast}
    query, final = stages["query adjoints"] + fast, stages["meta-gradient"]
    # To the first order, nothing goes back through the inner pass.
    back = [(query, -1), (gradient, 1), (forward + final, -1)] if forward else [(query + final, -1)]
    inner = [(stages["support"], 1), (stages["inner gradient"], -1)]
    return {
        "circuit-inner": _draw("inner forward and backward pass", inner, {}, banner),
        "circuit-query": _draw(
            "step and the query forward pass", [(stages["query"], 1)], step, banner
        ),
        "circuit-outer": _draw("outer backward sweep", back, handed_on, banner),
    }


def _draw(
    what: str, passes: Sequence[tuple[list[Equation], int]], steps: Steps, banner: str
) -> str:
    """One circuit: its passes under one another, each with its way."""
    lanes = [_lane(lines, way, steps) for lines, way in passes]
    reads = {
        line.name: [str(symbol.name) for symbol in line.reads]
        for lines, _ in passes
        for line in lines
    }
    layers = max(name_of(line.symbol).layer for lines, _ in passes for line in lines)
    widest = [0] * (2 * layers)
    for line, gates in (station for lane in lanes for station in lane.along):
        column = _column(line, layers)
        if column >= len(widest):
            raise ValueError(f"`{line.name}`: no place on a lane")
        widest[column] = max(widest[column], len(gates))
    columns = list(accumulate(widest, lambda x, n: x + n * GATE + WIRE, initial=MARGIN + WIRE))
    parts, y = [], 0
    for lane in lanes:
        y += ABOVE + DOWN * any(gate.joined for _, gates in lane.along for gate in gates)
        wires: Wires = {}
        parts += _along(lane, columns, layers, y, wires) + _below(lane, wires)
        y = max(bottom for _, bottom in wires.values())
    size = (columns[-1] + MARGIN, y + MARGIN)
    return svg.document(banner, f"Circuit of the {what}", svg.in_words(reads), size, parts)


def _lane(lines: Sequence[Equation], way: int, steps: Steps) -> Lane:
    """A pass, with what the step computes written out where it enters."""

    def through(line: Equation, source: MatrixSymbol | None) -> tuple[Expr, list[Gate]]:
        try:
            return chain(line.value.xreplace(steps), source)
        except ValueError as error:
            raise ValueError(f"`{line.name}`: {error}") from None

    on_it = [line for line in lines if not is_row_free(line.shape)]
    before = (None, *(line.symbol for line in on_it))
    along = [(line, through(line, source)[1]) for line, source in zip(on_it, before, strict=False)]
    below, seen = [], [line.symbol for line in on_it]
    for line in lines:
        if is_row_free(line.shape):
            source = next(symbol for symbol in seen if symbol in line.reads)
            below.append((line, source, through(line, source)[1]))
            seen.append(line.symbol)
    return Lane(way, label(through(on_it[0], None)[0]), along, below)


def _column(line: Equation, layers: int) -> int:
    """Where an operation stands: that of a backward pass where its forward operation does."""
    name = name_of(line.symbol)
    if name.base == "loss":
        return 2 * layers - 1
    return 2 * name.layer - 2 + (name.base == "H") + (name.inner != name.bar)


# --- drawing ---


def _along(lane: Lane, columns: list[int], layers: int, y: int, wires: Wires) -> list[str]:
    """The wire of a lane, the gates on it, and what enters them from above."""
    way = lane.way
    at = columns[_column(lane.along[0][0], layers) + (way < 0)] - WIRE // 2
    parts = [_label(lane.start, at, y)]
    at += way * (_width(lane.start) // 2 + 6)
    for line, gates in lane.along:
        left, right = columns[_column(line, layers) :][:2]
        middle = (left + right - WIRE) // 2
        for i, gate in enumerate(gates):
            x = middle + way * (GATE * (2 * i - len(gates) + 1) // 2)
            half = _half(gate.sign)
            parts.append(svg.line([(at, y), (x - way * (half + 1), y)]))
            parts += [*_gate(gate.sign, x, y), *_entering(gate, x, y)]
            at = x + way * half
        end = (right if way > 0 else left) - WIRE // 2
        parts.append(_name(line, end, y - 14))
        wires[line.symbol] = end, y
    onward = all(source != line.symbol for _, source, _ in lane.below)
    parts.append(svg.line([(at, y), (end + onward * way * 18, y)], arrow=onward))
    return parts


def _below(lane: Lane, wires: Wires) -> list[str]:
    """What leaves for weights and biases: gates under one another, a name at the end."""
    parts = []
    for line, source, gates in lane.below:
        side = -1 if name_of(line.symbol).base == "W" else 1
        x, y = top = wires[source]
        if is_row_free(source.shape):
            top = x, y + 10
        else:
            x += side * 24
        for gate in gates:
            y += DOWN
            parts.append(svg.line([top, (x, y - RADIUS - 1)]))
            parts += [*_gate(gate.sign, x, y), *_beside(gate, x, y, side)]
            top = (x, y + RADIUS)
        parts.append(svg.line([top, (x, top[1] + 16)]))
        parts.append(_name(line, x, top[1] + 28))
        wires[line.symbol] = x, top[1] + 31
    return parts


def _gate(sign: str, x: int, y: int) -> list[str]:
    half = _half(sign)
    box = (
        f'<rect class="box" x="{x - half}" y="{y - RADIUS}" width="{2 * half}" '
        f'height="{2 * RADIUS}" rx="{RADIUS}"/>'
    )
    return [box, f'<text class="op" x="{x}" y="{y + 5}" text-anchor="middle">{sign}</text>']


def _half(sign: str) -> int:
    return max(RADIUS, 4 * len(sign) + 6)


def _entering(gate: Gate, x: int, y: int) -> list[str]:
    """Labels above a gate, or above the gate in which they meet before."""
    parts = []
    if gate.joined:
        parts.append(svg.line([(x, y - DOWN + RADIUS), (x, y - RADIUS - 1)]))
        y -= DOWN
        parts += _gate(gate.joined, x, y)
    widths = [_width(each) + BETWEEN for each in gate.inputs]
    half, odd = divmod(len(widths), 2)
    left = x - sum(widths[:half]) - sum(widths[half : half + odd]) // 2
    for i, (each, width) in enumerate(zip(gate.inputs, widths, strict=True)):
        # The arrows end apart from one another, on the border of the gate.
        off = 9 * (2 * i - len(widths) + 1) // max(1, len(widths) - 1)
        middle = left + width // 2
        parts.append(_label(each, middle, y - 46))
        parts.append(svg.line([(middle, y - 34), (x + off, y - RADIUS - 1 + abs(off) // 3)]))
        left += width
    return parts


def _beside(gate: Gate, x: int, y: int, side: int) -> list[str]:
    """One label at the side of a gate, with the sign between what meets."""
    if not gate.inputs:
        return []
    written, *others = gate.inputs
    for each in others:
        written += (f"\N{NO-BREAK SPACE}{gate.joined}\N{NO-BREAK SPACE}", *each)
    middle = x + side * (RADIUS + 16 + _width(written) // 2)
    arrow = svg.line([(x + side * (RADIUS + 14), y), (x + side * (RADIUS + 1), y)])
    return [_label(written, middle, y), arrow]


def _name(line: Equation, x: int, y: int) -> str:
    """The name of an equation, which leads to it."""
    return svg.group(line.name, svg.free_label(line.name, x, y), link=True)


def _widths(written: Label) -> list[int]:
    return [
        svg.name_text(*each)[1] if isinstance(each, Quantity) else round(svg.text_width(each))
        for each in written
    ]


def _width(written: Label) -> int:
    return sum(_widths(written))


def _label(written: Label, x: int, y: int) -> str:
    """Texts and names beside one another, centred at a point."""
    left = x - _width(written) // 2
    parts = []
    for each, width in zip(written, _widths(written), strict=True):
        if isinstance(each, Quantity):
            name = svg.free_label(each.name, left + width // 2, y, each.transposed)
            parts.append(svg.group(each.name, name, link=False))
        else:
            parts.append(f'<text x="{left}" y="{y + 5}">{svg.styled(each)}</text>')
        left += width
    return "".join(parts)
