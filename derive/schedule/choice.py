"""Kernel or dense: when forming the fast weights of a layer is less work than avoiding it.

What the choice gives, as the time with a layer in its other form over the time as chosen:

* [dense first and last layer: 1.07], [kernels in the middle layer: 1.14] at the sizes of the
  sinusoid experiment;
* [kernels, where a layer is wide: 2.65] with 256 units;
* [dense, where rows are many: 1.39] with as many points as units.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sympy import Add, Expr, Integer, Poly

from ..language.cost import work_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .forms import Line


class Choice(NamedTuple):
    """When a layer is dense: where one polynomial in the sizes is smaller than another.

    Attributes
    ----------
    layer
        The layer.
    dense, kernel
        The multiply-adds that only its dense form has, and those that only its kernel form has.
        What they have in common is cancelled, and so are common factors.
    """

    layer: int
    dense: Expr
    kernel: Expr


def choice_of(lines: Sequence[Line], layer: int) -> Choice:
    """Count the multiply-adds of the products that only one of a layer's forms has.

    For a hidden layer and one step the dense form is cheaper where ``L1 L2 < M (L1 + L2)``:
    kernels pay while the query rows are fewer than half the units.
    """
    own = [line for line in lines if line.layer == layer]
    dense, kernel = (
        Add(*(work_of(line.equation.value) for line in own if line.dense is form))
        for form in (True, False)
    )
    if (dense - kernel).is_number:
        return Choice(layer, Integer(0), Integer(0))  # one form is as good as the other
    _, reduced = Poly(dense - kernel).terms_gcd()
    _, reduced = reduced.primitive()
    terms = Add.make_args(reduced.as_expr())
    return Choice(
        layer,
        dense=Add(*(term for term in terms if not term.could_extract_minus_sign())),
        kernel=Add(*(-term for term in terms if term.could_extract_minus_sign())),
    )
