"""The diagnosis: its cases, its hypotheses, and what it says."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from docs.diagnose import training
from docs.diagnose.cases import PLANS, Case, cases
from docs.diagnose.compare import expected, fit
from docs.diagnose.factors import ONE, factors, times
from docs.diagnose.gradients import (
    STEP,
    first_order,
    joint,
    last_step,
    second_order,
    through_steps,
)
from docs.diagnose.hypotheses import HYPOTHESES, INNER_LOSSES, RIGHT, in_head
from docs.diagnose.verdict import TOLERANCE
from docs.experiment.gradcheck import central_difference, relative_error
from tests.diagnosed import BY_NAME, NAMES, verdict_of

#: How far apart factors must be, and hypotheses in one of the cases: what `TOLERANCE` says.
APART = 100 * TOLERANCE

#: How far apart hypotheses must be in every case in which they are not equal.
DISTINCT = 50 * TOLERANCE


# --- the cases ---


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
        assert case.unrolled is not None
        assert case.steps == case.unrolled.INNER_STEPS
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


# --- the gradients ---


@pytest.mark.parametrize("case", cases().values(), ids=PLANS)
def test_composed_gradients_are_those_of_the_emitted_packages(case: Case) -> None:
    pairs = [
        (through_steps(case), second_order(case), 1e-10),
        (through_steps(case, hessians=0), first_order(case), 1e-14),
        (through_steps(case, hessians=1), last_step(case), 1e-10),
        (through_steps(case.but(more_steps=-case.steps)), joint(case), 1e-14),
        (through_steps(case, adapted=lambda *_: False), joint(case), 1e-14),
    ]
    for ours, theirs, bound in pairs:
        for one, other in zip(ours, theirs, strict=True):
            assert relative_error(one, other) < bound


def test_a_case_with_a_layer_held_fixed_against_finite_differences() -> None:
    case = cases()["relu2"]

    def meta_loss(weights: Any) -> float:
        values = []
        for X_s, Y_s, X_q, Y_q in zip(*case.batch, strict=True):
            inner = case.net.loss_and_gradient(weights, X_s, Y_s)[1]
            fast = [w - case.alpha * g for w, g in zip(weights, inner, strict=True)]
            fast[1::2] = weights[1::2]
            values.append(case.net.loss(case.net.Weights(*fast), X_q, Y_q))
        return float(np.mean(values))

    ours = BY_NAME["biases not adapted"].gradient(case)
    theirs = central_difference(meta_loss, case.net.Weights(*map(np.copy, case.weights)), 1e-6)
    for one, other in zip(ours, theirs, strict=True):
        assert relative_error(one, other) < 1e-7


@pytest.mark.parametrize("case", cases().values(), ids=PLANS)
def test_the_mistakes_of_other_problems_are_gradients_of_those(case: Case) -> None:
    assert case.unrolled is not None
    support, query = case.batch[:2], case.batch[2:]
    T, N, O = (case.sizes[letter] for letter in "TNO")
    problems: dict[str, tuple[Any, float]] = {
        "support and query swapped": ((*query, *support), case.alpha),
        "outer loss on the support set": ((*support, *support), case.alpha),
        "inner loss summed over rows": (case.batch, N * case.alpha),
        "inner loss summed over outputs": (case.batch, O * case.alpha),
        "inner loss summed over rows and outputs": (case.batch, N * O * case.alpha),
        "inner loss halved": (case.batch, case.alpha / 2),
        "inner loss half a sum over rows": (case.batch, N / 2 * case.alpha),
        "inner loss half a sum over outputs": (case.batch, O / 2 * case.alpha),
        "inner loss half a sum over rows and outputs": (case.batch, N * O / 2 * case.alpha),
        "inner loss averaged over rows twice": (case.batch, case.alpha / N),
        "inner loss divided by the number of tasks": (case.batch, case.alpha / T),
    }
    assert {f"inner loss {name}" for name in INNER_LOSSES} < set(problems)
    for name, (sets, alpha) in problems.items():
        functions: dict[str, Any] = {
            "": case.unrolled.meta_loss_and_gradient,
            "first order, ": case.unrolled.first_order_meta_loss_and_gradient,
        }
        for prefix, function in functions.items():
            expect = function(case.weights, *sets, alpha)[1]
            for ours, theirs in zip(BY_NAME[prefix + name].gradient(case), expect, strict=True):
                np.testing.assert_allclose(ours, theirs, rtol=1e-12)


@pytest.mark.parametrize(("name", "steps"), [("one step more", 6), ("one step fewer", 4)])
def test_another_number_of_steps_is_composed(name: str, steps: int) -> None:
    case = replace(cases()["relu2_5steps"], steps=steps)
    assert case.unrolled is None
    for prefix, hessians in {"": None, "first order, ": 0}.items():
        expect = through_steps(case, hessians)
        for ours, theirs in zip(
            BY_NAME[prefix + name].gradient(cases()["relu2_5steps"]), expect, strict=True
        ):
            np.testing.assert_array_equal(ours, theirs)


def test_hypotheses_are_data() -> None:
    assert len(set(NAMES)) == len(NAMES)
    for each in HYPOTHESES:
        assert each.explanation.endswith(".")
        assert bool(each.remedies) == (each is not RIGHT)
        # Its name says it as well: all but these adapt, and differentiate through that.
        without = ("first order", "joint training", "Reptile", "no gradient")
        partly = each.name.endswith("last step only")
        assert each.order == (
            "no" if each.name.startswith(without) else "in part" if partly else "yes"
        )


# --- told apart ---


def residual(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The distance between two directions, measured from either side."""
    return min(fit(ours, RIGHT, theirs, []).error, fit(theirs, RIGHT, ours, []).error)


def distances() -> dict[tuple[str, str], list[float]]:
    """How far apart each pair of hypotheses is, case by case."""
    by_case = [{each.name: vector for each, vector in expected(name)} for name in PLANS]
    return {
        (a, b): [residual(of[a], of[b]) for of in by_case]
        for a, b in itertools.combinations(NAMES, 2)
    }


def test_all_pairs_are_told_apart() -> None:
    for pair, errors in distances().items():
        assert max(errors) > APART, pair
        # Equal or far apart: nothing in between, where rounding would decide.
        assert all(error < 1e-9 or error > DISTINCT for error in errors), pair


def test_what_one_step_cannot_tell_is_reported_as_both() -> None:
    alike = {
        RIGHT.name: {"second order through the last step only"},
        "joint training": {"one step fewer", "first order, one step fewer"},
        "Reptile's direction": {"joint training on the support set, times alpha"},
        "joint training on the support set": {"Reptile's direction, times 1 / alpha"},
    }
    for name, others in alike.items():
        one = verdict_of(BY_NAME[name].gradient, "tanh2")
        assert str(one.matches[0]) == name
        assert set(map(str, one.matches)) == {name, *others}
        assert all(f"as well        {other}: no way to tell here" in str(one) for other in others)
        (only,) = verdict_of(BY_NAME[name].gradient).matches
        assert only.hypothesis.name == name


@pytest.mark.parametrize("case", cases().values(), ids=PLANS)
def test_factors_are_told_apart(case: Case) -> None:
    known = factors(case.sizes, case.alpha, case.steps)
    assert known[0] is ONE
    assert len({each.name for each in known}) == len(known)
    values = sorted(each.value for each in known)
    assert all(abs(b / a - 1) > APART for a, b in itertools.pairwise(values))
    named = {each.name: each for each in known}
    assert named["-T M O / 2"].value == -case.sizes["T"] * case.sizes["M"] * case.sizes["O"] / 2
    assert named["T M"].meaning == "summed over tasks and query rows"
    assert named["2"].meaning == "doubled"
    assert named["1 / T"].value == 1 / case.sizes["T"]
    assert named["1 / alpha"].value == 1 / case.alpha
    if case.steps > 1:
        assert named["1 / (steps alpha)"].value == 1 / (case.steps * case.alpha)


# --- during training ---


def test_the_command_writes_what_it_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stages = list(training.measured((0, 2), batches=3))
    monkeypatch.setattr(training, "measured", lambda: iter(stages))
    assert training.main(["--out", str(tmp_path / "t.json")]) == 0
    assert json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))["stages"] == stages
    assert [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()] == [
        "after 0", "after 2",
    ]  # fmt: skip
    assert training.main(["--out", str(tmp_path / "no/t.json")]) == 2
    assert capsys.readouterr().err.startswith("error: cannot write")


def test_the_angle_during_training_is_as_committed() -> None:
    record = json.loads(training.RESULTS.read_text(encoding="utf-8"))
    assert [stage["iterations"] for stage in record["stages"]] == list(training.STAGES)
    # float32 rounds otherwise on another machine, and training carries it on.
    for stage, written, accuracy in zip(
        training.measured((0, 100)), record["stages"], (1e-9, 1e-2), strict=False
    ):
        for name in ("loss", "angle", "length"):
            assert stage[name] == pytest.approx(written[name], rel=accuracy)
    # What the page says: a small angle at random weights, and a large one after training.
    angles = [stage["angle"] for stage in record["stages"]]
    assert angles[0]["high"] < 20
    assert angles[-1]["low"] > 30
