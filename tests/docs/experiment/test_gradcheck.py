"""The check of gradients must be able to fail."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest

from docs.experiment import gradcheck as module
from docs.experiment.gradcheck import Kink, central_difference
from docs.experiment.networks import load_network
from docs.sinusoid import gradcheck


class Pair(NamedTuple):
    """Weights of two arrays."""

    first: Any
    second: Any


def test_gradcheck_finds_a_wrong_gradient(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    net = load_network("relu1")
    first_order = net.first_order_meta_loss_and_gradient
    monkeypatch.setattr(net, "meta_loss_and_gradient", first_order)
    assert gradcheck.main(["--network", "relu1"]) == 1
    shown = capsys.readouterr().out
    assert "FAILED" in shown
    assert shown.splitlines()[-1] == "4 failed"


def test_a_context_is_held_fixed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gradcheck.main(["--network", "cavia"]) == 0
    assert capsys.readouterr().out.count("  V1 ") == 3
    net = load_network("cavia")
    right = net.first_order_meta_loss_and_gradient

    def wrong(*given: Any) -> Any:
        loss, gradient = right(*given)
        weights: Any = gradient
        return loss, weights._replace(V1=0 * weights.V1)  # as if the context did not meet it

    monkeypatch.setattr(net, "first_order_meta_loss_and_gradient", wrong)
    assert gradcheck.main(["--network", "cavia"]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "1 failed"


@pytest.mark.parametrize("far", [5e-8, 2e-8, -5e-8])
def test_a_kink_on_the_way_of_a_difference_is_passed_by(far: float) -> None:
    weights: Any = Pair(np.array([0.3, far]), np.array([2.0]))

    def loss(at: Any) -> float:
        return float(np.maximum(at.first, 0)[1] + (at.first[0] + at.second[0]) ** 2)

    slope, other = central_difference(loss, weights)
    np.testing.assert_allclose(slope, [4.6, float(far > 0)], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(other, [4.6], rtol=1e-6)


def test_a_point_on_a_kink_is_left_for_another(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def bent(at: Any) -> float:
        return float(abs(at.first[0]) + at.second[0])

    for near in (0.0, 1e-9, 6e-9):
        weights: Any = Pair(np.array([near]), np.array([1.0]))
        with pytest.raises(Kink):
            central_difference(bent, weights)
    real, points = module.gradients, list[Any]()

    def once(net: Any, parameters: Any, *rest: Any) -> Any:
        points.append(parameters)
        if len(points) == 1:
            raise Kink
        return real(net, parameters, *rest)

    monkeypatch.setattr(module, "gradients", once)
    assert gradcheck.main(["--network", "relu1"]) == 0
    first, second = points
    assert 0 < np.abs(first.arrays[0] - second.arrays[0]).max() < 1e-2

    def always(*_: Any) -> Any:
        raise Kink

    monkeypatch.setattr(module, "gradients", always)
    assert gradcheck.main(["--network", "relu1"]) == 2
    assert "the loss has a kink at each of 5 points" in capsys.readouterr().err


@pytest.mark.parametrize(("network", "seed"), [("relu1", 57), ("relu1", 327)])
def test_a_gradient_that_is_next_to_zero_needs_no_more_digits_than_there_are(
    network: str, seed: int
) -> None:
    # A sum over few entries vanishes now and then, and rounding is large beside it.
    assert gradcheck.main(["--network", network, "--seed", str(seed)]) == 0
