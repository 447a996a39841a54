"""The workspace form: its values against the reference, and that mistakes in it are found."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generated.runtime import repeated
from tests.conftest import WITH_WORKSPACE, Problem, import_from, layer_sizes, network, problem
from tests.workspaces import ALPHA, NET, close, layers_of, of


@pytest.fixture
def forced(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Choose the forms of the layers and the rows of a chunk by hand."""

    def force(net: Any, dense: tuple[bool, ...] | None, rows: int) -> None:
        if dense is not None:
            monkeypatch.setattr(net.inplace, "dense_layers", lambda *_: dense)
        monkeypatch.setattr(repeated, "ROWS", rows)

    return force


TOLERANCES: dict[Any, float] = {np.float64: 1e-12, np.float32: 2e-6}


def troubled(p: Problem, trouble: str) -> Problem:
    """Put into a problem what a gate could get wrong.

    The targets are far from the predictions: an error that is nearly zero would be as inexact in
    the reference, since what it is the difference of is rounded.
    """
    p = p._replace(Y_s=p.Y_s + 5, Y_q=p.Y_q + 5)
    weights = p.weights._asdict()
    if trouble == "dead units":
        weights["b1"] = weights["b1"] - 100
    elif trouble == "zeros":
        # Every pre-activation is exactly zero.
        weights["W1"], weights["b1"] = weights["W1"] * 0, weights["b1"] * 0
    elif trouble == "negative zeros":
        weights["W1"], weights["b1"] = weights["W1"] * 0 * -1.0, -(weights["b1"] * 0)
    return p._replace(weights=type(p.weights)(**weights))


# Always the same examples: one in many millions has a unit within rounding of its kink.
@settings(max_examples=300, derandomize=True)
@given(
    name=st.sampled_from(["relu1", "relu2", "tanh2", "relu2_5steps"]),
    tasks=st.integers(1, 7),
    shots=st.integers(1, 12),
    queries=st.integers(1, 12),
    widths=st.lists(st.integers(1, 20), min_size=2, max_size=2),
    inputs=st.integers(1, 4),
    columns=st.integers(1, 4),
    rows=st.integers(1, 60),
    forms=st.lists(st.booleans(), min_size=3, max_size=3),
    chosen=st.booleans(),
    trouble=st.sampled_from(["none", "dead units", "zeros", "negative zeros"]),
    dtype=st.sampled_from([np.float64, np.float32]),
    seed=st.integers(0, 10**6),
)
def test_the_workspace_is_the_reference(
    name: str,
    tasks: int,
    shots: int,
    queries: int,
    widths: list[int],
    inputs: int,
    columns: int,
    rows: int,
    forms: list[bool],
    chosen: bool,
    trouble: str,
    dtype: Any,
    seed: int,
) -> None:
    net = network(name)
    layers = layers_of(net)
    sizes = (inputs, *widths[: layers - 1], columns)
    exact = troubled(problem(net, seed, tasks, shots, queries, sizes), trouble)
    p = exact.cast(dtype)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(repeated, "ROWS", rows)
        if chosen:
            patch.setattr(net.inplace, "dense_layers", lambda *_: forms[:layers])
        ws = of(p, net)
    # What is compared with float32 gets the same rounded numbers.
    expected = net.reference.meta_loss_and_gradient(*p.cast(np.float64), 0.01)
    for _ in range(2):
        close(ws.meta_loss_and_gradient(*p, 0.01), expected, TOLERANCES[dtype])


@pytest.mark.parametrize("name", WITH_WORKSPACE)
def test_every_mixture_of_forms(name: str, forced: Any) -> None:
    net = network(name)
    p = problem(net)
    expected = net.reference.meta_loss_and_gradient(*p, ALPHA)
    for dense in product((False, True), repeat=layers_of(net)):
        forced(net, dense, 500)
        close(of(p, net).meta_loss_and_gradient(*p, ALPHA), expected, 1e-12)


@pytest.mark.parametrize("name", WITH_WORKSPACE)
@pytest.mark.parametrize("rows", [1, 10, 14, 21])
def test_chunks_are_the_whole(name: str, rows: int, forced: Any) -> None:
    net = network(name)
    p = problem(net, tasks=7)
    whole = of(p, net)
    expected = whole.meta_loss_and_gradient(*p, ALPHA)
    forced(net, None, rows)
    chunked = of(p, net)
    assert len(chunked._chunks) > len(whole._chunks) == 1
    close(chunked.meta_loss_and_gradient(*p, ALPHA), expected, 1e-13)


def test_calls_leave_nothing_behind() -> None:
    # The same bits again, also after a call with quite different numbers.
    for name in WITH_WORKSPACE:
        net = network(name)
        p, other = problem(net, 1), problem(net, 2)
        ws = of(p, net)
        first = ws.meta_loss_and_gradient(*p, ALPHA)[0], ws.gradient.copy()
        ws.meta_loss_and_gradient(*other._replace(Y_s=other.Y_s * 100), 0.01)
        again = ws.meta_loss_and_gradient(*p, ALPHA)[0], ws.gradient
        assert first[0] == again[0]
        np.testing.assert_array_equal(first[1], again[1])


@pytest.mark.parametrize("name", WITH_WORKSPACE)
@pytest.mark.parametrize("columns", [1, 2, 5])
@pytest.mark.parametrize("poison", [np.nan, np.inf, 1e300])
def test_a_call_that_overflows_leaves_nothing_behind(
    name: str, columns: int, poison: float, forced: Any
) -> None:
    net = network(name)
    p = problem(net, sizes=(*layer_sizes(net)[:-1], columns))
    for dense in (False, True):
        forced(net, (dense,) * layers_of(net), 500)
        ws = of(p, net)
        loss = ws.meta_loss_and_gradient(*p, ALPHA)[0]
        gradient = ws.gradient.copy()
        for field in ("X_s", "Y_s", "X_q", "Y_q"):
            poisoned = p._replace(**{field: np.full_like(getattr(p, field), poison)})
            with np.errstate(all="ignore"):
                ws.meta_loss_and_gradient(*poisoned, ALPHA)
            assert ws.meta_loss_and_gradient(*p, ALPHA)[0] == loss, field
            np.testing.assert_array_equal(ws.gradient, gradient)


def test_a_single_nan_is_seen() -> None:
    p = problem(NET)
    for field in ("X_s", "Y_s", "X_q", "Y_q"):
        array = getattr(p, field).copy()
        array[0, 0, 0] = np.nan
        with np.errstate(invalid="ignore"):
            loss, _ = of(p, NET).meta_loss_and_gradient(*p._replace(**{field: array}), ALPHA)
        assert np.isnan(loss), field


def test_no_step_and_strided_data() -> None:
    p = problem(NET)
    ws = of(p, NET)
    expected = NET.reference.meta_loss_and_gradient(*p, 0.0)
    close(ws.meta_loss_and_gradient(*p, 0), expected, 1e-12)
    flipped = [np.ascontiguousarray(array[:, ::-1])[:, ::-1] for array in p[1:]]
    frozen = [array.copy() for array in flipped]
    for array in frozen:
        array.flags.writeable = False
    close(ws.meta_loss_and_gradient(p.weights, *flipped, 0), expected, 1e-12)
    close(ws.meta_loss_and_gradient(p.weights, *frozen, 0), expected, 1e-12)


def test_one_input_and_one_output_are_dense_from_two_query_points_on() -> None:
    for rows, dense in ((1, False), (2, True), (10, True)):
        first, _, last = NET.inplace.dense_layers(rows, rows, (1, 40, 40, 1))
        assert first is last is dense


# --- the checks can fail ---


def mutants(source: str) -> list[tuple[int, str]]:
    """Lines of the workspace form, each with one mistake in it."""
    lines = source.splitlines()
    start = next(i for i, line in enumerate(lines) if "--- support forward" in line)
    changes = [
        (r"copyto\(W\w+_term.*", "pass"),
        (r"\bW2\.forward", "W2.backward.T"),
        (r"W(\d)_fast\.(forward|backward)", r"W\1.\2"),
        (r"\(M \* O \* T\)", "(M * O)"),
        (r"\badd\(", "subtract("),
        (r"\bbitwise_and\((\S+), (\S+), ", r"bitwise_and(\1, \1, "),
        (r"(matmul\([^#]*out=u?[ZH][12]\w*\.)task_units\)", r"\1task)"),
        (r"-2 \* alpha", "2 * alpha"),
    ]
    return [
        (at, re.sub(pattern, wrong, line, count=1))
        for at, line in enumerate(lines[start:], start)
        for pattern, wrong in changes
        if re.search(pattern, line)
    ]


def test_a_mistake_in_a_line_is_found(tmp_path: Path) -> None:
    folder = Path(str(NET.__file__)).parent
    source = (folder / "inplace.py").read_text(encoding="utf-8")
    found = mutants(source)
    assert len(found) > 30
    p = problem(NET)
    expected = NET.reference.meta_loss_and_gradient(*p, ALPHA)
    for count, (at, wrong) in enumerate(found):
        lines = source.splitlines()
        lines[at] = wrong
        copy = tmp_path / f"mutant{count}"
        copy.mkdir()
        for file in folder.glob("*.py"):
            (copy / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
        (copy / "inplace.py").write_text("\n".join(lines), encoding="utf-8")
        mutant = import_from(copy, f"generated.inplace_mutant_{count}")
        survived = 0
        for dense in product((False, True), repeat=3):
            mutant.inplace.dense_layers = lambda *_, dense=dense: dense
            try:
                close(of(p, mutant).meta_loss_and_gradient(*p, ALPHA), expected, 1e-12)
                survived += 1
            except (AssertionError, ValueError):
                pass
        assert survived < 8, wrong
