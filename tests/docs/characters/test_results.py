"""The committed results: what they were made with, and whether they are to be believed."""

from __future__ import annotations

import json
from math import hypot
from typing import Any

import pytest

from docs.characters import results
from docs.characters.family import CHARACTERS

#: Accuracy after 1, 3 and 5 steps in an independent implementation with JAX: one seed, 400 tasks
#: of its own, so that its interval over tasks is that of ours.
INDEPENDENT = {
    "omniglot-maml": ("maml", {1: 0.568, 3: 0.576, 5: 0.607}),
    "omniglot-meta-sgd": ("meta-sgd", {3: 0.677, 5: 0.690}),
}
FILES = sorted({path.stem for path in results.COMMITTED.glob("*.json")} - {"cost", "seconds"})


def record(name: str) -> dict[str, Any]:
    return json.loads((results.COMMITTED / f"{name}.json").read_text())  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", FILES)
def test_a_file_says_what_it_was_made_with(name: str) -> None:
    found = record(name)
    shown = "--data DIR " if name in results.OMNIGLOT else ""
    flags = results.SWEEPS[name]
    assert found["command"] == f"{CHARACTERS.command('sweep')} {shown}{flags}"
    assert not found["failures"]
    assert f"--seeds {found['seeds']}" in flags
    assert "/" not in found["base"]["data"]
    for group in found["groups"]:
        assert len(group["seeds"]) == found["seeds"]


@pytest.mark.parametrize("name", sorted({*INDEPENDENT} & {*FILES}))
def test_another_program_finds_the_same(name: str) -> None:
    method, expected = INDEPENDENT[name]
    (group,) = (each for each in record(name)["groups"] if each["method"] == method)
    for step, theirs in expected.items():
        summary = group["summary"]
        tasks = summary["capped_ci95"][step]
        within = hypot(tasks, tasks, summary["seeds_ci95"][step])
        assert abs(summary["capped"][step] - theirs) < within
        assert within < 0.08


def test_maml_is_above_what_it_is_compared_with() -> None:
    found = record("omniglot-maml")
    maml, random = (
        next(each["summary"] for each in found["groups"] if each["method"] == name)
        for name in ("maml", "random")
    )
    assert maml["capped"][1] > found["baselines"]["nearest centroid, pixels"] + 0.1
    assert maml["capped"][1] > random["capped"][10] + 0.1
