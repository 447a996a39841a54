"""Two forms of every layer, side by side.

An equation belongs to one layer, so the kernel and the dense program are alike but for lines that
stand under the choice for their layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..language.names import Kernel, Name, parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sympy import MatrixSymbol

    from ..language.program import Equation, Program


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


def forms_of(kernel: Program, dense: Program) -> tuple[Line, ...]:
    """Every line of the kernel and of the dense program, in an order that serves every mixture.

    Parameters
    ----------
    kernel, dense
        The lowered program, with all layers in kernel form and with all in dense form.

    Raises
    ------
    ValueError
        When the two programs have what they share in different orders.
    """
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
    _check_mixtures(lines, kernel)
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
    name = parse(equation.name)
    if isinstance(name, Kernel):
        # Activations of layer 1 are what the weights of layer 2 meet.
        stem = name.stems[-1]
        return stem.layer if stem.inner else stem.layer + 1
    if name.base == "W":
        return name.layer
    read = [parse(symbol.name) for symbol in equation.reads]
    layers = {each.layer for each in read if isinstance(each, Name) and each.base == "W"}
    if len(layers) == 1:
        return layers.pop()
    # Without weights: the adjoint of a gradient is computed by its own layer.
    return name.layer
