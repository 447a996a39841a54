"""Workspaces for random problems, and how their results are compared."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.conftest import Problem, network

ALPHA = 0.05
NET = network("relu2")


def layers_of(net: Any) -> int:
    return int(net.NETWORK.hidden) + 1


def of(p: Problem, net: Any, **more: Any) -> Any:
    """A workspace for a problem."""
    sizes = (*(W.shape[0] for W in p.weights[::2]), p.weights[-1].shape[1])
    counts = (len(p.X_s), p.X_s.shape[1], p.X_q.shape[1])
    return net.workspace(sizes, *counts, dtype=p.weights[0].dtype, **more)


def close(found: tuple[float, Any], expected: tuple[float, Any], tolerance: float) -> None:
    """Compare losses, and gradients relative to the largest of them: a small one may cancel."""
    assert found[0] == pytest.approx(expected[0], rel=tolerance)
    scale = max(np.linalg.norm(array) for array in expected[1])
    for name, ours, theirs in zip(expected[1]._fields, found[1], expected[1], strict=True):
        assert ours.shape == theirs.shape
        assert np.linalg.norm(ours - theirs) <= tolerance * scale, name
