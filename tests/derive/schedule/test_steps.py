"""Operations and their steps: they compute what the equation says, and refuse what they cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sympy import HadamardProduct, MatMul, MatrixSymbol, Symbol, Trace, Transpose, sin

from derive.language.elementwise import FUNCTIONS, TABLE, elementwise, is_gate, step, z
from derive.language.names import C, D, M, N, O, T, alpha, width
from derive.language.program import Arithmetic, Equation, Group, Program, evaluate, shape_of
from derive.model.network import Network
from derive.model.programs import meta_gradient_program
from derive.passes.workspace import lowered
from derive.schedule.operations import Entrywise, Product, operation_of
from derive.schedule.steps import (
    ALONG,
    DOWN,
    GATE,
    INNER,
    LARGEST,
    NUMBER,
    PRODUCT,
    TOTAL,
    UNIT,
    Step,
    steps_of,
)

if TYPE_CHECKING:
    from sympy import Expr, MatrixExpr

NETWORKS = [
    Network(1, "relu"),
    Network(2, "tanh"),
    Network(2, "relu", 3),
    Network(3, "softplus"),
    Network(1, "silu", loss="cross_entropy"),
    Network(1, "gelu", loss="huber"),
    Network(1, "elu", 2, algorithm="cavia"),
    Network(1, "leaky_relu", 2, algorithm="biases"),
    Network(1, "sin", 2, algorithm="recipe"),
]
SIZES = {N: 2, M: 3, D: 4, O: 5, T: 1, C: 9, alpha: 0.3}
SIZES |= {width(layer): 5 + layer for layer in (1, 2, 3)}

ARRAYS = Arithmetic(
    number=float,
    ones=lambda rows, columns: np.ones((rows, columns)),
    hadamard=np.multiply,
    apply=lambda function, value: np.vectorize(lambda x: float(function(x)))(value),
    row_max=lambda value: value.max(-1, keepdims=True),
)


def executed(steps: tuple[Step, ...], known: dict[Any, Any]) -> dict[Any, Any]:
    """Take steps on arrays of one task, as they are described and without any buffer."""
    values = dict(known)

    def of(operand: Expr) -> Any:
        if isinstance(operand, Transpose):
            return values[operand.arg].T
        if isinstance(operand, MatrixSymbol):
            return values[operand]
        scalars = {each: values[each] for each in operand.free_symbols}
        return float(operand.xreplace(scalars))

    arithmetic = {"add": np.add, "subtract": np.subtract, "multiply": np.multiply}
    arithmetic[GATE] = np.multiply
    for each in steps:
        operands = [of(operand) for operand in each.operands]
        if each.operator == PRODUCT:
            result = operands[0] @ operands[1]
        elif each.operator == INNER and len(operands) > 2:
            result = operands[0] * np.vdot(operands[1], operands[2])
        elif each.operator == INNER:
            result = operands[0] * operands[1].sum()
        elif each.operator == NUMBER:
            result = operands[0]
        elif each.operator in (ALONG, LARGEST, DOWN):
            axis = int(each.operator != DOWN)
            large, total = (f(operands[0], axis, keepdims=True) for f in (np.max, np.sum))
            result = large if each.operator == LARGEST else total
        elif each.operator in (TOTAL, UNIT, "copy"):
            result = operands[0].copy()
        elif each.operator in arithmetic:
            result = arithmetic[each.operator](*operands)
        else:
            text = TABLE[each.operator].numpy.format("Z")
            result = eval(text, {"np": np, "Z": operands[0]}) * 1.0
        if each.writes.is_Matrix:
            # What is small beside rows is repeated.
            result = np.broadcast_to(result, [size.xreplace(SIZES) for size in each.writes.shape])
        values[each.writes] = result
    return values


def check(equation: Equation, gates: list[MatrixSymbol], rng: np.random.Generator) -> int:
    """Hold the steps of an equation against the interpreter; how many there are."""
    known: dict[Any, Any] = {each: rng.normal() for each in equation.scalars} | SIZES
    for symbol in equation.reads:
        array = rng.normal(size=[int(size.xreplace(SIZES)) for size in symbol.shape])
        known[symbol] = (array > 0) * 1.0 if symbol in gates else array
        if symbol.name[0] == "S":
            known[symbol] = 1 + array**2  # sums of exponentials
    steps = steps_of(equation, gates)
    given = Group("given", (*equation.reads, *equation.scalars))
    program = Program((given,), (equation,), (equation.symbol,))
    expected = evaluate(program, known, ARRAYS)[equation.symbol]
    found = executed(steps, known)[equation.symbol]
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14, err_msg=equation.name)
    return len(steps)


@pytest.mark.parametrize("which", NETWORKS, ids=str)
@pytest.mark.parametrize("dense", [False, True])
def test_the_steps_compute_the_equation(which: Network, dense: bool) -> None:
    program = lowered(meta_gradient_program(which), dense)
    gates = [line.symbol for line in program if is_gate(line.value)]
    rng = np.random.default_rng(0)
    assert sum(check(line, gates, rng) for line in program) > len(program)


def symbols() -> tuple[MatrixSymbol, ...]:
    """A result, three matrices of its shape, and a gate."""
    names = ("Z2_s", "Z1_s", "H1_s", "dZ1_s", "G1_s")
    out, A, B, C, G = (MatrixSymbol(name, N, width(1)) for name in names)
    return out, A, B, C, G


def test_steps_of_what_no_default_network_has() -> None:
    out, A, B, C, G = symbols()
    K, W = MatrixSymbol("K_H1_s_s", N, N), MatrixSymbol("W1_fast", width(1), width(1))
    values = [
        A - B - C,
        -A - B,
        2 * A - 2 * B + C,
        -3 * A,
        -3 * A + B,
        alpha * A - alpha * HadamardProduct(B, C),
        HadamardProduct(A, B, C) - C,
        HadamardProduct(A, B, G),
        HadamardProduct(A, elementwise(step(z), B)),
        HadamardProduct(elementwise(step(z), A), elementwise(z**2, B)),
        HadamardProduct(A, elementwise(step(z), B), elementwise(z**2 - z, C)),
        HadamardProduct(A, elementwise(1 - z**2, B)) - elementwise(z - z**3, C),
        elementwise(2 - 3 * z + z**2, A),
        K * A + K.T * B,
        K * (A + B) - alpha * C,
        2 * A * W - K * B + HadamardProduct(A, C),
    ]
    rng = np.random.default_rng(1)
    for value in values:
        check(Equation(out, value, "support"), [G], rng)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (lambda A, B: A + 2 * B, Entrywise),
        (HadamardProduct, Entrywise),
        (lambda A, B: A * B, Product),
        (lambda A, B: 2 * A * B.T - B, Product),
        (lambda A, B: A * (A + B), Product),
    ],
)
def test_an_equation_is_one_operation(value: Any, kind: type) -> None:
    A, B = (MatrixSymbol(name, N, N) for name in ("Z1_s", "H1_s"))
    operation = operation_of(Equation(MatrixSymbol("Z2_s", N, N), value(A, B), "support"))
    assert isinstance(operation, kind)
    assert operation.writes == MatrixSymbol("Z2_s", N, N)


def test_what_is_multiplied_and_what_it_is_added_to() -> None:
    A, B = (MatrixSymbol(name, N, N) for name in ("Z1_s", "H1_s"))
    operation = operation_of(
        Equation(MatrixSymbol("Z2_s", N, N), 2 * A * B.T - B + 3 * A, "support")
    )
    assert isinstance(operation, Product)
    assert operation.terms == ((2, A, B.T),)
    assert operation.start == 3 * A - B


def refused(name: str, value: Expr | MatrixExpr, message: str) -> None:
    """Both an operation and its steps may be what there is not."""
    shape = shape_of(value)
    symbol = MatrixSymbol(name, *shape) if shape else Symbol(name)
    with pytest.raises(ValueError, match=message):
        # A factor is looked at when it is asked what a step reads.
        _ = [step.reads for step in steps_of(Equation(symbol, value, "support"), [])]


def test_what_no_network_can_have_is_refused() -> None:
    _, A, B, _, _ = symbols()
    W, V = MatrixSymbol("W1", D, width(1)), MatrixSymbol("W2", width(1), width(2))
    X = MatrixSymbol("X_s", N, D)
    refused("H1_s", elementwise(sin(z), A), r"`H1_s` = .* has no steps for the function sin\(z\)")
    refused("H1_s", MatMul(X, W, V), "`H1_s` has a product of more than two matrices")
    refused("H1_s", (A + B) * V, r"`H1_s` = .* has no steps for the factor H1_s \+ Z1_s")
    refused(
        "Z1_s",
        HadamardProduct(elementwise(step(z), A), elementwise(step(z), B)),
        "has no steps for the factors",
    )
    refused("loss_s", Trace(A.T * (A - B)), "no sum of inner products")


def test_an_activation_of_the_outputs_must_be_zero_at_zero() -> None:
    Z = MatrixSymbol("Z2_s", N, O)
    for function in ("softplus", "sigmoid"):
        body = elementwise(FUNCTIONS[function](z), Z)
        refused("H2_s", body, "needs a function that is 0 at 0 there")


def test_the_constant_unit_is_restored_where_a_function_changes_it() -> None:
    Z, H = MatrixSymbol("Z1_s", N, width(1)), MatrixSymbol("H1_s", N, width(1))
    for function, restored in (("relu", False), ("tanh", True), ("softplus", True)):
        steps = steps_of(Equation(H, elementwise(FUNCTIONS[function](z), Z), "support"), [])
        assert (steps[-1] == Step(UNIT, H, (H,))) is restored
