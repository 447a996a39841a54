"""The rewritten program once more, for repeated calls: two forms of every layer, side by side.

``rewrite.PASSES`` leave a program for readers. The workspace form starts from the same derivation
and applies the same passes, with four of its own around them::

    homogeneous    a bias is one more row of its weights, met by a constant unit
    gate           relu's slope is read off the activation
    absorb_step    gradients take in the -alpha of the step that they make
    sink           what is shaped like a weight is made just before it is read

Whether the fast weights of a layer should be formed depends on its sizes, which are not known
yet. So the passes run twice: once with every layer in kernel form, once with every layer in dense
form, its fast weights and their adjoints kept. An equation belongs to one layer, so the two
programs are alike but for lines that stand under the choice for their layer (`forms_of`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, reduce
from typing import TYPE_CHECKING

from sympy import Expr, Integer, MatAdd, MatrixSymbol, OneMatrix
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction as Elementwise

from derive import notation
from derive.equations import relu, step
from derive.notation import alpha, parse
from derive.program import Equation, Program, body_of, elementwise, product_of, z
from derive.rewrite import (
    PASSES,
    changed,
    collect,
    flat,
    inline,
    terms_of,
    total,
    value_of,
    with_equations,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


def homogeneous(program: Program) -> Program:
    """Drop the biases: each becomes the last row of its weights.

    ::

        H1 W2 + 1 b2  ->  H1 W2        where H1 has a last column of ones, W2 a last row b2

    In these coordinates ``dW2 = H1^T dZ2`` has ``db2`` as its last row, and so do fast weights
    and adjoints. The constant unit is nobody's output: a product is never written to its column,
    so that it stays 1 in an activation and 0 in a gradient.

    Raises
    ------
    ValueError
        When a bias is read without its weights.
    """
    equations = []
    for equation in program:
        if _is_bias(equation.symbol):
            continue
        parts = equation.value.args if isinstance(equation.value, MatAdd) else (equation.value,)
        biases = [symbol for symbol in equation.reads if _is_bias(symbol)]
        names = {symbol.name for symbol in equation.reads}
        if lonely := [b for b in biases if b.name.replace("b", "W", 1) not in names]:
            raise ValueError(f"`{equation.name}` reads `{lonely[0]}` without its weights")
        kept = [part for part in parts if not part.has(*biases)] if biases else list(parts)
        equations.append(changed(equation, total(kept) if biases else equation.value))
    left = replace(
        program,
        inputs=tuple(symbol for symbol in program.inputs if not _is_bias(symbol)),
        equations=tuple(equations),
        outputs=tuple(symbol for symbol in program.outputs if not _is_bias(symbol)),
    )
    if ones := [equation.name for equation in left if equation.value.has(OneMatrix)]:
        raise ValueError(f"`{ones[0]}` has a matrix of ones that is no bias")
    return left


def _is_bias(symbol: Expr) -> bool:
    name = str(symbol.name)
    return name != "alpha" and parse(name).base == "b"


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

    Nothing is divided by alpha, which may be 0.
    """
    instead: dict[Expr, Expr] = {}
    equations = []
    for equation in program:
        value = equation.value
        if set(equation.reads) & set(instead):
            value = value_of(terms_of(flat(value.xreplace(instead))))
        factor = _step_factor(equation, value)
        symbol = equation.symbol
        if factor != 1:
            symbol = notation.update(symbol)
            value = value_of([(scalar / factor, rest) for scalar, rest in terms_of(value)])
            instead[equation.symbol] = product_of((symbol,), factor)
        equations.append(replace(equation, symbol=symbol, value=value))
    return with_equations(program, equations)


def _step_factor(equation: Equation, value: Expr) -> Expr:
    """The power of -alpha that a quantity of the inner gradient leaves to its readers."""
    if "d" not in _initials(equation.symbol):
        return Integer(1)
    if _is_seed(equation):
        return -1 / alpha
    powers = {scalar.as_powers_dict().get(alpha, 0) for scalar, _ in terms_of(value)}
    return (-alpha) ** powers.pop() if len(powers) == 1 else Integer(1)


def _is_seed(equation: Equation) -> bool:
    """Whether an inner sweep starts here: a gradient that is computed from none."""
    if equation.name[0] == "K" or parse(equation.name).bar:
        return False
    return not any({"d", "u"} & _initials(symbol) for symbol in equation.reads)


def _initials(symbol: MatrixSymbol) -> set[str]:
    """The first letters of a name's words: `d` where it has a gradient of the support loss."""
    return {word[0] for word in str(symbol.name).split("_")}


def sink(program: Program) -> Program:
    """Move what is shaped like a weight to just before it is first read."""
    equations = list(program)
    for equation in program:
        if notation.is_row_free(equation.shape) and equation.symbol not in program.outputs:
            equations.remove(equation)
            at = next(i for i, line in enumerate(equations) if equation.symbol in line.reads)
            equations.insert(at, equation)
    return with_equations(program, equations)


def _is_fast(equation: Equation) -> bool:
    name = str(equation.symbol.name)
    return name[0] == "W" and bool(parse(name).fast)


@cache
def lowered(program: Program, dense: bool) -> Program:
    """Apply every pass, with all layers in dense form or all in kernel form."""
    passes: Sequence[Callable[[Program], Program]] = (
        homogeneous,
        lambda each: inline(each, kept=_is_fast if dense else lambda _: False),
        *(each for each in PASSES if each is not inline),
        gate,
        absorb_step,
        # Without the factors of the step there is more to collect.
        collect,
        sink,
    )
    return reduce(lambda each, apply: apply(each), passes, program)


# --- both forms side by side ---


@dataclass(frozen=True)
class Line:
    """An equation, and the choice under which it is computed.

    Attributes
    ----------
    equation
        What to compute.
    layer, dense
        The layer in whose kernel or dense form it stands; layer 0 where it stands in both.
    """

    equation: Equation
    layer: int = 0
    dense: bool = False


def forms_of(program: Program) -> tuple[Line, ...]:
    """Every line of the kernel and of the dense program, in an order that serves every mixture.

    Raises
    ------
    ValueError
        When the two programs have what they share in different orders.
    """
    kernel, dense = lowered(program, dense=False), lowered(program, dense=True)
    values = {equation.symbol: equation.value for equation in kernel}
    shared = [line.symbol for line in dense if values.get(line.symbol) == line.value]
    if shared != [line.symbol for line in kernel if line.symbol in shared]:
        raise ValueError(
            "the kernel and the dense program have what they share in different orders"
        )
    lines: list[Line] = []
    for of_kernel, of_dense in zip(_gaps(kernel, shared), _gaps(dense, shared), strict=True):
        own = [
            Line(each, _layer_of(each), gap is of_dense)
            for gap in (of_kernel, of_dense)
            for each in gap
            if each.symbol not in shared
        ]
        lines += sorted(own, key=lambda line: (line.layer, line.dense))
        lines += [Line(each) for each in of_kernel if each.symbol in shared]
    _check_mixtures(lines, program)
    return tuple(lines)


def _check_mixtures(lines: Sequence[Line], program: Program) -> None:
    """Check that whatever the choices, a quantity is defined before it is read."""
    defined: dict[str, set[tuple[int, bool]]] = {
        str(each.name): {(0, False)} for each in program.inputs
    }
    for line in lines:
        own = (line.layer, line.dense)
        for symbol in line.equation.reads:
            found = defined.get(str(symbol.name), set())
            everywhere = (0, False) in found or any((n, not form) in found for n, form in found)
            if not everywhere and own not in found:
                raise ValueError(f"`{line.equation.name}` reads `{symbol}`, which a form may lack")
        defined.setdefault(line.equation.name, set()).add(own)


def _gaps(program: Program, shared: Sequence[MatrixSymbol]) -> Iterator[list[Equation]]:
    """The equations up to and with each shared one, and what is left."""
    gap: list[Equation] = []
    for equation in program:
        gap.append(equation)
        if equation.symbol in shared:
            yield gap
            gap = []
    yield gap


def _layer_of(equation: Equation) -> int:
    """The layer whose step an equation computes: that of its weights, or of a kernel's gradient."""
    name = str(equation.symbol.name)
    if name.startswith("K_"):
        stems, _ = notation.kernel_parts(name)
        # Activations of layer 1 are what the weights of layer 2 meet.
        stem = stems[-1]
        return stem.layer if stem.inner else stem.layer + 1
    own = parse(name)
    if own.base == "W":
        return own.layer
    layers = {parse(str(s.name)).layer for s in equation.reads if str(s.name)[0] == "W"}
    if len(layers) == 1:
        return layers.pop()
    # Without weights: the adjoint of a gradient is computed by its own layer.
    return own.layer
