"""Equations as numpy: closed, and what is printed means what was derived."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from sympy import HadamardProduct, ImmutableMatrix, MatrixSymbol, OneMatrix, Symbol, Trace, sin

from derive.language import names
from derive.language.elementwise import FUNCTIONS, elementwise, z
from derive.language.names import D, N, O, alpha, width
from derive.language.program import Equation, Group, Program, RowMax, evaluate
from derive.package.trial import ARRAYS
from derive.printers.latex import equation_latex
from derive.printers.numpy import check_sums, statement, sum_over_tasks
from derive.runtime import rows


def test_a_sum_that_would_lose_its_tasks_is_refused() -> None:
    W = MatrixSymbol("W1", D, O)
    fast = MatrixSymbol("W1_fast", D, O)
    program = Program((Group("weights", (W,)),), (Equation(fast, 2 * W, "step"),), (fast,))
    with pytest.raises(ValueError, match="`W1_fast` is shaped like a weight but is not a sum"):
        check_sums(program)


def test_what_is_printed_means_what_was_derived() -> None:
    # Every way to put one node inside another, run as Python and by the interpreter.
    A, B, C = (MatrixSymbol(name, N, N) for name in ("X", "Y", "Z2"))
    tanh = FUNCTIONS["tanh"]
    inner = [A, A.T, A + B, 2 * A, A * B, HadamardProduct(A, B)]
    bodies = (tanh(z), z**2, 2 * z, 1 - z**2, z / 2 + z**3, (1 - z) ** 2)
    inner += [elementwise(body, A) for body in bodies]
    outer = [lambda x: x, lambda x: C * x, lambda x: x * C, lambda x: HadamardProduct(x, C)]
    outer += [lambda x: C - (1 - alpha / 3) * x, lambda x: -alpha * x + C]
    outer += [lambda x: elementwise(1 - 3 * z, x), lambda x: elementwise(z**2, x)]
    outer += [
        lambda x, f=f: elementwise(f(z), x)  # type: ignore[misc]
        for name, f in FUNCTIONS.items()
        if name not in ("log", "reciprocal")
    ]
    outer += [lambda x: elementwise(FUNCTIONS["log"](1 + z**2), x)]
    outer += [lambda x: elementwise(-(FUNCTIONS["reciprocal"](1 + z**2) ** 2), x)]
    arrays = {"X": np.array([[0.5, -1.5], [2.0, 0.25]]), "Y": np.array([[1.0, 3.0], [-0.5, 2.0]])}
    arrays["Z2"] = arrays["X"] @ arrays["Y"].T
    exact = {symbol: ImmutableMatrix(arrays[str(symbol.name)]) for symbol in (A, B, C)}
    printed = 0
    for wrap, value in itertools.product(outer, inner):
        equation = Equation(MatrixSymbol("Z1", N, N), wrap(value), "support")
        try:
            line = statement(equation, "batched")
        except ValueError as refused:
            assert "no numpy" in str(refused)  # noqa: PT017
            continue
        scope: dict[str, Any] = {**arrays, "np": np, "alpha": 0.75}
        exec(line, scope)
        program = Program((Group("given", (A, B, C, alpha)),), (equation,), (equation.symbol,))
        expected = evaluate(program, {**exact, N: 2, alpha: 0.75})[equation.symbol]
        np.testing.assert_allclose(
            scope["Z1"], np.array(expected.tolist(), float), rtol=1e-14, err_msg=line
        )
        printed += 1
    assert printed > 110


def test_an_unknown_node_is_refused() -> None:
    Z = MatrixSymbol("Z1", N, width(1))
    H = MatrixSymbol("H1", N, width(1))
    odd = Equation(H, elementwise(sin(z), Z), "support")
    with pytest.raises(ValueError, match="no numpy for the function sin"):
        statement(odd, "batched")
    with pytest.raises(ValueError, match="no LaTeX for the function sin"):
        equation_latex(odd)


# --- layouts: the same line for all tasks at once ---

TASKS, SHOTS = 3, 5
WIDTH = width(1)
SIZES = {N: SHOTS, D: 2, O: 4, WIDTH: 7}
#: What differs from task to task, and what all tasks share.
X, H, G = MatrixSymbol("X_s", N, D), MatrixSymbol("H1_s", N, WIDTH), MatrixSymbol("G1_s", N, WIDTH)
S, c = MatrixSymbol("S_s", N, 1), MatrixSymbol("B1_s", 1, WIDTH)
FAST, GRADIENT = MatrixSymbol("W1_fast", D, WIDTH), MatrixSymbol("dW1", D, WIDTH)
W, b, A = MatrixSymbol("W1", D, WIDTH), MatrixSymbol("b1", 1, WIDTH), MatrixSymbol("aW1", D, WIDTH)
OF_TASK, SHARED = (X, H, G, S, c, FAST, GRADIENT), (W, b, A)
ONES, ROW, COLUMN = OneMatrix(N, 1), OneMatrix(1, WIDTH), OneMatrix(WIDTH, 1)


def arrays() -> dict[MatrixSymbol, np.ndarray]:
    rng = np.random.default_rng(3)
    drawn = {}
    for symbol in (*OF_TASK, *SHARED):
        shape = [SIZES.get(size, 1) for size in symbol.shape]
        tasks = [TASKS] if symbol in OF_TASK else []
        drawn[symbol] = rng.normal(size=(*tasks, *shape))
    return drawn


def expected(equation: Equation, given: dict[MatrixSymbol, np.ndarray]) -> np.ndarray:
    """What the interpreter makes of an equation, task by task."""
    program = Program(
        (Group("given", (*OF_TASK, *SHARED)), Group("numbers", (alpha,))),
        (equation,),
        (equation.symbol,),
    )
    values = []
    for task in range(TASKS):
        of_task = {each: array[task] if each in OF_TASK else array for each, array in given.items()}
        sizes = {**SIZES, names.T: TASKS, alpha: 0.75}
        values.append(evaluate(program, {**of_task, **sizes}, ARRAYS)[equation.symbol])
    return np.array(values)


def run(line: str, given: dict[MatrixSymbol, np.ndarray], name: str) -> Any:
    scope: dict[str, Any] = {str(each.name): array for each, array in given.items()}
    scope |= {str(size): count for size, count in SIZES.items()}
    scope |= {"np": np, "alpha": 0.75, "T": TASKS, **vars(rows)}
    exec(line, scope)
    return scope[name]


VALUES = [
    ("flat(X_s, W1)", X * W),
    ("flat(H1_s, W1.T)", H * W.T),
    ("X_s @ W1_fast", X * FAST),
    ("H1_s @ W1_fast.mT", H * FAST.T),
    ("flat((G1_s * H1_s), W1.T)", HadamardProduct(H, G) * W.T),
    ("X_s.mT @ H1_s", X.T * H),
    ("flat(X_s, W1) + b1", X * W + ONES * b),
    ("X_s @ W1_fast + B1_s", X * FAST + ONES * c),
    ("W1 - aW1 * dW1", W - HadamardProduct(A, GRADIENT)),
    ("W1 - alpha * dW1", W - alpha * GRADIENT),
    ("H1_s.sum(-1, keepdims=True)", H * COLUMN),
    ("down(H1_s)", OneMatrix(1, N) * H),
    ("H1_s.max(-1, keepdims=True)", RowMax(H)),
    ("H1_s - S_s", H - S * ROW),
    ("repeated(S_s, L1, axis=-1)", S * ROW),
    ("repeated(b1, N, axis=-2)", ONES * b),
    ("repeated(b1 - alpha * (B1_s), N, axis=-2)", ONES * b - alpha * (ONES * c)),
    ("S_s * (H1_s.sum(-1, keepdims=True))", HadamardProduct(S, H * COLUMN)),
]


@pytest.mark.parametrize(("text", "value"), VALUES, ids=[text for text, _ in VALUES])
def test_a_dense_line_computes_every_task(text: str, value: Any) -> None:
    given, equation = arrays(), Equation(MatrixSymbol("A", *value.shape), value, "support")
    line, wanted = statement(equation, "dense"), expected(equation, given)
    assert line == f"A = {text}"
    found = run(line, given, "A")
    # What all tasks share has no axis for them yet.
    np.testing.assert_allclose(np.broadcast_to(found, wanted.shape), wanted, rtol=1e-13)
    assert found.shape in (wanted.shape, wanted.shape[1:])


NUMBERS = [
    ("np.sum((H1_s - G1_s) ** 2, axis=(-2, -1)) / N", Trace((H - G).T * (H - G)) / N),
    ("3 * np.sum(H1_s * G1_s, axis=(-2, -1))", 3 * Trace(H.T * G)),
    ("np.sum(np.exp(H1_s), axis=(-2, -1))",
     Trace(OneMatrix(WIDTH, N) * elementwise(FUNCTIONS["exp"](z), H))),
    ("alpha * np.sum(W1 ** 2, axis=(-2, -1)) / 2", alpha / 2 * Trace(W.T * W)),
    ("alpha / 2 - np.sum(H1_s * G1_s, axis=(-2, -1)) / (N * T)",
     alpha / 2 - Trace(H.T * G) / (N * names.T)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "value"), NUMBERS, ids=[text for text, _ in NUMBERS])
def test_a_number_is_a_sum_over_entries_of_each_task(text: str, value: Any) -> None:
    given, equation = arrays(), Equation(Symbol("loss"), value, "support")
    wanted = expected(equation, given)
    for layout in ("dense", "batched"):
        line = statement(equation, layout)
        assert line == f"loss = {text}"
        found = np.broadcast_to(run(line, given, "loss"), wanted.shape)
        np.testing.assert_allclose(found, wanted, rtol=1e-13)


GRADIENTS = [
    ("total(X_s, H1_s)", X.T * H),
    ("down_all(H1_s)", OneMatrix(1, N) * H),
    ("dW1.sum(0)", GRADIENT),
    ("(W1_fast - alpha * dW1).sum(0)", FAST - alpha * GRADIENT),
    ("-alpha * total(X_s, G1_s) + dW1.sum(0)", GRADIENT - alpha * (X.T * G)),
    ("total(X_s, G1_s) + total(X_s, H1_s)", X.T * G + X.T * H),
    ("(aW1 * dW1).sum(0)", HadamardProduct(A, GRADIENT)),
    ("down_all(H1_s) + B1_s.sum(0)", OneMatrix(1, N) * H + c),
]


@pytest.mark.parametrize(("text", "value"), GRADIENTS, ids=[text for text, _ in GRADIENTS])
def test_a_gradient_of_what_tasks_share_is_their_sum(text: str, value: Any) -> None:
    given, equation = arrays(), Equation(MatrixSymbol("A", *value.shape), value, "meta-gradient")
    line = sum_over_tasks(equation)
    terms = {*line.removeprefix("A = ").replace(" - ", " + -").split(" + ")}
    assert terms == {*text.replace(" - ", " + -").split(" + ")}
    np.testing.assert_allclose(
        run(line, given, "A"), expected(equation, given).sum(0), rtol=1e-12, atol=1e-13
    )


def test_the_gradient_of_a_number_is_a_sum_over_tasks_too() -> None:
    given, equation = arrays(), Equation(Symbol("loss"), -Trace(H.T * G), "meta-gradient")
    line = sum_over_tasks(equation)
    assert line == "loss = -np.sum(H1_s * G1_s)"
    assert run(line, given, "loss") == pytest.approx(expected(equation, given).sum(), rel=1e-13)


def test_a_single_row_is_no_matrix_of_stacked_rows() -> None:
    alone = Equation(MatrixSymbol("Z1_s", N, WIDTH), ONES * b, "support")
    with pytest.raises(ValueError, match=r"`Z1_s`: numpy would give .* a single row"):
        statement(alone, "stacked")
    column = Equation(MatrixSymbol("Z1_s", N, WIDTH), S * ROW, "support")
    assert statement(column, "stacked") == "Z1_s = repeated(S_s, L1, axis=-1)"


def test_the_weight_of_a_task_has_no_place_among_stacked_rows() -> None:
    bar = MatrixSymbol("Z1_q_bar", N, WIDTH)
    program = Program(
        (Group("given", (H,)), Group("numbers", (names.tau,))),
        (Equation(bar, names.tau * H, "query adjoints"),),
        (bar,),
    )
    with pytest.raises(ValueError, match="`Z1_q_bar` has the weight of a task, which stacked rows"):
        check_sums(program)


def test_a_power_of_a_size_is_printed() -> None:
    equation = Equation(Symbol("loss"), Trace(H.T * G) / (2 * N**2), "support")
    assert statement(equation, "stacked") == "loss = np.sum(H1_s * G1_s) / (2 * N**2)"
