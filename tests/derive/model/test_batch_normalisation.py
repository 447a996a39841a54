"""Batch normalisation: the sweep goes through, and finds what PyTorch's own layer has."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import sympy

from derive.language import names
from derive.language.program import Arithmetic, evaluate
from derive.model import programs
from derive.model.network import EPSILON, Network
from derive.passes.rewrite import rewrite

SIZES = {"T": 1, "N": 6, "M": 9, "D": 7, "O": 3, "L1": 5, "L2": 11}
ALPHA = 0.4
WEIGHTS = {"W1": "D L1", "b1": "1 L1", "W2": "L1 L2", "b2": "1 L2", "W3": "L2 O", "b3": "1 O"}


@cache
def spelled(function: Any) -> Any:
    """A function of the table for numpy."""
    own = {"step": lambda x: (x > 0) * 1.0, "relu": lambda x: np.maximum(x, 0)}
    return sympy.lambdify(function.variables, function.expr, [own, "numpy"])


NUMPY = Arithmetic(
    number=float,
    ones=lambda rows, columns: np.ones((rows, columns)),
    hadamard=np.multiply,
    apply=lambda function, value: spelled(function)(value) + 0 * value,
    row_max=lambda value: value.max(axis=1, keepdims=True),
)


def given(program: Any) -> dict[Any, Any]:
    """Random values of its inputs, and every size."""
    rng = np.random.default_rng(0)
    sizes = {"1": 1, **SIZES}
    known: dict[str, Any] = {
        name: rng.normal(size=[sizes[each] for each in shape.split()])
        for name, shape in WEIGHTS.items()
    }
    for rows, count in (("s", SIZES["N"]), ("q", SIZES["M"])):
        known[f"X_{rows}"] = rng.normal(size=(count, SIZES["D"]))
        known[f"Y_{rows}"] = np.eye(SIZES["O"])[rng.integers(0, SIZES["O"], count)]
    symbols = {
        each: known[str(each.name)] for group in program.groups[:3] for each in group.symbols
    }
    letters = (names.T, names.N, names.M, names.D, names.O, names.width(1), names.width(2))
    return {**symbols, names.alpha: ALPHA, **{each: SIZES[str(each)] for each in letters}}


@pytest.mark.parametrize("dense", [None, True, False])
def test_its_meta_gradient_is_that_of_torch(dense: bool | None) -> None:
    torch = pytest.importorskip("torch")
    program = programs.meta_gradient_program(Network(loss="cross_entropy", normalised=True))
    program = program if dense is None else rewrite(program, dense)
    values = given(program)
    found = evaluate(program, values, NUMPY)
    loss, *gradient = (found[symbol] for symbol in program.outputs)
    named = {str(symbol): value for symbol, value in values.items()}

    def loss_of(weights: list[Any], rows: str) -> Any:
        H = torch.tensor(named[f"X_{rows}"])
        for place in (0, 2):
            normal = torch.nn.functional.batch_norm(
                H @ weights[place], None, None, training=True, eps=float(EPSILON)
            )
            H = torch.relu(normal + weights[place + 1])
        targets = torch.tensor(named[f"Y_{rows}"]).argmax(1)
        return torch.nn.functional.cross_entropy(H @ weights[4] + weights[5], targets)

    weights = [torch.tensor(named[name], requires_grad=True) for name in WEIGHTS]
    slopes = torch.autograd.grad(loss_of(weights, "s"), weights, create_graph=True)
    after = loss_of([w - ALPHA * g for w, g in zip(weights, slopes, strict=True)], "q")
    assert loss == pytest.approx(float(after.detach()), rel=1e-13)
    for ours, theirs in zip(gradient, torch.autograd.grad(after, weights), strict=True):
        np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-11, atol=1e-14)


def test_the_door_of_cross_entropy_is_the_covariance_of_the_softmax() -> None:
    program = programs.meta_gradient_program(Network(loss="cross_entropy"))
    found = {str(name): value for name, value in evaluate(program, given(program), NUMPY).items()}
    Z, V, N = found["Z3_s"], found["dA_s_bar"], SIZES["N"]
    probabilities = np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)
    for p, v, left in zip(probabilities, V, found["Z3_s_bar"], strict=True):
        np.testing.assert_allclose(left, (np.diag(p) - np.outer(p, p)) @ v / N, atol=1e-14)
    assert np.abs(V).max() > 0.01


def test_only_what_can_be_normalised_is() -> None:
    every: list[dict[str, Any]] = [{"hidden": 0}, {"bias": False}, {"algorithm": "cavia"}]
    for lacking in every:
        with pytest.raises(ValueError, match="normalised is True; there must be a hidden layer"):
            Network(normalised=True, **lacking)
