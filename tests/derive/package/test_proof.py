"""Thirty digits: the derivation against SymPy's own derivative of the composed scalar meta-loss."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sympy import Float, MatAdd

from derive.model.network import Network
from derive.model.programs import meta_gradient_program
from derive.package.proof import largest_gap
from derive.passes.rewrite import rewrite


@pytest.mark.parametrize("form", ["derived", "rewritten"])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("steps", [1, 2])
def test_meta_gradient_is_exact(form: str, steps: int, seed: int) -> None:
    program = meta_gradient_program(Network(hidden=1, activation="tanh", steps=steps))
    if form == "rewritten":
        program = rewrite(program)
    assert largest_gap(program, steps, seed) < Float("1e-30")


def test_first_order_is_not_the_meta_gradient() -> None:
    which = Network(hidden=1, activation="tanh", algorithm="first_order")
    program = meta_gradient_program(which)
    assert largest_gap(program, 1, 0) > Float("1e-3")


def test_one_wrong_sign_is_found() -> None:
    program = rewrite(meta_gradient_program(Network(hidden=1, activation="tanh")))
    equations = list(program)
    at = next(i for i, equation in enumerate(equations) if equation.name == "Z1_q")
    terms = equations[at].value.args
    wrong = replace(equations[at], value=MatAdd(-1 * terms[0], *terms[1:]))
    broken = replace(program, equations=(*equations[:at], wrong, *equations[at + 1 :]))
    assert largest_gap(broken, 1, 0) > Float("1e-3")
