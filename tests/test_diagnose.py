"""The diagnosis: its vectors, its hypotheses, what it says, and what it refuses."""

from __future__ import annotations

import io
import itertools
import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from docs.diagnose import diagnose, training, vectors
from docs.diagnose.__main__ import main
from docs.diagnose.cases import PLANS, Case, cases
from docs.diagnose.compare import expected, fit, judge
from docs.diagnose.exact import losses
from docs.diagnose.gradients import STEP, first_order, joint, last_step, second_order, through_steps
from docs.diagnose.hypotheses import FIRST, HYPOTHESES, ONE, RIGHT, factors, in_head
from docs.diagnose.reading import found, read
from docs.diagnose.verdict import TOLERANCE, Fit, Verdict
from docs.render.diagnose import diagnosed
from docs.sinusoid.command import Refusal
from docs.sinusoid.gradcheck import central_difference, relative_error

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "docs/diagnose/vectors"

#: How far apart hypotheses and factors must be: what `TOLERANCE` says of itself.
APART = 100 * TOLERANCE

NAMES = [each.name for each in HYPOTHESES]
BY_NAME = dict(zip(NAMES, HYPOTHESES, strict=True))


def saved(folder: Path, gradient: Callable[[Case], Any], names: Any = PLANS, **only: Any) -> Path:
    """A file of gradients, as somebody would make it."""
    arrays = {
        f"{name}/{key}": array
        for name in names
        for key, array in gradient(cases()[name])._asdict().items()
    }
    np.savez(folder / "g.npz", allow_pickle=False, **{**arrays, **only})
    return folder / "g.npz"


def verdict_of(gradient: Callable[[Case], Any], *names: str) -> Verdict:
    """The verdict on a gradient that is a function of the case."""
    chosen = [cases()[name] for name in names or PLANS]
    return Verdict(tuple(judge(found(case, gradient(case)._asdict(), "")) for case in chosen))


def each_times(gradient: Any, factor: float) -> Any:
    return type(gradient)(*(factor * array for array in gradient))


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
    through_steps(case, adapted=lambda parameter: parameter[0] == "W")
    through_steps(case, adapted=lambda parameter: in_head(parameter, case))
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
        (through_steps(case, adapted=lambda _: False), joint(case), 1e-14),
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
    assert f"second order? {answer}: {name}\n  {only.hypothesis.explanation}" in str(verdict)


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
        return each_times(BY_NAME[name].gradient(case), float(factor))

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
    verdict = verdict_of(lambda case: each_times(second_order(case), 0.37))
    assert not verdict.second_order
    assert "second order? no: second order, times 0.37\n" in str(verdict)
    other = verdict_of(lambda case: each_times(second_order(case), len(case.name)))
    assert not other.second_order
    assert "second order? no: second order, but for its length\n" in str(other)


def test_what_is_next_to_nothing_is_no_gradient() -> None:
    verdict = verdict_of(lambda case: each_times(second_order(case), 1e-200))
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


# --- a function ---


def generated(weights: Any, *arguments: Any) -> Any:
    from generated import relu2

    return relu2.meta_loss_and_gradient(weights, *arguments)[1]


def test_a_function_is_diagnosed() -> None:
    assert diagnose(generated).second_order
    assert [each.case for each in diagnose(generated).cases] == ["relu2"]
    assert diagnose(lambda *given: generated(*given)._asdict()).second_order
    assert diagnose(lambda *given: [a.astype(np.float32) for a in generated(*given)]).second_order


def test_a_function_may_spoil_what_it_is_given() -> None:
    def spoiling(weights: Any, *arguments: Any) -> Any:
        result = generated(weights, *arguments)
        for array in (*weights, *arguments[:-1]):
            array[:] = np.nan
        return result

    assert diagnose(spoiling, "relu2", "relu2").second_order


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (None, "relu2: the function returned a NoneType; it must return the gradients of W1, b1"),
        ([1.0], "relu2: the function returned a list of 1; it must return the gradients of W1"),
        ({"W1": 1.0}, "relu2: the gradient of b1 is missing; there must be W1, b1, W2, b2"),
        ([1.0] * 6, r"relu2: the gradient of W1 is \(\); it must be \(4, 9\) or \(9, 4\)"),
        (["x"] * 6, "relu2: the gradient of W1 is <U1; it must be real numbers"),
        ([[[1.0], []]] * 6, "relu2: the gradient of W1 cannot be made a numpy array"),
    ],
)
def test_what_a_function_must_not_return(result: Any, message: str) -> None:
    with pytest.raises(Refusal, match=message):
        diagnose(lambda *_: result)


def test_a_function_that_fails_is_named_with_its_error() -> None:
    with pytest.raises(Refusal, match="relu2: the function raised ZeroDivisionError: division"):
        diagnose(lambda *_: 1 / 0)
    with pytest.raises(Refusal, match="the case is 'relu9'; it must be one of relu1, relu2"):
        diagnose(generated, "relu9")


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


# --- the vectors ---


def test_the_committed_vectors_are_what_the_command_writes(tmp_path: Path) -> None:
    assert main(["vectors", "--out", str(tmp_path / "made")]) == 0
    written = sorted((tmp_path / "made").iterdir())
    assert [path.name for path in written] == sorted(path.name for path in FOLDER.iterdir())
    for path in written:
        assert path.read_bytes() == (FOLDER / path.name).read_bytes(), (
            f"{path.name} is stale; run: python -m docs.diagnose vectors --out {FOLDER}"
        )


def test_vectors_do_not_depend_on_the_hash_seed_nor_on_the_process() -> None:
    code = (
        "from docs.diagnose import vectors; import hashlib; "
        "print(*(hashlib.sha256(v).hexdigest() for v in vectors.files().values()))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True,
            env={"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(found) == 1


def test_the_keys_are_those_that_were_promised() -> None:
    with np.load(io.BytesIO(vectors.as_npz()), allow_pickle=False) as file:
        arrays = dict(file)
    for name, case in cases().items():
        wanted = [*case.net.Weights._fields, "X_s", "Y_s", "X_q", "Y_q"]
        keys = [key.partition("/")[2] for key in arrays if key.startswith(f"{name}/")]
        assert keys == [*wanted, "alpha", "steps", "activation"]
        for key, array in zip(wanted, (*case.weights, *case.batch), strict=True):
            assert arrays[f"{name}/{key}"].dtype == np.float64
            np.testing.assert_array_equal(arrays[f"{name}/{key}"], array)
        assert arrays[f"{name}/alpha"] == case.alpha
        assert arrays[f"{name}/steps"] == case.steps
        assert arrays[f"{name}/activation"] == case.activation


def test_json_holds_the_same_numbers() -> None:
    record = json.loads(vectors.as_json())
    with np.load(io.BytesIO(vectors.as_npz()), allow_pickle=False) as file:
        for key, array in file.items():
            name, _, parameter = key.partition("/")
            np.testing.assert_array_equal(record[name][parameter], array)
            del record[name][parameter]
    assert {name: set(rest) for name, rest in record.items()} == {
        name: {"losses"} for name in cases()
    }


@pytest.mark.parametrize("case", cases().values(), ids=PLANS)
def test_losses_in_fifty_digits_are_those_of_the_generated_functions(case: Case) -> None:
    exact = losses(case)
    assert json.loads(vectors.as_json())[case.name]["losses"] == exact
    assert case.unrolled is not None
    before = {
        f"{role}_loss": np.mean(
            [case.net.loss(case.weights, X, Y) for X, Y in zip(*s, strict=True)]
        )
        for role, s in {"support": case.batch[:2], "query": case.batch[2:]}.items()
    }
    after = case.unrolled.meta_loss(case.weights, *case.batch, case.alpha)
    for name, value in {**before, "meta_loss": after}.items():
        assert exact[name] == pytest.approx(value, rel=1e-14), name


def test_the_readme_has_ten_lines_and_names_what_is_in_the_files() -> None:
    lines = [line for line in vectors.README.splitlines() if re.match(r"\d+\. ", line)]
    assert [int(line.partition(".")[0]) for line in lines] == list(range(1, 11))
    for word in ("vectors.npz", "vectors.json", "alpha", "steps", "activation", "X_s", "Y_q"):
        assert word in vectors.README


# --- the command ---


def test_only_the_true_gradient_has_exit_status_0(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for gradient, expected_status in [
        (second_order, 0),
        (first_order, 1),
        (lambda case: each_times(second_order(case), -1), 1),
        (lambda case: each_times(second_order(case), case.sizes["T"]), 1),
        (lambda case: second_order(case)._replace(W1=0 * case.weights.W1), 1),  # type: ignore[attr-defined]
    ]:
        for names in (PLANS, ["relu2_5steps"], ["tanh2", "relu1"]):
            assert main([str(saved(tmp_path, gradient, names))]) == expected_status
            output = capsys.readouterr()
            assert output.err == ""
            assert [line.partition(":")[0] for line in output.out.splitlines() if line[:1] > " "][
                :-1
            ] == [name for name in PLANS if name in names]
    assert main([str(saved(tmp_path, last_step))]) == 1


def npy(path: Path) -> None:
    np.save(path.with_suffix(".npy"), np.zeros(3))
    path.with_suffix(".npy").rename(path)


def archive(path: Path, key: str) -> None:
    np.savez(path, allow_pickle=False, **{key: np.zeros(3)})


def pickled(path: Path) -> None:
    np.savez(path, **{"relu2/W1": np.array([{}])})  # type: ignore[arg-type]


def folder(path: Path) -> None:
    path.mkdir()


def broken(path: Path) -> None:
    path.write_bytes((FOLDER / "vectors.npz").read_bytes()[:2000])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda _: None, "No such file"),
        (lambda path: path.write_bytes(b""), "is not readable as arrays"),
        (lambda path: path.write_text("W1 = 3"), "is not readable as arrays"),
        (folder, "Is a directory"),
        (npy, "is not readable as arrays"),
        (pickled, "is not readable as arrays"),
        (broken, "is not readable as arrays"),
        (np.savez, "holds nothing"),
        (lambda path: archive(path, "W1"), "the case is 'W1'; it must be one of relu1"),
        (lambda path: archive(path, "relu9/W1"), "the case is 'relu9'"),
        (lambda path: archive(path, "relu2/W1"), "relu2/b1 is missing"),
    ],
)
def test_what_is_no_file_of_gradients(
    make: Callable[[Path], Any], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "g.npz"
    make(path)
    refused([str(path)], message, capsys)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"relu2/W1": np.zeros((9, 5))}, r"relu2/W1 is (9, 5); it must be (4, 9) or (9, 4)"),
        ({"relu2/b1": np.zeros((9, 1))}, r"relu2/b1 is (9, 1); it must be (1, 9) or (9,)"),
        ({"relu2/W1": np.zeros((9, 4))}, "some (in, out) and some (out, in)"),
        ({"relu2/W2": np.full((9, 8), np.nan)}, "relu2/W2 is not finite; it must be"),
        ({"relu2/b3": np.full(3, np.inf)}, "relu2/b3 is not finite; it must be"),
        ({"relu2/b3": np.full(3, 1e200)}, "relu2/b3 has entries beyond 1e+100; it must not"),
        ({"relu2/b3": np.full(3, "x")}, "relu2/b3 is <U1; it must be real numbers"),
        ({"relu2/b3": np.zeros(3, complex)}, "relu2/b3 is complex128; it must be real numbers"),
        ({"relu2/W4": np.zeros(3)}, "relu2/W4 is no parameter; there must be W1, b1"),
        ({"relu2/X_s": np.zeros(3)}, "relu2/X_s is no parameter; there must be W1, b1"),
    ],
)
def test_what_is_no_gradient(
    change: dict[str, Any], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = saved(tmp_path, second_order, ["relu2"], **change)
    refused([str(path)], message, capsys)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["vectors"], "--out is missing; it must be the folder"),
        (["g.npz", "--out", "x"], "--out is given; it goes with vectors only"),
        (["vectors", "--out", __file__], "cannot write to"),
        (["vectors", "--out", f"{__file__}/x"], "cannot write to"),
        (["vectors", "--out", "/proc/nothing"], "cannot write to"),
        ([], "the following arguments are required"),
        (["a", "b"], "unrecognized arguments: b"),
    ],
)
def test_what_the_command_refuses(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    refused(arguments, message, capsys)


def refused(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 2, and one line that says what is wrong."""
    try:
        status = main(arguments)
    except SystemExit as stop:
        status = int(str(stop.code))
    output = capsys.readouterr()
    assert status == 2
    assert output.out == ""
    (line,) = output.err.splitlines()
    assert line.startswith("error: ")
    assert message in line


def test_a_vector_file_that_cannot_be_written_leaves_nothing_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "vectors.json").mkdir()
    refused(["vectors", "--out", str(tmp_path)], "cannot write", capsys)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["vectors.json", "vectors.npz"]
    assert (tmp_path / "vectors.npz").read_bytes() == (FOLDER / "vectors.npz").read_bytes()
    monkeypatch.setattr(vectors, "losses", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(["vectors", "--out", str(tmp_path / "new")])
    assert not (tmp_path / "new").exists()


def test_the_module_runs(tmp_path: Path) -> None:
    path = saved(tmp_path, first_order)
    command = [sys.executable, "-m", "docs.diagnose", str(path)]
    result = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert result.returncode == 1
    assert "second order? no: first order" in result.stdout
    assert result.stderr == ""


def test_another_gradient_of_the_cases_own_network_is_not_second_order() -> None:
    # A check that can fail: the right function at another step size.
    off = verdict_of(lambda case: second_order(replace(case, alpha=1.01 * case.alpha)))
    assert not off.second_order
