"""The drawings: what they show is the program, and nothing stands on anything else."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from sympy import MatrixSymbol

from derive import warm_up
from derive.build import NETWORKS
from derive.circuit import inner_circuit, outer_circuit, query_circuit
from derive.derivation import Derivation
from derive.diagram import BOX, path_diagram, stage_diagram, whole_diagram
from derive.equations import Network
from derive.gates import gates
from derive.notation import STAGES, N, kind, parse
from derive.package import diagrams
from derive.svg import name_text, text_width
from tests.conftest import derivation

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ROOT = Path(__file__).parent.parent

#: Beside the emitted networks: a deeper one, other activations, and the smallest ones.
OWN = {
    "relu3": Network(3, "relu"),
    "softplus2": Network(2, "softplus"),
    "tanh1": Network(1, "tanh"),
    "softplus1": Network(1, "softplus"),
}
NAMES = ["relu1", "relu2", "tanh2", *OWN]
#: A circuit has no sign for the slope of a slope.
WITH_CIRCUITS = ["relu1"]

#: Each drawing of stages with the form of the program that it shows, and the stage.
FLOWS = {stage.replace(" ", "-"): ("derived", stage) for stage in STAGES}
FLOWS["rewritten-query"] = ("rewritten", "query")
CIRCUITS = {
    "circuit-inner": (inner_circuit, {"support", "inner gradient"}),
    "circuit-query": (query_circuit, {"query"}),
    "circuit-outer": (
        outer_circuit,
        {"query adjoints", "step adjoints", "support adjoints", "meta-gradient"},
    ),
}

#: The size of plain text, of a title, of a sign; from the middle of a text to its top and bottom.
TEXT, SMALL, SIGN = 15, 12, 17
ABOVE, BELOW = 10, 9

Point = tuple[float, float]


# --- what is drawn ---


class Rect(NamedTuple):
    """A rectangle, its sides parallel to the axes."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Rect) -> bool:
        """Whether the two share more than a side."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )

    def holds(self, other: Rect) -> bool:
        """Whether the other one lies inside."""
        return (
            self.left <= other.left
            and self.top <= other.top
            and self.right >= other.right
            and self.bottom >= other.bottom
        )

    @property
    def sides(self) -> Iterable[tuple[Point, Point]]:
        """Its four segments."""
        corners = [
            (self.left, self.top), (self.right, self.top),
            (self.right, self.bottom), (self.left, self.bottom),
        ]  # fmt: skip
        return zip(corners, [*corners[1:], corners[0]], strict=True)

    @property
    def inside(self) -> Rect:
        """The same without its border."""
        return Rect(self.left + 1, self.top + 1, self.right - 1, self.bottom - 1)


class Arrow(NamedTuple):
    """A line or a curve by its points, and what it says that it joins."""

    points: tuple[Point, ...]
    ends: tuple[str | None, str | None]


@dataclass
class Drawing:
    """An SVG file taken apart.

    Attributes
    ----------
    view
        Its viewBox.
    says
        Its text alternative.
    boxes, labels
        A name with the place of its box, or of its text where it has no box.
    gates, texts
        Boxes and texts without a name.
    arrows
        Lines and curves.
    ids
        Every id.
    """

    view: Rect
    says: str
    boxes: list[tuple[str, Rect]] = field(default_factory=list)
    labels: list[tuple[str, Rect]] = field(default_factory=list)
    inscriptions: list[tuple[Rect, Rect]] = field(default_factory=list)
    gates: list[Rect] = field(default_factory=list)
    texts: list[Rect] = field(default_factory=list)
    signs: list[Rect] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)


def local(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def rect_of(element: ET.Element) -> Rect:
    x, y, width, height = (float(element.attrib[key]) for key in ("x", "y", "width", "height"))
    return Rect(x, y, x + width, y + height)


def around(element: ET.Element, width: float) -> Rect:
    """What a text covers; its y is the baseline, 5 below the middle."""
    x, middle = float(element.attrib["x"]), float(element.attrib["y"]) - 5
    left = {"middle": x - width / 2, "end": x - width}.get(element.get("text-anchor", "start"), x)
    return Rect(left, middle - ABOVE, left + width, middle + BELOW)


def arrow_of(element: ET.Element) -> Arrow:
    numbers = [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", element.attrib["d"])]
    points = tuple(zip(numbers[::2], numbers[1::2], strict=True))
    return Arrow(points, (element.get("data-from"), element.get("data-to")))


def read(text: str) -> Drawing:
    root = ET.fromstring(text)
    view = [float(number) for number in root.attrib["viewBox"].split()]
    (says,) = (child.text or "" for child in root if local(child) == "desc")
    drawing = Drawing(Rect(*view), says)
    drawing.ids = [element.attrib["id"] for element in root.iter() if "id" in element.attrib]
    for element in root:
        if "data-sym" in element.attrib:
            read_name(element, drawing)
        elif local(element) == "a":
            read_stage(element, drawing)
        elif local(element) == "rect":
            drawing.gates.append(rect_of(element))
        elif local(element) == "path":
            drawing.arrows.append(arrow_of(element))
        elif local(element) == "text":
            size = {"small": SMALL, "op": SIGN}.get(element.get("class", ""), TEXT)
            # Names stand beside it at whole pixels.
            place = around(element, round(text_width("".join(element.itertext())) * size / TEXT))
            (drawing.signs if element.get("class") == "op" else drawing.texts).append(place)
    return drawing


def read_name(element: ET.Element, drawing: Drawing) -> None:
    """A name of the notation, in a box or without."""
    name = element.attrib["data-sym"]
    assert element.attrib["class"] == kind(name)
    (text,) = (child for child in element if local(child) == "text")
    shown, width = name_text(name, transposed="\N{DOWN TACK}" in "".join(text.itertext()))
    assert re.sub("<[^>]*>", "", shown) == "".join(text.itertext())
    place = around(text, width)
    boxes = [rect_of(child) for child in element if child.get("class") == "box"]
    if boxes:
        drawing.boxes.append((name, boxes[0]))
        drawing.inscriptions.append((boxes[0], place))
    else:
        drawing.labels.append((name, place))
    if local(element) == "a":
        (address,) = (value for key, value in element.attrib.items() if key.endswith("href"))
        assert address == f"#eq-{name}"
        drawing.links.append(name)


def read_stage(element: ET.Element, drawing: Drawing) -> None:
    """A stage in its box."""
    box, text = element
    title = "".join(text.itertext())
    drawing.boxes.append((title, rect_of(box)))
    drawing.inscriptions.append((rect_of(box), around(text, text_width(title))))
    (address,) = (value for key, value in element.attrib.items() if key.endswith("href"))
    drawing.links.append(address.removeprefix("#eq-"))


@cache
def derived(name: str) -> Derivation:
    return derivation(name) if name in NETWORKS else Derivation(name, OWN[name])


@cache
def text_of(name: str, which: str) -> str:
    """A drawing of a network."""
    if which == "scalar":
        return warm_up.files("banner")["diagrams/scalar.svg"]
    if which == "path":
        return path_diagram(derived(name).derived, "banner")
    if which == "whole":
        return whole_diagram(derived(name).derived, "banner")
    if which in FLOWS:
        form, stage = FLOWS[which]
        title = STAGES[stage].title + ", rewritten" * (form == "rewritten")
        return stage_diagram(getattr(derived(name), form), stage, f"Data flow: {title}", "banner")
    return CIRCUITS[which][0](derived(name).derived, "banner")


@cache
def drawing(name: str, which: str) -> Drawing:
    return read(text_of(name, which))


def reads_of(name: str, which: str) -> dict[str, list[str]]:
    """The equations that a drawing is about, and what each one reads."""
    if which == "scalar":
        return {line.name: line.reads for line in warm_up.lines()}
    program = derived(name).derived
    if which == "whole":
        lines = list(program)
    elif which in FLOWS:
        form, stage = FLOWS[which]
        lines = [line for line in getattr(derived(name), form) if line.stage == stage]
    else:
        # What the step hands on to the inner gradients is written where it enters.
        lines = [
            line
            for line in program
            if line.stage in CIRCUITS[which][1]
            and (line.stage != "step adjoints" or parse(line.name).fast)
        ]
    return {line.name: [str(symbol.name) for symbol in line.reads] for line in lines}


STAGE_DRAWINGS = [(name, which) for name in NAMES for which in FLOWS] + [("warm_up", "scalar")]
CIRCUIT_DRAWINGS = [(name, which) for name in WITH_CIRCUITS for which in CIRCUITS]
WHOLE_DRAWINGS = [(name, "whole") for name in NAMES]
OF_EQUATIONS = STAGE_DRAWINGS + CIRCUIT_DRAWINGS + WHOLE_DRAWINGS
ALL = [*OF_EQUATIONS, *((name, "path") for name in NAMES)]


# --- geometry ---


def side(a: Point, b: Point, c: Point) -> int:
    """On which side of the line from a to b the point c lies."""
    turn = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
    return (turn > 0) - (turn < 0)


def on(a: Point, b: Point, c: Point) -> bool:
    """Whether c lies on the way from a to b, ends included."""
    within = all(min(a[i], b[i]) <= c[i] <= max(a[i], b[i]) for i in (0, 1))
    return within and side(a, b, c) == 0


def touch(one: tuple[Point, Point], other: tuple[Point, Point]) -> bool:
    """Whether two segments have a point in common."""
    (a, b), (c, d) = one, other
    if side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0:
        return True
    return on(a, b, c) or on(a, b, d) or on(c, d, a) or on(c, d, b)


def cross(one: tuple[Point, Point], other: tuple[Point, Point]) -> bool:
    """Whether two segments meet elsewhere than where both begin or both end."""
    (a, b), (c, d) = one, other
    if a == c:
        return on(a, b, d) or on(c, d, b)
    if b == d:
        return on(a, b, c) or on(c, d, a)
    return touch(one, other)


def enters(segment: tuple[Point, Point], rect: Rect) -> bool:
    """Whether a segment goes through the inside of a rectangle."""
    inside = rect.inside
    held = any(inside.holds(Rect(x, y, x, y)) for x, y in segment)
    return held or any(touch(segment, each) for each in inside.sides)


def segments(arrows: Iterable[Arrow]) -> list[tuple[Point, Point]]:
    return [pair for arrow in arrows for pair in itertools.pairwise(arrow.points)]


def overlapping(rects: Sequence[tuple[str, Rect]]) -> list[tuple[str, str]]:
    pairs = itertools.combinations(rects, 2)
    return [(one, other) for (one, first), (other, second) in pairs if first.meets(second)]


def test_the_geometry_sees_what_it_should() -> None:
    flat, steep = ((0.0, 0.0), (4.0, 0.0)), ((2.0, -1.0), (2.0, 1.0))
    assert cross(flat, steep)
    assert cross(flat, ((2.0, 0.0), (2.0, 1.0)))
    assert cross(flat, ((0.0, 0.0), (2.0, 0.0)))
    assert not cross(flat, ((0.0, 0.0), (0.0, 3.0)))
    assert not cross(flat, ((4.0, 3.0), (4.0, 0.0)))
    assert not cross(flat, ((2.0, 1.0), (2.0, 3.0)))
    box = Rect(1, -2, 3, 2)
    assert enters(flat, box)
    assert enters(((1.5, 0.0), (1.6, 0.0)), Rect(0, -2, 4, 2))
    assert not enters(((0.0, 0.0), (1.0, 0.0)), box)
    assert box.meets(Rect(2, 0, 9, 9))
    assert not box.meets(Rect(3, -2, 5, 2))


# --- every drawing ---


@pytest.mark.parametrize("name", NAMES)
def test_a_network_has_its_drawings(name: str) -> None:
    drawn = diagrams(derived(name), "banner")
    circuits = CIRCUITS if name in WITH_CIRCUITS else {}
    expected = {which: text_of(name, which) for which in (*FLOWS, *circuits, "whole", "path")}
    assert drawn == {f"diagrams/{which}.svg": text for which, text in expected.items()}


def test_a_circuit_of_what_it_has_no_sign_for_is_refused() -> None:
    A = MatrixSymbol("A", N, N)
    with pytest.raises(ValueError, match=r"^no gate for Inverse: A\*\*\(-1\)"):
        gates(A.inverse(), A)


def test_no_two_drawings_of_a_network_share_an_id() -> None:
    for name in NAMES:
        drawn = diagrams(derived(name), "banner").values()
        heads = [head for text in drawn for head in read(text).ids]
        assert len(set(heads)) == len(heads)


def test_several_inner_steps_are_not_drawn() -> None:
    assert diagrams(Derivation("relu1_2steps", Network(1, "relu", 2)), "banner") == {}
    assert not list((ROOT / "generated" / "relu2_5steps").glob("diagrams/*"))


@pytest.mark.parametrize(("name", "which"), OF_EQUATIONS)
def test_the_text_alternative_is_the_program(name: str, which: str) -> None:
    says = dict(re.findall(r"(\w+) reads ([\w, ]*)\.", drawing(name, which).says))
    reads = reads_of(name, which)
    assert reads
    assert says == {equation: ", ".join(names) for equation, names in reads.items()}


@pytest.mark.parametrize(("name", "which"), ALL)
def test_every_id_is_its_own_and_is_used(name: str, which: str) -> None:
    (head,) = drawing(name, which).ids
    assert re.fullmatch(r"[\w:-]+", head)
    assert set(re.findall(r"url\(#([^)]*)\)", text_of(name, which))) == {head}


@pytest.mark.parametrize(("name", "which"), ALL)
def test_nothing_lies_outside_and_nothing_on_anything_else(name: str, which: str) -> None:
    drawn = drawing(name, which)
    things = [
        *((f"box {of}", rect) for of, rect in drawn.boxes),
        *((f"label {of}", rect) for of, rect in drawn.labels),
        *(("gate", rect) for rect in drawn.gates),
        *(("text", rect) for rect in drawn.texts),
    ]
    assert [of for of, rect in things if not drawn.view.holds(rect)] == []
    assert overlapping(things) == []
    points = [point for arrow in drawn.arrows for point in arrow.points]
    assert all(drawn.view.holds(Rect(x, y, x, y)) for x, y in points)


@pytest.mark.parametrize(("name", "which"), ALL)
def test_what_is_in_a_box_fits(name: str, which: str) -> None:
    drawn = drawing(name, which)
    assert all(box.holds(text) for box, text in drawn.inscriptions)
    # A sign has the gate that is drawn just before it.
    assert len(drawn.signs) == len(drawn.gates)
    for gate, sign in zip(drawn.gates, drawn.signs, strict=True):
        assert gate.left <= sign.left
        assert sign.right <= gate.right


# --- stages ---


@pytest.mark.parametrize(("name", "which"), STAGE_DRAWINGS)
def test_every_equation_of_a_stage_is_a_box(name: str, which: str) -> None:
    drawn = drawing(name, which)
    names = list(reads_of(name, which))
    assert Counter(of for of, _ in drawn.boxes) == Counter(names)
    assert all((rect.right - rect.left, rect.bottom - rect.top) == BOX for _, rect in drawn.boxes)
    assert set(names) <= set(drawn.links)


@pytest.mark.parametrize(("name", "which"), STAGE_DRAWINGS)
def test_every_read_is_an_arrow_or_a_label(name: str, which: str) -> None:
    drawn = drawing(name, which)
    found = Counter(of for of, _ in drawn.labels)
    # An arrow between boxes begins on the border of one and ends before the border of another.
    grown = [(of, Rect(r.left - 1, r.top - 1, r.right + 1, r.bottom + 1)) for of, r in drawn.boxes]
    joined = []
    for arrow in drawn.arrows:
        (x, y), (to_x, to_y) = arrow.points
        source = [of for of, rect in grown if rect.holds(Rect(x, y, x, y))]
        (target,) = (of for of, rect in grown if rect.holds(Rect(to_x, to_y, to_x, to_y)))
        joined += [(of, target) for of in source]
    reads = [(of, target) for target, names in reads_of(name, which).items() for of in names]
    assert not Counter(joined) - Counter(reads)
    assert found == Counter(of for of, _ in (Counter(reads) - Counter(joined)).elements())


@pytest.mark.parametrize(("name", "which"), STAGE_DRAWINGS)
def test_no_two_arrows_of_a_stage_cross(name: str, which: str) -> None:
    pairs = itertools.combinations(segments(drawing(name, which).arrows), 2)
    assert [pair for pair in pairs if cross(*pair)] == []


@pytest.mark.parametrize(("name", "which"), STAGE_DRAWINGS + CIRCUIT_DRAWINGS)
def test_no_arrow_passes_through_anything(name: str, which: str) -> None:
    drawn = drawing(name, which)
    things = [*drawn.boxes, *drawn.labels, *(("text", rect) for rect in drawn.texts)]
    # A gate is round: what comes in at an angle ends inside the corner of its rectangle.
    things += [("gate", rect.inside.inside.inside) for rect in drawn.gates]
    lines = segments(drawn.arrows)
    assert [(each, of) for each in lines for of, rect in things if enters(each, rect)] == []


@pytest.mark.parametrize("name", NAMES)
def test_the_path_goes_through_the_stages_in_order(name: str) -> None:
    drawn, program = drawing(name, "path"), derived(name).derived
    assert [of for of, _ in drawn.boxes] == [stage.title for stage in STAGES.values()]
    # A stage leads to its first equation.
    first = [next(line.name for line in program if line.stage == stage) for stage in STAGES]
    assert drawn.links == first
    pairs = list(itertools.pairwise(of for of, _ in drawn.boxes))
    assert drawn.says == " ".join(f"{before}, then {after}." for before, after in pairs)
    grown = [(of, Rect(r.left - 1, r.top - 1, r.right + 1, r.bottom + 1)) for of, r in drawn.boxes]
    joined = [
        tuple(of for point in arrow.points for of, r in grown if r.holds(Rect(*point, *point)))
        for arrow in drawn.arrows
    ]
    assert joined == pairs
    assert not any(cross(*pair) for pair in itertools.combinations(segments(drawn.arrows), 2))


# --- the whole program ---


@pytest.mark.parametrize("name", NAMES)
def test_the_whole_has_an_arrow_for_every_read(name: str) -> None:
    program = derived(name).derived
    drawn = drawing(name, "whole")
    expected = [(of, target) for target, names in reads_of(name, "whole").items() for of in names]
    assert Counter(arrow.ends for arrow in drawn.arrows) == Counter(expected)
    given = [str(symbol.name) for symbol in program.inputs if symbol.is_Matrix]
    names = [line.name for line in program]
    assert Counter(of for of, _ in drawn.boxes) == Counter([*given, *names])
    assert sorted(drawn.links) == sorted(names)


@pytest.mark.parametrize("name", NAMES)
def test_an_arrow_of_the_whole_joins_what_it_says(name: str) -> None:
    drawn = drawing(name, "whole")
    boxes = dict(drawn.boxes)
    for arrow in drawn.arrows:
        for end, (x, y) in zip(arrow.ends, (arrow.points[0], arrow.points[-1]), strict=True):
            rect = boxes[str(end)]
            assert rect.left - 1 <= x <= rect.right + 1
            assert rect.top - 1 <= y <= rect.bottom + 1


# --- circuits ---


@pytest.mark.parametrize(("name", "which"), CIRCUIT_DRAWINGS)
def test_every_equation_of_a_circuit_is_a_wire(name: str, which: str) -> None:
    assert Counter(drawing(name, which).links) == Counter(list(reads_of(name, which)))


@pytest.mark.parametrize(("name", "which"), CIRCUIT_DRAWINGS)
def test_every_quantity_that_a_circuit_reads_has_a_name_in_it(name: str, which: str) -> None:
    shown = {of for of, _ in drawing(name, which).labels}
    everything, here = reads_of(name, "whole"), reads_of(name, which)
    for target, names in here.items():
        for of in names:
            # What the step computes is written out where it is read.
            at_the_step = derived(name).derived[of].stage if of in everything else ""
            written_out = everything[of] if at_the_step in ("step", "step adjoints") else [of]
            assert of in shown or (of not in here and shown.issuperset(written_out)), (target, of)


@pytest.mark.parametrize("name", WITH_CIRCUITS)
def test_every_input_that_is_read_is_in_a_circuit(name: str) -> None:
    program = derived(name).derived
    shown = {of for which in CIRCUITS for of, _ in drawing(name, which).labels}
    read_at_all = {of for names in reads_of(name, "whole").values() for of in names}
    given = {str(symbol.name) for symbol in program.inputs if symbol.is_Matrix}
    assert given & read_at_all <= shown


# --- bytes ---


def test_the_same_bytes_under_another_hash_seed() -> None:
    code = (
        "from derive.derivation import Derivation\n"
        "from derive.equations import Network\n"
        "from derive.package import diagrams\n"
        "print(diagrams(Derivation('relu1', Network(1, 'relu')), 'banner'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{diagrams(derived('relu1'), 'banner')}\n"
