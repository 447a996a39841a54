"""The cases: sizes, numbers, and how far their units stay from the kink."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from docs.diagnose.cases import PLANS, Case, cases
from docs.diagnose.factors import times
from docs.diagnose.gradients import STEP, through_steps
from docs.diagnose.hypotheses import INNER_LOSSES, in_head
from tests.conftest import network


@pytest.mark.parametrize("case", cases().values(), ids=PLANS)
def test_no_two_sizes_of_a_case_are_equal(case: Case) -> None:
    plan = PLANS[case.name]
    sizes = [*plan.layers, plan.tasks, plan.shots, plan.queries]
    assert len(set(sizes)) == len(sizes)
    assert case.sizes == {"T": plan.tasks, "N": plan.shots, "M": plan.queries, "O": sizes[-4]}
    # Odd primes, so that no product of them is another one, nor half or twice another.
    for size in case.sizes.values():
        assert all(size % divisor for divisor in range(2, size))
        assert size > 2


def test_the_cases_are_what_they_are_called() -> None:
    found = {(len(case.weights) // 2 - 1, case.activation, case.steps) for case in cases().values()}
    assert found == {(1, "relu", 1), (2, "relu", 1), (2, "tanh", 1), (2, "relu", 5)}
    for case in cases().values():
        assert case.unrolled is network(case.name)
        assert case.steps == network(case.name).NETWORK.steps
        for array in (*case.weights, *case.batch):
            assert array.dtype == np.float64
            assert not array.flags.writeable
            # Three decimals: short in JSON, and the same number in every language.
            assert np.array_equal(array, np.round(array * 1000) / 1000)


@pytest.mark.parametrize("name", ["relu1", "relu2", "relu2_5steps"])
def test_no_unit_comes_near_its_kink(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case = cases()[name]
    nearest: list[float] = []
    generated = case.net.loss_and_gradient

    def watched(weights: Any, X: np.ndarray, Y: np.ndarray) -> Any:
        H = X
        for W, b in zip(weights[:-2:2], weights[1:-2:2], strict=True):
            Z = H @ W + b
            nearest.append(float(np.abs(Z).min()))
            H = np.maximum(Z, 0)
        return generated(weights, X, Y)

    monkeypatch.setattr(case.net, "loss_and_gradient", watched)
    # Of these the package has the gradient, without differences: ten times float32's rounding.
    for by in INNER_LOSSES.values():
        through_steps(case.but(alpha=times(by, case.sizes)))
    assert min(nearest) > STEP
    nearest.clear()
    changed = [case, case.on("q", "s"), case.on("s", "s")]
    for each in [*changed, case.but(more_steps=1), case.but(more_steps=-1)]:
        through_steps(each)
    through_steps(case, adapted=lambda _, parameter: parameter[0] == "W")
    through_steps(case, adapted=in_head)
    # Ten times what a finite difference moves the weights by, a hundred times float32's rounding.
    assert min(nearest) > 10 * STEP
