"""Recipes: their text, their flags."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docs.experiment.command import Parser, Refusal
from docs.experiment.methods import METHODS
from docs.experiment.networks import (
    CONTEXT,
    INITIALS,
    has_context,
    load_network,
    takes_omegas,
    trainable,
)
from docs.experiment.recipes import (
    FIELDS,
    Recipe,
    add_options,
    differences,
    from_options,
    from_record,
    overridden,
    read,
    written,
)
from docs.experiment.schedules import SCHEDULES, STEP_WEIGHTS
from docs.sinusoid import train
from docs.sinusoid.family import RECIPES, SINUSOIDS

#: Of every network; they are imported before any of them is drawn.
NETWORKS = {name: load_network(name).NETWORK for name in trainable()}

SIZES = st.integers(1, 10**6)


COUNTS = ["iterations", "meta_batch", "shots", "queries", "reptile_steps"]


STEPS = st.floats(0, 1e300, allow_nan=False)


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "network": st.sampled_from(trainable()),
    "hidden": st.lists(SIZES, min_size=1, max_size=3).map(tuple),
    "initial": st.sampled_from(sorted(INITIALS)),
    "methods": st.lists(st.sampled_from(sorted(METHODS)), min_size=1, unique=True).map(tuple),
    "dtype": st.sampled_from(["float32", "float64"]),
    **dict.fromkeys([*COUNTS, "context"], SIZES),
    **dict.fromkeys(["alpha", "beta", "clip"], STEPS),
    "schedule": st.sampled_from(sorted(SCHEDULES)),
    "step_weights": st.sampled_from(sorted(STEP_WEIGHTS)),
}


@st.composite
def recipes(draw: st.DrawFn) -> Recipe:
    """Any recipe that can be run."""
    made = Recipe(**{name: draw(values) for name, values in VALUES.items()})
    net, record = load_network(made.network), NETWORKS[made.network]
    units = tuple(draw(st.lists(SIZES, min_size=record.hidden, max_size=record.hidden)))
    able = (each for each in made.methods if METHODS[each].algorithm in (None, record.algorithm))
    return replace(
        made,
        hidden=units,
        methods=tuple(able) or ("joint",),
        alpha=made.alpha or 0.01,
        step_weights=made.step_weights if takes_omegas(net) else "last",
        context=made.context if has_context(net) else CONTEXT,
    )


def parsed(*arguments: str) -> argparse.Namespace:
    options = Parser()
    add_options(options, SINUSOIDS)
    return options.parse_args(arguments)


def flags(recipe: Recipe) -> list[str]:
    """The command line that asks for a recipe."""
    line = []
    for name in FIELDS:
        value, flag = getattr(recipe, name), f"--{name.replace('_', '-')}"
        if isinstance(value, tuple):
            line += [flag, *map(str, value)]
        else:
            line += [flag, str(value)]
    return line


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_fits_its_network(name: str) -> None:
    assert overridden(RECIPES[name], {}) == RECIPES[name]
    assert from_options(SINUSOIDS, parsed("--recipe", name)) == RECIPES[name]


@pytest.mark.parametrize("name", FIELDS)
@given(data=st.data())
def test_a_setting_is_read_as_it_is_written(name: str, data: st.DataObject) -> None:
    value = data.draw(VALUES[name])
    assert read(name, written(value)) == value


@given(recipe=recipes())
def test_a_recipe_survives_its_record(recipe: Recipe) -> None:
    assert from_record(json.loads(json.dumps(asdict(recipe)))) == recipe


@given(recipe=recipes())
def test_every_setting_has_a_flag(recipe: Recipe) -> None:
    options = parsed(*flags(recipe))
    assert from_options(SINUSOIDS, options) == recipe
    assert differences(SINUSOIDS, recipe, options) == []


@given(name=st.sampled_from(sorted(FIELDS)), text=st.text(max_size=12))
def test_any_text_is_a_setting_or_a_refusal(name: str, text: str) -> None:
    try:
        value = read(name, text)
    except Refusal as refusal:
        assert str(refusal).startswith(f"{name} is ")  # noqa: PT017
        assert "; it must" in str(refusal)  # noqa: PT017
    else:
        assert read(name, written(value)) == value


@given(
    name=st.sampled_from(sorted(FIELDS)),
    value=st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.lists(st.none()),
)
def test_a_damaged_record_is_a_recipe_or_a_refusal(name: str, value: Any) -> None:
    try:
        made = from_record({**asdict(Recipe()), name: value})
    except Refusal:
        return
    assert read(name, written(value)) == getattr(made, name)


def test_a_flag_overrides_one_setting() -> None:
    options = parsed("--recipe", "paper-5shot", "--alpha", "0.02", "--dtype", "float64")
    expected = replace(RECIPES["paper-5shot"], alpha=0.02, dtype="float64")
    assert from_options(SINUSOIDS, options) == expected
    assert differences(SINUSOIDS, RECIPES["paper-5shot"], options) == [
        "alpha is 0.02, not 0.01",
        "dtype is float64, not float32",
    ]


def test_another_depth_takes_the_units_of_the_first_layer() -> None:
    assert from_options(SINUSOIDS, parsed("--network", "relu1")).hidden == (40,)
    assert from_options(SINUSOIDS, parsed("--network", "tanh2", "--hidden", "7", "5")).hidden == (
        7,
        5,
    )
    with pytest.raises(Refusal, match="hidden has 1 numbers; relu2 has 2 hidden layers"):
        from_options(SINUSOIDS, parsed("--hidden", "7"))


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (None, "lacks the argument network"),
        ([], "lacks the argument network"),
        ({"network": "relu2"}, "lacks the argument hidden"),
        ({**asdict(Recipe()), "methods": ["maml", "maml"]}, "is 'maml.maml'; it must have each"),
        (
            {**asdict(Recipe()), "network": "cavia"},
            "network is cavia, of the algorithm cavia; for the method maml it must be of maml",
        ),
        ({**asdict(Recipe()), "methods": []}, "methods is ''; it must be one of maml"),
        ({**asdict(Recipe()), "first_order": False}, "has the argument first_order; it must have"),
        ({**asdict(Recipe()), "iterations": 1.5}, "iterations is '1.5'; it must be a whole"),
    ],
)
def test_a_record_that_is_no_recipe(record: Any, message: str) -> None:
    with pytest.raises(Refusal, match=message):
        from_record(record)


BAD = {
    "network": "relu9",
    "hidden": "4.5",
    "initial": "zeros",
    "methods": "sgd",
    **dict.fromkeys([*COUNTS, "context"], "0"),
    **dict.fromkeys(["alpha", "beta", "clip"], "-1"),
    "schedule": "linear",
    "step_weights": "first",
    "dtype": "float16",
}


@pytest.mark.parametrize("name", BAD)
def test_a_flag_refuses_a_bad_value_in_one_line(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flag = f"--{name.replace('_', '-')}"
    # An option's type ends the parser; what has several parts is refused afterwards.
    try:
        status = train.main([flag, BAD[name], "--run", str(tmp_path)])
    except SystemExit as ended:
        status = int(str(ended.code))
    assert status == 2
    message = capsys.readouterr().err
    assert len(message.splitlines()) == 1
    assert f"is {BAD[name]!r}; it must be" in message
    assert name.replace("_", "-") in message
    assert list(tmp_path.iterdir()) in ([], [tmp_path / ".maml-derived.lock"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--recipe", "slow"], "argument --recipe: invalid choice: 'slow'"),
        (["--checkpoint", "0"], "argument --checkpoint: is '0'; it must be a whole number from 1"),
        (["--first-order"], "unrecognized arguments: --first-order"),
        (["--no-baseline"], "unrecognized arguments: --no-baseline"),
        (["--methods", "maml", "maml"], "methods is 'maml+maml'; it must have each once"),
        (["--methods", "reptile", "--alpha", "0"], "alpha is 0; Reptile goes by its inner steps"),
        (
            ["--step-weights", "annealed"],
            "step_weights is annealed; the loss of relu2 is that of the last step, so it must be",
        ),
        (
            ["--methods", "anil"],
            "network is relu2, of the algorithm maml; for the method anil it must be of anil",
        ),
        (
            ["--network", "anil"],
            "network is anil, of the algorithm anil; for the method maml it must be of maml",
        ),
        (
            ["--recipe", "best-10shot", "--methods", "reptile"],
            "network is recipe, of the algorithm recipe; for the method reptile it must be of maml",
        ),
        (
            ["--network", "cross_entropy"],
            "is cross_entropy, of the loss cross_entropy; for sinusoids it must be of squared or",
        ),
        (["--context", "3"], "context is 3; relu2 has none, so it must be left at 5"),
        (["--hidden", "3", "4", "5"], "hidden has 3 numbers; relu2 has 2 hidden layers"),
    ],
)
def test_other_flags_are_refused_in_one_line(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        status = train.main([*arguments, "--run", str(tmp_path)])
    except SystemExit as ended:
        status = int(str(ended.code))
    assert status == 2
    shown = capsys.readouterr().err
    assert len(shown.splitlines()) == 1
    assert message in shown


def test_every_setting_has_good_and_bad_values() -> None:
    assert set(FIELDS) == set(VALUES) == set(BAD)


@pytest.mark.parametrize(
    "methods", [("maml++",), ("maml++", "joint"), ("joint", "maml++", "recipe")]
)
def test_a_name_may_end_as_names_are_joined(methods: tuple[str, ...]) -> None:
    assert read("methods", written(methods)) == methods


@pytest.mark.parametrize("text", ["maml+", "+maml", "maml++joint", "maml+++"])
def test_what_is_joined_badly_is_refused(text: str) -> None:
    with pytest.raises(Refusal, match=r"methods is '.*'; it must be one of maml"):
        read("methods", text)


def test_an_unknown_setting() -> None:
    with pytest.raises(Refusal, match="the setting is 'speed'; it must be one of network, hidden"):
        read("speed", "1")
