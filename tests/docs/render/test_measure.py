"""What the build measures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from derive.passes.rewrite import PASSES
from docs.render.measure import measure
from tests.docs.render.pages import figures


def leaves(record: Any) -> Iterator[Any]:
    """The figures of a record."""
    if isinstance(record, dict):
        for part in record.values():
            yield from leaves(part)
    else:
        yield record


def test_every_figure_is_within_its_bound() -> None:
    record = figures()
    networks = {"relu1", "relu2", "tanh2", "relu2_5steps", "linear"}
    assert set(record["finite_differences"]) == set(record["agreement"]) == networks
    bounds = {"finite_differences": 1e-5, "agreement": 1e-12, "proof": 1e-30}
    for name, bound in bounds.items():
        assert all(0 <= value <= bound for value in leaves(record[name])), name
    for gradients in record["finite_differences"].values():
        # Differences have rounding; where there is none, something was compared with itself.
        assert all(value > 0 for value in leaves(gradients))
        assert set(gradients) == {"inner gradient", "meta-gradient", "first-order meta-gradient"}
    assert set(record["proof"]) == {"derived", "rewritten"}
    assert record["passes"] == {apply.__name__: "equal" for apply in PASSES}
    assert all(value > 1e-3 for value in leaves(record["second_order"]))
    assert record["warm_up"]["derived"] == pytest.approx(-4.48, rel=1e-14)
    assert record["warm_up"]["central difference"] == pytest.approx(-4.48, rel=1e-8)
    assert record["network"]["prediction"] <= 1e-12
    assert record["step"]["difference"] <= 1e-12
    assert 1 <= record["step"]["rank"] <= record["step"]["shots"] < record["step"]["units"]
    assert record["meta_loss"]["difference"] <= 1e-12
    json.dumps(record, allow_nan=False)


def test_the_same_figures_are_measured_again() -> None:
    assert measure() == figures()
