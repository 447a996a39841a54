"""The plan of a workspace: every quantity has its place, every layer its choice."""

from __future__ import annotations

import pytest
from sympy import MatrixSymbol

from derive.language.names import N, O, width
from derive.schedule.plan import in_order
from derive.schedule.storage import Kind, Storage, storage_of
from tests.conftest import WITH_WORKSPACE, derivation


@pytest.mark.parametrize("name", WITH_WORKSPACE)
def test_every_quantity_has_one_place(name: str) -> None:
    record = derivation(name)
    plan = record.plan
    assert plan is not None
    used = {
        symbol
        for _, step in in_order(plan.lines)
        for symbol in (step.writes, *step.reads)
        if symbol.is_Matrix
    }
    held = [symbol for buffer in plan.buffers for symbol in buffer.holds]
    weights = {symbol for symbol in record.derived.weights if str(symbol).startswith("W")}
    assert len(set(held)) == len(held)
    # What the caller gives and what he gets has its own memory; the gradient may be made in parts.
    assert used - set(held) == weights | set(plan.outputs)
    assert set(held) <= used | set(plan.data)


@pytest.mark.parametrize("name", WITH_WORKSPACE)
def test_every_layer_has_its_choice_and_its_gradient(name: str) -> None:
    record = derivation(name)
    plan = record.plan
    assert plan is not None
    layers = record.network.hidden + 1
    assert [choice.layer for choice in plan.choices] == list(range(1, layers + 1))
    assert [str(output) for output in plan.outputs] == [f"W{i}_bar" for i in range(1, layers + 1)]
    assert [str(symbol) for symbol in plan.data] == ["X_s", "Y_s", "X_q", "Y_q"]


@pytest.mark.parametrize(
    ("name", "shape", "storage"),
    [
        ("X_s", (N, width(1)), (Kind.ROWS, 1)),
        ("H1_s", (N, width(1)), (Kind.ROWS, 1)),
        ("dZ1_s", (N, width(1)), (Kind.ROWS, 0)),
        ("Z1_s_bar", (N, width(1)), (Kind.ROWS, 0)),
        ("Z1_s_term", (N, width(1)), (Kind.ROWS, 0)),
        ("G1_s", (N, width(1)), (Kind.ROWS, None)),
        ("Z2_s", (N, O), (Kind.PREDICTIONS, 0)),
        ("K_H1_s_s", (N, N), (Kind.KERNEL, 0)),
        ("W2_fast", (width(1), width(2)), (Kind.LAYER, 0)),
        ("W2_bar", (width(1), width(2)), (Kind.GRADIENT, 0)),
    ],
)
def test_a_quantity_is_stored_as_what_it_is(
    name: str, shape: tuple[object, object], storage: tuple[Kind, int | None]
) -> None:
    kind, constant = storage
    assert storage_of(MatrixSymbol(name, *shape)) == Storage(kind, *shape, constant)
