"""Kernel or dense: the choice for a layer is the smaller count of multiply-adds."""

from __future__ import annotations

from hypothesis import given as drawn
from hypothesis import strategies as st

from derive.language.cost import work_of
from derive.language.names import D, M, N, O, width
from derive.model.network import Network
from derive.model.programs import meta_gradient_program
from derive.passes.workspace import lowered
from derive.schedule.choice import choice_of
from derive.schedule.forms import Line, forms_of
from tests.conftest import derivation, network


def forms(which: Network) -> tuple[Line, ...]:
    """The lines of both forms of a network's meta-gradient."""
    program = meta_gradient_program(which)
    return forms_of(lowered(program, dense=False), lowered(program, dense=True))


def test_a_dense_layer_pays_from_half_its_width_in_rows() -> None:
    L1, L2 = width(1), width(2)
    for steps in (1, 2, 5):
        choice = choice_of(forms(Network(2, "relu", steps)), 2)
        rows = M + (steps - 1) * N
        assert choice.dense == L1 * L2
        assert (choice.kernel - (L1 + L2) * rows).expand() == 0


@drawn(
    which=st.sampled_from(["relu1", "relu2", "relu2_5steps"]),
    sizes=st.lists(st.integers(1, 60), min_size=6, max_size=6),
)
def test_the_choice_is_the_smaller_count(which: str, sizes: list[int]) -> None:
    shots, queries, *widths = sizes
    plan, layers = derivation(which).plan, derivation(which).network.hidden + 1
    assert plan is not None
    known = (*widths[:layers], widths[-1])
    chosen = network(which).inplace.dense_layers(shots, queries, known)
    numbers = {N: shots, M: queries, D: known[0] + 1, O: max(known[-1], 2)}
    numbers |= {width(i): size + 1 for i, size in enumerate(known[1:-1], start=1)}
    for layer, dense in enumerate(chosen, start=1):
        counts = {
            form: sum(
                int(work_of(line.equation.value).xreplace(numbers))
                for line, _ in plan.lines
                if (line.layer, line.dense) == (layer, form)
            )
            for form in (False, True)
        }
        assert dense is (counts[True] < counts[False])
