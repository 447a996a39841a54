"""The derivations by the trace rule, which end in the gain that the sweep has found."""

from __future__ import annotations

import re

import pytest
from sympy import HadamardProduct, MatrixSymbol

from derive.language.program import Gain
from docs.render.manifest import PageError
from docs.render.worked import _program, cotangent, lines_of, worked
from tests.docs.render.pages import PAGES

SHOWN = re.findall(r"\{\{worked:(\w+)\}\}", "\n".join(PAGES.values()))


def test_pages_show_a_product_a_function_and_an_adjoint_with_two_sources() -> None:
    sources = {name: len(_program()[name].gains) for name in SHOWN}
    assert sources == {"dH1_s": 1, "dZ1_s": 1, "H2_s_bar": 2}
    assert [gain.reader for gain in _program()["H2_s_bar"].gains] == ["Z3_s", "dW3"]


@pytest.mark.parametrize("name", SHOWN)
def test_a_derivation_leads_from_the_equation_to_the_gain(name: str) -> None:
    html = worked(name)
    for gain in _program()[name].gains:
        (block,) = (each for each in html.split("</ol>") if f"[eq:{gain.reader}]" in each)
        assert block.count("<li>") >= 4
        # The left side of the last line is the adjoint itself.
        assert rf"\q{{{'adjoint' if name.endswith('_bar') else 'gradient'}}}{{{name}}}" in block


@pytest.mark.parametrize("name", ["dZ3_s", "dW3_bar", "W9_bar", "Z1_s"])
def test_what_has_no_such_derivation_is_refused(name: str) -> None:
    with pytest.raises(PageError):
        worked(name)


@pytest.mark.parametrize("name", ["dH1_s", "dZ1_s", "H2_s_bar"])
def test_a_gain_that_is_not_what_the_lines_end_in_is_refused(name: str) -> None:
    program = _program()
    for gain in program[name].gains:
        reader = program[gain.reader]
        bar = cotangent(gain, reader)
        assert lines_of(reader, gain, bar)
        other = MatrixSymbol("A", *gain.term.shape)
        for wrong in (2 * gain.term, HadamardProduct(gain.term, other), other):
            with pytest.raises(PageError, match="is worked out"):
                lines_of(reader, Gain(wrong, gain.quantity, gain.reader), bar)
