"""The memory of the workspace form: its views, its size, its buffers."""

from __future__ import annotations

import tracemalloc
from contextlib import suppress

import numpy as np
import pytest

from derive.language.elementwise import is_gate
from derive.language.names import ROWS, D, M, N, O, is_row_free, width
from derive.passes.workspace import lowered
from derive.schedule.storage import storage_of
from tests.conftest import (
    QUERIES,
    SHOTS,
    TASKS,
    WITH_WORKSPACE,
    derivation,
    layer_sizes,
    network,
    problem,
)
from tests.workspaces import ALPHA, NET, close, layers_of, of


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


@pytest.mark.parametrize("name", WITH_WORKSPACE)
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
    for wrong in (flat[:-1], flat[None], flat.astype(complex), flat.tolist(), 3, np.ones(1), None):
        with pytest.raises(ValueError, match=r"parameters is a? ?\w+( \(.*\))?; it must be"):
            ws.parameters = wrong
    np.testing.assert_array_equal(ws.parameters, flat)


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


def test_sizes_are_those_of_the_weights() -> None:
    p = problem(NET)
    ws = of(p, NET)
    assert ws.parameters.size == sum(array.size for array in p.weights)
    assert [w.shape for w in ws.weights] == [w.shape for w in p.weights]
    assert layer_sizes(NET) == (2, 11, 13, 19)


@pytest.mark.parametrize("name", WITH_WORKSPACE)
@pytest.mark.parametrize("form", [False, True])
def test_every_buffer_has_its_quantitys_shape(
    name: str, form: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = network(name)
    sizes = layer_sizes(net)
    inplace = net.inplace
    monkeypatch.setattr(inplace, "dense_layers", lambda *_: (form,) * (len(sizes) - 1))
    p = problem(net)
    ws = net.workspace(sizes, TASKS, SHOTS, QUERIES, np.float64)
    ws.meta_loss_and_gradient(*p, 0.1)
    _, _, run = ws._chunks[0]
    cells = dict(zip(run.__code__.co_freevars, run.__closure__ or (), strict=True))
    known = {N: SHOTS, M: QUERIES, D: sizes[0], O: sizes[-1]}
    known |= {width(i): size for i, size in enumerate(sizes[1:-1], start=1)}
    seen = 0
    for line in lowered(derivation(name).derived, form):
        if not line.shape or line.name not in cells:
            continue
        rows, columns = (int(known[size]) for size in line.shape)
        found = cells[line.name].cell_contents
        if set(line.shape) <= ROWS:
            assert found.shape == (TASKS, rows, columns), line.name
        elif is_row_free(line.shape):
            assert found.forward.shape == (TASKS, rows + 1, columns), line.name
        else:
            assert found.units.shape == (TASKS * rows, columns), line.name
            assert found.task_units.shape == (TASKS, rows, columns), line.name
            # A gate is bits, no number.
            if line.shape[1] != O and not is_gate(line.value):
                constant = found.constant
                expected = storage_of(line.symbol).constant
                # The slope of the constant unit is whatever it is.
                expected = constant[0] if expected is None else expected
                assert (constant == expected).all(), line.name
        seen += 1
    assert seen > 20
