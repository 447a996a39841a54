"""Equations as LaTeX: KaTeX can set every one, and each quantity of a family has a sign."""

from __future__ import annotations

from html import escape

import pytest
from sympy import HadamardProduct, MatrixSymbol, OneMatrix, Symbol, Trace

from derive.language import names
from derive.language.elementwise import FUNCTIONS, SLOPES, elementwise, slope_of, z
from derive.language.names import D, N, O, T, alpha, lam, omega, tau
from derive.language.program import Equation, RowMax
from derive.model.network import Network
from derive.model.programs import hessian_program, inner_program, meta_gradient_program
from derive.package.rules import rules_of
from derive.printers.latex import equation_latex, letter_latex, name_latex, right_latex
from docs.render.formulas import with_formulas

A, B, S = MatrixSymbol("A", N, O), MatrixSymbol("B", N, O), MatrixSymbol("S", N, 1)
EXP = FUNCTIONS["exp"]


def problems(formulas: list[str]) -> list[str]:
    """What KaTeX minds about some formulas."""
    html = "".join(rf'<span class="arithmatex">\({escape(each)}\)</span>' for each in formulas)
    return with_formulas(html)[1]


@pytest.mark.parametrize(
    ("value", "latex"),
    [
        (RowMax(A), r"\max\nolimits_{\text{row}} A"),
        (RowMax(A + B), r"\max\nolimits_{\text{row}} \left(A + B\right)"),
        (A - S * OneMatrix(1, O), r"A - S \, \mathbf{1}_{1 \times O}"),
        (A * OneMatrix(O, 1), r"A \, \mathbf{1}_{O \times 1}"),
        (elementwise(EXP(z), A) * OneMatrix(O, 1), r"\exp(A) \, \mathbf{1}_{O \times 1}"),
        (elementwise(FUNCTIONS["reciprocal"](z), S), r"(S)^{\circ -1}"),
        (elementwise(FUNCTIONS["reciprocal"](z) ** 2, S), r"{S}^{\circ -2}"),
        (HadamardProduct(A, elementwise(-EXP(z), B)), r"A \odot \left(-\exp(B)\right)"),
        (elementwise(FUNCTIONS["tanh"](z) ** 2, A), r"\tanh^{2}(A)"),
        (elementwise(FUNCTIONS["tanh"](z / 2), A), r"\tanh(\frac{1}{2} \, A)"),
        (
            elementwise(FUNCTIONS["sigmoid"](z) + z * FUNCTIONS["bell"](z), A),
            r"A \odot \sigma'(A) + \sigma(A)",
        ),
        (
            alpha / 2 * Trace(A.T * A) + omega(2) * Symbol("loss_q2") - tau * Trace(A.T * B) / T,
            (
                r"\ell^{q_{2}} \, \omega_{2} + \frac{\alpha}{2} \left\lVert A \right\rVert^2 "
                r"- \frac{\tau}{T} \left\langle A, B \right\rangle"
            ),
        ),
        (
            Trace(OneMatrix(O, N) * elementwise(FUNCTIONS["huber"](z), A)) / (N * O),
            r"\frac{1}{N \, O} \left\langle \mathbf{1}, \operatorname{huber}(A) \right\rangle",
        ),
        (lam * A, r"\lambda \, A"),
    ],
    ids=str,
)
def test_a_value_is_printed(value: object, latex: str) -> None:
    found = right_latex(value)
    assert found == latex
    assert problems([found]) == []


@pytest.mark.parametrize(
    ("name", "latex"),
    [
        ("aW2_s3", r"\alpha_{W_{2}}^{s_{3}}"),
        ("ab1_bar", r"\overline{\alpha_{b_{1}}}"),
        ("alpha2_s1", r"\alpha_{2}^{s_{1}}"),
        ("vW1", "v_{W_{1}}"),
        ("omega2", r"\omega_{2}"),
        ("lam", r"\lambda"),
        ("tau", r"\tau"),
        ("c_fast2", "c^{(2)}"),
        ("dc_s", r"\mathrm{d}c^{s}"),
        ("V1_bar", r"\overline{V_{1}}"),
        ("B1_s", "B_{1}^{s}"),
        ("loss_q2", r"\ell^{q_{2}}"),
    ],
)
def test_a_name_of_a_family_is_printed(name: str, latex: str) -> None:
    assert name_latex(name) == latex
    assert problems([latex]) == []


def test_every_letter_of_the_notation_is_printed() -> None:
    assert problems([letter_latex(letter) for letter in names.MEANINGS]) == []


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_and_its_slopes_are_printed(function: str) -> None:
    bodies = FUNCTIONS[function](z), SLOPES[function], slope_of(SLOPES[function])
    formulas = [right_latex(elementwise(body, A)) for body in bodies]
    assert problems(formulas) == []
    # A function of an expression has it in its parentheses.
    assert all(each.count("(") == each.count(")") for each in formulas)


FAMILY = [
    Network(1, algorithm="recipe", steps=2, penalty=True, task_weights=True),
    Network(1, algorithm="maml_plus_plus", steps=2, loss="cross_entropy"),
    Network(1, "gelu", algorithm="cavia", loss="huber"),
    Network(1, "elu", algorithm="boil"),
]


@pytest.mark.parametrize("network", FAMILY, ids=str)
def test_every_equation_of_a_family_can_be_set(network: Network) -> None:
    programs = meta_gradient_program(network), inner_program(network), hessian_program(network)
    formulas = [equation_latex(line) for program in programs for line in program]
    formulas += [right_latex(rule.form) for rule in rules_of(programs[0])]
    formulas += [right_latex(rule.gain) for rule in rules_of(programs[0]) if rule.gain]
    assert problems(formulas) == []


def test_what_cannot_be_set_is_found() -> None:
    assert problems([r"\left( A"])


def test_an_equation_of_other_nodes_is_refused() -> None:
    square = MatrixSymbol("A", D, D)
    odd = Equation(Symbol("loss"), Trace(square), "forward")
    with pytest.raises(ValueError, match="no LaTeX for the trace of A"):
        equation_latex(odd)
