"""Which runs a sweep has."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from docs.experiment.command import Refusal
from docs.experiment.recipes import FIELDS, Recipe, written
from docs.experiment.sweep import grid

STEP_SIZES = st.lists(st.floats(0, 1e300), min_size=1, max_size=4, unique=True)


@given(STEP_SIZES)
def test_an_axis_reads_what_is_written(values: list[float]) -> None:
    text = "alpha=" + ",".join(map(written, values))
    assert grid.axis(text) == grid.Axis("alpha", tuple(values))


@given(st.lists(st.lists(st.integers(1, 999), min_size=1, max_size=3), unique_by=tuple, min_size=1))
def test_an_axis_of_values_with_parts(values: list[list[int]]) -> None:
    text = "hidden=" + ",".join("+".join(map(str, each)) for each in values)
    assert grid.axis(text).values == tuple(map(tuple, values))


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        name, values = grid.axis(text)
    except Refusal:
        pass
    else:
        assert name in FIELDS
        assert len(set(values)) == len(values) > 0


@given(STEP_SIZES, st.permutations(["alpha", "network", "meta-batch"]), st.integers(1, 3))
def test_members_are_all_combinations(alphas: list[float], order: list[str], seeds: int) -> None:
    texts = {
        "alpha": "alpha=" + ",".join(map(written, alphas)),
        "network": "network=relu1,tanh2",
        "meta-batch": "meta-batch=3,4,5",
    }
    axes = grid.axes([texts[name] for name in order], ())
    assert [axis.name for axis in axes] == ["network", "meta_batch", "alpha"]
    made = grid.members(Recipe(), {}, axes, seeds)
    assert len(made) == len({each.name for each in made}) == 2 * 3 * len(alphas) * seeds
    for each in made:
        for name, value in each.settings:
            assert written(getattr(each.recipe, name)) == value
        assert each.recipe.hidden == (40,) * (1 + (each.recipe.network == "tanh2"))


def test_the_name_of_a_run() -> None:
    axes = grid.axes(["network=relu2", "alpha=0.005"], ())
    (made,) = grid.members(Recipe(), {}, axes, 1)
    assert made.name == "network=relu2,alpha=0.005,seed=0"
    first, second = (
        made._replace(settings=(("hidden", "+".join("9" * 200)),), seed=n) for n in (0, 1)
    )
    assert first.name != second.name
    assert len(first.name) < 255


def test_units_that_are_given_hold_for_every_network() -> None:
    axes = grid.axes(["network=relu2,tanh2"], ())
    made = grid.members(Recipe(), {"hidden": (7, 5)}, axes, 1)
    assert [each.recipe.hidden for each in made] == [(7, 5), (7, 5)]
