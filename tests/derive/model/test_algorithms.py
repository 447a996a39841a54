"""What may be written of an algorithm and a network, and what a network makes of it."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from itertools import chain
from typing import Any

import pytest

from derive.language.names import lam
from derive.language.program import terms_in
from derive.model.algorithms import ALGORITHMS, RATES, Algorithm
from derive.model.losses import LOSSES
from derive.model.network import Network
from derive.model.programs import meta_gradient_program


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"adapted": "tail"},
            "adapted is 'tail'; it must be one of all, head, body, biases, context",
        ),
        ({"rate": "two"}, "rate is 'two'; it must be one of given, one, layer, array, entry"),
        ({"outer": "first"}, "outer is 'first'; it must be one of last, every"),
        ({"per_step": True}, "per_step is True; a given step size is the same for all steps"),
    ],
)
def test_an_algorithm_that_there_is_not_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        Algorithm("mine", "nobody", **fields)


def test_an_algorithm_is_plain_data() -> None:
    with pytest.raises(FrozenInstanceError):
        ALGORITHMS["maml"].rate = "one"  # type: ignore[misc]
    assert ALGORITHMS["maml"] == replace(ALGORITHMS["maml"])
    assert {name for name, each in ALGORITHMS.items() if each.learns} == {
        "meta_sgd", "maml_plus_plus", "recipe",
    }  # fmt: skip
    assert all(each.title and each.reference.endswith(".") for each in ALGORITHMS.values())


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"hidden": -1}, "hidden is -1; it must be at least 0"),
        ({"steps": 0}, "steps is 0; it must be at least 1"),
        (
            {"activation": "step"},
            "activation is 'step'; it must be one of relu, tanh, softplus, .*",
        ),
        ({"loss": "hinge"}, "loss is 'hinge'; it must be one of squared, huber, cross_entropy"),
        ({"algorithm": "sgd"}, "algorithm is 'sgd'; it must be one of maml, first_order, .*"),
        (
            {"algorithm": "cavia", "penalty": True},
            "penalty is True; a context begins from zero .* cavia has nothing to penalise",
        ),
        (
            {"algorithm": "biases", "bias": False},
            "algorithm is 'biases', which adapts the biases; with hidden 2 and bias False .*",
        ),
        (
            {"algorithm": "boil", "hidden": 0},
            "algorithm is 'boil', .*; with hidden 0 and bias True there is nothing to adapt",
        ),
    ],
)
def test_a_network_that_cannot_be_derived_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        Network(**fields)


@pytest.mark.parametrize(
    ("algorithm", "adapted"),
    [
        ("maml", "W1 b1 W2 b2 W3 b3"),
        ("anil", "W3 b3"),
        ("boil", "W1 b1 W2 b2"),
        ("biases", "b1 b2 b3"),
        ("cavia", "c"),
    ],
)
def test_the_steps_change_what_adapts_and_nothing_else(algorithm: str, adapted: str) -> None:
    network = Network(algorithm=algorithm)
    found = network.adapted(network.parameters)
    assert " ".join(str(each.name) for each in found) == adapted
    program = meta_gradient_program(network)
    steps = [line.name for line in program if line.stage == "step"]
    assert steps == [f"{name}_fast" for name in adapted.split()]
    # What does not adapt has a meta-gradient all the same.
    outputs = [str(each.name) for each in program.outputs]
    assert outputs == ["loss_q", *(f"{weight}_bar" for weight in network.weights)]
    assert "V1" in map(str, network.weights) or algorithm != "cavia"


@pytest.mark.parametrize(
    ("rate", "per_step", "fields"),
    [
        ("given", False, {}),
        ("one", False, {"all": ["alpha"]}),
        ("one", True, {"all": ["alpha_s1", "alpha_s2"]}),
        ("layer", False, {"layer1": ["alpha1"], "layer2": ["alpha2"]}),
        (
            "layer",
            True,
            {"layer1": ["alpha1_s1", "alpha1_s2"], "layer2": ["alpha2_s1", "alpha2_s2"]},
        ),
        ("array", False, {name: [f"a{name}"] for name in ("W1", "b1", "W2", "b2")}),
        (
            "entry",
            True,
            {name: [f"a{name}_s1", f"a{name}_s2"] for name in ("W1", "b1", "W2", "b2")},
        ),
    ],
)
def test_there_are_as_many_step_sizes_as_an_algorithm_says(
    rate: str, per_step: bool, fields: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    row = replace(ALGORITHMS["maml"], rate=rate, per_step=per_step)
    name = f"{rate}_{per_step}"
    monkeypatch.setitem(ALGORITHMS, name, row)
    network = Network(1, steps=2, algorithm=name)
    found = {field: [str(each.name) for each in rates] for field, rates in network.rates}
    assert found == fields
    program = meta_gradient_program(network)
    assert [str(each.name) for each in program.group("rates")] == list(chain(*fields.values()))
    assert ("alpha" in map(str, program.group("numbers"))) is (rate == "given")
    assert rate in RATES


@pytest.mark.parametrize("loss", LOSSES)
def test_what_a_network_adds_to_its_algorithm_is_an_argument(loss: str) -> None:
    plain = Network(1, loss=loss)
    assert (plain.rule.penalty, plain.rule.task_weights) == (False, False)
    both = replace(plain, penalty=True, task_weights=True)
    assert both.rule == replace(plain.rule, penalty=True, task_weights=True)
    groups = {group.name: group.symbols for group in meta_gradient_program(both).groups}
    assert [str(each) for each in groups["numbers"]] == ["alpha", "lam", "tau"]
    several = meta_gradient_program(Network(1, steps=3, algorithm="maml_plus_plus"))
    assert [group.name for group in several.groups] == [
        "weights", "rates", "support", "query", "omegas",
    ]  # fmt: skip
    assert [str(each) for each in several.group("omegas")] == ["omega1", "omega2", "omega3"]


def test_a_penalty_is_on_what_adapts() -> None:
    network = Network(1, algorithm="anil", penalty=True)
    program = meta_gradient_program(network)
    # Half a multiple of the squares, whose gradient is that multiple.
    assert lam * network.weights[2] in terms_in(program["dW2"].value)
    read = {str(each.name) for each in program["loss_s"].reads}
    assert {"W2", "b2"} <= read
    assert not {"W1", "b1"} & read
