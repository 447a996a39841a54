"""The diagnosis: what it says of a gradient."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from docs.diagnose.cases import PLANS, Case, cases
from docs.diagnose.compare import expected, fit, judged
from docs.diagnose.factors import ONE, Factor, factors
from docs.diagnose.gradients import (
    first_order,
    like,
    moved,
    scaled,
    second_order,
)
from docs.diagnose.hypotheses import FIRST, RIGHT
from docs.diagnose.noise import SAFETY, flat, noise
from docs.diagnose.reading import read
from docs.diagnose.verdict import COARSE, NEAR
from docs.experiment.gradcheck import relative_error
from tests.docs.diagnose.diagnosed import BY_NAME, NAMES, saved, verdict_of

# --- recognised ---


@pytest.mark.parametrize("name", NAMES)
def test_a_hypothesis_is_recognised(name: str) -> None:
    verdict = verdict_of(BY_NAME[name].gradient)
    (only,) = verdict.matches
    assert only[:3] == (BY_NAME[name], (ONE,), 0.0)
    assert verdict.right == (name == RIGHT.name)
    answer = "yes" if name == RIGHT.name else f"no: {name}"
    words = " ".join(str(verdict).split())
    assert f"second order? {only.hypothesis.order} the meta-gradient? {answer} " in words
    assert f"the meta-gradient? {answer} {only.hypothesis.explanation}" in words
    for framework, text in only.hypothesis.remedies:
        assert f"{framework} {text}" in words
    assert max(map(len, str(verdict).splitlines())) <= 100


@pytest.mark.parametrize("name", NAMES)
def test_noise_of_float32_does_not_change_a_verdict(name: str) -> None:
    rng = np.random.default_rng(0)

    def rounded(case: Case) -> Any:
        true = BY_NAME[name].gradient(case)
        length = np.linalg.norm([np.linalg.norm(array) for array in true])
        each = 3 * noise(case.name, single=True) * length / sum(a.size for a in true) ** 0.5
        return type(true)(*((a + each * rng.normal(size=a.shape)).astype(np.float32) for a in true))

    verdict = verdict_of(rounded if name != "no gradient" else BY_NAME[name].gradient)
    (only,) = verdict.matches
    assert only.hypothesis.name == name
    if name != "no gradient":
        assert str(verdict).count("to float32 accuracy") == len(PLANS)


def test_the_nearest_other_is_the_nearest() -> None:
    for each in verdict_of(second_order).cases:
        true, *others = expected(each.case)
        errors = {
            other.name: fit(true[1], other, vector, [], 1e-9).error for other, vector in others
        }
        apart = {name: error for name, error in errors.items() if error > 1e-9}
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
    assert not verdict.right
    text = " ".join(str(verdict).split())
    assert f"second order? {'no' if name == FIRST.name else 'yes'} the meta-gradient? no: " in text
    assert f"the meta-gradient? no: {name}, times {expected_name} " in text
    assert f"But it is {only.factor.meaning}." in text
    assert text.endswith(f"any framework {only.factor.remedy}")


def test_a_factor_says_what_to_change() -> None:
    known: dict[str, Factor] = {f.name: f for f in factors(7, 11, 5, 3, 1, 0.1)}
    assert known["1 / 2"].remedy == "multiply by 2"
    assert known["-1"].remedy == "flip the sign"
    assert known["M O"].remedy == "average the outer loss over query rows and outputs"
    assert "the MAML paper adds tasks up" in known["T M"].remedy
    assert known["-2 M"].remedy == (
        "flip the sign; divide by 2; average the outer loss over query rows"
    )


@pytest.mark.parametrize(
    ("scale", "said"), [(0.37, "0.37"), (1.0005, "1.0005"), (-0.9998, "-0.9998")]
)
def test_an_unknown_scale_is_proportional(scale: float, said: str) -> None:
    verdict = verdict_of(lambda case: scaled(second_order(case), scale))
    assert not verdict.right
    text = str(verdict)
    assert f"second order? yes\nthe meta-gradient? no: second order, times {said}\n" in text
    assert text.endswith(f"look for a factor of {said} in the outer loss")


def test_an_unknown_scale_may_differ_from_case_to_case() -> None:
    verdict = verdict_of(lambda case: scaled(second_order(case), len(case.name)))
    assert not verdict.right
    assert "the meta-gradient? no: second order, but for its length\n" in str(verdict)
    assert str(verdict).endswith("a factor in the outer loss, another in every case")
    # The same number has a name in each of these cases, but another one.
    five = verdict_of(lambda case: scaled(second_order(case), 5), "relu1", "relu2")
    assert [each.matches[0].factor.name for each in five.cases] == ["T", "N"]
    assert str(five).endswith("any framework  look for a factor of 5 in the outer loss")


def test_what_is_next_to_nothing_is_no_gradient() -> None:
    verdict = verdict_of(lambda case: scaled(second_order(case), 1e-200))
    (only,) = verdict.matches
    assert only.hypothesis.name == "no gradient"
    assert all(part.angle == 90 for each in verdict.cases for part in each.parameters)


def test_cases_that_differ_are_grouped() -> None:
    verdict = verdict_of(lambda c: first_order(c) if c.steps > 1 else second_order(c))
    assert verdict.matches == ()
    assert str(verdict).endswith(
        "second order? not the same in every case\n"
        "the meta-gradient? no: not the same in every case\n"
        "  second order: relu1, relu2, tanh2, one_output, cross_entropy\n"
        "  first order: relu2_5steps\n"
        "  Right with one inner step, wrong with several: look at the loop over the steps."
    )


def test_parameters_are_summed_up_where_nothing_fits() -> None:
    def turned(case: Case) -> Any:
        true = second_order(case)
        return true._replace(W1=-true.W1) if case.name == "relu2" else first_order(case)  # type: ignore[attr-defined]

    verdict = verdict_of(turned, "relu1", "relu2")
    assert str(verdict).endswith(
        "  first order: relu1\n"
        "  none of these: relu2\n"
        "  Right where it is none of these: b1, W2, b2, W3, b3.\n"
        "  Wrong in one such case or more: W1.\n"
        "  The angles are those to the true gradient."
    )


def test_one_inner_step_does_not_tell_about_several() -> None:
    one = verdict_of(second_order, "relu1", "relu2", "tanh2")
    assert one.right
    only = "the meta-gradient? yes, for one inner step; relu2_5steps tells about several\n"
    assert only in str(one)
    assert "the meta-gradient? yes\n" in str(verdict_of(second_order, "relu1", "relu2_5steps"))


# --- accuracy ---


def noisy(name: str, size: float, dtype: Any = np.float64) -> Any:
    """The gradient of a hypothesis with noise of a size relative to its length."""

    def gradient(case: Case) -> Any:
        rng = np.random.default_rng(1)
        true = BY_NAME[name].gradient(case)
        noise = [rng.normal(size=array.shape) for array in true]
        own, other = (np.sqrt(sum(np.sum(a**2) for a in arrays)) for arrays in (true, noise))
        pairs = zip(true, noise, strict=True)
        return type(true)(*((a + size * own / other * b).astype(dtype) for a, b in pairs))

    return gradient


#: Cases of one step and of several, where all hypotheses are far from each other.
FEW = ("tanh2", "relu2_5steps")

TF32 = 'jax.config.update("jax_default_matmul_precision", "highest")'


@pytest.mark.parametrize("name", [RIGHT.name, FIRST.name])
@pytest.mark.parametrize(
    ("size", "dtype"),
    [(1e-8, np.float64), (1e-6, np.float64), (2e-5, np.float32), (4e-4, np.float32),
     (0.6 * NEAR, np.float32)],
)  # fmt: skip
def test_between_rounding_and_a_difference_it_is_close(name: str, size: float, dtype: Any) -> None:
    verdict = verdict_of(noisy(name, size, dtype), *FEW)
    assert not verdict.right
    text = " ".join(str(verdict).split())
    said = f"{size:.0e}".replace("e-0", "e-")
    differs = rf"close to {name}, differs by more than rounding: {said} against \de-\d+"
    assert len(re.findall(rf": {differs} nearest", text)) == len(FEW)
    assert re.search(rf"the meta-gradient\? no: {differs} No rounding of such numbers", text)
    assert f"second order? {BY_NAME[name].order} " in text
    # Neither a factor nor a remedy, but for the precision of float32 where it may be that.
    assert "times" not in text
    assert not any(remedy in text for _, remedy in BY_NAME[name].remedies)
    assert (TF32 in text) == (size > COARSE)
    assert ("What was computed in float32 must be saved as float32" in text) == (
        dtype is np.float64
    )


#: What an outer weight decay of 1e-6, or 1e-4 of the inner step size, makes of a gradient.
SMALL: dict[str, Callable[[Case], Any]] = {
    "decay": lambda case: moved(second_order(case), 1e-6, case.weights),
    "alpha": lambda case: second_order(case.but(alpha=1.0001)),
}


@pytest.mark.parametrize("name", SMALL)
def test_a_small_mistake_is_no_rounding_of_float32(name: str) -> None:
    verdict = verdict_of(lambda case: [a.astype(np.float32) for a in SMALL[name](case)], *FEW)
    assert not verdict.right
    for case in verdict.cases:
        assert case.answer == "close to second order"
    assert TF32 not in str(verdict)


def test_precision_is_no_reason_where_another_case_agrees() -> None:
    def of_one_step(case: Case) -> Any:
        return (noisy(RIGHT.name, 4e-4, np.float32) if case.steps > 1 else second_order)(case)

    text = str(verdict_of(of_one_step, *FEW))
    assert "the meta-gradient? no: not the same in every case\n" in text
    assert "Right with one inner step, wrong with several: look at the loop over the steps." in text
    assert TF32 not in text
    # The loop is not to blame where one step is wrong, too, or where there are no several.
    other = str(verdict_of(lambda case: of_one_step(replace(case, steps=6 - case.steps)), *FEW))
    assert "loop" not in other
    assert "loop" not in str(verdict_of(second_order))
    assert "loop" not in str(verdict_of(second_order, "relu1", "tanh2"))


def test_the_noise_is_that_of_float32() -> None:
    for name, case in cases().items():
        # Of one rounding at least, of a few dozen at most; the forms sum in several orders.
        assert 2**-24 < noise(name, single=True) < 2**-20
        assert SAFETY * noise(name, single=True) < relative_error(
            flat(moved(second_order(case), 1e-6, case.weights)), flat(second_order(case))
        )
        assert noise(name, single=False) == 1e-10


def test_what_lies_between_two_hypotheses_is_near_none() -> None:
    one, other = (BY_NAME[f"{o}inner loss averaged over rows twice"] for o in ("", "first order, "))

    def between(case: Case) -> Any:
        pairs = zip(one.gradient(case), other.gradient(case), strict=True)
        return like(case.weights, [0.6 * a + 0.4 * b for a, b in pairs])

    verdict = verdict_of(between, "tanh2")
    assert verdict.cases[0].nearest.error < NEAR
    assert "tanh2: none of these" in str(verdict)


def test_the_accuracy_is_what_the_error_says() -> None:
    for size, said in {
        1e-12: "to float64 accuracy", 1e-7: "to float32 accuracy",
    }.items():  # fmt: skip
        dtype = np.float64 if "64" in said else np.float32
        assert str(verdict_of(noisy(RIGHT.name, size, dtype))).count(said) == len(PLANS)
    assert "accuracy" not in str(verdict_of(BY_NAME["no gradient"].gradient))


# --- none of these ---


def test_none_of_these_has_the_right_and_the_wrong_parameters() -> None:
    def turned(case: Case) -> Any:
        true: Any = second_order(case)
        return true._replace(b2=np.roll(true.b2, 1), W1=-true.W1)

    verdict = verdict_of(turned)
    assert verdict.matches == ()
    text = str(verdict)
    assert text.count(": none of these\n") == len(PLANS) + 1
    assert "Right where it is none of these: b1, W2, W3, b3.\n" in text
    assert "Wrong in one such case or more: W1, b2.\n" in text
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

    verdict = judged(read(saved(tmp_path, torch_like)))
    assert verdict.right
    assert str(verdict).count("(out, in)") == len(PLANS)
    assert all(error == 0 for each in verdict.cases for _, error, *_ in each.parameters)


def test_another_gradient_of_the_cases_own_network_is_not_second_order() -> None:
    # A check that can fail: the right function at another step size.
    off = verdict_of(lambda case: second_order(replace(case, alpha=1.01 * case.alpha)), *FEW)
    assert not off.right
