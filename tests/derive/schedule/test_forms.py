"""Two forms of every layer side by side: whatever is chosen, a program is left."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise, product

import pytest
from sympy import MatrixSymbol

from derive.language.names import N
from derive.language.program import Equation, Group, Program
from derive.model.network import Network
from derive.model.programs import meta_gradient_program
from derive.passes.workspace import lowered
from derive.schedule.forms import forms_of
from tests.conftest import WITH_WORKSPACE, derivation

BOTH = tuple(
    lowered(meta_gradient_program(Network(hidden=2)), dense=dense) for dense in (False, True)
)


@pytest.mark.parametrize("name", WITH_WORKSPACE)
def test_every_mixture_of_forms_is_a_program(name: str) -> None:
    plan = derivation(name).plan
    assert plan is not None
    kernel = lowered(derivation(name).derived, dense=False)
    lengths = set()
    for dense in product((False, True), repeat=len(plan.choices)):
        chosen = [
            line.equation
            for line, _ in plan.lines
            if not line.layer or dense[line.layer - 1] is line.dense
        ]
        # A program checks itself: defined once, before use, outputs and all.
        lengths.add(len(Program(kernel.groups, tuple(chosen), kernel.outputs)))
    assert len(lengths) > 1


@pytest.mark.parametrize("form", [False, True])
def test_all_layers_in_one_form_are_its_program(form: bool) -> None:
    program = BOTH[form]
    lines = [line.equation for line in forms_of(*BOTH) if not line.layer or line.dense is form]
    assert sorted(map(str, lines)) == sorted(map(str, program))


def test_a_layers_lines_differ_between_its_forms() -> None:
    own = [line for line in forms_of(*BOTH) if line.layer]
    assert {line.layer for line in own} == {1, 2, 3}
    dense, kernel = (
        {str(line.equation) for line in own if line.dense is form} for form in (True, False)
    )
    assert dense
    assert kernel
    assert not dense & kernel


def test_two_orders_do_not_go_together() -> None:
    kernel, dense = BOTH
    lines = list(dense)
    at = next(
        i
        for i, (first, second) in enumerate(pairwise(lines))
        if {first, second} <= set(kernel) and first.symbol not in second.reads
    )
    lines[at : at + 2] = lines[at + 1], lines[at]
    with pytest.raises(ValueError, match="have what they share in different orders"):
        forms_of(kernel, replace(dense, equations=tuple(lines)))


def test_what_a_form_may_lack_is_not_read() -> None:
    # The kernel form of layer 2 reads what only the kernel form of layer 1 has.
    X, Z, H = (MatrixSymbol(name, N, N) for name in ("X_s", "Z1_s", "H2_s"))
    groups = (Group("given", (X,)),)
    first, second = Equation(Z, 2 * X, "support"), Equation(H, X + Z, "support")
    kernel = Program(groups, (first, second), (H,))
    dense = Program(groups, (Equation(H, 3 * X, "support"),), (H,))
    with pytest.raises(ValueError, match="`H2_s` reads `Z1_s`, which a form may lack"):
        forms_of(kernel, dense)
