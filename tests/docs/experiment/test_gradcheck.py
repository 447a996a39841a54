"""The check of gradients must be able to fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from docs.experiment.networks import load_network
from docs.sinusoid import gradcheck

if TYPE_CHECKING:
    import pytest


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
