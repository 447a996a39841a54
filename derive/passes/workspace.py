"""The passes of the workspace form: the rewritten program once more, for repeated calls.

``rewrite.PASSES`` leave a program for readers. The workspace form starts from the same derivation
and applies the same passes, with five of its own around them::

    homogeneous    a bias is one more row of its weights, met by a constant unit
    from_zero      what starts from zero is left out
    gate           relu's slope is read off the activation
    absorb_step    gradients take in the -alpha of the step that they make
    sink           what is shaped like a weight is made just before it is read

Whether the fast weights of a layer should be formed depends on its sizes, which are not known
yet. So `lowered` gives two programs: one with every layer in kernel form, and one with every
layer in dense form, its fast weights and their adjoints kept.
"""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING

from sympy import Add, Expr, Integer, MatrixSymbol
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction as Elementwise

from ..language.elementwise import body_of, elementwise, relu, step, z
from ..language.names import Kernel, alpha, is_row_free, parse, renamed, weights_beside
from ..language.program import Group, flat, product_of, terms_in
from .before import from_zero
from .normal_form import changed, terms_of, total, value_of, with_equations
from .rewrite import PASSES, collect, inline, inline_but_fast, prune

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..language.program import Equation, Program


def homogeneous(program: Program) -> Program:
    """Drop the biases: each becomes the last row of its weights.

    ::

        H1 W2 + 1 b2  ->  H1 W2        where H1 has a last column of ones, W2 a last row b2

    In these coordinates ``dW2 = H1^T dZ2`` has ``db2`` as its last row, and so do fast weights
    and adjoints. The constant unit is nobody's output: a product is never written to its column,
    so that it stays 1 in an activation and 0 in a gradient.

    A bias that changes while its weights do not, be it that only biases adapt or that a context is
    in it, stays a row for each task: what it is more than the bias before adaptation.

    Raises
    ------
    ValueError
        When rows read a bias without its weights, or a bias has a step size of its own.
    """
    known = {str(each.name) for each in (*program.inputs, *(line.symbol for line in program))}

    def absorbed(symbol: Expr) -> bool:
        return _is_bias(symbol) and weights_beside(symbol) in known

    equations = []
    for equation in program:
        if absorbed(equation.symbol):
            beside = program[str(weights_beside(equation.symbol))]
            if equation.scalars != beside.scalars:
                raise ValueError(
                    f"`{equation.name}` and `{beside.name}` read different numbers, "
                    f"{equation.scalars} and {beside.scalars}"
                )
            continue
        biases = [symbol for symbol in equation.reads if absorbed(symbol)]
        met = {symbol.name for symbol in equation.reads}
        given = [symbol for symbol in equation.reads if symbol in program.weights]
        lonely = [b for b in (*biases, *filter(_is_bias, given)) if weights_beside(b) not in met]
        if lonely and not is_row_free(equation.shape):
            raise ValueError(f"`{equation.name}` reads `{lonely[0]}` without its weights")
        kept = [part for part in terms_in(equation.value) if not part.has(*biases)]
        left = total(kept) if equation.shape else Add(*kept)
        equations.append(changed(equation, left) if biases else equation)
    return replace(
        program,
        groups=tuple(
            Group(group.name, tuple(each for each in group.symbols if not absorbed(each)))
            for group in program.groups
        ),
        equations=tuple(equations),
        outputs=tuple(symbol for symbol in program.outputs if not absorbed(symbol)),
    )


def _is_bias(symbol: Expr) -> bool:
    name = parse(symbol.name) if isinstance(symbol, MatrixSymbol) else None
    return name is not None and not isinstance(name, Kernel) and name.base == "b"


def gate(program: Program) -> Program:
    """Read the slope of relu off the activation, so that the pre-activation may be overwritten.

    ::

        H1_s = relu(Z1_s),  G1_s = step(Z1_s)   ->   G1_s = step(H1_s)
    """
    activations = {
        line.value: line.symbol
        for line in program
        if isinstance(line.value, Elementwise) and body_of(line.value) == relu(z)
    }
    instead = {
        elementwise(step(z), activation.expr): elementwise(step(z), symbol)
        for activation, symbol in activations.items()
    }
    return with_equations(
        program, [changed(line, line.value.xreplace(instead)) for line in program]
    )


def absorb_step(program: Program) -> Program:
    """Let the gradients of the support loss take in the factor -alpha of the step.

    The inner sweep is linear, so its seed may have the factor. Then the step is an addition, and
    the adjoints give the factor up: u_bar = d_bar / (-alpha), which it stands in. It is left at the
    two ends of the inner gradient, and gone from every product that it stood before::

        dZ2_s = dH2_s o G2_s                          uZ2_s = uH2_s o G2_s
        Z2_q  = H1_q W2 - alpha K_H1 dZ2_s     ->     Z2_q  = H1_q W2 + K_H1 uZ2_s
        dZ1_s_bar = -alpha K_X^T Z1_q_bar             uZ1_s_bar = K_X^T Z1_q_bar

    Nothing is divided by alpha, which may be 0. Step sizes that are learned stay where they are.
    """
    if alpha not in program.inputs:
        lines = [changed(e, value_of(terms_of(e.value))) if e.shape else e for e in program]
        return with_equations(program, lines)
    instead: dict[Expr, Expr] = {}
    equations = []
    for equation in program:
        value = equation.value
        if set(equation.reads) & set(instead):
            value = value_of(terms_of(flat(value.xreplace(instead))))
        factor = _step_factor(equation, value)
        symbol = equation.symbol
        if factor != 1:
            symbol = renamed(symbol, parse(symbol.name).updated)
            value = value_of([(scalar / factor, rest) for scalar, rest in terms_of(value)])
            instead[equation.symbol] = product_of((symbol,), factor)
        equations.append(replace(equation, symbol=symbol, value=value, gains=()))
    return with_equations(program, equations)


def _step_factor(equation: Equation, value: Expr) -> Expr:
    """The power of -alpha that a quantity of the inner gradient leaves to its readers."""
    if not _is_gradient(equation.symbol):
        return Integer(1)
    if _is_seed(equation):
        return -1 / alpha
    powers = {scalar.as_powers_dict().get(alpha, 0) for scalar, _ in terms_of(value)}
    return (-alpha) ** powers.pop() if len(powers) == 1 else Integer(1)


def _is_seed(equation: Equation) -> bool:
    """Whether an inner sweep starts here: a gradient that is computed from none."""
    name = parse(equation.name)
    if isinstance(name, Kernel) or name.bar:
        return False
    return not any(parse(symbol.name).inner for symbol in equation.reads)


def _is_gradient(symbol: Expr) -> bool:
    """Whether a gradient of the support loss is in it that has not taken in the step size."""
    if not isinstance(symbol, MatrixSymbol):
        return False
    name = parse(symbol.name)
    return name != name.updated


def sink(program: Program) -> Program:
    """Move what is shaped like a weight to just before it is first read."""
    equations = list(program)
    for equation in program:
        if is_row_free(equation.shape) and equation.symbol not in program.outputs:
            equations.remove(equation)
            at = next(i for i, line in enumerate(equations) if equation.symbol in line.reads)
            equations.insert(at, equation)
    return with_equations(program, equations)


def lowered(program: Program, dense: bool) -> Program:
    """Apply every pass, with all layers in dense form or all in kernel form.

    Raises
    ------
    ValueError
        When there are no biases, or a pass cannot be applied.
    """
    if not any(map(_is_bias, program.weights)):
        raise ValueError("a workspace has a bias in the last row of each layer's weights")
    passes: Sequence[Callable[[Program], Program]] = (
        # What is not needed may have no other form: the inner loss.
        prune,
        homogeneous,
        from_zero,
        inline_but_fast if dense else inline,
        *(each for each in PASSES if each is not inline),
        gate,
        absorb_step,
        # Without the factors of the step there is more to collect.
        collect,
        sink,
    )
    return reduce(lambda each, apply: apply(each), passes, program)
