"""Networks that are derived when they are asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from docs.experiment import derived
from docs.experiment.cache import cache
from docs.experiment.command import Refusal
from docs.experiment.derived import Derived, parsed
from docs.experiment.methods import network_of
from docs.experiment.networks import load_network, trainable
from docs.experiment.recipes import Recipe, overridden
from generated import cross_entropy, relu2


@pytest.mark.parametrize(
    "text",
    [
        *("relu2", "cross_entropy", "relu2-maml", "relu2-squared-maml-", "relu-squared-maml-1"),
        "relu2-squared-maml-1-other",
    ],
)
def test_other_names_are_of_something_else(text: str) -> None:
    assert parsed(text) is None


def test_a_name_says_what_is_derived() -> None:
    network = Derived("relu", 4, "cross_entropy", "meta_sgd", 3)
    assert network.name == "relu4-cross_entropy-meta_sgd-3"
    assert parsed(network.name) == network
    normalised = network._replace(normalised=True)
    assert parsed(normalised.name) == normalised
    assert normalised.flags == [*network.flags, "--normalised"]


def test_what_is_generated_is_not_derived(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(derived, "derive", None)
    expected: list[Any] = [cross_entropy, relu2]
    names = ("relu2-cross_entropy-maml-1", "relu2-squared-maml-1")
    assert list(map(load_network, names)) == expected
    for name in trainable():
        made = load_network(name).NETWORK
        named = Derived(*(getattr(made, field) for field in Derived._fields)).name
        assert made == load_network(named).NETWORK


def test_a_method_has_the_network_of_its_algorithm() -> None:
    recipe = Recipe(network="relu2-squared-maml-1")
    assert network_of(recipe, "anil") == "relu2-squared-anil-1"
    assert network_of(recipe, "first-order") == "relu2-squared-maml-1"
    for start in ("joint", "random"):
        assert network_of(recipe, start) == "relu2-squared-maml-1"
    assert network_of(replace(recipe, network="relu2"), "anil") == "relu2"
    both = overridden(recipe, {"methods": ("maml", "anil", "boil")})
    assert both.methods == ("maml", "anil", "boil")
    with pytest.raises(Refusal, match="network is relu2, of the algorithm maml"):
        overridden(replace(recipe, network="relu2"), {"methods": ("anil",)})


def test_it_is_derived_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("sympy")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    name = "tanh1-squared-maml-1"
    net = load_network(name)
    assert capfd.readouterr().err == f"deriving {name}, which is not there yet ...\n"
    made = net.NETWORK
    assert (made.hidden, made.activation, made.loss, made.steps) == (1, "tanh", "squared", 1)
    rng = np.random.default_rng(0)
    weights = net.Weights(*(rng.normal(size=s) for s in ((2, 3), (1, 3), (3, 1), (1, 1))))
    assert net.predict(weights, np.ones((5, 2))).shape == (5, 1)
    monkeypatch.setattr(derived, "derive", None)
    load_network.cache_clear()
    load_network(name)
    (version,) = (cache() / "networks").iterdir()
    assert {path.name for path in version.iterdir()} <= {"tanh1_squared_maml_1", ".lock"}


def test_what_cannot_be_derived_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sympy")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(Refusal, match=r"relu2-nothing-maml-1 cannot be derived: .*'nothing'"):
        load_network("relu2-nothing-maml-1")
    assert not list((tmp_path / "maml-derived" / "networks").rglob("*.py"))
