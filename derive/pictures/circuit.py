"""Programs as circuits: operations are nodes, quantities are the wires between them.

A lane is a pass over the network: a forward pass runs from left to right, a backward pass from
right to left, and each operation stands where its layer is. What an equation reads from the
equation before it comes along the lane; everything else enters from above, written out where it
is computed on the way, as in ``W1 - alpha dW1``. What a lane gives off for weights leaves below.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from sympy import MatAdd, MatrixExpr, MatrixSymbol, Transpose
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction as Elementwise

from derive.language.elementwise import body_of
from derive.language.names import Name, is_row_free, name_of
from derive.language.program import scalar_and_factors
from derive.pictures import svg
from derive.pictures.gates import Gate, added, gates, scalar_text, split, start_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from derive.language.program import Equation, Program

    Steps = Mapping[MatrixSymbol, MatrixExpr]

#: Pixels: between gates, for a wire's label, between the gates below a lane, a gate's radius.
GATE, WIRE, DOWN, RADIUS = 100, 66, 44, 13
LABELS, OPERANDS, MARGIN = 88, 136, 40


class Word(NamedTuple):
    """A name with what stands before and after it."""

    before: str
    name: str
    after: str = ""
    transposed: bool = False


@dataclass(frozen=True)
class Lane:
    """A pass over the network.

    Attributes
    ----------
    equations
        What the pass computes, in order.
    backward
        Whether it is drawn from right to left.
    """

    equations: tuple[Equation, ...]
    backward: bool

    @property
    def way(self) -> int:
        """1 to the right, -1 to the left."""
        return -1 if self.backward else 1

    @property
    def along(self) -> tuple[Equation, ...]:
        """What stands on the lane itself."""
        return tuple(line for line in self.equations if not is_row_free(line.shape))

    @property
    def below(self) -> tuple[Equation, ...]:
        """What leaves for the weights."""
        return tuple(line for line in self.equations if is_row_free(line.shape))


def inner_circuit(program: Program, banner: str) -> str:
    """The inner forward and backward pass."""
    lanes = [_lane(program, "support"), _lane(program, "inner gradient", backward=True)]
    return _draw(lanes, "Circuit of the inner forward and backward pass", banner, steps={})


def query_circuit(program: Program, banner: str) -> str:
    """The step and the query forward pass, the fast weights written out."""
    steps = {line.symbol: line.value for line in program if line.stage == "step"}
    lane = _lane(program, "query")
    return _draw([lane], "Circuit of the step and the query forward pass", banner, steps)


def outer_circuit(program: Program, banner: str) -> str:
    """The outer backward sweep, through the query pass, the step and the inner pass."""
    support = [line for line in program if line.stage == "support adjoints"]
    final = tuple(line for line in program if line.stage == "meta-gradient")
    through_gradient = tuple(line for line in support if name_of(line.symbol).inner)
    through_forward = tuple(line for line in support if not name_of(line.symbol).inner)
    fast = tuple(
        line for line in program if line.stage == "step adjoints" and name_of(line.symbol).fast
    )
    query = tuple(line for line in program if line.stage == "query adjoints")
    lanes = [
        Lane(query + fast, backward=True),
        Lane(through_gradient, backward=False),
        Lane(through_forward + final, backward=True),
    ]
    steps = {
        line.symbol: line.value
        for line in program
        if line.stage == "step adjoints" and name_of(line.symbol).inner
    }
    return _draw(lanes, "Circuit of the outer backward sweep", banner, steps)


def _lane(program: Program, stage: str, backward: bool = False) -> Lane:
    return Lane(tuple(line for line in program if line.stage == stage), backward)


# --- places ---


def _column(parts: Name, layers: int) -> int:
    """Where an operation stands: that of a backward pass where its forward operation does."""
    if parts.base == "loss":
        return 2 * layers - 1
    own = 2 * parts.layer - 2 + (parts.base == "H")
    return own if parts.inner == parts.bar or parts.base in "Wb" else own + 1


def _columns(lanes: Sequence[Lane], layers: int) -> list[int]:
    """Where each column begins, and where the last one ends: wide enough for every lane's gates."""
    counts = [0] * (2 * layers)
    for lane in lanes:
        for line, found in _stations(lane):
            column = _column(name_of(line.symbol), layers)
            counts[column] = max(counts[column], len(found))
    return list(accumulate(counts, lambda x, n: x + n * GATE + WIRE, initial=MARGIN + WIRE))


def _stations(lane: Lane) -> list[tuple[Equation, list[Gate]]]:
    """The equations of a lane with their gates."""
    before = (None, *(line.symbol for line in lane.along))
    return [(line, gates(line.value, last)) for line, last in zip(lane.along, before, strict=False)]


# --- drawing ---


def _draw(lanes: Sequence[Lane], title: str, banner: str, steps: Steps) -> str:
    layers = max(name_of(line.symbol).layer for lane in lanes for line in lane.equations)
    columns = _columns(lanes, layers)
    parts: list[str] = []
    y = 0
    for lane in lanes:
        y += _room_above(lane, steps)
        parts += _lane_parts(lane, columns, layers, y, steps)
        y += max((len(_leaving(lane, line)) + 1 for line in lane.below), default=0) * DOWN
    reads = {
        line.name: [symbol.name for symbol in line.reads]
        for lane in lanes
        for line in lane.equations
    }
    size = (columns[-1] + MARGIN, y + MARGIN)
    return svg.document(banner, title, svg.in_words(reads), size, parts)


def _room_above(lane: Lane, steps: Steps) -> int:
    """Operands that are computed on the way need more room than labels."""
    operands = [gate.operand for _, found in _stations(lane) for gate in found if gate.operand]
    return max((_height(steps.get(each, each)) for each in operands), default=LABELS)


def _height(operand: MatrixExpr) -> int:
    compound = isinstance(operand, MatAdd) or len(scalar_and_factors(operand)[1]) == 2
    return OPERANDS if compound else LABELS


def _lane_parts(lane: Lane, columns: list[int], layers: int, y: int, steps: Steps) -> list[str]:
    """A pass: its wire with the gates on it, what enters above, what leaves below."""
    stations = _stations(lane)
    first = _column(name_of(stations[0][0].symbol), layers)
    at = columns[first + lane.backward] - WIRE // 2
    start = start_of(stations[0][0].value)
    parts = [_label(start, at, y, steps)]
    at += lane.way * (_width(start, steps) // 2 + 6)
    wires = {}
    for line, found in stations:
        column = _column(name_of(line.symbol), layers)
        width = columns[column + 1] - WIRE - columns[column]
        middle = columns[column] + width // 2
        for i, gate in enumerate(found):
            x = middle + lane.way * (GATE * (2 * i - len(found) + 1) // 2)
            half = _half(gate)
            parts.append(svg.line([(at, y), (x - lane.way * (half + 1), y)]))
            parts += _gate(gate, x, y)
            parts += _operand(gate, x, y, steps)
            at = x + lane.way * half
        wires[line.symbol] = columns[column + (not lane.backward)] - WIRE // 2
        label = svg.free_label(line.name, wires[line.symbol], y - 14)
        parts.append(svg.group(line.name, label, link=True))
    last = stations[-1][0].symbol
    onward = not any(last in line.reads for line in lane.below)
    end = wires[last] + (lane.way * 18 if onward else 0)
    parts.append(svg.line([(at, y), (end, y)], arrow=onward))
    for line in lane.below:
        parts += _below(line, _leaving(lane, line), (wires[_parent(lane, line)], y), steps)
    return parts


def _parent(lane: Lane, line: Equation) -> MatrixSymbol:
    """The wire of a lane from which a weight's equation leaves."""
    return next(each.symbol for each in lane.along if each.symbol in line.reads)


def _leaving(lane: Lane, line: Equation) -> list[Gate]:
    """The gates on the way from that wire to the weight."""
    return gates(line.value, _parent(lane, line))


def _below(line: Equation, found: list[Gate], top: tuple[int, int], steps: Steps) -> list[str]:
    """What leaves for a weight or a bias: its gates under one another, its name at the end."""
    side = -1 if name_of(line.symbol).base == "W" else 1
    x, y = top[0] + side * 24, top[1]
    parts = []
    for i, gate in enumerate(found):
        middle = y + DOWN * (i + 1)
        parts.append(svg.line([top, (x, middle - RADIUS - 1)]))
        parts += _gate(gate, x, middle)
        if gate.operand is not None:
            away = RADIUS + 16 + _width(gate.operand, steps) // 2
            parts.append(_label(gate.operand, x + side * away, middle, steps))
            parts.append(
                svg.line([(x + side * (RADIUS + 14), middle), (x + side * (RADIUS + 1), middle)])
            )
        top = (x, middle + RADIUS)
    parts.append(svg.line([top, (x, top[1] + 16)]))
    label = svg.free_label(line.name, x, top[1] + 28)
    return [*parts, svg.group(line.name, label, link=True)]


def _gate(gate: Gate, x: int, y: int) -> list[str]:
    half = _half(gate)
    box = (
        f'<rect class="box" x="{x - half}" y="{y - RADIUS}" width="{2 * half}" '
        f'height="{2 * RADIUS}" rx="{RADIUS}"/>'
    )
    return [box, f'<text class="op" x="{x}" y="{y + 5}" text-anchor="middle">{gate.sign}</text>']


def _half(gate: Gate) -> int:
    return max(RADIUS, 4 * len(gate.sign) + 6)


def _operand(gate: Gate, x: int, y: int, steps: Steps) -> list[str]:
    """What enters a gate from above: a label, or a gate of its own with two labels."""
    if gate.text:
        label = _text(gate.text, x - round(svg.text_width(gate.text)) // 2, y - 46)
        return [label, svg.line([(x, y - 34), (x, y - RADIUS - 1)])]
    if gate.operand is None:
        return []
    value = steps.get(gate.operand, gate.operand)
    _, factors = scalar_and_factors(value)
    if isinstance(value, MatAdd):
        main, (rest,) = split(value.args, None)
        inner = added(rest)
        children = [main, inner.operand]
    elif len(factors) == 2:
        children, inner = list(factors), Gate("×")
    else:
        end = svg.line([(x, y - 34), (x, y - RADIUS - 1)])
        return [_label(gate.operand, x, y - 46, steps), end]
    top = y - 50
    parts = [svg.line([(x, top + RADIUS), (x, y - RADIUS - 1)]), *_gate(inner, x, top)]
    for child, side in zip(children, (-1, 1), strict=True):
        offset = side * 22
        parts.append(svg.line([(x + offset, top - 30), (x + side * 8, top - 11)]))
        parts.append(
            _label(child, x + offset + side * (_width(child, steps) // 2 - 8), top - 40, steps)
        )
    return parts


def _words(value: MatrixExpr, steps: Steps) -> list[Word]:
    """A product, factor by factor."""
    scalar, factors = scalar_and_factors(value)
    words = []
    for factor in factors:
        symbol = factor.arg if isinstance(factor, Transpose) else factor
        if isinstance(symbol, Elementwise):
            function = str(body_of(symbol).func)
            before, after = (
                ("1[", "\N{NO-BREAK SPACE}> 0]") if function == "step" else (f"{function}(", ")")
            )
            words.append(Word(before, str(symbol.expr), after))
        else:
            scale, (inner, *_) = scalar_and_factors(steps.get(symbol, symbol))
            before = "" if scale == 1 else scalar_text(scale)
            words.append(Word(before, str(inner.name), "", isinstance(factor, Transpose)))
    if scalar != 1:
        words[0] = words[0]._replace(before=scalar_text(scalar) + words[0].before)
    return words


def _width(value: MatrixExpr, steps: Steps) -> int:
    """The width of names beside one another, with two pixels between them."""
    words = _words(value, steps)
    texts = sum(svg.text_width(word.before + word.after) for word in words)
    names = sum(svg.name_text(word.name, word.transposed)[1] for word in words)
    return round(texts) + names + 2 * (len(words) - 1)


def _label(value: MatrixExpr, x: int, y: int, steps: Steps) -> str:
    """Names beside one another, centred at a point."""
    left = x - _width(value, steps) // 2
    parts = []
    for word in _words(value, steps):
        parts.append(_text(word.before, left, y))
        left += round(svg.text_width(word.before))
        width = svg.name_text(word.name, word.transposed)[1]
        label = svg.free_label(word.name, left + width // 2, y, word.transposed)
        parts.append(svg.group(word.name, label, link=False))
        left += width
        parts.append(_text(word.after, left, y))
        left += round(svg.text_width(word.after)) + 2
    return "".join(parts)


def _text(text: str, x: int, y: int) -> str:
    return f'<text x="{x}" y="{y + 5}">{svg.styled(text)}</text>' if text else ""
