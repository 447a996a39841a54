"""The diagnosis of a function: what it is given, and what it must not return."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

from docs.diagnose import diagnose
from docs.diagnose.cases import cases
from docs.diagnose.gradients import last_step, second_order
from docs.experiment.command import Refusal


def generated(weights: Any, *arguments: Any) -> Any:
    from generated import relu2

    return relu2.meta_loss_and_gradient(weights, *arguments)[1]


def test_a_function_is_diagnosed() -> None:
    assert diagnose(generated).right
    assert [each.case for each in diagnose(generated).cases] == ["relu2", "one_output"]
    assert diagnose(lambda *given: generated(*given)._asdict()).right
    assert diagnose(lambda *given: [a.astype(np.float32) for a in generated(*given)]).right


def test_biases_may_be_vectors() -> None:
    def vectors(*given: Any) -> list[Any]:
        return [a[0] if at % 2 else a for at, a in enumerate(generated(*given))]

    def named(*given: Any) -> dict[str, Any]:
        return dict(zip(cases()["relu2"].net.Weights._fields, vectors(*given), strict=True))

    def columns(*given: Any) -> list[Any]:
        return [a[:, None] if a.ndim == 1 else a for a in vectors(*given)]

    assert diagnose(vectors).right
    assert diagnose(named).right
    message = r"relu2: the gradient of b1 is \(9, 1\); it must be \(1, 9\) or \(9,\)"
    with pytest.raises(Refusal, match=message):
        diagnose(columns)


def test_a_square_matrix_lies_as_the_others_do() -> None:
    def torch_like(*given: Any) -> list[Any]:
        return [a.T if at % 2 == 0 else a[0] for at, a in enumerate(generated(*given))]

    def mixed(*given: Any) -> list[Any]:
        W1, *others = torch_like(*given)
        return [W1.T, *others]

    verdict = diagnose(torch_like, "one_output")
    assert verdict.right
    assert verdict.cases[0].transposed
    with pytest.raises(Refusal, match=r"are some \(in, out\) and some \(out, in\)"):
        diagnose(mixed, "one_output")


def test_a_function_that_takes_steps_is_told_them() -> None:
    def stepwise(weights: Any, *arguments: Any, steps: int = 1, order: Any = second_order) -> Any:
        case = cases()["relu2_5steps"]
        if steps == case.steps:
            np.testing.assert_array_equal(weights[0], case.weights[0])
            return order(case)
        return generated(weights, *arguments)

    verdict = diagnose(stepwise)
    assert [each.case for each in verdict.cases] == ["relu2", "one_output", "relu2_5steps"]
    assert "the meta-gradient? yes\n" in str(verdict)
    assert not diagnose(partial(stepwise, order=last_step)).right
    assert "yes, for one inner step" in str(diagnose(generated))


def test_a_function_may_spoil_what_it_is_given() -> None:
    def spoiling(weights: Any, *arguments: Any) -> Any:
        result = generated(weights, *arguments)
        for array in (*weights, *arguments[:-1]):
            array[:] = np.nan
        return result

    assert diagnose(spoiling, "relu2", "relu2").right


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (None, "relu2: the function returned a NoneType; it must return the gradients of W1, b1"),
        ([1.0], "relu2: the function returned a list of 1; it must return the gradients of W1"),
        ({"W1": 1.0}, "relu2: the gradient of b1 is missing; there must be W1, b1, W2, b2"),
        ([1.0] * 6, r"relu2: the gradient of W1 is \(\); it must be \(4, 9\) or \(9, 4\)"),
        (["x"] * 6, "relu2: the gradient of W1 is <U1; it must be real numbers"),
        ([[[1.0], []]] * 6, "relu2: the gradient of W1 cannot be made a numpy array"),
    ],
)
def test_what_a_function_must_not_return(result: Any, message: str) -> None:
    with pytest.raises(Refusal, match=message):
        diagnose(lambda *_: result)


def test_a_function_that_fails_is_named_with_its_error() -> None:
    with pytest.raises(Refusal, match="relu2: the function raised ZeroDivisionError: division"):
        diagnose(lambda *_: 1 / 0)
    with pytest.raises(Refusal, match="the case is 'relu9'; it must be one of relu1, relu2"):
        diagnose(generated, "relu9")


def test_a_gradient_of_none_is_not_connected() -> None:
    torch = pytest.importorskip("torch")

    def cut(weights: Any, *_: Any) -> Any:
        shared = [torch.tensor(w, requires_grad=True) for w in weights]
        return torch.autograd.grad(shared[0].sum(), shared, allow_unused=True)

    with pytest.raises(Refusal, match="the gradient of b1 is None; the loss must be connected to"):
        diagnose(cut)
    with pytest.raises(Refusal, match=r"every parameter is None; .* higher, copy_initial_weights"):
        diagnose(lambda weights, *_: [None] * len(weights))


def test_what_numpy_makes_of_a_tensor_with_a_graph_is_said_in_a_line() -> None:
    torch = pytest.importorskip("torch")

    def attached(weights: Any, *_: Any) -> Any:
        return [torch.tensor(np.array(w), requires_grad=True) for w in weights]

    with pytest.raises(Refusal, match="the gradient of W1 cannot be made a numpy array: Can't"):
        diagnose(attached)
