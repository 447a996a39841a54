"""The hypotheses: their gradients, and that all are told apart."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from docs.diagnose.cases import PLANS, Case, cases
from docs.diagnose.compare import expected
from docs.diagnose.factors import ONE, factors
from docs.diagnose.gradients import (
    Way,
    every,
    first_order,
    joint,
    last_step,
    none,
    second_order,
    through_steps,
)
from docs.diagnose.hypotheses import HYPOTHESES, INNER_LOSSES, RIGHT
from docs.diagnose.noise import SAFETY, noise
from docs.diagnose.verdict import NEAR
from docs.experiment.gradcheck import central_difference, relative_error
from tests.docs.diagnose.diagnosed import BY_NAME, NAMES, verdict_of

#: What counts as equal in float64.
EQUAL = 1e-11


def apart(name: str) -> float:
    """How far apart what is not equal in a case must be: a hundred times what counts as equal."""
    return 100 * SAFETY * noise(name, single=True)


# --- the gradients ---


@pytest.mark.parametrize("case", cases().values(), ids=PLANS)
def test_composed_gradients_are_those_of_the_emitted_packages(case: Case) -> None:
    pairs = [
        (through_steps(case), second_order(case), 1e-13),
        (through_steps(case, Way(hessians=none)), first_order(case), 1e-14),
        (
            through_steps(case, Way(hessians=lambda step, steps: step == steps - 1)),
            last_step(case),
            1e-13,
        ),
        (through_steps(case.but(more_steps=-case.steps)), joint(case), 1e-14),
        (through_steps(case, Way(adapted=lambda *_: False)), joint(case), 1e-14),
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
        "inner loss averaged over outputs": (case.batch, case.alpha / O),
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
    for prefix, hessians in {"": every, "first order, ": none}.items():
        expect = through_steps(case, Way(hessians=hessians))
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
        partly = each.name.endswith(("last step only", "first step only"))
        assert each.order == (
            "no" if each.name.startswith(without) else "in part" if partly else "yes"
        )


# --- told apart ---


def distances(name: str) -> np.ndarray:
    """The sine of the angle between any two hypotheses in a case; a zero is far from all else."""
    vectors = np.array([vector for _, vector in expected(name)])
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    units = vectors / np.where(lengths, lengths, 1)
    rests = (each - np.outer(units @ each, 1) * units for each in units)
    sines = np.array([np.linalg.norm(rest, axis=1) for rest in rests])
    return np.where(lengths * lengths.T > 0, sines, 1.0)


def test_all_pairs_are_told_apart() -> None:
    by_case = {name: distances(name) for name in PLANS}
    for at, other in itertools.combinations(range(len(NAMES)), 2):
        errors = {name: sines[at, other] for name, sines in by_case.items()}
        assert max(errors.values()) > NEAR, (NAMES[at], NAMES[other])
        # Equal or far apart: nothing in between, where rounding would decide.
        for name, error in errors.items():
            assert error < EQUAL or error > apart(name), (name, NAMES[at], NAMES[other])


def test_what_one_step_cannot_tell_is_reported_as_both() -> None:
    loops = {
        "query losses of all steps",
        "every step restarts from the shared weights",
        "one gradient for all steps",
        "inner momentum",
        "inner step size shrinking by",
    }
    alike = {
        RIGHT.name: {
            "second order through the last step only",
            "second order through the first step only",
            *loops,
        },
        "joint training": {"one step fewer", "first order, one step fewer"},
        "Reptile's direction": {"joint training on the support set, times alpha"},
        "joint training on the support set": {"Reptile's direction, times 1 / alpha"},
    }
    for name, others in alike.items():
        one = verdict_of(BY_NAME[name].gradient, "tanh2")
        assert str(one.matches[0]) == name
        assert set(map(str, one.matches)) == {name, *others}
        text = " ".join(str(one).split())
        assert f"as well {'; '.join(map(str, one.matches[1:]))}: no way to tell here" in text
        (only,) = verdict_of(BY_NAME[name].gradient).matches
        assert only.hypothesis.name == name


@pytest.mark.parametrize("case", cases().values(), ids=PLANS)
def test_factors_are_told_apart(case: Case) -> None:
    known = factors(**case.sizes, steps=case.steps, alpha=case.alpha)
    assert known[0] is ONE
    assert len({each.name for each in known}) == len(known)
    # One output is summed over as well as not, and so are no more steps than one; all else differs.
    idle = {name for name, size in (("O", case.sizes["O"]), ("steps", case.steps)) if size == 1}
    told = [each for each in known if not idle & set(re.findall(r"\w+", each.name))]
    values = sorted(each.value for each in told)
    gaps = [abs(b / a - 1) for a, b in itertools.pairwise(values)]
    assert min(gaps) > 100 * SAFETY * noise(case.name, single=True)
    named = {each.name: each for each in known}
    assert named["-T M O / 2"].value == -case.sizes["T"] * case.sizes["M"] * case.sizes["O"] / 2
    assert named["T M"].meaning == "summed over tasks and query rows"
    assert named["2"].meaning == "doubled"
    assert named["1 / T"].value == 1 / case.sizes["T"]
    assert named["1 / alpha"].value == 1 / case.alpha
    if case.steps > 1:
        assert named["1 / (steps alpha)"].value == 1 / (case.steps * case.alpha)


# --- one free number ---


def test_a_term_of_the_opposite_sign_is_found() -> None:
    negated = verdict_of(lambda case: through_steps(case, Way(curvature=-1)), "relu1", "tanh2")
    assert [str(each) for each in negated.matches] == ["first order + c (second - first), c -1"]
    assert not negated.right


def test_a_step_size_of_ones_own_is_found() -> None:
    verdict = verdict_of(lambda case: second_order(replace(case, alpha=0.01)), "relu1", "relu2")
    (only,) = verdict.matches
    assert str(only) == "inner step size 0.01"
