"""What some programs go through before the passes of the rewrite.

What starts from zero is left out, and step sizes are moved to where no kernel sees them.
"""

from __future__ import annotations

from sympy import Expr, Integer

from ..language import names
from ..language.program import Equation, Program, product_of, terms_in
from .normal_form import Term, changed, terms_of, total, value_of, with_equations
from .rewrite import prune


def from_zero(program: Program) -> Program:
    """Leave out what is zero because a context starts from there.

    ::

        B1_s1 = b1 + c V1   ->   B1_s1 = b1
    """
    zeros: set[Expr] = set(program.group("context"))
    equations = []
    for equation in program:
        if zeros.isdisjoint(equation.reads):
            equations.append(equation)
        elif kept := [part for part in terms_in(equation.value) if not part.has(*zeros)]:
            equations.append(changed(equation, total(kept)))
        elif equation.symbol in program.outputs:
            equations.append(equation)
        else:
            zeros.add(equation.symbol)
    return with_equations(program, equations)


def rates_on_rows(program: Program) -> Program:
    """Let step sizes act on rows: what a step adds is then a product of rows again.

    For a meta-loss that is yet to be differentiated::

        dW2 = H1_s^T dZ2_s,  W2_fast = W2 - alpha2 dW2
            ->   uZ2_s = -alpha2 dZ2_s,  W2_fast = W2 + H1_s^T uZ2_s

    The gradient of a step size is one sum over rows then, ``alpha2_bar = -<uZ2_s_bar, dZ2_s>``, and
    no kernel sees the step size. It must be the same for the weights and the bias of a layer.

    Raises
    ------
    ValueError
        When a step is no number times products of rows.
    """
    gradients = {line.symbol: line.value for line in program if line.stage == "inner gradient"}
    equations: list[Equation] = []
    for equation in program:
        if equation.stage != "step":
            equations.append(equation)
            continue
        terms: list[Term] = []
        for scalar, factors in terms_of(equation.value):
            products = terms_of(gradients[factors[0]]) if factors[0] in gradients else []
            for own, (*left, rows) in products:
                if not left or names.is_row_free(rows.shape):
                    raise ValueError(f"`{equation.name}` adds {rows}, which is no product of rows")
                update = names.renamed(rows, names.name_of(rows).updated)
                made = Equation(update, product_of((rows,), scalar * own), "step")
                known = next((line for line in equations if line.symbol == update), None)
                if known is None:
                    equations.append(made)
                elif known.value != made.value:
                    raise ValueError(f"`{rows}` meets two step sizes: {known.value}, {made.value}")
                terms.append((Integer(1), (*left, update)))
            terms += [] if products else [(scalar, factors)]
        equations.append(changed(equation, value_of(terms)))
    return prune(with_equations(program, equations))
