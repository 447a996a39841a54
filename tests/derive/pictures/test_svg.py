"""Every drawing: what it says is the program, and nothing stands on anything else."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from derive.model.network import Network
from derive.package.derivation import derive
from derive.package.modules import diagrams
from tests.derive.pictures.drawings import (
    ALL,
    CIRCUIT_DRAWINGS,
    CIRCUITS,
    NAMES,
    OF_EQUATIONS,
    STAGE_DRAWINGS,
    WITH_CIRCUITS,
    derived,
    drawing,
    flows,
    read,
    reads_of,
    segments,
    text_of,
)
from tests.derive.pictures.geometry import Rect, cross, enters, overlapping

ROOT = Path(__file__).parents[3]


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


@pytest.mark.parametrize("name", NAMES)
def test_a_network_has_its_drawings(name: str) -> None:
    drawn = diagrams(derived(name), "banner")
    circuits = CIRCUITS if name in WITH_CIRCUITS else {}
    expected = {which: text_of(name, which) for which in (*flows(name), *circuits, "whole", "path")}
    assert drawn == {f"diagrams/{which}.svg": text for which, text in expected.items()}


def test_no_two_drawings_of_a_network_share_an_id() -> None:
    for name in NAMES:
        drawn = diagrams(derived(name), "banner").values()
        heads = [head for text in drawn for head in read(text).ids]
        assert len(set(heads)) == len(heads)


def test_several_inner_steps_are_not_drawn() -> None:
    assert diagrams(derive("relu1_2steps", Network(1, "relu", 2)), "banner") == {}
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


@pytest.mark.parametrize(("name", "which"), STAGE_DRAWINGS + CIRCUIT_DRAWINGS)
def test_no_arrow_passes_through_anything(name: str, which: str) -> None:
    drawn = drawing(name, which)
    things = [*drawn.boxes, *drawn.labels, *(("text", rect) for rect in drawn.texts)]
    # A gate is round: what comes in at an angle ends inside the corner of its rectangle.
    things += [("gate", rect.inside.inside.inside) for rect in drawn.gates]
    lines = segments(drawn.arrows)
    assert [(each, of) for each in lines for of, rect in things if enters(each, rect)] == []


def test_the_same_bytes_under_another_hash_seed() -> None:
    code = (
        "from derive.package.derivation import derive\n"
        "from derive.model.network import Network\n"
        "from derive.package.modules import diagrams\n"
        "print(diagrams(derive('relu1', Network(1, 'relu')), 'banner'))"
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
