"""Sentences about results: each stands on its page, and is true of what the page draws from.

A check looks at the very numbers that are shown there. A sentence that changes needs a new one.
"""

from __future__ import annotations

import inspect
import json
import re
from fractions import Fraction
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from derive.language import cost, names
from derive.model.network import Network
from derive.model.programs import meta_gradient_program
from derive.passes.rewrite import stages
from docs.experiment.plot.drawing import INK, LOOKS
from docs.render.diagnose import diagnosed
from docs.render.manifest import manifest
from docs.render.results import record, summary_of
from docs.render.speed import IN_C, JAVASCRIPT, RESULTS, ratio_of
from docs.sinusoid.tasks import AMPLITUDE, PHASE
from generated.warm_up import scalar
from tests.docs.drawn import FIGURES, image, lines, marks, panels
from tests.docs.render.pages import PAGES, figures

if TYPE_CHECKING:
    from collections.abc import Callable

SHOTS, INITIALS = ("10shot", "5shot"), ("glorot", "truncated")
#: The settings of `quick` among those of the protocols.
QUICK = {"initial": "glorot", "iterations": "10000"}


# --- what the pages draw from ---


def errors(name: str, method: str, **settings: str) -> list[float]:
    """Means over tasks and seeds by gradient step, no task above 25."""
    return summary_of(name, method, settings)["capped"]  # type: ignore[no-any-return]


def after(name: str, step: int, **settings: str) -> float:
    """The error of the method that a file is called after."""
    return errors(name, name.partition("-")[2], **settings)[step]


def last(initial: str) -> dict[str, str]:
    """The longest trainings of the protocols."""
    return {"initial": initial, "iterations": "70000"}


def costs(network: str) -> dict[str, dict[str, int]]:
    """The table of the passes."""
    return {row["pass"]: row for row in manifest(network)["passes"]}


@cache
def ends(steps: int) -> tuple[Any, Any]:
    """The program of two hidden layers as derived and as rewritten."""
    derived, *_, rewritten = stages(meta_gradient_program(Network(2, "relu", steps=steps)))
    return derived, rewritten


def saved(monkeypatch: pytest.MonkeyPatch, points: int, units: int, steps: int = 1) -> float:
    """The share of operations that the rewrite saves."""
    monkeypatch.setattr(cost, "SIZES", {**cost.SIZES, names.N: points, names.M: points})
    monkeypatch.setattr(cost, "WIDTH", units)
    derived, rewritten = (cost.cost_of(program).operations for program in ends(steps))
    return 1 - rewritten / derived


def fallen(curve: np.ndarray) -> bool:
    """Whether an error is less after every further step."""
    return all(later < earlier for earlier, later in pairwise(curve))


@cache
def speed() -> dict[str, Any]:
    return json.loads(RESULTS.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def workspace(**sizes: Any) -> dict[str, Any]:
    """What was measured of the workspace form in a case."""
    usual = {"T": 25, "K": 10, "H": 40, "hidden": 2, "steps": 1, "activation": "relu", **sizes}
    (case,) = (each for each in speed()["free"]["cases"] if usual.items() <= each.items())
    return case["contenders"]["workspace"]  # type: ignore[no-any-return]


def curves(figure: str, panel: int, axes: int = 0) -> dict[str, np.ndarray]:
    """The lines of a figure by their method; a panel may share the y axis of another."""
    parts = panels(figure)
    found = lines(parts[panel], parts[axes])
    return {name: found[look.colour][0] for name, look in LOOKS.items() if look.colour in found}


def by_step(figure: str) -> list[dict[str, np.ndarray]]:
    """The errors by step with 5 and with 10 support points."""
    return [{name: line[:, 1] for name, line in curves(figure, panel).items()} for panel in (0, 1)]


# --- chapters 1 to 10 ---


def exercise_2_3() -> None:
    arguments = [float(Fraction(text)) for text in manifest("warm_up")["example"].values()]
    before, _ = scalar.meta_loss_and_gradient(*arguments)
    there, _ = scalar.meta_loss_and_gradient(0.6, *arguments[1:])
    assert arguments[0] == 0.5
    assert (before, there) == pytest.approx((1.96, 1.5376), rel=1e-12)
    assert before - there == pytest.approx(0.4224, rel=1e-9)


def same_sign() -> None:
    found = {row["name"]: Fraction(row["example"]) for row in manifest("warm_up")["derived"]}
    assert found["w_fast_bar"] * found["w_bar"] > 0


def sixteen_less() -> None:
    record = manifest("relu2")
    derived = [each["name"] for each in record["derived"]]
    first, end = derived.index("db3_bar"), derived.index("Z1_s_bar")
    assert end + 1 - first == 6 + 5 + 5
    assert len(record["first_order"]) == 6


def the_rewrite(*rows: str, column: str = "operations") -> Callable[[], None]:
    """Each of these passes leaves less than the one before it."""

    def check() -> None:
        assert fallen(np.array([costs("relu2")[row][column] for row in rows]))

    return check


def nothing_formed(network: str) -> Callable[[], None]:
    def check() -> None:
        assert costs(network)["derived"]["weight_matrices"] > 0
        assert costs(network)["prune"]["weight_matrices"] == 0

    return check


def the_same_count() -> None:
    found = costs("relu2")
    assert found["reassociate"]["operations"] == found["collect"]["operations"]


def not_much() -> None:
    found = costs("relu2")
    assert 0.9 < found["share"]["operations"] / found["derived"]["operations"] < 1


def first_order_leaves_more() -> None:
    methods = ("maml", "first-order", "joint")
    maml, first, joint = (errors(f"{method}-10shot", method)[1] for method in methods)
    assert maml < first < joint


def fewest_and_most() -> None:
    networks = ("relu2", "anil", "boil", "biases", "cavia", "meta_sgd")
    equations = {network: costs(network)["derived"]["equations"] for network in networks}
    assert min(equations, key=equations.__getitem__) == "anil"
    assert max(equations, key=equations.__getitem__) == "meta_sgd"


def raised(network: str) -> Callable[[], None]:
    def check() -> None:
        assert costs(network)["share"]["operations"] > costs(network)["derived"]["operations"]

    return check


def all_equal() -> None:
    assert set(figures()["passes"].values()) == {"equal"}
    assert len(figures()["passes"]) == 5


def first_order_fails() -> None:
    assert min(figures()["second_order"]["first order"].values()) > 0.1


def thirty_digits() -> None:
    assert max(figures()["proof"].values()) < 1e-30


# --- chapter 11 ---


def equally_wrong_before() -> None:
    ours, joint = errors("quick", "maml"), errors("quick", "joint")
    assert abs(ours[0] / joint[0] - 1) < 0.01


def less_than_a_fifth() -> None:
    ours, joint = errors("quick", "maml"), errors("quick", "joint")
    assert 0.15 < ours[1] / joint[1] < 0.2


def ten_steps_are_not_one() -> None:
    assert errors("quick", "joint")[10] > errors("quick", "maml")[1]


def a_steep_first_step() -> None:
    for found in by_step("quick/error_by_step"):
        ours = found["maml"]
        assert ours[0] - ours[1] > 0.75 * (ours[0] - ours[1:].min())


def joint_training_falls_slowly() -> None:
    five, ten = (found["joint"] for found in by_step("quick/error_by_step"))
    assert fallen(ten)
    assert 0.5 * ten[0] < ten[10]
    assert five[1] > five[0] > five[10]


def random_weights_stay_above() -> None:
    for found in by_step("quick/error_by_step"):
        others = np.maximum(found["maml"], found["joint"])
        assert (found["random"] > others).all()


def mean_sinusoid() -> float:
    """The loss of -5.1 / pi cos x, which no answer that is the same for all tasks is below."""
    low, high = AMPLITUDE
    x, phases = np.linspace(-5, 5, 1001), np.linspace(*PHASE, 1001)
    squares = (high**3 - low**3) / (3 * (high - low)) * np.mean(np.sin(x[:, None] - phases) ** 2)
    return float(squares - np.mean((5.1 / np.pi * np.cos(x)) ** 2))


def joint_training_reaches_the_mean() -> None:
    assert abs(mean_sinusoid() - 3) < 0.1
    trained = curves("quick/learning_curve", 0)["joint"][50:, 1]
    assert abs(trained.mean() - mean_sinusoid()) < 0.1


def joint_training_stays_near_3() -> None:
    assert (abs(curves("quick/learning_curve", 0)["joint"][20:, 1] - 3) < 0.3).all()


def the_loss_falls_below_a_half() -> None:
    assert (curves("quick/learning_curve", 0)["maml"][-10:, 1] < 0.5).all()


def most_of_the_way() -> None:
    """The predictions of Figure 11.1 on the grid: true, before, after one step, after ten."""
    drawn = [prediction_errors(panel) for panel in range(3)]
    (before, one, _), *others = drawn
    assert one < 0.25 * before
    for _, _, ten in others:
        assert ten > one


def prediction_errors(panel: int) -> tuple[float, float, float]:
    """Mean squared distance from the sinusoid before, after one and after ten steps."""
    parts = panels("quick/fits")
    drawn, start = lines(parts[panel], parts[0]), ("maml", "joint", "random")[panel]
    truth, *predictions = (
        line for colour in (INK, LOOKS[start].colour) for line in drawn[colour] if len(line) == 100
    )
    squares = [float(np.mean((line[:, 1] - truth[:, 1]) ** 2)) for line in predictions]
    assert len(squares) == 3
    return squares[0], squares[1], squares[2]


def first_order_after_some_steps() -> None:
    one, five, ten = (
        after("10shot-first-order", step, **QUICK) - after("10shot-maml", step, **QUICK)
        for step in (1, 5, 10)
    )
    assert one > 0.1
    assert 0 < five < 0.2 * one
    assert 0 < ten < 0.2 * one


def four_times_the_share(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 4 < saved(monkeypatch, 5, 40) / saved(monkeypatch, 10, 40) < 5


# --- chapters 12 and 13 ---


def three_times_as_wide(monkeypatch: pytest.MonkeyPatch) -> None:
    for points in (5, 10):
        assert saved(monkeypatch, points, round(2.9 * 5 * points), steps=5) < 0
        assert saved(monkeypatch, points, round(3.5 * 5 * points), steps=5) > 0


def three_times_the_equations() -> None:
    deep = meta_gradient_program(Network(hidden=3, activation="relu", steps=3))
    assert 3 < len(deep) / costs("relu2")["derived"]["equations"] < 4


def fine_tuned() -> tuple[dict[str, float], dict[str, float]]:
    found = figures()["by_hand"]["loss"]
    return found["as derived"], found["with the output error"]


def the_wrong_loss_falls() -> None:
    right, wrong = fine_tuned()
    assert right["median before"] == wrong["median before"]
    assert right["after 1 step"] < wrong["after 1 step"] < wrong["median before"]


def nearly_the_same_after_ten() -> None:
    right, wrong = fine_tuned()
    assert abs(wrong["after 10 steps"] / right["after 10 steps"] - 1) < 0.01
    assert right["diverged, %"] == wrong["diverged, %"]


def never_trained() -> None:
    assert figures()["by_hand"]["output bias"] == 0


def angles_differ() -> None:
    found = figures()["by_hand"]["angle"]
    assert found["largest"] - found["smallest"] > 10


# --- chapter 14 ---


def the_kernel_matters() -> None:
    free, pinned = (ratio_of(speed(), name)["median"] for name in ("free", "pinned"))
    assert abs(pinned / free - 1) > 0.1


def time_goes_elsewhere() -> None:
    assert workspace()["share of sgemm"] < 0.5
    (dense,) = (
        row["ratio"]["median"]
        for row in speed()["undone"]
        if row["technique"] == "kernels in the middle layer"
    )
    assert dense < 1.5


def wider_is_nearer() -> None:
    shares = [workspace(H=units)["share of sgemm"] for units in (40, 64, 128, 256, 1024)]
    assert shares == sorted(shares)


def slower_in_one_case() -> None:
    slow = [
        (case["T"], case["K"], case["H"], case["hidden"])
        for case in speed()["free"]["cases"]
        if case["contenders"]["workspace"]["ratio"]["median"] < 1
    ]
    assert slow == [(25, 10, 40, 1)]


def without_a_pause() -> None:
    found = json.loads(JAVASCRIPT.read_text(encoding="utf-8"))["playground"]
    assert found["tasks beyond 50 ms"] == 0
    assert found["frames a second"] > 50


def beginning_calls_is_most() -> None:
    assert workspace(hidden=1)["share of sgemm"] < 0.5


def tiles_give_most() -> None:
    found = json.loads(IN_C.read_text(encoding="utf-8"))["C undone"]
    by_ratio = max(found, key=lambda row: row["ratio"]["median"])
    assert by_ratio["technique"] == "tiles in registers"


def some_lie_above_the_slope() -> None:
    points = [
        (case["intensity"]["C"], case["contenders"]["C"]["gflops"])
        for case in speed()["free"]["cases"]
        if "C" in case["intensity"]
    ]
    above = [rate > at * speed()["machine"]["bandwidth"] for at, rate in points]
    assert any(above)
    assert not all(above)


def webassembly_is_faster() -> None:
    found = json.loads(JAVASCRIPT.read_text(encoding="utf-8"))
    assert found["Chromium"]["WebAssembly"] > 3 * found["Chromium"]["JavaScript"]


def not_set() -> None:
    assert speed()["machine"]["coretype as found"] is None
    # Else there would be another paragraph to write.
    assert "found" not in speed()


# --- chapter 15 ---


def a_fifth_to_a_third() -> None:
    for shots in SHOTS:
        for initial in INITIALS:
            ten = after(f"{shots}-maml", 1, initial=initial, iterations="10000")
            assert 0.19 < 1 - after(f"{shots}-maml", 1, **last(initial)) / ten < 0.36


def a_factor_of_three() -> None:
    for shots, small in (("10shot", "30000"), ("5shot", "70000")):
        error = after(f"{shots}-maml", 1, initial="truncated", iterations=small)
        early, later = (
            after(f"{shots}-maml", 1, initial="glorot", iterations=n) for n in ("10000", "30000")
        )
        assert abs(error - early) < abs(error - later)


def behind_with_ten_points() -> None:
    for initial in INITIALS:
        for shots, low, high in (("10shot", 1.2, 2), ("5shot", 0.9, 1.1)):
            one, other = (
                after(f"{shots}-{kind}", 1, **last(initial)) for kind in ("first-order", "maml")
            )
            assert low < one / other < high


def seeds_lie_far_apart() -> None:
    apart = [
        summary_of("10shot-first-order", "first-order", last(initial))["seeds_ci95"][1]
        for initial in INITIALS
    ]
    assert min(apart) > 0.2
    # More iterations do not reliably help.
    earlier = after("10shot-first-order", 1, initial="glorot", iterations="30000")
    assert after("10shot-first-order", 1, **last("glorot")) > earlier


def no_worse_after_ten() -> None:
    for initial in INITIALS:
        one, other = (
            after(f"5shot-{kind}", 10, **last(initial)) for kind in ("first-order", "maml")
        )
        assert one <= other


def baseline(shots: str, method: str, initial: str) -> list[float]:
    return errors(f"{shots}-baselines", method, methods=method, initial=initial)


def at_the_mean_function() -> None:
    for shots in SHOTS:
        for initial in INITIALS:
            assert abs(baseline(shots, "joint", initial)[0] - mean_sinusoid()) < 0.05


def the_oracle_is_right_at_once() -> None:
    for shots in SHOTS:
        for initial in INITIALS:
            found = baseline(shots, "oracle", initial)
            assert found[0] < 0.005
            assert min(found[1:]) > 10 * found[0]


def reptile_after_one_and_ten() -> None:
    for shots in SHOTS:
        same = {"initial": "glorot", "iterations": "30000"}
        reptile = errors(f"reptile-{shots}", "reptile")
        assert abs(after(f"{shots}-maml", 1, **same) / reptile[1] - 1) < 0.1
        assert reptile[10] < after(f"{shots}-maml", 10, **same)


def goes_on_falling() -> None:
    for found in by_step("paper-10shot/error_by_step"):
        assert found["maml"][10] < found["maml"][5] < found["maml"][1] < 0.3 * found["maml"][0]
        assert 0.5 * found["joint"][0] < found["joint"][1] < found["joint"][0]


def diverges_with_five_points() -> None:
    five, ten = (
        sum(max(summary_of(f"{shots}-maml", "maml", last(each))["diverged"]) for each in INITIALS)
        for shots in ("5shot", "10shot")
    )
    assert 0.01 > five > ten


def smooth_does_not_diverge() -> None:
    assert set(summary_of("tanh", "maml", {})["diverged"]) == {0.0}


def the_other_half() -> None:
    found = {name: line[:, 1] for name, line in curves("paper-10shot/half_range", 2).items()}
    assert found["maml"][1] < 0.3 * found["maml"][0]
    # "as wrong as it was"
    assert (abs(found["joint"] / found["joint"][0] - 1) < 0.12).all()


def best_near_the_mean() -> None:
    maps = [image(panel) for panel in panels("paper-10shot/error_map")[:2]]
    for cells in maps:
        count = len(cells)
        row, column = np.unravel_index(cells.argmin(), cells.shape)
        step = (AMPLITUDE[1] - AMPLITUDE[0]) / count
        assert abs(AMPLITUDE[0] + (column + 0.5) * step - 5.1 / np.pi) < step
        assert abs((row + 0.5) / count - 0.5) < 1 / count
        # Colours grow lighter with the error.
        beyond = cells.mean(axis=0)[column + 1 :]
        assert fallen(-beyond)


def the_angle() -> np.ndarray:
    return marks(panels("paper-10shot/angle")[0], LOOKS["maml"].colour)


def a_few_degrees_at_first() -> None:
    assert the_angle()[0, 0] == pytest.approx(0, abs=1)
    assert 1 < the_angle()[0, 1] < 10


def a_median_near_45() -> None:
    later = the_angle()[1:, 1]
    assert abs(np.median(later) - 45) < 2
    assert later.max() - later.min() > 30


def tens_of_degrees() -> None:
    a_few_degrees_at_first()
    later = the_angle()[the_angle()[:, 0] >= 2000]
    assert later[:, 1].min() > 20


def seeds_and_tasks() -> None:
    summaries = [
        summary_of(f"{shots}-maml", "maml", {"initial": initial, "iterations": iterations})
        for shots in SHOTS
        for initial in INITIALS
        for iterations in ("10000", "30000", "70000")
    ]
    pairs = [(each["seeds_ci95"][1], each["capped_ci95"][1]) for each in summaries]
    for seeds, tasks in pairs:
        assert seeds * 3**0.5 / 4.303 < tasks * 1000**0.5 / 1.96
    assert sum(seeds > tasks for seeds, tasks in pairs) > len(pairs) / 2


def hundredths_wide() -> None:
    for initial in INITIALS:
        half = summary_of("5shot-maml", "maml", last(initial))["capped_ci95"][1]
        assert 0.03 < half < 0.06


# --- chapters 16 and 17, the start ---


def seconds() -> None:
    assert speed()["iteration"]["10,000 iterations"] < 30


def lengths_differ() -> None:
    rows = [row.strip("| ").split(" | ")[1:] for row in diagnosed("vectors").splitlines()[2:]]
    assert len(rows) > 2
    for angle, length, error in np.array(rows, float):
        assert abs(length - 1) > 0.05
        assert error > np.radians(angle)


def film() -> None:
    text = (FIGURES / "quick/adaptation.svg").read_text(encoding="utf-8")
    found = [float(number) for number in re.findall(r">error ([\d.]+)<", text)]
    ours, joint = found[::2], found[1::2]
    assert len(ours) == len(joint) == 11
    assert max(ours[1:]) < 0.25
    assert min(joint) > 1.5


# --- all of them ---


def part(name: str, network: str = "") -> float:
    """A mean over the trainings, of the parts of the meta-gradient."""
    found = record(f"gauss-newton{network}")["summary"][name]["mean"]
    return float(found)


def seven_times_as_long() -> None:
    newton = part("gauss_newton")
    assert newton / part("residual") == pytest.approx(7, abs=0.5)
    assert newton / part("first_order") == pytest.approx(4 / 5, abs=0.05)


def nearly_all_behind_the_door() -> None:
    assert part("without_residual") < part("only_first_order") / 5
    assert part("without_gauss_newton") > 0.95 * part("only_first_order")


def a_quarter_of_tanh() -> None:
    assert part("residual") / part("residual", "-tanh") == pytest.approx(1 / 4, abs=0.05)


def as_long_as_with_tanh() -> None:
    newton, other = part("gauss_newton"), part("gauss_newton", "-tanh")
    assert newton == pytest.approx(other, rel=0.1)
    assert newton > part("residual")
    assert other > part("residual", "-tanh")


#: By page, what it says, and what holds it to that. The beginning or the end of a sentence will do.
SENTENCES: dict[str, dict[str, Callable[..., None]]] = {
    "2-warm-up.md": {
        "The sign is right here.": same_sign,
        "$(1.76 - 3)^2 = 1.5376$. It fell by $0.4224$": exercise_2_3,
    },
    "7-meta-gradient.md": {
        "Six equations change, and [eq:db3_bar] to": sixteen_less,
        "Sixteen: the six of the step, the five": sixteen_less,
        "must *fail* for the first-order gradient": first_order_fails,
    },
    "7b-gauss-newton.md": {
        "nearly all of it, the one term behind the door": nearly_all_behind_the_door,
        "It is seven times as long as the residual part, and four fifths": seven_times_as_long,
        "about a quarter of what it is with tanh": a_quarter_of_tanh,
        "as long with relu as with tanh, within a tenth": as_long_as_with_tanh,
    },
    "8-rewrite.md": {
        "The program gets *more* expensive": the_rewrite("inline", "derived"),
        "arrays are gone": nothing_formed("relu2"),
        "Much of the count went with them": the_rewrite("inline", "prune"),
        "The count does not change": the_same_count,
        "The operations fall to": the_rewrite("reassociate", "share"),
        "operations is not much.": not_much,
        "there the rewrite raises the operations": raised("relu1"),
        "The loss and all six gradients are exactly": all_equal,
    },
    "10-checks.md": {
        "they agree with it to one part in $10^{30}$": thirty_digits,
        "First-order MAML must fail the second-order check": first_order_fails,
    },
    "sinusoid/index.md": {
        "Before the first step MAML's error is that of": equally_wrong_before,
        "Before the first step MAML's error is as large as that": equally_wrong_before,
        "the two networks are equally wrong before a step": equally_wrong_before,
        "After one step it is less than a fifth of it.": less_than_a_fifth,
        "Ten steps do not bring joint training to where one": ten_steps_are_not_one,
        "One step takes MAML's prediction most of the way;": most_of_the_way,
        "MAML falls steeply in the first step.": a_steep_first_step,
        "and with 5 points the first step makes it worse": joint_training_falls_slowly,
        "Random weights stay above both.": random_weights_stay_above,
        "about 3.0. Joint training reaches that": joint_training_reaches_the_mean,
        "Joint training stays near 3": joint_training_stays_near_3,
        "The loss of MAML after the step falls below 0.5.": the_loss_falls_below_a_half,
        "after five and ten little is left of the difference": first_order_after_some_steps,
        "more than four times as large a share": four_times_the_share,
    },
    "12-several-steps.md": {
        "No weight matrix per task is left": nothing_formed("relu2_5steps"),
        "the width is more than about three times $k N$": three_times_as_wide,
        "and the operations rise from": raised("relu2_5steps"),
        "more than three times as many equations as": three_times_the_equations,
    },
    "13-by-hand.md": {
        "the loss falls in the first step, though less": the_wrong_loss_falls,
        "less than one per cent, and as many tasks have": nearly_the_same_after_ten,
        "**that bias is never trained**": never_trained,
        "from start to start it differs by more than ten": angles_differ,
    },
    "derive-your-own.md": {
        "in WebAssembly, which is several times as fast.": webassembly_is_faster,
    },
    "14-speed.md": {
        "At 40 units most of the time goes elsewhere.": time_goes_elsewhere,
        "`OPENBLAS_CORETYPE` was not set": not_set,
        "the tables above. Tiles give most.": (tiles_give_most),
        "In the roofline some lie above the slope": some_lie_above_the_slope,
        "The kernel that BLAS uses matters.": the_kernel_matters,
        "The wider the layers, the larger is the share": wider_is_nearer,
        "10 points and one hidden layer of 40 units.": slower_in_one_case,
        "numpy takes to begin its calls is most of the time": beginning_calls_is_most,
    },
    "sinusoid/protocols.md": {
        "the error of MAML falls by a fifth to a third": a_fifth_to_a_third,
        "a factor of three in iterations with ten points, and more": a_factor_of_three,
        "behind MAML with ten points, and close to it with": behind_with_ten_points,
        "its seeds lie far apart, and more iterations do not": seeds_lie_far_apart,
        "After ten steps on five points it is no worse than": no_worse_after_ten,
        "joint training is at the error of the mean function": at_the_mean_function,
        "The oracle is right at once.": the_oracle_is_right_at_once,
        "Steps only lead it astray": the_oracle_is_right_at_once,
        "iterations. After ten it is ahead of it.": reptile_after_one_and_ten,
        "MAML falls at once and goes on falling; joint": goes_on_falling,
        "The error goes on falling, as the paper reports.": goes_on_falling,
        "a task diverges, above all with five points": diverges_with_five_points,
        "without a single diverged task": smooth_does_not_diverge,
        "it does, in the first step.": the_other_half,
        "the other half stays as wrong as it was": the_other_half,
        "Both do best near the mean of all sinusoids": best_near_the_mean,
        "Beyond that amplitude errors grow with it.": best_near_the_mean,
        "At the initial weights it is a few degrees.": a_few_degrees_at_first,
        "with a median near 45 degrees": a_median_near_45,
        "three seeds differ less than the tasks do. Why is the": seeds_and_tasks,
        "over 1,000 tasks is several hundredths wide": hundredths_wide,
    },
    "sinusoid/runs.md": {
        "A training of ten thousand iterations takes seconds.": seconds,
    },
    "diagnose/index.md": {
        "A small angle is not a small error: the lengths": lengths_differ,
        "a few degrees at random weights, and tens of degrees": tens_of_degrees,
    },
    "18-family.md": {
        "ANIL has the fewest, Meta-SGD the most.": fewest_and_most,
    },
    "playground.md": {
        "First order does not know it and leaves": first_order_leaves_more,
        "frames a second without a pause of more than 50 ms": without_a_pause,
    },
    "index.md": {
        "lies on the unseen sinusoid after one step and stays": film,
    },
}
ROWS = [(page, said) for page, sentences in SENTENCES.items() for said in sentences]


@pytest.mark.parametrize(("name", "said"), ROWS)
def test_a_sentence_stands_on_its_page_and_is_true(
    name: str, said: str, request: pytest.FixtureRequest
) -> None:
    assert said in " ".join(PAGES[name].split())
    check = SENTENCES[name][said]
    needed = inspect.signature(check).parameters
    check(*map(request.getfixturevalue, needed))
