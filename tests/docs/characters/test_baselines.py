"""What MAML is compared with: every baseline, against its definition."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from docs.characters.baselines import (
    centroids_of_features,
    centroids_of_pixels,
    features,
    nearest_centroid,
)
from docs.characters.family import CHARACTERS, QUICK
from docs.experiment.evaluate import Run, with_head
from docs.experiment.methods import initial_of
from docs.experiment.networks import load_network
from docs.experiment.train import fresh, go_on
from tests.docs.characters.images import folder_of

NET = load_network("relu2-cross_entropy-maml-1")


def task(rng: np.random.Generator, width: int = 196) -> tuple[Any, ...]:
    """Three classes, two supports and four queries of each."""
    ones = np.eye(3)
    Y_s, Y_q = np.repeat(ones, 2, axis=0), np.repeat(ones, 4, axis=0)
    return rng.normal(size=(6, width)), Y_s, rng.normal(size=(12, width)), Y_q


def test_the_nearest_centroid_is_the_nearest() -> None:
    X_s, Y_s, X_q, Y_q = task(np.random.default_rng(0), 4)
    right = 0
    for x, y in zip(X_q, Y_q, strict=True):
        distances = [np.linalg.norm(x - X_s[Y_s[:, c] == 1].mean(axis=0)) for c in range(3)]
        right += int(np.argmin(distances)) == int(y.argmax())
    assert nearest_centroid(X_s, Y_s, X_q, Y_q) == right / 12
    assert 0 < right < 12


def test_features_are_the_last_hidden_layer() -> None:
    rng = np.random.default_rng(0)
    shapes = ((5, 7), (1, 7), (7, 6), (1, 6), (6, 3), (1, 3))
    W1, b1, W2, b2, *_ = weights = NET.Weights(*(rng.normal(size=shape) for shape in shapes))
    X = rng.normal(size=(4, 5))
    expected = np.maximum(np.maximum(X @ W1 + b1, 0) @ W2 + b2, 0)
    np.testing.assert_allclose(features(NET, weights, X), np.maximum(expected, 0))


def test_centroids_of_features_are_those_of_maml() -> None:
    family = CHARACTERS.of(QUICK)
    start = initial_of(family, QUICK, 0, "maml")
    given = tuple(np.asarray(each, np.float32) for each in task(np.random.default_rng(0)))
    run = Run(family, QUICK, 0, {"maml": start, "random": start})
    X_s, Y_s, X_q, Y_q = given
    F_s, F_q = (features(NET, start.weights, X) for X in (X_s, X_q))
    assert centroids_of_features(run, *given) == nearest_centroid(F_s, Y_s, F_q, Y_q)
    assert centroids_of_pixels(run, *given) == nearest_centroid(*given)
    assert np.isnan(centroids_of_features(replace(run, starts={"random": start}), *given))


def test_what_was_pretrained_gets_a_new_head() -> None:
    family = CHARACTERS.of(QUICK)
    trained, random = (initial_of(family, QUICK, seed, name) for seed, name in SEEDS)
    made = with_head(trained, random)
    for name, array in made.weights._asdict().items():
        source = random if name in {"W3", "b3"} else trained
        np.testing.assert_array_equal(array, source.weights._asdict()[name])
    assert trained.weights._asdict()["W3"].shape == (64, family.classes)


SEEDS = ((1, "pretrained"), (0, "random"))


@pytest.mark.parametrize("method", QUICK.methods)
def test_every_method_learns(method: str, tmp_path: Any) -> None:
    if method in {"meta-sgd", "anil", "boil"}:
        pytest.importorskip("sympy")
    data = str(folder_of(tmp_path / "images", classes=24))
    small = replace(QUICK, hidden=(32, 16), meta_batch=8, beta=0.003, data=data)
    recipe = replace(small, methods=(method,), iterations=300)
    state, _ = go_on(tmp_path, fresh(CHARACTERS, recipe, 0, {}), 100, quiet=True)
    assert not state.stopped
    losses = np.loadtxt(tmp_path / "metrics.csv", delimiter=",", skiprows=1, usecols=2)
    assert losses[-10:].mean() < 0.9 * losses[:5].mean()
