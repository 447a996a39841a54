"""The passes of the workspace form: what they keep, and what they leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sympy import ImmutableMatrix, MatrixSymbol, OneMatrix, Rational, Symbol

from derive.language.names import D, N, alpha, width
from derive.language.program import Equation, Group, Program, evaluate
from derive.model.network import Network
from derive.model.programs import inner_program, meta_gradient_program
from derive.passes.before import from_zero
from derive.passes.rewrite import rewrite
from derive.passes.workspace import absorb_step, gate, homogeneous, lowered, sink
from tests.exact import given, outputs

if TYPE_CHECKING:
    from collections.abc import Callable

NETWORKS = [Network(1, "relu"), Network(2, "tanh"), Network(2, "relu", 3), Network(3, "softplus")]


@pytest.mark.parametrize("apply", [gate, absorb_step, sink])
@pytest.mark.parametrize("steps", [1, 2])
def test_a_pass_keeps_the_values_exactly(apply: Callable[[Program], Program], steps: int) -> None:
    program = rewrite(meta_gradient_program(Network(2, "relu", steps)))
    values = given(program, seed=steps + 3)
    expected = outputs(program, values)
    after = apply(program)
    assert outputs(after, values) == expected
    assert apply(after) == after


def test_a_step_of_zero_is_not_divided_by() -> None:
    program = rewrite(meta_gradient_program(Network(2, "relu")))
    values = {**given(program, 4), alpha: Rational(0)}
    assert outputs(absorb_step(program), values) == outputs(program, values)
    for each in NETWORKS:
        for dense in (False, True):
            for line in lowered(meta_gradient_program(each), dense):
                assert not line.value.has(1 / alpha), line.name


@pytest.mark.parametrize("which", NETWORKS, ids=str)
@pytest.mark.parametrize("dense", [False, True])
def test_the_step_size_stands_at_the_ends_of_the_inner_gradient_only(
    which: Network, dense: bool
) -> None:
    last = which.hidden + 1
    program = lowered(meta_gradient_program(which), dense)
    with_alpha = {line.name for line in program if line.value.has(alpha)}
    labels = [f"s{k}" for k in range(1, which.steps + 1)] if which.steps > 1 else ["s"]
    ends = {
        f"{start}Z{last}_{label}{end}"
        for label in labels
        for start, end in [("u", ""), ("", "_bar")]
    }
    assert with_alpha == ends


@pytest.mark.parametrize("which", NETWORKS, ids=str)
def test_no_bias_and_no_ones_are_left(which: Network) -> None:
    program = homogeneous(meta_gradient_program(which))
    symbols = {symbol for line in program for symbol in (line.symbol, *line.reads)}
    assert not [symbol for symbol in symbols if "b" in str(symbol)[:2]]
    assert not any(line.value.has(OneMatrix) for line in program)


def test_a_bias_without_its_weights_is_an_error() -> None:
    b, Z = MatrixSymbol("b1", 1, width(1)), MatrixSymbol("Z1_s", N, width(1))
    alone = Program((Group("weights", (b,)),), (Equation(Z, OneMatrix(N, 1) * b, "support"),), (Z,))
    with pytest.raises(ValueError, match="`Z1_s` reads `b1` without its weights"):
        homogeneous(alone)
    W, fast = MatrixSymbol("W1", D, width(1)), MatrixSymbol("W1_fast", D, width(1))
    steps = (
        Equation(fast, Symbol("aW1") * W, "step"),
        Equation(MatrixSymbol("b1_fast", 1, width(1)), Symbol("ab1") * b, "step"),
    )
    groups = (Group("weights", (W, b)), Group("rates", (Symbol("aW1"), Symbol("ab1"))))
    with pytest.raises(ValueError, match="`b1_fast` and `W1_fast` read different numbers"):
        homogeneous(Program(groups, steps, ()))


def test_what_starts_from_zero_leaves_no_trace() -> None:
    program = meta_gradient_program(Network(1, "relu", 2, algorithm="cavia"))
    c = program.group("context")[0]
    left = from_zero(program)
    assert any(c in line.reads for line in program)
    assert not any(c in line.reads for line in left)
    # What is zero altogether goes, but for what is asked for.
    inner = inner_program(Network(1, "relu", algorithm="cavia"))
    assert "dV1" in {line.name for line in from_zero(inner)}
    only = Program(
        (Group("context", (c,)),), (Equation(MatrixSymbol("c_fast", *c.shape), 2 * c, "step"),), ()
    )
    assert len(from_zero(only)) == 0


def test_homogeneous_coordinates_are_the_network_with_biases() -> None:
    # Exactly: [X 1] [W; b] = X W + 1 b, and [X 1]^T dZ has dW above db.
    program = meta_gradient_program(Network(1, "relu"))
    values = evaluate(program, given(program, 9))
    X, W, b, Z, dZ, dW, db = (
        next(values[symbol] for symbol in values if str(symbol) == name)
        for name in ("X_s", "W1", "b1", "Z1_s", "dZ1_s", "dW1", "db1")
    )
    wide = ImmutableMatrix.hstack(X, ImmutableMatrix(X.rows, 1, lambda _i, _j: 1))
    assert wide * ImmutableMatrix.vstack(W, b) == Z
    assert wide.T * dZ == ImmutableMatrix.vstack(dW, db)
    kept = {line.name: line.value for line in homogeneous(program)}
    assert str(kept["Z1_s"]) == "X_s*W1"
    assert str(kept["dW1"]) == "X_s.T*dZ1_s"
