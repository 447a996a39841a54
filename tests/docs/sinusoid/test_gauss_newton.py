"""What the pages say of the meta-gradient's parts, against the committed numbers."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest

from docs.experiment.command import Parser
from docs.experiment.gauss_newton import EVERY, measurable, summary
from docs.experiment.parts import ANGLES, LENGTHS
from docs.experiment.recipes import add_options, from_options
from docs.sinusoid import results
from docs.sinusoid.family import SINUSOIDS


def record(name: str) -> dict[str, Any]:
    return json.loads((results.COMMITTED / f"{name}.json").read_text())  # type: ignore[no-any-return]


RELU, TANH = (
    {
        (name, when): value
        for name, numbers in record(each)["summary"].items()
        for when, value in numbers.items()
    }
    for each in ("gauss-newton", "gauss-newton-tanh")
)


@pytest.mark.parametrize("name", results.PARTS)
def test_they_are_those_of_their_command(name: str) -> None:
    kept = record(name)
    assert kept["command"] == f"python -m docs.sinusoid.gauss_newton {results.PARTS[name]}".strip()
    assert set(kept["versions"]) == {"python", "numpy"}
    assert kept["seeds"] == 5  # "five trainings"
    options = Parser()
    add_options(options, SINUSOIDS)
    recipe = measurable(from_options(SINUSOIDS, options.parse_args(results.PARTS[name].split())))
    assert kept["base"] == json.loads(json.dumps(asdict(recipe)))
    assert kept["iterations"] == list(range(0, recipe.iterations + 1, EVERY))
    assert set(kept["summary"]) == set(kept["by_seed"]) == {*LENGTHS, *ANGLES}
    for each, by_seed in kept["by_seed"].items():
        assert [len(values) for values in by_seed] == [len(kept["iterations"])] * kept["seeds"]
        assert kept["summary"][each] == pytest.approx(summary(by_seed), rel=1e-4)


def test_what_first_order_leaves_out_is_nearly_all_gauss_newton() -> None:
    # Chapters 1 and 7: in training, and at random weights.
    assert RELU["only_first_order", "start"] < 10
    assert RELU["only_first_order", "least"] > 40
    # It is still as far away with the residual part; with the Gauss-Newton part it is not.
    alone = RELU["only_first_order", "mean"]
    assert 0.95 * alone < RELU["without_gauss_newton", "mean"] < alone
    assert RELU["without_residual", "mean"] < 10
    assert RELU["without_residual", "most"] < 12


def test_how_long_the_parts_are() -> None:
    newton = RELU["gauss_newton", "mean"]
    assert newton / RELU["residual", "mean"] == pytest.approx(7, abs=0.5)
    assert newton / RELU["first_order", "mean"] == pytest.approx(4 / 5, abs=0.05)
    # The text that stands for the figure.
    for name, length in {
        "first_order": 2.2,
        "whole": 1.8,
        "gauss_newton": 1.8,
        "residual": 0.25,
    }.items():
        assert RELU[name, "mean"] == pytest.approx(length, rel=0.05), name
    for name, degrees in {
        "only_first_order": 50,
        "without_gauss_newton": 50,
        "without_residual": 8,
    }.items():
        assert RELU[name, "mean"] == pytest.approx(degrees, rel=0.05), name


def test_the_second_order_points_the_other_way() -> None:
    assert RELU["between_orders", "least"] > 90
    assert TANH["between_orders", "least"] > 90


def test_being_nearly_linear_makes_the_residual_part_small_and_no_other() -> None:
    assert RELU["residual", "mean"] / TANH["residual", "mean"] == pytest.approx(1 / 4, abs=0.05)
    assert RELU["gauss_newton", "mean"] == pytest.approx(TANH["gauss_newton", "mean"], rel=0.1)
    assert RELU["gauss_newton", "least"] > RELU["residual", "most"]
    assert TANH["gauss_newton", "mean"] > TANH["residual", "mean"]
