"""The workspace form: its values against the reference, its memory, and that mistakes are found."""

from __future__ import annotations

import re
import tracemalloc
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docs.experiment.networks import names
from tests.conftest import Problem, layer_sizes, network, problem
from tests.test_generated import import_from

ALPHA = 0.05
NET = network("relu2")


def layers_of(net: Any) -> int:
    return len(net.Weights._fields) // 2


def of(p: Problem, net: Any) -> Any:
    """A workspace for a problem."""
    sizes = (*(W.shape[0] for W in p.weights[::2]), p.weights[-1].shape[1])
    return net.workspace(
        sizes, len(p.X_s), p.X_s.shape[1], p.X_q.shape[1], dtype=p.weights[0].dtype
    )


def close(found: tuple[float, Any], expected: tuple[float, Any], tolerance: float) -> None:
    """Compare losses, and gradients relative to the largest of them: a small one may cancel."""
    assert found[0] == pytest.approx(expected[0], rel=tolerance)
    scale = max(np.linalg.norm(array) for array in expected[1])
    for name, ours, theirs in zip(expected[1]._fields, found[1], expected[1], strict=True):
        assert ours.shape == theirs.shape
        assert np.linalg.norm(ours - theirs) <= tolerance * scale, name


@pytest.fixture
def forced(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Choose the forms of the layers and the rows of a chunk by hand."""

    def force(net: Any, dense: tuple[bool, ...] | None, rows: int) -> None:
        if dense is not None:
            monkeypatch.setattr(net.inplace, "dense_layers", lambda *_: dense)
        monkeypatch.setattr(net.repeated, "ROWS", rows)

    return force


# --- values ---

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
@settings(max_examples=300, deadline=None, derandomize=True)
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
        patch.setattr(net.repeated, "ROWS", rows)
        if chosen:
            patch.setattr(net.inplace, "dense_layers", lambda *_: forms[:layers])
        ws = of(p, net)
    # What is compared with float32 gets the same rounded numbers.
    expected = net.reference.meta_loss_and_gradient(*p.cast(np.float64), 0.01)
    for _ in range(2):
        close(ws.meta_loss_and_gradient(*p, 0.01), expected, TOLERANCES[dtype])


@pytest.mark.parametrize("name", names())
def test_every_mixture_of_forms(name: str, forced: Any) -> None:
    net = network(name)
    p = problem(net)
    expected = net.reference.meta_loss_and_gradient(*p, ALPHA)
    for dense in product((False, True), repeat=layers_of(net)):
        forced(net, dense, 500)
        close(of(p, net).meta_loss_and_gradient(*p, ALPHA), expected, 1e-12)


@pytest.mark.parametrize("name", names())
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
    for name in names():
        net = network(name)
        p, other = problem(net, 1), problem(net, 2)
        ws = of(p, net)
        first = ws.meta_loss_and_gradient(*p, ALPHA)[0], ws.gradient.copy()
        ws.meta_loss_and_gradient(*other._replace(Y_s=other.Y_s * 100), 0.01)
        again = ws.meta_loss_and_gradient(*p, ALPHA)[0], ws.gradient
        assert first[0] == again[0]
        np.testing.assert_array_equal(first[1], again[1])


@pytest.mark.parametrize("name", names())
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


# --- memory ---


def test_weights_and_gradient_are_views() -> None:
    p = problem(NET)
    ws = of(p, NET)
    for own, array in zip(ws.weights, p.weights, strict=True):
        assert np.shares_memory(own, ws.parameters)
        own[:] = array
    flat = np.concatenate([array.ravel() for array in p.weights])
    np.testing.assert_array_equal(ws.parameters, flat)
    _, gradient = ws.meta_loss_and_gradient(ws.weights, *p[1:], ALPHA)
    assert isinstance(gradient, NET.Weights)
    np.testing.assert_array_equal(ws.gradient, np.concatenate([g.ravel() for g in gradient]))
    for array in gradient:
        assert np.shares_memory(array, ws.gradient)
    # Foreign weights are copied aside; the workspace's own stay what they are.
    other = NET.Weights(*(2 * array for array in p.weights))
    found = ws.meta_loss_and_gradient(other, *p[1:], ALPHA)
    close(found, NET.reference.meta_loss_and_gradient(other, *p[1:], ALPHA), 1e-12)
    np.testing.assert_array_equal(ws.parameters, flat)
    close(
        ws.meta_loss_and_gradient(ws.weights, *p[1:], ALPHA),
        NET.reference.meta_loss_and_gradient(*p, ALPHA),
        1e-12,
    )


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("tasks", [25, 200])
def test_a_call_allocates_next_to_nothing(name: str, tasks: int) -> None:
    net = network(name)
    sizes = (1, *([40] * (layers_of(net) - 1)), 1)
    p = problem(net, 0, tasks, 10, 10, sizes).cast(np.float32)
    ws = of(p, net)
    for own, array in zip(ws.weights, p.weights, strict=True):
        own[:] = array
    ws.meta_loss_and_gradient(ws.weights, *p[1:], ALPHA)
    tracemalloc.start()
    try:
        ws.meta_loss_and_gradient(ws.weights, *p[1:], ALPHA)
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        ws.meta_loss_and_gradient(ws.weights, *p[1:], ALPHA)
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    # Objects of Python. The rows of the smallest layer are 2 kB, those of a hidden one 41 kB.
    assert peak < 2000


def arena_bytes(tasks: int, shots: int, width: int) -> int:
    return NET.workspace((1, width, width, 1), tasks, shots, shots).memory  # type: ignore[no-any-return]


def test_memory_does_not_grow_with_the_square_of_the_width() -> None:
    # Beside the weights themselves. A weight matrix per task would quadruple where the width
    # doubles; rows of a layer double.
    narrow, wide = arena_bytes(25, 10, 512), arena_bytes(25, 10, 1024)
    assert wide < 2.1 * narrow
    assert wide < 25 * 1024 * 1024 * 4 / 3
    # Chunks: ever more tasks need no more memory.
    assert arena_bytes(1000, 10, 40) <= arena_bytes(50, 10, 40)


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
        mutant = import_from(copy, f"inplace_mutant_{count}")
        survived = 0
        for dense in product((False, True), repeat=3):
            mutant.inplace.dense_layers = lambda *_, dense=dense: dense
            try:
                close(of(p, mutant).meta_loss_and_gradient(*p, ALPHA), expected, 1e-12)
                survived += 1
            except (AssertionError, ValueError):
                pass
        assert survived < 8, wrong


def test_numpys_numbers_do_for_sizes() -> None:
    p = problem(NET).cast(np.float32)
    counts = (np.int64(len(p.X_s)), np.int64(p.X_s.shape[1]), np.int64(p.X_q.shape[1]))
    ws = NET.workspace(tuple(np.array(layer_sizes(NET))), *counts)
    _, gradient = ws.meta_loss_and_gradient(*p, ALPHA)
    assert {array.dtype for array in gradient} == {np.dtype(np.float32)}


def test_what_is_shared_cannot_be_replaced_unnoticed() -> None:
    p = problem(NET)
    ws = of(p, NET)
    for name in ("weights", "gradient"):
        with pytest.raises(AttributeError):
            setattr(ws, name, getattr(ws, name))
    flat = np.concatenate([array.ravel() for array in p.weights])
    ws.parameters = 2 * flat
    ws.parameters -= flat
    np.testing.assert_array_equal(np.concatenate([w.ravel() for w in ws.weights]), flat)
    with pytest.raises(ValueError, match="could not broadcast"):
        ws.parameters = flat[:-1]


def test_every_part_starts_at_a_line_of_the_cache() -> None:
    ws = NET.workspace((2, 3, 5, 1), 3, 5, 7)
    _, _, run = ws._chunks[0]
    blocks = []
    for cell in run.__closure__:
        # What another choice of forms would have is empty.
        with suppress(ValueError):
            blocks.append(cell.cell_contents)
    rows = [block.all for block in blocks if hasattr(block, "units")]
    assert len(rows) > 20
    assert all(array.ctypes.data % 64 == 0 for array in rows)


def test_one_input_and_one_output_are_dense_from_two_query_points_on() -> None:
    for rows, dense in ((1, False), (2, True), (10, True)):
        first, _, last = NET.inplace.dense_layers(rows, rows, (1, 40, 40, 1))
        assert first is last is dense


def test_sizes_are_those_of_the_weights() -> None:
    p = problem(NET)
    ws = of(p, NET)
    assert ws.parameters.size == sum(array.size for array in p.weights)
    assert [w.shape for w in ws.weights] == [w.shape for w in p.weights]
    assert layer_sizes(NET) == (2, 11, 13, 19)
