"""Sentences about the characters: each stands on its page, and is true of what the page shows."""

from __future__ import annotations

from math import hypot
from typing import TYPE_CHECKING, Any

import pytest

from docs.characters.family import QUICK, SHOWN
from docs.render.characters import case_of, grown, record, summary_of
from tests.docs.render.pages import PAGES

if TYPE_CHECKING:
    from collections.abc import Callable

STEPS = (1, 3, 5, 10)
BESIDE = ("first-order", "meta-sgd", "boil", "pretrained", "random")


def accuracy(method: str, name: str = "methods") -> list[float]:
    """By gradient step, the mean over tasks and seeds in percent."""
    return [100 * each for each in summary_of(name, method)["capped"]]


def baseline(which: str, name: str = "methods") -> float:
    """In percent."""
    return 100 * float(record(name)["baselines"][f"nearest centroid, {which}"])


def agrees(name: str, method: str, expected: dict[int, float]) -> None:
    """Hold accuracies against those of another program, whose tasks are of its own drawing."""
    summary = summary_of(name, method)
    for step, theirs in expected.items():
        tasks = summary["capped_ci95"][step]
        assert abs(summary["capped"][step] - theirs) < hypot(
            tasks, tasks, summary["seeds_ci95"][step]
        )


def that_of_jax() -> None:
    agrees("omniglot-maml", "maml", {1: 0.568, 3: 0.576, 5: 0.607})


def that_of_jax_with_rates() -> None:
    agrees("omniglot-meta-sgd", "meta-sgd", {3: 0.677, 5: 0.690})
    base = record("omniglot-meta-sgd")["base"]
    assert (base["steps"], base["alpha"]) == (3, 0.1)


def three_times_as_long() -> None:
    assert SHOWN.iterations == 3 * QUICK.iterations == 3 * seconds()["iterations"]
    assert len(seconds()["methods"]) == 6


def seconds() -> dict[str, Any]:
    return record("seconds")["recipes"]["quick"]  # type: ignore[no-any-return]


def fonts_are_more_alike() -> None:
    assert baseline("pixels") > baseline("pixels", "omniglot-maml") + 20


def features_are_as_good_as_a_step() -> None:
    assert abs(baseline("features of MAML") - accuracy("maml")[1]) < 1


def first_order_is_behind() -> None:
    maml, first = accuracy("maml"), accuracy("first-order")
    assert all(maml[step] - first[step] > 10 for step in range(1, 11))


def ahead_with_rates() -> None:
    maml, rates = accuracy("maml"), accuracy("meta-sgd")
    spread = [summary_of("methods", each)["seeds_ci95"] for each in ("maml", "meta-sgd")]
    for step in range(1, 11):
        assert rates[step] > maml[step]
        assert spread[1][step] > spread[0][step]


def the_head_alone() -> None:
    anil = accuracy("anil")
    for step in (1, 10):
        assert all(anil[step] > accuracy(each)[step] for each in ("maml", *BESIDE))
    assert anil[3] < anil[1] - 2
    assert anil[10] > anil[3] + 2


def the_body_alone() -> None:
    maml, boil = accuracy("maml"), accuracy("boil")
    assert all(abs(maml[step] - boil[step]) < 1 for step in range(1, 11))


def behind_random_weights() -> None:
    trained, random = accuracy("pretrained"), accuracy("random")
    assert all(trained[step] < random[step] for step in range(1, 11))


def more_classes_more_shots() -> None:
    found = record("ways")
    assert (found["seeds"], found["base"]["iterations"]) == (1, QUICK.iterations)
    after = {
        (way, shots): summary_of("ways", "maml", f"way={way}", f"shots={shots}")["capped"][1]
        for way in (5, 20)
        for shots in (1, 5)
    }
    for number in (5, 20):
        assert after[number, 5] > after[number, 1]
    for number in (1, 5):
        assert after[20, number] < after[5, number]


def trained_for_one_step() -> None:
    found = summary_of("ways", "maml", "way=20", "shots=5")["capped"]
    assert found[3] < found[1] - 0.05
    assert found[10] > found[1] + 0.1
    assert record("ways")["base"]["steps"] == 1


def ten_points() -> None:
    plain, normalised = (accuracy("maml", f"omniglot-{name}") for name in ("maml", "normalised"))
    assert normalised[1] - plain[1] == pytest.approx(10, abs=0.5)
    assert all(0 <= normalised[step] - normalised[1] < 1 for step in range(2, 11))
    base, other = (dict(record(f"omniglot-{name}")["base"]) for name in ("maml", "normalised"))
    assert other.pop("network") == f"{base.pop('network')}-normalised"
    assert base == other


def only_the_product_grows() -> None:
    first, *_, last = grown()
    times = {
        name: last["milliseconds"][name]["median"] / first["milliseconds"][name]["median"]
        for name in ("kernel", "JAX")
    }
    assert times["kernel"] < times["JAX"] / 2
    assert case_of("784-256-64-5")["bytes"]["JAX"] > 5 * case_of("784-256-64-5")["bytes"]["kernel"]


#: What the page says, and what holds it to that.
SENTENCES: dict[str, Callable[[], None]] = {
    "the other program's numbers are within our intervals": that_of_jax,
    "JAX had 67.7 % after three steps and 69.0 % after five": that_of_jax_with_rates,
    "with `--recipe shown`, for three times as long": three_times_as_long,
    "seconds of one core to train, six methods together": three_times_as_long,
    "That is much more than on Omniglot: fonts draw": fonts_are_more_alike,
    "which is within a point of MAML after its step": features_are_as_good_as_a_step,
    "more than ten points behind MAML after every number of steps": first_order_is_behind,
    "**Meta-SGD is ahead of MAML,** though its seeds lie further apart": ahead_with_rates,
    "is ahead of all others** after one step and after ten. In between": the_head_alone,
    "which holds the last layer still, is within a point of MAML": the_body_alone,
    "**All classes, new head is behind random weights.**": behind_random_weights,
    "These have the iterations of the recipe `quick`": more_classes_more_shots,
    "After its step, MAML does better with five shots than with": more_classes_more_shots,
    "twenty classes and five shots it is worse after three, and far": trained_for_one_step,
    "further steps add next to nothing. It is ten points": ten_points,
    "inputs, only the one shared product grows": only_the_product_grows,
}


@pytest.mark.parametrize("said", SENTENCES)
def test_a_sentence_stands_on_its_page_and_is_true(said: str) -> None:
    assert said in " ".join(PAGES["characters/index.md"].split())
    SENTENCES[said]()
