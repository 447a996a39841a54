"""What the workspace form refuses: arguments, sizes, a second thread."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from tests.conftest import problem
from tests.workspaces import ALPHA, NET, of


def test_two_threads_at_once_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    p = problem(NET)
    ws = of(p, NET)
    inside, leave = threading.Event(), threading.Event()
    (start, stop, run), *_ = ws._chunks

    def waiting(*arguments: Any) -> tuple[float, ...]:
        inside.set()
        assert leave.wait(10)
        found: tuple[float, ...] = run(*arguments)
        return found

    monkeypatch.setattr(ws, "_chunks", [(start, stop, waiting)])
    losses: list[float] = []
    other = threading.Thread(target=lambda: losses.append(ws.meta_loss_and_gradient(*p, ALPHA)[0]))
    other.start()
    assert inside.wait(10)
    with pytest.raises(RuntimeError, match="the workspace is in use by another thread"):
        ws.meta_loss_and_gradient(*p, ALPHA)
    leave.set()
    other.join()
    monkeypatch.undo()
    # The refusal spoilt nothing, and an error inside a call leaves the workspace usable.
    assert losses == [ws.meta_loss_and_gradient(*p, ALPHA)[0]]
    with pytest.raises(ValueError, match="alpha is nan"):
        ws.meta_loss_and_gradient(*p, np.nan)
    assert losses == [ws.meta_loss_and_gradient(*p, ALPHA)[0]]


P = problem(NET)
CALLS: list[tuple[dict[str, Any], str]] = [
    (
        {"X_s": P.X_s[:2]},
        r"X_s is float64 \(2, 5, 2\); it must be float64 \(3, 5, 2\), as the work",
    ),
    ({"Y_s": P.Y_s[:, :4]}, r"Y_s is float64 \(3, 4, 19\); it must be float64 \(3, 5, 19\)"),
    ({"X_q": P.X_q.astype(np.float32)}, r"X_q is float32 \(3, 7, 2\); it must be float64"),
    ({"Y_q": P.Y_q.tolist()}, "Y_q is a list; it must be a numpy array"),
    ({"Y_q": np.ma.array(P.Y_q)}, "Y_q is a MaskedArray; it must be a numpy array"),
    ({"weights": P.weights[:4]}, r"weights is a tuple of 4; it must be Weights\(W1, b1"),
    (
        {"weights": P.cast(np.float32).weights},
        r"weights.W1 is float32 \(2, 11\); it must be float64",
    ),
    (
        {"weights": problem(NET, sizes=(2, 11, 12, 19)).weights},
        r"weights.W2 is float64 \(11, 12\); it must be float64 \(11, 13\), as the workspace is",
    ),
]


@pytest.mark.parametrize(("change", "message"), CALLS)
def test_what_does_not_fit_is_named(change: dict[str, Any], message: str) -> None:
    ws = of(P, NET)
    with pytest.raises(ValueError, match=message) as raised:
        ws.meta_loss_and_gradient(*P._replace(**change), ALPHA)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("own", ["gradient", "parameters"])
@pytest.mark.parametrize("name", ["X_s", "Y_s", "X_q", "Y_q"])
def test_data_in_the_memory_of_the_workspace_are_refused(own: str, name: str) -> None:
    ws = of(P, NET)
    array = getattr(P, name)
    # The last entries: with several chunks they are read when the gradient is half written.
    inside = getattr(ws, own)[-array.size :].reshape(array.shape)
    with pytest.raises(ValueError, match=f"{name} is in the memory of {own}; it must have its"):
        ws.meta_loss_and_gradient(*P._replace(**{name: inside}), ALPHA)


def test_a_frozen_gradient_is_named() -> None:
    ws = of(P, NET)
    ws.gradient.flags.writeable = False
    with pytest.raises(ValueError, match="gradient is read-only; the workspace must be able"):
        ws.meta_loss_and_gradient(*P, ALPHA)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sizes": (1, 40, 1)}, r"sizes is \(1, 40, 1\); it must be 4 layer sizes, inputs first"),
        ({"sizes": 40}, "sizes is 40; it must be 4 layer sizes"),
        ({"sizes": (1, 0, 40, 1)}, r"sizes\[1\] is 0; it must be a whole number, at least 1"),
        ({"sizes": (1, 40, 4.5, 1)}, r"sizes\[2\] is 4.5; it must be a whole number"),
        ({"tasks": 0}, "tasks is 0; it must be a whole number, at least 1"),
        ({"shots": True}, "shots is True; it must be a whole number"),
        ({"queries": "9"}, "queries is '9'; it must be a whole number"),
        ({"dtype": np.float16}, "dtype is .*float16.*; it must be float32 or float64"),
        ({"dtype": None}, "dtype is None; it must be float32 or float64"),
        ({"dtype": "nonsense"}, "dtype is 'nonsense'; it must be float32 or float64"),
        ({"sizes": (1, 10**10, 10**10, 1)}, "their products must be sizes of arrays, at most"),
        ({"tasks": 10**30}, "with tasks 1000000000000000000000000000000, shots 10, queries 10"),
    ],
)
def test_a_workspace_of_wrong_sizes_is_refused(change: dict[str, Any], message: str) -> None:
    right = {"sizes": (1, 40, 40, 1), "tasks": 25, "shots": 10, "queries": 10}
    with pytest.raises(ValueError, match=message) as raised:
        NET.workspace(**{**right, **change})
    assert "\n" not in str(raised.value)
