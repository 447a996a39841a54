"""Programs as data-flow diagrams: a row for each stage, a column for each layer.

What a stage computes are boxes. An arrow is drawn between neighbours only; whatever else an
equation reads stands beside it as a label, so no arrows cross. The whole program is drawn once
with every arrow.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from derive import svg
from derive.notation import STAGES, is_row_free, parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sympy import MatrixSymbol

    from derive.program import Equation, Program

COLUMN, MARGIN = 100, 40
ROW, WHOLE_ROW = 104, 78
BOX = (56, 30)
#: Between two labels, and between two rows of them.
LABEL, LABEL_ROW = 36, 22


@dataclass(frozen=True)
class Place:
    """Where an equation stands: its lane, and the middle of its box."""

    lane: int
    x: int
    y: int


def stage_diagram(program: Program, stages: Sequence[str], banner: str) -> str:
    """Draw some stages of a program, and beside each equation what it reads from elsewhere."""
    lines = [equation for equation in program if equation.stage in stages]
    places = _places(lines, _layers(program), ROW, MARGIN)
    parts, bottom = [], 0
    for equation in lines:
        here = places[equation.name]
        near = [name for name in _reads(equation) if _neighbours(name, equation.name, places)]
        far = [name for name in _reads(equation) if name not in near]
        below = any(places[name].y < here.y for name in near)
        parts += [_edge(places[name], here) for name in near]
        parts += _labels(far, here, below)
        bottom = max(bottom, here.y + LABEL_ROW * (below * -(-len(far) // 3)))
    parts += [_box(equation.name, places[equation.name]) for equation in lines]
    title = f"Data flow: {' and '.join(STAGES[stage].title for stage in stages)}"
    width = _width(places)
    return svg.document(banner, title, _in_words(lines), (width, bottom + MARGIN), parts)


def whole_diagram(program: Program, banner: str) -> str:
    """Draw a program with every arrow; the weights stand above it, the data at their rows."""
    lines = list(program)
    places = _places(lines, _layers(program), WHOLE_ROW, 5 * MARGIN)
    inputs = [symbol for symbol in program.inputs if symbol.is_Matrix]
    given = {str(symbol.name): _given(symbol, places) for symbol in inputs}
    parts = [
        _curve(name, equation.name, {**given, **places})
        for equation in lines
        for name in _reads(equation)
    ]
    parts += [_box(name, place, link=False) for name, place in given.items()]
    parts += [_box(equation.name, places[equation.name]) for equation in lines]
    titles = {places[line.name].y: STAGES[line.stage].title for line in reversed(lines)}
    shown: set[str] = set()
    for y, title in sorted(titles.items()):
        if title not in shown:
            parts.append(f'<text class="small" x="8" y="{y + 4}">{title}</text>')
            shown.add(title)
    size = (_width(places), max(place.y for place in places.values()) + MARGIN)
    return svg.document(banner, "Data flow of the whole program", _in_words(lines), size, parts)


def _reads(equation: Equation) -> list[str]:
    return [str(symbol.name) for symbol in equation.reads]


def _layers(program: Program) -> int:
    return max(parse(str(symbol.name)).layer for symbol in program.inputs if symbol.is_Matrix)


# --- places ---


def _places(lines: Sequence[Equation], layers: int, row: int, left: int) -> dict[str, Place]:
    """A lane for what is computed row by row and one for what is shaped like a weight, by stage."""
    lanes: dict[tuple[object, ...], int] = {}
    places = {}
    errors = any(line.name.startswith("E") for line in lines)
    for equation in lines:
        weight, name = is_row_free(equation.shape), equation.name
        kernel = name.startswith("K_")
        inner = not kernel and parse(name).inner
        step = "" if kernel else parse(name).rows + parse(name).fast
        lane = lanes.setdefault((equation.stage, weight, kernel, inner, step), len(lanes))
        x = COLUMN * _column(name, layers) + (_beside(name) if weight else 0)
        x += COLUMN * (errors and name.startswith("loss"))
        places[name] = Place(lane, x, MARGIN + 40 + row * lane)
    shift = left + BOX[0] // 2 - min(place.x for place in places.values())
    return {name: replace(place, x=place.x + shift) for name, place in places.items()}


def _column(name: str, layers: int) -> int:
    """Pre-activations and weights stand in the even columns, activations in the odd ones."""
    if name.startswith("K_"):
        stem = parse(name[2:].partition("_")[0])
        return 0 if stem.base == "X" else _column(str(stem), layers) + 1
    parts = parse(name)
    if parts.base in ("E", "loss"):
        return 2 * layers - 1
    return 2 * parts.layer - 2 + (parts.base == "H")


def _beside(name: str) -> int:
    """A weight and a bias share a column."""
    return -COLUMN // 2 + 6 if parse(name).base == "W" else COLUMN // 2 - 6


def _given(symbol: MatrixSymbol, places: dict[str, Place]) -> Place:
    """Weights above everything; data beside the first row that is computed from them."""
    name = str(symbol.name)
    parts = parse(name)
    if parts.base in "Wb":
        return Place(-1, places[f"{name}_bar"].x, 24)
    reader = "Z1" if parts.base == "X" else "loss"
    row = next(p for n, p in places.items() if n.startswith(f"{reader}_{parts.rows}"))
    dx, dy = (-COLUMN, 0) if parts.base == "X" else (0, -WHOLE_ROW // 2 - 6)
    return Place(row.lane, row.x + dx, row.y + dy)


def _neighbours(source: str, target: str, places: dict[str, Place]) -> bool:
    """Whether nothing stands between two boxes of a lane, or they are of a column."""
    if source not in places:
        return False
    there, here = places[source], places[target]
    if there.lane != here.lane:
        return here.lane == there.lane + 1 and abs(there.x - here.x) < COLUMN
    low, high = sorted((there.x, here.x))
    return not any(low < p.x < high for p in places.values() if p.lane == here.lane)


def _width(places: dict[str, Place]) -> int:
    return max(place.x for place in places.values()) + BOX[0] // 2 + MARGIN


# --- parts ---


def _box(name: str, place: Place, link: bool = True) -> str:
    width, height = BOX
    box = (
        f'<rect class="box" x="{place.x - width // 2}" y="{place.y - height // 2}" '
        f'width="{width}" height="{height}" rx="6"/>'
    )
    return svg.group(name, box + svg.name_label(name, place.x, place.y), link=link)


def _labels(names: list[str], here: Place, below: bool) -> list[str]:
    """What enters from elsewhere: at most three labels in a row, above the box or below it."""
    parts = []
    rows = [names[i : i + 3] for i in range(0, len(names), 3)]
    way = 1 if below else -1
    for depth, row in enumerate(rows):
        y = here.y + way * (BOX[1] // 2 + 26 + LABEL_ROW * depth)
        for i, name in enumerate(row):
            offset = (2 * i - len(row) + 1) * LABEL // 2
            if depth == 0:
                start = (here.x + offset, y - way * 11)
                end = (here.x + offset // 3, here.y + way * (BOX[1] // 2 + 1))
                parts.append(svg.line([start, end]))
            parts.append(svg.group(name, svg.name_label(name, here.x + offset, y), link=True))
    return parts


def _edge(there: Place, here: Place) -> str:
    width, height = BOX
    if there.lane == here.lane:
        way = 1 if here.x > there.x else -1
        ends = [(there.x + way * width // 2, there.y), (here.x - way * (width // 2 + 1), here.y)]
    else:
        ends = [(there.x, there.y + height // 2), (here.x, here.y - height // 2 - 1)]
    return svg.line(ends)


def _curve(source: str, target: str, places: dict[str, Place]) -> str:
    """An arrow between any two boxes; a pointer on either end lights it."""
    there, here = places[source], places[target]
    half = BOX[1] // 2
    names = f' data-from="{source}" data-to="{target}"'
    if there.lane == here.lane and abs(there.x - here.x) <= COLUMN and there.y == here.y:
        way = 1 if here.x > there.x else -1
        across = BOX[0] // 2
        path = f"M{there.x + way * across} {there.y}L{here.x - way * (across + 1)} {here.y}"
    else:
        down = 1 if here.y > there.y else -1
        y1, y2 = there.y + down * half, here.y - down * (half + 1)
        middle = (y1 + y2) // 2
        path = f"M{there.x} {y1}C{there.x} {middle} {here.x} {middle} {here.x} {y2}"
    return f'<path class="edge" d="{path}" marker-end="url(#head)"{names}/>'


def _in_words(lines: Sequence[Equation]) -> str:
    """The text alternative: every arrow of the diagram."""
    return " ".join(f"{equation.name} reads {', '.join(_reads(equation))}." for equation in lines)
