"""The cases: sizes, numbers, and how far their units stay from the kink."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from docs.diagnose.cases import PLANS, Case, cases
from docs.diagnose.hypotheses import HYPOTHESES
from tests.conftest import network

#: That it has the shape of most people's networks is what this one is for.
USUAL_SHAPE = "one_output"


@pytest.mark.parametrize("case", cases().values(), ids=PLANS)
def test_no_two_sizes_of_a_case_are_equal(case: Case) -> None:
    plan = PLANS[case.name]
    sizes = [*plan.layers, plan.tasks, plan.shots, plan.queries, plan.steps]
    if case.name == USUAL_SHAPE:
        assert plan.layers == (1, 40, 40, 1)
        sizes = [40, plan.tasks, plan.shots, plan.queries, plan.steps]
    assert len(set(sizes)) == len(sizes)
    outputs = plan.layers[-1]
    assert case.sizes == {"T": plan.tasks, "N": plan.shots, "M": plan.queries, "O": outputs}
    # Odd primes, so that no product of them is another one, nor half or twice another.
    for size in (*case.sizes.values(), case.steps):
        assert all(size % divisor for divisor in range(2, size))
        assert size > 2 or size == 1


def test_the_cases_are_what_they_are_called() -> None:
    found = {
        (len(case.weights) // 2 - 1, case.activation, case.steps, case.loss)
        for case in cases().values()
    }
    assert found == {
        *((hidden, "relu", 1, "mean_squared_error") for hidden in (1, 2)),
        (2, "tanh", 1, "mean_squared_error"),
        (2, "relu", 1, "cross_entropy"),
        (2, "relu", 5, "mean_squared_error"),
    }
    for case in cases().values():
        name = "relu2" if case.name == USUAL_SHAPE else case.name
        assert case.unrolled is network(name)
        assert case.steps == network(name).NETWORK.steps
        for array in (*case.weights, *case.batch):
            assert array.dtype == np.float64
            assert not array.flags.writeable
            # Three decimals: short in JSON, and the same number in every language.
            assert np.array_equal(array, np.round(array * 1000) / 1000)


def test_the_classes_of_the_cross_entropy_are_all_there() -> None:
    case = cases()["cross_entropy"]
    for Y in (case.batch.Y_s, case.batch.Y_q):
        assert set(np.unique(Y)) == {0, 1}
        assert (Y.sum(-1) == 1).all()
        assert Y.any((0, 1)).all()


@pytest.mark.parametrize("name", [name for name in PLANS if name != "tanh2"])
def test_no_unit_comes_near_its_kink(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case = cases()[name]
    nearest: list[float] = []

    def watch(function: Any) -> Any:
        def watched(weights: Any, *given: Any) -> Any:
            H = given[-2]
            for W, b in zip(weights[:-2:2], weights[1:-2:2], strict=True):
                Z = H @ W + b
                nearest.append(float(np.abs(Z).min()))
                H = np.maximum(Z, 0)
            return function(weights, *given)

        return watched

    for each in ("loss_and_gradient", "hessian_product"):
        monkeypatch.setattr(case.net, each, watch(getattr(case.net, each)))
    # Step by step, where every gradient on the way is seen.
    monkeypatch.setattr(Case, "unrolled", None)
    for hypothesis in HYPOTHESES:
        hypothesis.gradient(case)
    # A thousand times the rounding of float32.
    assert min(nearest) > 1e-4
