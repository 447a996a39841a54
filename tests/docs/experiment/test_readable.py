"""Memory for packages without a workspace form."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from docs.characters.family import CHARACTERS, QUICK
from docs.characters.plot.movement import layers
from docs.experiment.methods import initial_of
from docs.experiment.networks import flatten, initial_weights, load_network
from docs.experiment.parameters import load_parameters
from docs.experiment.randomness import stream
from docs.experiment.readable import Readable
from docs.experiment.train import fresh, go_on, held_out_of, workspace_of
from tests.docs.characters.images import folder_of

SIZES, FLOAT = (9, 8, 7, 3), np.dtype(np.float64)


def problem() -> tuple[Any, ...]:
    """Weights, a meta-batch and a step size."""
    rng, net = stream(0, 1), load_network("cross_entropy")
    X_s, X_q = (rng.normal(size=(4, count, 9)) for count in (3, 6))
    Y_s, Y_q = (np.tile(np.eye(3)[np.arange(count) % 3], (4, 1, 1)) for count in (3, 6))
    weights = initial_weights(net, SIZES, stream(0, 2), FLOAT)
    return weights, X_s, Y_s, X_q, Y_q, 0.4


def test_it_holds_what_a_workspace_holds() -> None:
    net, (weights, *given) = load_network("cross_entropy"), problem()
    ws, other = net.workspace(SIZES, 4, 3, 6, FLOAT), Readable(net, SIZES, FLOAT)
    for memory in (ws, other):
        flatten(weights, memory.parameters)
    for ours, array in zip(other.weights, weights, strict=True):
        np.testing.assert_array_equal(ours, array)
        assert np.shares_memory(ours, other.parameters)
    loss, _ = ws.meta_loss_and_gradient(ws.weights, *given)
    assert other.meta_loss_and_gradient(other.weights, *given)[0] == pytest.approx(loss, rel=1e-12)
    np.testing.assert_allclose(other.gradient, ws.gradient, rtol=1e-9, atol=1e-14)
    assert np.abs(ws.gradient).max() > 0.01


def test_a_normalised_network_learns(tmp_path: Path) -> None:
    pytest.importorskip("sympy")
    data = str(folder_of(tmp_path / "images", classes=24))
    network = "relu2-cross_entropy-maml-1-normalised"
    small = replace(QUICK, hidden=(32, 16), meta_batch=8, beta=0.003, data=data, iterations=200)
    recipe = replace(small, network=network, methods=("maml", "first-order"))
    begun = fresh(CHARACTERS, recipe, 0, {})
    with pytest.raises(ValueError, match=r"backend is 'c'; .*-normalised has numpy alone"):
        workspace_of(replace(begun, backend="c"), held_out_of(begun))
    state, _ = go_on(tmp_path, begun, 100, quiet=True)
    assert not state.stopped
    losses = np.loadtxt(tmp_path / "metrics.csv", delimiter=",", skiprows=1, usecols=2)
    for each in np.split(losses, 2):
        assert each[-10:].mean() < 0.9 * each[:5].mean()
    net, batch = load_network(network), held_out_of(begun)
    start = initial_of(CHARACTERS.of(recipe), recipe, 0, "maml")
    weights = load_parameters(tmp_path / "maml.npz", start).weights
    drawn = layers(weights, batch.X_q[0], normalised=True)[-1]
    np.testing.assert_allclose(drawn, net.predict(weights, batch.X_q[0]), rtol=1e-4, atol=1e-4)
    plain = layers(weights, batch.X_q[0])[-1]
    assert np.abs(plain - drawn).max() > 0.1
