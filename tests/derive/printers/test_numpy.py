"""Equations as numpy: closed, and what is printed means what was derived."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from sympy import HadamardProduct, ImmutableMatrix, MatrixSymbol, sin

from derive.language.elementwise import FUNCTIONS, elementwise, z
from derive.language.names import D, N, O, alpha, width
from derive.language.program import Equation, Group, Program, evaluate
from derive.printers.latex import equation_latex
from derive.printers.numpy import check_sums, statement


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
        for f in FUNCTIONS.values()
    ]
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
