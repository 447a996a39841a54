"""The algorithms: a row each. What every one of them does is written in `programs`."""

from __future__ import annotations

from typing import NamedTuple


class Algorithm(NamedTuple):
    """How the meta-loss after adaptation is differentiated.

    Attributes
    ----------
    summary
        What its gradient is, as the first line of a docstring.
    result
        The same gradient, among what a function returns.
    second_order
        Whether the derivative passes through the inner gradients; else they are constants.
    reference
        Where it comes from.
    """

    summary: str
    result: str
    second_order: bool
    reference: str


_FINN = """\
C. Finn, P. Abbeel, S. Levine: Model-Agnostic Meta-Learning for Fast Adaptation of
       Deep Networks. ICML 2017, arXiv:1703.03400, """

# --8<-- [start:algorithms]
ALGORITHMS = {
    "maml": Algorithm(
        summary="Meta-loss and its gradient through the adaptation [1]_.",
        result="Its gradient with respect to the weights before adaptation.",
        second_order=True,
        reference=f"{_FINN}algorithm 2.",
    ),
    "first_order": Algorithm(
        summary="Meta-loss and its first-order gradient, the inner gradients held constant [1]_.",
        result="Its gradient with respect to the weights before adaptation,\n"
        "    without the second-order terms.",
        second_order=False,
        reference=f"{_FINN}section 5.2.",
    ),
}
# --8<-- [end:algorithms]
