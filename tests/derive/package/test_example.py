"""The toy task in exact numbers: every value that the site shows, computed in other ways."""

from __future__ import annotations

import json
from fractions import Fraction
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from derive.making import NETWORKS
from derive.package.example import TABLES
from derive.package.trial import lines_of

ROOT = Path(__file__).parents[3]
TOYS = [name for name, network in NETWORKS.items() if network in TABLES]
#: The functions whose lines each form of the manifest shows.
FORMS = {
    "derived": ("reference", "meta_loss_and_gradient"),
    "first_order": ("reference", "first_order_meta_loss_and_gradient"),
    "rewritten": ("kernel", "meta_loss_and_gradient"),
}
#: Exact arithmetic has no rounding, so a difference may be as small as we like.
STEP = Fraction(1, 10**12)


def record(name: str) -> dict[str, Any]:
    text = (ROOT / "generated" / name / "equations.json").read_text(encoding="utf-8")
    return json.loads(text)  # type: ignore[no-any-return]


def read(text: str) -> np.ndarray:
    """A printed number or matrix, as fractions."""
    rows = [list(map(Fraction, row.split())) for row in text.strip("[]").split(";")]
    return np.array(rows, dtype=object)


@cache
def given(name: str) -> dict[str, np.ndarray]:
    return {key: read(value) for key, value in record(name)["example"].items()}


def shown(name: str, form: str) -> dict[str, np.ndarray]:
    return {line["name"]: read(line["example"]) for line in record(name)[form]}


def fields(name: str) -> tuple[str, ...]:
    names: tuple[str, ...] = import_module(f"generated.{name}").Weights._fields
    return names


# --- by the emitted code ---


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", TOYS)
def test_every_value_is_that_of_the_emitted_line(name: str, form: str) -> None:
    module, function = FORMS[form]
    net, numbers = import_module(f"generated.{name}"), given(name)
    floats = {key: value.astype(np.float64) for key, value in numbers.items()}
    weights = net.Weights(*(floats[field] for field in fields(name)))
    data = {key: floats[key][np.newaxis] for key in ("X_s", "Y_s", "X_q", "Y_q")}
    alpha = float(numbers["alpha"][0, 0])
    code = getattr(import_module(f"generated.{name}.{module}"), function)
    lines = lines_of(code, {"weights": weights, **data, "alpha": alpha})
    for key, value in shown(name, form).items():
        found = np.asarray(lines[key], dtype=np.float64).reshape(value.shape)
        np.testing.assert_allclose(found, value.astype(np.float64), rtol=1e-14, err_msg=key)


# --- by hand ---


def forward(weights: dict[str, np.ndarray], X: np.ndarray) -> list[np.ndarray]:
    """The inputs of each layer, and the prediction."""
    layers = sorted(int(key[1:]) for key in weights if key[0] == "W")
    rows = [X]
    for layer in layers:
        Z = rows[-1] @ weights[f"W{layer}"] + weights.get(f"b{layer}", 0)
        rows.append(Z if layer == layers[-1] else Z * (Z > 0))
    return rows


def loss(weights: dict[str, np.ndarray], X: np.ndarray, Y: np.ndarray) -> Fraction:
    error = forward(weights, X)[-1] - Y
    return Fraction((error * error).sum(), error.size)


def meta_loss(weights: dict[str, np.ndarray], numbers: dict[str, np.ndarray]) -> Fraction:
    """A step on the support set, layer by layer from the last, and the query loss after it."""
    *inputs, prediction = forward(weights, numbers["X_s"])
    back = (prediction - numbers["Y_s"]) * Fraction(2, prediction.size)
    fast = dict(weights)
    for layer, H in reversed(list(enumerate(inputs, start=1))):
        alpha = numbers["alpha"][0, 0]
        fast[f"W{layer}"] = weights[f"W{layer}"] - alpha * (H.T @ back)
        if f"b{layer}" in weights:
            fast[f"b{layer}"] = weights[f"b{layer}"] - alpha * back.sum(0, keepdims=True)
        back = (back @ weights[f"W{layer}"].T) * (H > 0)
    return loss(fast, numbers["X_q"], numbers["Y_q"])


@pytest.mark.parametrize("name", TOYS)
def test_the_meta_gradient_is_the_limit_of_differences(name: str) -> None:
    numbers, found = given(name), shown(name, "derived")
    weights = {key: numbers[key] for key in fields(name)}
    assert meta_loss(weights, numbers) == found["loss_q"][0, 0]
    for key, array in weights.items():
        for at in np.ndindex(array.shape):
            moved = []
            for by in (STEP, -STEP):
                other = array.copy()
                other[at] += by
                moved.append(meta_loss({**weights, key: other}, numbers))
            slope = (moved[0] - moved[1]) / (2 * STEP)
            assert abs(slope - found[f"{key}_bar"][at]) < STEP, (key, at)


@pytest.mark.parametrize("name", TOYS)
def test_the_rewrite_keeps_what_is_asked_for(name: str) -> None:
    derived, rewritten = shown(name, "derived"), shown(name, "rewritten")
    for key in ("loss_q", *(f"{field}_bar" for field in fields(name))):
        assert (derived[key] == rewritten[key]).all(), key


# --- what the numbers were chosen for ---


@pytest.mark.parametrize("name", TOYS)
def test_values_are_short_and_none_vanishes(name: str) -> None:
    for form in FORMS:
        for key, value in shown(name, form).items():
            assert value.any(), key
            for entry in value.flat:
                assert max(abs(entry.numerator), entry.denominator) < 1000, (key, entry)


@pytest.mark.parametrize("name", TOYS)
def test_each_hidden_layer_has_open_and_closed_units(name: str) -> None:
    values = shown(name, "derived")
    for rows in ("s", "q"):
        for layer in range(1, NETWORKS[name].hidden + 1):
            Z = values[f"Z{layer}_{rows}"]
            assert ((Z > 0).any(axis=1) & (Z < 0).any(axis=1)).any(), (layer, rows)
            assert (Z != 0).all()


@pytest.mark.parametrize("name", TOYS)
def test_the_second_order_moves_every_parameter(name: str) -> None:
    full, first = shown(name, "derived"), shown(name, "first_order")
    for field in fields(name):
        assert (full[f"{field}_bar"] != first[f"{field}_bar"]).any(), field


def test_only_a_network_with_a_table_has_an_example() -> None:
    for name in NETWORKS:
        written = record(name)
        lines = [line for form in FORMS for line in written[form]]
        assert ("example" in written) == (name in TOYS)
        assert {"example" in line for line in lines} == {name in TOYS}
