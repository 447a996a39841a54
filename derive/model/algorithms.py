"""The algorithms: a row each. What every one of them does is written in `programs`."""

from __future__ import annotations

from typing import NamedTuple


class Algorithm(NamedTuple):
    """How the meta-loss after adaptation is differentiated.

    Attributes
    ----------
    title
        What it is called.
    second_order
        Whether the derivative passes through the inner gradients; else they are constants.
    reference
        Where it comes from.
    """

    title: str
    second_order: bool
    reference: str


_FINN = """\
C. Finn, P. Abbeel, S. Levine: Model-Agnostic Meta-Learning for Fast Adaptation of
       Deep Networks. ICML 2017, arXiv:1703.03400, """

# --8<-- [start:algorithms]
ALGORITHMS = {
    "maml": Algorithm("MAML", second_order=True, reference=f"{_FINN}algorithm 2."),
    "first_order": Algorithm(
        "first-order MAML", second_order=False, reference=f"{_FINN}section 5.2."
    ),
}
# --8<-- [end:algorithms]
