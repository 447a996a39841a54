"""The losses: what each comes to, written again as sums over entries, and that none overflows."""

from __future__ import annotations

import random
from itertools import product
from typing import TYPE_CHECKING, Any, TypeAlias

import mpmath
import numpy as np
import pytest
from sympy import Float, ImmutableMatrix, MatrixSymbol, Symbol

from derive.language.names import M, N, O
from derive.language.program import Equation, Group, Program, RowMax, evaluate
from derive.model.losses import LOSSES
from derive.model.network import Network
from derive.model.programs import inner_program, loss_after
from derive.passes.rewrite import rewrite
from derive.printers.numpy import statement
from derive.runtime import rows as products

if TYPE_CHECKING:
    from collections.abc import Sequence

ROWS, OUTPUTS, DIGITS = 3, 4, 40
Rows: TypeAlias = "Sequence[Sequence[mpmath.mpf]]"


def squared(Z: Rows, Y: Rows) -> mpmath.mpf:
    return mpmath.fsum(
        (z - y) ** 2 for rows in zip(Z, Y, strict=True) for z, y in zip(*rows, strict=True)
    ) / (ROWS * OUTPUTS)


def huber(Z: Rows, Y: Rows) -> mpmath.mpf:
    errors = [abs(z - y) for rows in zip(Z, Y, strict=True) for z, y in zip(*rows, strict=True)]
    assert min(errors) < 1 < max(errors)
    return mpmath.fsum(e**2 / 2 if e < 1 else e - mpmath.mpf(1) / 2 for e in errors) / len(errors)


def cross_entropy(Z: Rows, Y: Rows) -> mpmath.mpf:
    """The definition, which in so many digits overflows nowhere."""
    return (
        -mpmath.fsum(
            y * mpmath.log(mpmath.exp(z) / mpmath.fsum(map(mpmath.exp, row)))
            for row, targets in zip(Z, Y, strict=True)
            for z, y in zip(row, targets, strict=True)
        )
        / ROWS
    )


PLAIN = {"squared": squared, "huber": huber, "cross_entropy": cross_entropy}


def tail(loss: str) -> Program:
    """What a loss computes of predictions and targets."""
    network = Network(hidden=0, loss=loss)
    first, *lines = loss_after(network, network.parameters, "")
    given = (first.symbol, MatrixSymbol("Y", N, O))
    return Program((Group("rows", given),), tuple(lines), (Symbol("loss"),))


def drawn(seed: int, scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Predictions, and targets that are probabilities."""
    rng = random.Random(seed)
    Z, Y = (
        np.array([[rng.gauss(0, 1) for _ in range(OUTPUTS)] for _ in range(ROWS)]) for _ in range(2)
    )
    return scale * Z, np.abs(Y) / np.abs(Y).sum(1, keepdims=True)


def in_numpy(program: Program, **arrays: Any) -> dict[str, Any]:
    """What the lines of a program compute."""
    rows, outputs = arrays["Z1"].shape
    scope: dict[str, Any] = {"np": np, "N": rows, "O": outputs, **vars(products), **arrays}
    for line in program:
        exec(statement(line, "batched"), scope)
    return scope


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("loss", LOSSES)
def test_a_loss_is_its_definition(loss: str, seed: int) -> None:
    program, arrays = tail(loss), drawn(seed, 2)
    Z, Y = program.inputs
    exact = [ImmutableMatrix(each).applyfunc(lambda e: Float(e, DIGITS)) for each in arrays]
    found = evaluate(program, dict(zip((Z, Y, N, O), (*exact, ROWS, OUTPUTS), strict=True)))
    with mpmath.workdps(DIGITS):
        rows = [[[mpmath.mpf(e) for e in row] for row in each.tolist()] for each in arrays]
        expected = PLAIN[loss](*rows)
        assert abs(mpmath.mpf(found[program.outputs[0]]) - expected) < mpmath.mpf(10) ** -35
    assert in_numpy(program, Z1=arrays[0], Y=arrays[1])["loss"] == pytest.approx(
        float(expected), rel=1e-14
    )


def gradient_of(loss: str) -> Program:
    """A loss and its gradient with respect to the predictions."""
    program = inner_program(Network(hidden=0, loss=loss))
    lines = tuple(line for line in program if line.name not in ("Z1", "dW1", "db1"))
    Z = program["Z1"].symbol
    given = Group("rows", (Z, *program.group("rows")[1:]))
    outputs = (program["loss"].symbol, program["dZ1"].symbol)
    return rewrite(Program((given,), lines, outputs))


def softmax(Z: np.ndarray, Y: np.ndarray) -> tuple[mpmath.mpf, list[list[mpmath.mpf]]]:
    """The loss and its gradient in digits enough."""
    with mpmath.workdps(DIGITS):
        rows = [[mpmath.mpf(e) for e in row] for row in Z.tolist()]
        targets = [[mpmath.mpf(e) for e in row] for row in Y.tolist()]
        loss, gradient = mpmath.mpf(0), []
        for row, target in zip(rows, targets, strict=True):
            top = max(row)
            summed = mpmath.fsum(mpmath.exp(z - top) for z in row)
            logs = [z - top - mpmath.log(summed) for z in row]
            loss -= mpmath.fsum(map(mpmath.fmul, target, logs)) / len(rows)
            total = mpmath.fsum(target)
            gradient.append(
                [(total * mpmath.exp(p) - y) / len(rows) for p, y in zip(logs, target, strict=True)]
            )
        return loss, gradient


@pytest.mark.parametrize("scale", [1.0, 1e2, 1e4])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_cross_entropy_does_not_overflow(dtype: Any, scale: float) -> None:
    for seed, labels in product(range(3), (False, True)):
        Z, Y = (each.astype(dtype) for each in drawn(seed, scale))
        if labels:
            Y = np.eye(OUTPUTS, dtype=dtype)[np.argsort(Z, axis=1)[:, 1]]
        program = gradient_of("cross_entropy")
        with np.errstate(all="raise", under="ignore"):
            found = in_numpy(program, Z1=Z, Y=Y)
        loss, gradient = softmax(Z.astype(float), Y.astype(float))
        digits = 1e-5 if dtype is np.float32 else 1e-13
        assert found["loss"] == pytest.approx(float(loss), rel=digits)
        np.testing.assert_allclose(found["dZ1"], np.array(gradient, float), atol=digits)
        assert {"R", "A", "Q", "S", "P", "dZ1"} <= {line.name for line in program}
        for line in program:
            assert found[line.name].dtype == dtype, line.name


def test_nothing_flows_through_the_largest_logit() -> None:
    program = inner_program(Network(hidden=1, loss="cross_entropy"))
    assert program["R"].value.has(RowMax)
    assert "dR" not in [line.name for line in program]
    assert not any(line.value.has(RowMax) for line in program if line.name != "R")


@pytest.mark.parametrize("penalty", [False, True])
@pytest.mark.parametrize("loss", LOSSES)
def test_the_query_loss_counts_its_own_rows_and_has_no_penalty(loss: str, penalty: bool) -> None:
    network = Network(hidden=1, loss=loss, penalty=penalty)
    *_, last = loss_after(network, network.parameters, "q")
    assert last.name == "loss_q"
    assert last.value.has(M)
    assert not last.value.has(N)
    assert [str(each) for each in last.scalars] == []


def test_a_loss_without_a_number_at_its_end_is_refused() -> None:
    Z = MatrixSymbol("Z1", N, O)
    with pytest.raises(ValueError, match="`loss` is a scalar but its right-hand side is"):
        Equation(Symbol("loss"), Z, "forward")
