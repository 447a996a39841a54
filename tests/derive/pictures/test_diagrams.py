"""The data-flow diagrams: boxes are equations, arrows are what they read."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest

from derive.language.names import STAGES
from derive.pictures.diagram import BOX
from tests.derive.pictures.drawings import (
    NAMES,
    STAGE_DRAWINGS,
    derived,
    drawing,
    reads_of,
    segments,
)
from tests.derive.pictures.geometry import Rect, cross


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


@pytest.mark.parametrize("name", NAMES)
def test_the_path_goes_through_the_stages_in_order(name: str) -> None:
    drawn, program = drawing(name, "path"), derived(name).derived
    stages = [stage for stage in STAGES if any(line.stage == stage for line in program)]
    assert [of for of, _ in drawn.boxes] == [STAGES[stage] for stage in stages]
    # A stage leads to its first equation.
    first = [next(line.name for line in program if line.stage == stage) for stage in stages]
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
