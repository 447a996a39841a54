"""Operations as calls for one task at a time: how matrices lie, and what is done in a tile."""

from __future__ import annotations

import pytest
from sympy import MatrixSymbol

from derive.language.names import D, M, N, O, width
from derive.schedule.task import (
    Dots,
    Each,
    Extent,
    Sum,
    TaskPlan,
    Tiles,
    Unit,
    extents,
    has_bias,
    has_unit,
    is_turned,
)
from tests.conftest import derivation

L1 = width(1)


def task_of(name: str) -> TaskPlan:
    task = derivation(name).task
    assert task is not None
    return task


@pytest.mark.parametrize(
    ("name", "shape", "turned", "unit", "bias"),
    [
        ("W1", (D, L1), False, False, True),
        ("W2", (L1, O), True, False, True),
        ("V1", (D, L1), False, False, False),
        ("X_s", (N, D), False, True, False),
        ("H1_s", (N, L1), False, True, False),
        ("Z1_s", (N, L1), False, False, False),
        ("uH1_s_bar", (N, L1), False, False, False),
        ("Z2_q", (M, O), True, False, False),
        ("S_q", (M, 1), True, False, False),
        ("K_H1", (M, N), False, False, False),
        ("ub1", (1, L1), False, False, False),
    ],
)
def test_how_a_matrix_lies(
    name: str, shape: tuple[object, object], turned: bool, unit: bool, bias: bool
) -> None:
    symbol = MatrixSymbol(name, *shape)
    assert (is_turned(symbol), has_unit(symbol), has_bias(symbol)) == (turned, unit, bias)


def test_extents_are_as_a_matrix_lies() -> None:
    assert extents(MatrixSymbol("W2", L1, O)) == (Extent(O), Extent(L1, True))
    assert extents(MatrixSymbol("H1_s", N, L1)) == (Extent(N), Extent(L1))


def test_a_product_goes_through_the_function_that_is_all_that_reads_it() -> None:
    task = task_of("relu1")
    written = {str(symbol.name) for symbol in task.matrices}
    # Neither pre-activations nor slopes are stored.
    assert {"H1_s", "uZ1_s", "Z1_q_bar"} <= written
    assert not {"Z1_s", "Z1_q", "G1_s", "uH1_s"} & written
    # The outputs have no function, so what reads them reads what was stored.
    assert {"Z2_s", "Z2_q"} <= written
    works = [work for work, _ in task.works if len(work.lines) == 2]
    assert [work.lines[0].equation.name for work in works[:2]] == ["Z1_s", "uH1_s"]
    assert all(work.then is not None for work in works)


def test_what_lies_across_is_a_dot_product_or_a_transposed_copy() -> None:
    task = task_of("relu2")
    assert [str(weight) for weight in task.turned] == ["W2"]
    for _, calls in task.works:
        for call in calls:
            if isinstance(call, Dots):
                assert call.term.right.across
                assert not call.term.left.across
            if isinstance(call, Tiles):
                across = {str(term.right.symbol) for term in call.terms if term.right.across}
                assert across <= {"W2"}


def test_sums_over_the_tasks_start_from_what_they_are() -> None:
    outputs = {"W1_bar", "W2_bar"}
    first: dict[tuple[str, bool], object] = {}
    for work, calls in task_of("relu1").works:
        for call in calls:
            if isinstance(call, Sum):
                assert call.adds
            elif str(call.writes) in outputs:
                first.setdefault((str(call.writes), work.under[1]), call)
    assert len(first) == 4
    for (name, _), start in first.items():
        if isinstance(start, Each):
            assert name in {str(symbol) for symbol in start.value.atoms(MatrixSymbol)}
        else:
            assert isinstance(start, Tiles)
            assert str(start.start) == name


def test_the_constant_unit_of_a_gradient_is_zero_where_a_bias_has_a_row_of_it() -> None:
    units = {
        str(call.writes): call.value
        for _, calls in task_of("relu2").works
        for call in calls
        if isinstance(call, Unit)
    }
    assert units == {
        "H1_s": 1, "H2_s": 1, "H1_q": 1, "H2_q": 1, "uH1_s_bar": 0, "uH2_s_bar": 0,
    }  # fmt: skip
