"""The check of gradients must be able to fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
