"""The circuits: wires are equations, and their gates are what the equations say."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from sympy import MatrixSymbol, Trace

from derive.language.elementwise import ACTIVATIONS, FUNCTIONS, elementwise, z
from derive.language.names import D, N
from derive.language.program import Equation
from derive.pictures.circuit import circuits
from derive.pictures.gates import Gate, Quantity, chain, label
from tests.derive.pictures.drawings import (
    CIRCUIT_DRAWINGS,
    CIRCUITS,
    WITH_CIRCUITS,
    derived,
    drawing,
    reads_of,
)


@pytest.mark.parametrize(("name", "which"), CIRCUIT_DRAWINGS)
def test_every_equation_of_a_circuit_is_a_wire(name: str, which: str) -> None:
    assert Counter(drawing(name, which).links) == Counter(list(reads_of(name, which)))


@pytest.mark.parametrize(("name", "which"), CIRCUIT_DRAWINGS)
def test_every_quantity_that_a_circuit_reads_has_a_name_in_it(name: str, which: str) -> None:
    shown = {of for of, _ in drawing(name, which).labels}
    everything, here = reads_of(name, "whole"), reads_of(name, which)
    for target, names in here.items():
        for of in names:
            # What the step computes is written out where it is read.
            at_the_step = derived(name).derived[of].stage if of in everything else ""
            written_out = everything[of] if at_the_step in ("step", "step adjoints") else [of]
            assert of in shown or (of not in here and shown.issuperset(written_out)), (target, of)


@pytest.mark.parametrize("name", WITH_CIRCUITS)
def test_every_input_that_is_read_is_in_a_circuit(name: str) -> None:
    program = derived(name).derived
    shown = {of for which in CIRCUITS for of, _ in drawing(name, which).labels}
    read_at_all = {of for names in reads_of(name, "whole").values() for of in names}
    given = {str(symbol.name) for symbol in program.inputs if symbol.is_Matrix}
    assert given & read_at_all <= shown


# --- gates ---


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("relu1", []),
        ("tanh1", ["tanh''(", "tanh'("]),
        ("softplus1", ["sigmoid'(", "sigmoid("]),
        ("sigmoid1", ["sigmoid''(", "sigmoid'("]),
    ],
)
def test_the_slope_of_the_slope_is_a_branch(name: str, expected: list[str]) -> None:
    line = derived(name).derived["Z1_s_bar"]
    along = next(symbol for symbol in line.reads if symbol.name == "H1_s_bar")
    start, found = chain(line.value, along)
    Z, dH, dZ_bar = (Quantity(of) for of in ("Z1_s", "dH1_s", "dZ1_s_bar"))
    assert start == along
    if not expected:
        assert found == [Gate("⊙", (("1[", Z, "\N{NO-BREAK SPACE}> 0]"),))]
        return
    second, first = ((word, Z, ")") for word in expected)
    assert found[0] == Gate("⊙", (first,))
    assert (found[1].sign, found[1].joined) == ("+", "⊙")
    assert Counter(found[1].inputs) == Counter([second, (dH,), (dZ_bar,)])


@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("activation", [each for each in ACTIVATIONS if each != "relu"])
def test_a_function_is_written_as_what_it_is(activation: str, order: int) -> None:
    A = MatrixSymbol("A", N, N)
    body = FUNCTIONS[activation](z).diff(z, order)
    before, quantity, after = label(elementwise(body, A))
    assert (quantity, after) == (Quantity("A"), ")")
    assert isinstance(before, str)
    word = before.rstrip("'(")
    named = FUNCTIONS[word](z).diff(z, before.count("'"))
    at = [(each.subs(z, 0.3).evalf()) for each in (named, body)]
    assert float(at[0]) == pytest.approx(float(at[1]), rel=1e-12)


def test_the_gates_of_a_sum_and_of_what_meets_before_it() -> None:
    A, B, X = (MatrixSymbol(each, N, N) for each in "ABX")
    expected = [
        Gate("×", ((Quantity("B"),),)),
        Gate("−", ((Quantity("A"),), (Quantity("X", transposed=True),)), "×"),
    ]
    assert chain(X * B - A * X.T, B) == (B, [Gate("×", ((Quantity("X"),),)), expected[1]])
    assert chain(X * B - A * X.T, None) == (X, expected)


@pytest.mark.parametrize("name", WITH_CIRCUITS)
def test_what_the_step_hands_on_is_written_where_it_enters(name: str) -> None:
    shown = {of for of, _ in drawing(name, "circuit-outer").labels}
    second_order = "dZ1_s_bar" in shown
    assert second_order == (name != "first_order1")
    assert {"dW1_bar", "db1_bar", "dW2_bar", "db2_bar"}.isdisjoint(shown)
    assert {"W1_fast_bar", "b1_fast_bar", "W2_fast_bar", "b2_fast_bar"} <= shown


# --- refusals ---


def test_a_circuit_of_what_it_has_no_sign_for_is_refused() -> None:
    A = MatrixSymbol("A", N, N)
    with pytest.raises(ValueError, match=r"^no gate for Inverse: A\*\*\(-1\)"):
        chain(A.inverse(), A)
    with pytest.raises(ValueError, match=r"^no label for HadamardProduct: "):
        label(derived("tanh1").derived["dZ1_s"].value)
    with pytest.raises(ValueError, match=r"^no name for the function z \+ 1$"):
        label(elementwise(z + 1, A))


def test_only_the_mean_of_squares_is_the_mean_of_squares() -> None:
    A, B = (MatrixSymbol(each, N, D) for each in "AB")
    E = A - B
    assert chain(Trace(E.T * E) / (N * D), A)[1] == [Gate("−", ((Quantity("B"),),)), Gate("mse")]
    assert chain(Trace(E.T * E), A)[1][1] == Gate("loss")
    with pytest.raises(ValueError, match=r"^no gate for "):
        chain(Trace(A.T * E) / (N * D), A)


def test_a_refusal_names_the_equation() -> None:
    program = derived("tanh1").derived
    Z, H = (program[of].symbol for of in ("Z1_s", "H1_s"))
    strange = Equation(H, elementwise(FUNCTIONS["tanh"](z) + 1, Z), "support")
    lines = [strange if line.symbol == H else line for line in program]
    with pytest.raises(ValueError, match=r"^`H1_s`: no name for the function tanh\(z\) \+ 1$"):
        circuits(replace(program, equations=tuple(lines)), "banner")
