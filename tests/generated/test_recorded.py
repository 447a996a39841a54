"""The numbers of one meta-batch, recorded before derive/ was restructured, are still computed.

`recorded.json` holds for every package of then the meta-loss and both gradients, flat, in float64.
They are of `reference.py` and of what `recorded` below makes. The restructuring changed no bit of
them; they are compared to 1e-12 all the same, because BLAS and its order of adding up differ from
machine to machine, and because the other forms add up in another order.
"""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import Problem, network

RECORDED = json.loads((Path(__file__).parent / "recorded.json").read_text(encoding="utf-8"))

#: Of the largest entry of a gradient, whose smallest entries may cancel.
TOLERANCE = 1e-12
ALPHA = 0.05


def recorded(net: Any) -> Problem:
    """The meta-batch of the record: seed 7, 3 tasks, 4 shots, 6 queries, biases a tenth."""
    sizes = (2, *(5, 7)[: net.NETWORK.hidden], 3)
    rng = np.random.default_rng(7)
    arrays = []
    for above, below in pairwise(sizes):
        arrays.append(rng.normal(size=(above, below)) / above**0.5)
        arrays.append(0.1 * rng.normal(size=(1, below)))
    batch = [
        rng.normal(size=(3, rows, columns)) for rows in (4, 6) for columns in (sizes[0], sizes[-1])
    ]
    return Problem(net.Weights(*arrays), *batch)


def agrees(found: tuple[float, Any], name: str, which: str) -> None:
    """Compare a loss and a gradient with those of the record."""
    loss, gradient = found
    assert loss == pytest.approx(RECORDED[name]["loss"], rel=TOLERANCE)
    expected = np.array(RECORDED[name][which])
    flat = np.concatenate([array.ravel() for array in gradient])
    scale = np.abs(expected).max()
    np.testing.assert_allclose(flat, expected, rtol=TOLERANCE, atol=TOLERANCE * scale)


@pytest.mark.parametrize("name", RECORDED)
@pytest.mark.parametrize("form", ["readable", "reference"])
def test_the_recorded_gradients_are_computed(name: str, form: str) -> None:
    net = network(name)
    module = net if form == "readable" else net.reference
    p = recorded(net)
    agrees(module.meta_loss_and_gradient(*p, ALPHA), name, "gradient")
    agrees(module.first_order_meta_loss_and_gradient(*p, ALPHA), name, "first_order")


@pytest.mark.parametrize("name", RECORDED)
@pytest.mark.parametrize("dense", [False, True])
def test_a_workspace_computes_the_recorded_gradient(
    name: str, dense: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = network(name)
    p = recorded(net)
    layers = net.NETWORK.hidden + 1
    monkeypatch.setattr(net.inplace, "dense_layers", lambda *_: (dense,) * layers)
    sizes = (*(W.shape[0] for W in p.weights[::2]), p.weights[-1].shape[1])
    ws = net.workspace(sizes, len(p.X_s), p.X_s.shape[1], p.X_q.shape[1], np.float64)
    agrees(ws.meta_loss_and_gradient(*p, ALPHA), name, "gradient")
