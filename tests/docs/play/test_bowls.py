"""What is drawn of tasks with two weights is what the generated functions in Python compute."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from generated import linear
from generated.runtime.implicit import implicit_meta_loss_and_gradient
from tests.javascript import needs_node, script

if TYPE_CHECKING:
    from collections.abc import Sequence

    from docs.experiment.networks import Array

pytestmark = needs_node

CURVATURES, TURN, CENTRE, WEIGHTS = [3, 0.5], 0.3, [-1.5, -1], [1.5, -1.25]
ALPHA, LAMBDA = 0.3, 0.7
GIVEN = {
    "curvatures": CURVATURES, "turn": TURN, "centre": CENTRE, "weights": WEIGHTS,
    "query": [[1, 0.6], -0.4, [1.9, 0.4]],
}  # fmt: skip


def found(steps: int) -> dict[str, Any]:
    """What JavaScript computes."""
    how = {"alpha": ALPHA, "steps": steps, "lambda": LAMBDA}
    result: dict[str, Any] = json.loads(
        script(str(Path(__file__).parent / "bowls.mjs"), json.dumps({**GIVEN, "how": how}))
    )
    return result


def arrays(task: dict[str, Any]) -> list[Array]:
    return [np.array(task[name], dtype=float) for name in ("X_s", "Y_s", "X_q", "Y_q")]


def column(values: Sequence[float]) -> Array:
    return np.array(values)[:, None]


def hessian(X: Array) -> Array:
    """Of the mean of squares of two samples."""
    return X.T @ X


@pytest.fixture(scope="module")
def one() -> dict[str, Any]:
    return found(1)


def test_a_task_has_the_curvatures_that_are_asked_for(one: dict[str, Any]) -> None:
    X, Y, _, _ = arrays(one["task"])
    values, vectors = np.linalg.eigh(hessian(X))
    assert values == pytest.approx(sorted(CURVATURES))
    assert abs(vectors[:, 1] @ [np.cos(TURN), np.sin(TURN)]) == pytest.approx(1)
    assert pytest.approx(X @ column(CENTRE)) == Y


def test_one_step_is_that_of_the_generated_package(one: dict[str, Any]) -> None:
    weights = linear.Weights(column(WEIGHTS))
    X_s, Y_s, X_q, Y_q = (array[None] for array in arrays(one["task"]))
    loss, gradient = linear.meta_loss_and_gradient(weights, X_s, Y_s, X_q, Y_q, ALPHA)
    _, first = linear.first_order_meta_loss_and_gradient(weights, X_s, Y_s, X_q, Y_q, ALPHA)
    assert one["loss"] == pytest.approx(loss)
    assert column(one["secondOrder"]) == pytest.approx(gradient.W1)
    assert column(one["firstOrder"]) == pytest.approx(first.W1)


def test_several_steps_and_the_way_back_through_them() -> None:
    many = found(4)
    X_s, Y_s, X_q, Y_q = arrays(many["task"])
    start = linear.Weights(column(WEIGHTS))
    end = linear.adapt(start, X_s, Y_s, ALPHA, 4)
    loss, adjoint = linear.loss_and_gradient(end, X_q, Y_q)
    factor = np.linalg.matrix_power(np.eye(2) - ALPHA * hessian(X_s), 4)
    assert many["loss"] == pytest.approx(loss)
    assert column(many["reptile"]) == pytest.approx(start.W1 - end.W1)
    assert column(many["firstOrder"]) == pytest.approx(adjoint.W1)
    assert column(many["secondOrder"]) == pytest.approx(factor @ adjoint.W1)
    matrix = factor @ hessian(X_q) @ factor
    assert np.array(many["matrix"]) == pytest.approx(matrix)
    assert sorted(many["axes"]["curvatures"]) == pytest.approx(np.linalg.eigvalsh(matrix))
    turn = many["axes"]["turn"]
    along = np.array([np.cos(turn), np.sin(turn)])
    assert matrix @ along == pytest.approx(many["axes"]["curvatures"][0] * along)
    assert np.array(many["zero"]) == pytest.approx(
        np.array(WEIGHTS) - np.linalg.solve(matrix, many["secondOrder"])
    )


def test_implicit_maml_is_that_of_the_runtime(one: dict[str, Any]) -> None:
    X_s, Y_s, X_q, Y_q = arrays(one["task"])
    weights = linear.Weights(column(WEIGHTS))
    _, gradient = implicit_meta_loss_and_gradient(
        linear, weights, X_s[None], Y_s[None], X_q[None], Y_q[None], 0.2, LAMBDA, 500
    )
    assert column(one["implicit"]) == pytest.approx(gradient.W1)
    at_rest = column(one["rest"])
    _, pull = linear.loss_and_gradient(linear.Weights(at_rest), X_s, Y_s)
    assert pytest.approx(LAMBDA * (at_rest - weights.W1)) == -pull.W1
