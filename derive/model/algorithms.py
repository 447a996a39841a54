"""The algorithms: a row each. What every one of them does is written in `programs`."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from derive.language.names import name_of
from derive.language.program import Named, Program

#: What is held constant, of the program that ends with the query loss.
Constants: TypeAlias = Callable[[Program], tuple[Named, ...]]


class Algorithm(NamedTuple):
    """How the meta-loss after adaptation is differentiated.

    Attributes
    ----------
    summary
        What its gradient is, as the first line of a docstring.
    result
        The same gradient, among what a function returns.
    constants
        Through what no derivative is taken.
    reference
        Where it comes from.
    """

    summary: str
    result: str
    constants: Constants
    reference: str


# --8<-- [start:constants]
def nothing(_: Program) -> tuple[Named, ...]:
    """Every derivative is taken."""
    return ()


def inner_gradients(program: Program) -> tuple[Named, ...]:
    """The gradients of the weights that the steps take: with them all of the second order."""
    return tuple(
        equation.symbol
        for equation in program
        if equation.stage == "inner gradient" and name_of(equation.symbol).base in "Wb"
    )


def support_predictions(program: Program) -> tuple[Named, ...]:
    """What the support losses read of the network: with it the Gauss-Newton part."""
    return tuple(
        symbol
        for equation in program
        if equation.stage == "support" and not equation.shape
        for symbol in equation.reads
        if name_of(symbol).base == "Z"
    )


# --8<-- [end:constants]

_FINN = """\
C. Finn, P. Abbeel, S. Levine: Model-Agnostic Meta-Learning for Fast Adaptation of
       Deep Networks. ICML 2017, arXiv:1703.03400, """

# --8<-- [start:algorithms]
ALGORITHMS = {
    "maml": Algorithm(
        summary="Meta-loss and its gradient through the adaptation [1]_.",
        result="Its gradient with respect to the weights before adaptation.",
        constants=nothing,
        reference=f"{_FINN}algorithm 2.",
    ),
    "first_order": Algorithm(
        summary="Meta-loss and its first-order gradient, the inner gradients held constant [1]_.",
        result="Its gradient with respect to the weights before adaptation,\n"
        "    without the second-order terms.",
        constants=inner_gradients,
        reference=f"{_FINN}section 5.2.",
    ),
}
# --8<-- [end:algorithms]
