"""Every drawing of some networks, taken apart: what stands where, and what it says."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from derive.language.names import STAGES, parse
from derive.making import NETWORKS
from derive.model.network import Network
from derive.package import warm_up
from derive.package.derivation import Derivation, derive
from derive.pictures.circuit import circuits
from derive.pictures.diagram import path_diagram, stage_diagram, whole_diagram
from derive.pictures.svg import name_text, text_width
from tests.conftest import derivation
from tests.derive.pictures.geometry import Point, Rect

if TYPE_CHECKING:
    from collections.abc import Iterable

    from derive.language.program import Program

#: Beside the emitted networks: a deeper one, other activations, the smallest ones, first order.
OWN = {
    "relu3": Network(3, "relu"),
    "softplus2": Network(2, "softplus"),
    "tanh1": Network(1, "tanh"),
    "softplus1": Network(1, "softplus"),
    "sigmoid1": Network(1, "sigmoid"),
    "first_order1": Network(1, "relu", algorithm="first_order"),
}
NAMES = ["relu1", "relu2", "tanh2", *OWN]
WITH_CIRCUITS = [name for name in NAMES if (NETWORKS | OWN)[name].hidden == 1]

#: Each drawing of stages with the form of the program that it shows, and the stage.
FLOWS = {stage.replace(" ", "-"): ("derived", stage) for stage in STAGES if stage != "forward"}
FLOWS["rewritten-query"] = ("rewritten", "query")
#: The stages whose equations are the wires of a circuit.
CIRCUITS = {
    "circuit-inner": {"support", "inner gradient"},
    "circuit-query": {"query"},
    "circuit-outer": {"query adjoints", "step adjoints", "support adjoints", "meta-gradient"},
}

#: The size of plain text, of a title, of a sign; from the middle of a text to its top and bottom.
TEXT, SMALL, SIGN = 15, 12, 17
ABOVE, BELOW = 10, 9


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
    assert element.attrib["class"] == parse(name).kind
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
    first = address.removeprefix("#eq-")
    assert element.attrib["class"] == parse(first).kind
    drawing.links.append(first)


@cache
def derived(name: str) -> Derivation:
    return derivation(name) if name in NETWORKS else derive(name, OWN[name])


def flows(name: str) -> dict[str, tuple[str, str]]:
    """The drawings of stages: to the first order, nothing goes back through the support pass."""
    first_order = (NETWORKS | OWN)[name].algorithm == "first_order"
    return {
        which: of for which, of in FLOWS.items() if not first_order or of[1] != "support adjoints"
    }


@cache
def text_of(name: str, which: str) -> str:
    """A drawing of a network."""
    if which == "scalar":
        return warm_up.files("banner")["diagrams/scalar.svg"]
    program = derived(name).derived
    if which == "path":
        return path_diagram(program, "banner")
    if which == "whole":
        return whole_diagram(program, "banner")
    if which in FLOWS:
        form, stage = FLOWS[which]
        title = STAGES[stage] + ", rewritten" * (form == "rewritten")
        return stage_diagram(form_of(name, form), stage, f"Data flow: {title}", "banner")
    return circuits(program, "banner")[which]


def form_of(name: str, form: str) -> Program:
    """The meta-gradient as derived or rewritten."""
    return derived(name).derived if form == "derived" else derived(name).stages[-1]


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
        lines = [line for line in form_of(name, form) if line.stage == stage]
    else:
        # What the step hands on to the inner gradients is written where it enters.
        lines = [
            line
            for line in program
            if line.stage in CIRCUITS[which]
            and (line.stage != "step adjoints" or not parse(line.name).inner)
        ]
    return {line.name: [str(symbol.name) for symbol in line.reads] for line in lines}


def segments(arrows: Iterable[Arrow]) -> list[tuple[Point, Point]]:
    return [pair for arrow in arrows for pair in itertools.pairwise(arrow.points)]


STAGE_DRAWINGS = [(name, which) for name in NAMES for which in flows(name)] + [
    ("warm_up", "scalar")
]
CIRCUIT_DRAWINGS = [(name, which) for name in WITH_CIRCUITS for which in CIRCUITS]
WHOLE_DRAWINGS = [(name, "whole") for name in NAMES]
OF_EQUATIONS = STAGE_DRAWINGS + CIRCUIT_DRAWINGS + WHOLE_DRAWINGS
ALL = [*OF_EQUATIONS, *((name, "path") for name in NAMES)]
