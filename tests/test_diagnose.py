"""The diagnosis: its cases, its hypotheses, and what it says."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from docs.diagnose import training
from docs.diagnose.cases import PLANS, Case, cases
from docs.diagnose.compare import expected, fit, judge
from docs.diagnose.gradients import (
    STEP,
    first_order,
    joint,
    last_step,
    scaled,
    second_order,
    through_steps,
)
from docs.diagnose.hypotheses import FIRST, HYPOTHESES, ONE, RIGHT, factors, in_head
from docs.diagnose.reading import read
from docs.diagnose.verdict import TOLERANCE, Fit, Verdict
from docs.render.diagnose import diagnosed
from docs.sinusoid.gradcheck import central_difference, relative_error
from tests.diagnosed import BY_NAME, NAMES, saved, verdict_of

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "docs/diagnose/vectors"

#: How far apart hypotheses and factors must be: what `TOLERANCE` says of itself.
APART = 100 * TOLERANCE


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
    sizes = case.sizes
    inner = [0.5, sizes["N"], sizes["O"], sizes["N"] * sizes["O"]]
    changed = [case, case.on("q", "s"), case.on("s", "s"), *(case.but(alpha=a) for a in inner)]
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
    N, O = case.sizes["N"], case.sizes["O"]
    problems: dict[str, tuple[Any, float]] = {
        "support and query swapped": ((*query, *support), case.alpha),
        "outer loss on the support set": ((*support, *support), case.alpha),
        "inner loss summed over rows": (case.batch, N * case.alpha),
        "inner loss summed over outputs": (case.batch, O * case.alpha),
        "inner loss summed over rows and outputs": (case.batch, N * O * case.alpha),
        "inner loss halved": (case.batch, case.alpha / 2),
    }
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


# --- told apart ---


def residual(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The distance between two directions."""
    return fit(ours, RIGHT, theirs, []).error


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
        assert all(error < 1e-9 or error > APART for error in errors), pair


def test_what_one_step_cannot_tell_is_reported_as_both() -> None:
    alike = {
        RIGHT.name: {"second order through the last step only"},
        "joint training": {"one step fewer", "first order, one step fewer"},
    }
    for name, others in alike.items():
        one = verdict_of(BY_NAME[name].gradient, "tanh2")
        assert {match.hypothesis.name for match in one.matches} == {name, *others}
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


@pytest.mark.parametrize("name", NAMES)
def test_a_hypothesis_is_recognised(name: str) -> None:
    verdict = verdict_of(BY_NAME[name].gradient)
    (only,) = verdict.matches
    assert only == Fit(BY_NAME[name], ONE, 0.0)
    assert verdict.second_order == (name == RIGHT.name)
    answer = "yes" if name == RIGHT.name else "no"
    words = " ".join(str(verdict).split())
    assert f"second order? {answer}: {name} {only.hypothesis.explanation}" in words
    for framework, text in only.hypothesis.remedies:
        assert f"{framework} {text}" in words
    assert max(map(len, str(verdict).splitlines())) <= 100


@pytest.mark.parametrize("name", NAMES)
def test_noise_of_float32_does_not_change_a_verdict(name: str) -> None:
    rng = np.random.default_rng(0)

    def noisy(case: Case) -> Any:
        true = BY_NAME[name].gradient(case)
        size = max(np.abs(array).max() for array in true)
        return type(true)(*(a + 1e-6 * size * rng.normal(size=a.shape) for a in true))

    verdict = verdict_of(noisy if name != "no gradient" else BY_NAME[name].gradient)
    (only,) = verdict.matches
    assert only.hypothesis.name == name
    if name != "no gradient":
        assert str(verdict).count("to float32 accuracy") == len(PLANS)


def test_the_nearest_other_is_the_nearest() -> None:
    for each in verdict_of(second_order).cases:
        true, *others = expected(each.case)
        errors = {other.name: residual(true[1], vector) for other, vector in others}
        apart = {name: error for name, error in errors.items() if error > APART}
        assert each.nearest.hypothesis.name == min(apart, key=lambda name: apart[name])
        assert f"nearest other  {each.nearest}: off by {each.nearest.error:.2g}" in str(each)


# --- factors ---


@pytest.mark.parametrize("name", [RIGHT.name, FIRST.name, "outer loss on the support set"])
@pytest.mark.parametrize(
    ("letters", "number", "expected_name"),
    [
        ("T", 1, "T"), ("M", 1, "M"), ("N", 1, "N"), ("O", 1, "O"), ("TM", 1, "T M"),
        ("TMO", 1, "T M O"), ("", -1, "-1"), ("", 0.5, "1 / 2"), ("", 2, "2"),
        ("T", -0.5, "-T / 2"),
    ],
)  # fmt: skip
def test_a_scale_is_recognised_and_named(
    name: str, letters: str, number: float, expected_name: str
) -> None:
    def longer(case: Case) -> Any:
        factor = number * np.prod([case.sizes[letter] for letter in letters])
        return scaled(BY_NAME[name].gradient(case), float(factor))

    verdict = verdict_of(longer)
    (only,) = verdict.matches
    assert only.hypothesis.name == name
    assert only.factor.name == expected_name
    assert not verdict.second_order
    text = str(verdict)
    assert f"second order? no: {name}, times {expected_name}" in text
    assert f"But it is {only.factor.meaning}." in text
    assert f"divide the gradient by {expected_name}" in text


def test_an_unknown_scale_is_proportional() -> None:
    verdict = verdict_of(lambda case: scaled(second_order(case), 0.37))
    assert not verdict.second_order
    assert "second order? no: second order, times 0.37\n" in str(verdict)
    other = verdict_of(lambda case: scaled(second_order(case), len(case.name)))
    assert not other.second_order
    assert "second order? no: second order, but for its length\n" in str(other)


def test_what_is_next_to_nothing_is_no_gradient() -> None:
    verdict = verdict_of(lambda case: scaled(second_order(case), 1e-200))
    (only,) = verdict.matches
    assert only.hypothesis.name == "no gradient"
    assert all(part.angle == 90 for each in verdict.cases for part in each.parameters)


def test_another_thing_in_every_case() -> None:
    verdict = verdict_of(lambda c: second_order(c) if c.name == "relu1" else first_order(c))
    assert verdict.matches == ()
    assert str(verdict).endswith("second order? no: another thing in every case")


# --- none of these ---


def test_none_of_these_has_the_right_and_the_wrong_parameters() -> None:
    def turned(case: Case) -> Any:
        true: Any = second_order(case)
        return true._replace(b2=np.roll(true.b2, 1), W1=-true.W1)

    verdict = verdict_of(turned)
    assert verdict.matches == ()
    text = str(verdict)
    assert text.count("none of these") == len(PLANS) + 1
    assert "Right in every case: b1, W2, W3, b3. Wrong in one or more: W1, b2." in text
    for each in verdict.cases:
        W1, b1, W2, b2, *_ = each.parameters
        assert (W1.angle, W1.length, W1.error) == pytest.approx((180, 1, 2))
        assert (b1.angle, b1.length, b1.error) == (0, 1, 0)
        assert (W2.angle, W2.length, W2.error) == (0, 1, 0)
        true = second_order(cases()[each.case])[3].ravel()
        cosine = true @ np.roll(true, 1) / (true @ true)
        assert b2.angle == pytest.approx(np.degrees(np.arccos(cosine)))
    assert re.search(r"^  W1 +2\.0e\+00 +180\.00° +1   wrong$", text, re.MULTILINE)


# --- layouts ---


def test_matrices_may_lie_the_other_way_and_biases_be_vectors(tmp_path: Path) -> None:
    def torch_like(case: Case) -> Any:
        true = second_order(case)
        return type(true)(*(a.T if name[0] == "W" else a[0] for name, a in true._asdict().items()))

    verdict = Verdict(tuple(map(judge, read(saved(tmp_path, torch_like)))))
    assert verdict.second_order
    assert str(verdict).count("(out, in)") == len(PLANS)
    assert all(error == 0 for each in verdict.cases for _, error, *_ in each.parameters)


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


# --- the page ---


def test_the_page_shows_a_verdict_of_every_mistake() -> None:
    text = diagnosed("mistakes")
    shown = re.findall(r'^\?\?\? \w+ "(.*)"$', text, re.MULTILINE)
    single = [name for name in NAMES if not name.startswith("first order,")]
    assert shown == [*single, "summed over tasks", "the opposite sign", "none of these"]
    for name in single:
        assert f"relu2_5steps: {name}\n" in text
    # All but zeros, which are exact, and none of these.
    assert text.count("to float32 accuracy") == len(shown) - 2
    assert "second order? no: second order, times T\n" in text
    assert "second order? no: second order, times -1\n" in text


def test_the_angle_during_training_is_as_committed() -> None:
    record = json.loads(training.RESULTS.read_text(encoding="utf-8"))
    assert [stage["iterations"] for stage in record["stages"]] == list(training.STAGES)
    # float32 rounds otherwise on another machine, and training carries it on.
    for stage, written, accuracy in zip(
        training.measured((0, 100)), record["stages"], (1e-9, 1e-2), strict=False
    ):
        for name in ("loss", "angle", "length"):
            assert stage[name] == pytest.approx(written[name], rel=accuracy)
    # What the page says: nearly parallel at random weights, and no more after training.
    angles = [stage["angle"] for stage in record["stages"]]
    assert angles[0]["high"] < 20
    assert angles[-1]["low"] > 30


def test_another_gradient_of_the_cases_own_network_is_not_second_order() -> None:
    # A check that can fail: the right function at another step size.
    off = verdict_of(lambda case: second_order(replace(case, alpha=1.01 * case.alpha)))
    assert not off.second_order
