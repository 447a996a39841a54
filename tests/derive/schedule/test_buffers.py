"""Buffers: shared where they may be, and never read for what they no longer hold."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from sympy import MatrixSymbol

from derive.language.names import N, width
from derive.schedule.buffers import ALWAYS, buffers_of, lifetimes
from derive.schedule.plan import in_order
from derive.schedule.steps import PRODUCT, Step
from tests.conftest import WITH_WORKSPACE, derivation

if TYPE_CHECKING:
    from derive.schedule.buffers import Buffer, Under


def steps_and_data(name: str) -> tuple[list[tuple[Under, Step]], tuple[MatrixSymbol, ...]]:
    """What an emitted network computes in its workspace, and what it is given."""
    plan = derivation(name).plan
    assert plan is not None
    return in_order(plan.lines), plan.data


def misread(
    steps: list[tuple[Under, Step]],
    data: tuple[MatrixSymbol, ...],
    buffers: tuple[Buffer, ...],
) -> list[str]:
    """Run every mixture of forms on names, and list who reads a buffer that holds another."""
    place = {symbol: at for at, buffer in enumerate(buffers) for symbol in buffer.holds}
    layers = max(layer for (layer, _), _ in steps)
    wrong = []
    for dense in product((False, True), repeat=layers):
        holds: dict[int, MatrixSymbol] = {place[symbol]: symbol for symbol in data}
        for (layer, form), step in steps:
            if layer and dense[layer - 1] != form:
                continue
            read = [symbol for symbol in step.reads if symbol in place]
            wrong += [f"{step}: {symbol}" for symbol in read if holds.get(place[symbol]) != symbol]
            if step.writes.is_Matrix:
                over = place[step.writes] in {place[symbol] for symbol in read}
                if over and not step.in_place:
                    wrong.append(f"{step}: a product over its own factor")
                holds[place[step.writes]] = step.writes
    return wrong


@pytest.mark.parametrize("name", WITH_WORKSPACE)
def test_no_buffer_is_read_for_something_else(name: str) -> None:
    steps, data = steps_and_data(name)
    buffers = buffers_of(steps, data)
    assert misread(steps, data, buffers) == []
    quantities = sum(len(buffer.holds) for buffer in buffers)
    assert len(buffers) < 0.8 * quantities, "nothing is shared"


def test_a_lifetime_that_is_too_short_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    steps, data = steps_and_data("relu2")

    def shortened(*arguments: Any) -> Any:
        first, last, choices = lifetimes(*arguments)
        return first, {symbol: max(first[symbol], at - 12) for symbol, at in last.items()}, choices

    monkeypatch.setattr("derive.schedule.buffers.lifetimes", shortened)
    assert misread(steps, data, buffers_of(steps, data))


def test_only_an_elementwise_step_may_write_over_what_it_reads() -> None:
    A, B = (MatrixSymbol(name, N, width(1)) for name in ("Z1_s", "H1_s"))
    W = MatrixSymbol("W2", width(1), width(1))
    for second, count in ((Step("relu", B, (A,)), 1), (Step(PRODUCT, B, (A, W)), 2)):
        steps = [Step("copy", A, ()), second]
        assert len(buffers_of([(ALWAYS, step) for step in steps], [])) == count


def test_what_shares_a_buffer_is_of_one_shape() -> None:
    for name in WITH_WORKSPACE:
        for buffer in buffers_of(*steps_and_data(name)):
            assert len({symbol.shape for symbol in buffer.holds}) == 1
