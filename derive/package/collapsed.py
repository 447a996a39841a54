"""The meta-gradient of one linear layer: one matrix times the adjoint of the fast weights.

Every equation between the two is substituted by SymPy; what stands before the adjoint is
``I - alpha H``, with H the Hessian of the support loss. Several layers have no such matrix of
their own: theirs is as long as all weights together, and nobody forms it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sympy import MatrixSymbol, eye

from ..language.names import alpha
from ..language.program import Equation, Program, evaluate, product_of
from ..passes.normal_form import terms_of, total, value_of
from ..printers.latex import number_latex, right_latex, value_latex
from .example import given

if TYPE_CHECKING:
    from sympy import MatrixExpr

    from ..model.network import Network


class Collapsed(NamedTuple):
    """The meta-gradient of one linear layer.

    Attributes
    ----------
    value
        The meta-gradient, as a function of the data and the adjoint of the fast weights.
    hessian
        What the adjoint is multiplied with and subtracted, alpha times.
    """

    value: MatrixExpr
    hessian: MatrixExpr


def collapsed(program: Program) -> Collapsed:
    """Substitute what stands between the meta-gradient and the adjoint of the fast weights.

    Raises
    ------
    ValueError
        When the meta-gradient is something else than that adjoint and a matrix times it.
    """
    *_, gradient = program.outputs
    fast = next(line.symbol for line in program if line.name == "W1_fast_bar")
    after = program.equations[[line.symbol for line in program].index(fast) + 1 :]
    values = {line.symbol: line.value for line in after}
    value = values[gradient]
    while values.keys() & value.atoms(MatrixSymbol):
        value = value.xreplace(values)
    terms = terms_of(value)
    before = [(scalar, factors[:-1]) for scalar, factors in terms if factors[-1] == fast]
    second = [(scalar / -alpha, factors) for scalar, factors in before if factors]
    if len(before) < len(terms) or len(terms) - len(second) != 1:
        raise ValueError(f"`{gradient}` is no matrix times `{fast}`: {value}")
    return Collapsed(value_of(terms), total([product_of(*pair[::-1]) for pair in second]))


def collapsed_record(network: Network, program: Program) -> dict[str, object]:
    """The same for the site, with the numbers of the example and the eigenvalues of H."""
    value, hessian = collapsed(program)
    *_, gradient = program.outputs
    symbol = MatrixSymbol("H", *hessian.shape)
    lines = (*program, Equation(symbol, hessian, program[str(gradient)].stage))
    start = given(network, program)
    values = evaluate(Program(program.groups, lines, program.outputs), start)
    H, rate = values[symbol], start[alpha]
    first, full = values[program["W1_fast_bar"].symbol], values[gradient]
    return {
        "meta-gradient": f"{right_latex(gradient)} = {value_latex(value)}",
        "hessian": f"H = {value_latex(hessian)} = {number_latex(H)}",
        "factor": rf"I - \alpha \, H = {number_latex(eye(H.rows) - rate * H)}",
        "product": number_latex(first.dot(full)),
        "directions": [
            {
                "direction": number_latex(vector),
                "eigenvalue": number_latex(eigenvalue),
                "moved": number_latex(rate * eigenvalue),
                "factor": number_latex(1 - rate * eigenvalue),
            }
            for eigenvalue, _, vectors in H.eigenvects()
            for vector in vectors
        ],
    }
