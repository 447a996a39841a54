"""Programs as data-flow diagrams: a row for each stage, a column for each layer.

What a stage computes are boxes. An arrow is drawn between neighbours only; whatever else an
equation reads stands beside it as a label, so no arrows cross. The whole program is drawn once
with every arrow.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from sympy import MatAdd, MatrixSymbol

from ..language.names import STAGES, Kernel, Name, is_row_free, name_of, parse
from . import svg

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from ..language.program import Equation, Program

COLUMN, MARGIN = 88, 40
ROW, WHOLE_ROW = 104, 78
SCALAR_COLUMN = 140
STAGE = (166, 34)
BOX = (56, 30)
#: Between two labels, and between two rows of them.
LABEL, LABEL_ROW = 36, 22

#: Of the line around what is of second order: colour alone does not tell it.
DASHES = ' stroke-dasharray="5 3"'

#: The factor of the step, in a drawing.
STEP = svg.styled("\N{MINUS SIGN}α")

#: What the first and the last row of a stage are, where its boxes do not say so by themselves.
SAYS = {
    "step": (f"a weight, and its gradient times {STEP}", "the fast weights of one task"),
    "query adjoints": (
        "from the results of the query pass",
        "back from the last layer to the first",
    ),
    "step adjoints": (
        "first order: the gradient at the fast weights",
        f"{STEP} times it: here the second order begins",
    ),
    "support adjoints": (
        "through the inner gradient, forward",
        "through the support pass, backward",
    ),
}
#: Room for one of these.
SAID = 24


@dataclass(frozen=True)
class Place:
    """Where an equation stands: its lane, and the middle of its box."""

    lane: int
    x: int
    y: int


def has_places(program: Program) -> bool:
    """Whether a drawing has a place for every quantity: those of MAML with the squared error."""
    names = [parse(str(symbol.name)) for symbol in (*program.inputs, *(e.symbol for e in program))]
    return all(
        isinstance(name, Kernel) or (name.base in (*"XYWbZHGE", "loss", "alpha") and not name.rate)
        for name in names
    ) and any(line.name == "W1_fast" for line in program)


def stage_diagram(program: Program, stage: str, title: str, banner: str) -> str:
    """Draw a stage of a program, and beside each equation what it reads from elsewhere."""
    lines = [equation for equation in program if equation.stage == stage]
    places = _places(lines, _layers(program), ROW, MARGIN)
    reads = {line.name: _reads(line) for line in lines}
    scaled = {(name, line.name) for line in lines for name in _times_step_size(line)}
    return _local(title, reads, places, banner, scaled, SAYS.get(stage, ("", "")))


def scalar_diagram(reads: Mapping[str, Sequence[str]], banner: str) -> str:
    """Draw the scalar warm-up: the losses above, the derivatives and the step below them."""
    lanes = {"loss_s": 0, "loss_q": 2}, {"dw": 0, "w_fast": 1, "w_fast_bar": 2, "w_bar": 3}
    left, top = MARGIN + BOX[0], MARGIN + 40
    places = {
        name: Place(lane, left + SCALAR_COLUMN * column, top + ROW * lane)
        for lane, columns in enumerate(lanes)
        for name, column in columns.items()
    }
    return _local("Data flow of the warm-up", reads, places, banner)


def _local(
    title: str,
    reads: Mapping[str, Sequence[str]],
    places: dict[str, Place],
    banner: str,
    scaled: Collection[tuple[str, str]] = (),
    says: tuple[str, str] = ("", ""),
) -> str:
    """Arrows between neighbours, labels for everything else that is read."""
    above, below_all = says
    rows = max((-(-len(sources) // 3) for sources in reads.values()), default=1)
    down = SAID + LABEL_ROW * (rows > 1) if above else 0
    places = {name: replace(place, y=place.y + down) for name, place in places.items()}
    parts, bottom = [], 0
    for name, sources in reads.items():
        here = places[name]
        near = [source for source in sources if _neighbours(source, name, places)]
        far = [source for source in sources if source not in near]
        below = any(places[source].y < here.y for source in near)
        parts += [_edge(places[source], here) for source in near]
        parts += _labels(far, here, below)
        parts += [_factor(places[source], here) for source in near if (source, name) in scaled]
        bottom = max(bottom, here.y + LABEL_ROW * (below * -(-len(far) // 3)))
    parts += [_box(name, places[name]) for name in reads]
    left, right = MARGIN, _width(places) - MARGIN
    if above:
        parts.append(f'<text class="small" x="{left}" y="18">{above}</text>')
    if below_all:
        y = bottom + BOX[1] // 2 + 8
        ends = f"{left},{y} {left},{y + 6} {right},{y + 6} {right},{y}"
        parts.append(f'<polyline class="edge" points="{ends}"/>')
        parts.append(f'<text class="small" x="{left}" y="{y + 22}">{below_all}</text>')
        bottom = y
    return svg.document(
        banner, title, svg.in_words(reads), (_width(places), bottom + MARGIN), parts
    )


def _times_step_size(equation: Equation) -> list[str]:
    """What an equation reads with the factor of the step before it, and nothing else."""
    value = equation.value
    terms = value.args if isinstance(value, MatAdd) else (value,)
    scaled = [term for term in terms if any(each.name == "alpha" for each in term.free_symbols)]
    symbols = [[s for s in term.free_symbols if isinstance(s, MatrixSymbol)] for term in scaled]
    return [str(each[0].name) for each in symbols if len(each) == 1]


def _factor(there: Place, here: Place) -> str:
    """The factor of an arrow down a column, beside it."""
    return f'<text class="small" x="{here.x + 8}" y="{(there.y + here.y) // 2 + 4}">{STEP}</text>'


def path_diagram(program: Program, banner: str) -> str:
    """Draw the stages: the way there in one row, the way back below it; each reads what is before.

    A stage reads earlier ones, too; only the arrow from the last of them is drawn.
    """
    first: dict[str, str] = {}
    for equation in program:
        first.setdefault(equation.stage, equation.name)
    stages = list(first)
    half = len(stages) // 2
    parts, words = [], []
    centres = {}
    for i, stage in enumerate(stages):
        column = i if i < half else len(stages) - 1 - i
        centres[stage] = (STAGE[0] // 2 + 8 + (STAGE[0] + 44) * column, 36 + 84 * (i >= half))
    for before, after in pairwise(stages):
        (x1, y1), (x2, y2) = centres[before], centres[after]
        way = (x2 > x1) - (x2 < x1)
        across, down = way * STAGE[0] // 2, (y2 > y1) * STAGE[1] // 2
        end = (x2 - across - way, y2 - down - (y2 > y1))
        parts.append(svg.line([(x1 + across, y1 + down), end]))
        words.append(f"{STAGES[before]}, then {STAGES[after]}.")
    parts += [_stage(stage, first[stage], centres[stage]) for stage in stages]
    size = (max(x for x, _ in centres.values()) + STAGE[0] // 2 + 8, 156)
    return svg.document(banner, "The stages of the derivation", " ".join(words), size, parts)


def _stage(stage: str, name: str, centre: tuple[int, int]) -> str:
    """A box for a stage, of the kind of its first equation, to which it leads."""
    (x, y), (width, height) = centre, STAGE
    kind = parse(name).kind
    return (
        f'<a class="{kind}" xlink:href="#eq-{name}"><rect class="box" x="{x - width // 2}" '
        f'y="{y - height // 2}" width="{width}" height="{height}" rx="6"/>'
        f'<text x="{x}" y="{y + 5}" text-anchor="middle">{STAGES[stage]}</text></a>'
    )


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
    titles = {places[line.name].y: STAGES[line.stage] for line in reversed(lines)}
    shown: set[str] = set()
    for y, title in sorted(titles.items()):
        if title not in shown:
            parts.append(f'<text x="8" y="{y + 5}">{title}</text>')
            shown.add(title)
    size = (_width({**given, **places}), max(place.y for place in places.values()) + MARGIN)
    words = svg.in_words({line.name: _reads(line) for line in lines})
    return svg.document(banner, "Data flow of the whole program", words, size, parts)


def _reads(equation: Equation) -> list[str]:
    return [str(symbol.name) for symbol in equation.reads]


def _layers(program: Program) -> int:
    return max(name_of(symbol).layer for symbol in program.weights)


# --- places ---


def _places(lines: Sequence[Equation], layers: int, row: int, left: int) -> dict[str, Place]:
    """A lane for what is computed row by row and one for what is shaped like a weight, by stage."""
    lanes: dict[tuple[object, ...], int] = {}
    places = {}
    named = {line.name: parse(line.name) for line in lines}
    errors = any(isinstance(each, Name) and each.base == "E" for each in named.values())
    for equation in lines:
        weight, name = is_row_free(equation.shape), named[equation.name]
        kernel = isinstance(name, Kernel)
        of_one = () if isinstance(name, Kernel) else (name.inner, name.rows + name.fast)
        lane = lanes.setdefault((equation.stage, weight, kernel, *of_one), len(lanes))
        x = COLUMN * _column(name, layers)
        if isinstance(name, Name):
            x += _beside(name) if weight else COLUMN * (errors and name.base == "loss")
        places[equation.name] = Place(lane, x, MARGIN + 40 + row * lane)
    shift = left + BOX[0] // 2 - min(place.x for place in places.values())
    return {name: replace(place, x=place.x + shift) for name, place in places.items()}


def _column(name: Name | Kernel, layers: int) -> int:
    """Pre-activations and weights stand in the even columns, activations in the odd ones."""
    if isinstance(name, Kernel):
        stem = name.stems[0]
        return 0 if stem.base == "X" else _column(stem, layers) + 1
    if name.base in ("E", "loss"):
        return 2 * layers - 1
    return 2 * name.layer - 2 + (name.base == "H")


def _beside(name: Name) -> int:
    """A weight and a bias share a column."""
    return -COLUMN // 2 if name.base == "W" else COLUMN // 2


def _given(symbol: MatrixSymbol, places: dict[str, Place]) -> Place:
    """Weights above everything; data beside the first row that is computed from them."""
    parts = name_of(symbol)
    if parts.base in "Wb":
        return Place(-1, places[str(replace(parts, bar=True))].x, 24)
    reader, away = (Name("Z", 1), -COLUMN) if parts.base == "X" else (Name("loss"), COLUMN)
    row = places[str(replace(reader, rows=parts.rows))]
    return replace(row, x=row.x + away)


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
        f'width="{width}" height="{height}" rx="6"{DASHES * _is_second_order(name)}/>'
    )
    return svg.group(name, box + svg.name_label(name, place.x, place.y), link=link)


def _is_second_order(name: str) -> bool:
    """Whether an adjoint comes from the inner gradient, or from the support pass through it."""
    parts = parse(name)
    return isinstance(parts, Name) and parts.bar and (parts.inner or parts.rows == "s")


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
            parts.append(svg.group(name, svg.free_label(name, here.x + offset, y), link=True))
    return parts


def _edge(there: Place, here: Place) -> str:
    """A straight arrow between neighbours."""
    return svg.line(_ends(there, here))


def _ends(there: Place, here: Place) -> tuple[tuple[int, int], tuple[int, int]]:
    """Where an arrow leaves a box and meets another: at their sides in a lane, else below it."""
    width, height = BOX
    if there.lane == here.lane:
        way = 1 if here.x > there.x else -1
        return (there.x + way * width // 2, there.y), (here.x - way * (width // 2 + 1), here.y)
    return (there.x, there.y + height // 2), (here.x, here.y - height // 2 - 1)


def _curve(source: str, target: str, places: dict[str, Place]) -> str:
    """An arrow between any two boxes; a pointer on either end lights it."""
    (x1, y1), (x2, y2) = _ends(places[source], places[target])
    middle = (y1 + y2) // 2
    bend = "L" if y1 == y2 else f"C{x1} {middle} {x2} {middle} "
    path = f"M{x1} {y1}{bend}{x2} {y2}"
    names = f' data-from="{source}" data-to="{target}"'
    return f'<path class="edge" d="{path}" marker-end="url(#head)"{names}/>'
