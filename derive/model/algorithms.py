"""The algorithms: a row each, plain data. What every one of them does is written in `programs`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from ..language.names import Name, Named, name_of
from ..language.program import Program

#: What is held constant, of the program that ends with the query loss.
Constants: TypeAlias = Callable[[Program], tuple[Named, ...]]


# --8<-- [start:constants]
def nothing(_: Program) -> tuple[Named, ...]:
    """Every derivative is taken."""
    return ()


def inner_gradients(program: Program) -> tuple[Named, ...]:
    """The inner gradients and what they are made of: with them all of the second order."""
    return tuple(
        equation.symbol for equation in program if equation.stage in ("support", "inner gradient")
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

# --8<-- [start:adapted]
#: Which parameters adapt, by their names and the number of the last layer.
ADAPTED: dict[str, Callable[[Name, int], bool]] = {
    "all": lambda name, _: name.base in "Wb",
    "head": lambda name, last: name.base in "Wb" and name.layer == last,
    "body": lambda name, last: name.base in "Wb" and name.layer < last,
    "biases": lambda name, _: name.base == "b",
    "context": lambda name, _: name.base == "c",
}
# --8<-- [end:adapted]

#: How many step sizes there are: one that is given, or so many that are learned.
RATES = ("given", "one", "layer", "array", "entry")

#: After which step the query loss counts.
OUTER = ("last", "every")


@dataclass(frozen=True)
class Algorithm:
    """What a learner does with its support set, and what is asked of it afterwards.

    Attributes
    ----------
    title
        What it is called.
    reference
        Where it comes from.
    adapted
        Which parameters the inner steps change, a key of `ADAPTED`.
    rate
        How many step sizes there are, one of `RATES`: ``given`` at each call, or learned, ``one``,
        one a ``layer``, one a parameter ``array`` or one an ``entry``.
    per_step
        Whether every inner step has step sizes of its own.
    outer
        One of `OUTER`: the query loss after the ``last`` step, or a weighted sum of those after
        ``every`` step, whose weights are given at each call.
    penalty
        Whether the inner loss has a multiple of the squares of what adapts in it.
    task_weights
        Whether the meta-loss is a weighted sum over the tasks; else it is their mean.
    constants
        Through what no derivative is taken.
    """

    title: str
    reference: str
    adapted: str = "all"
    rate: str = "given"
    per_step: bool = False
    outer: str = "last"
    penalty: bool = False
    task_weights: bool = False
    constants: Constants = nothing

    def __post_init__(self) -> None:
        for field, known in (("adapted", ADAPTED), ("rate", RATES), ("outer", OUTER)):
            if getattr(self, field) not in known:
                raise ValueError(
                    f"{field} is {getattr(self, field)!r}; it must be one of {', '.join(known)}"
                )
        if self.per_step and self.rate == "given":
            raise ValueError("per_step is True; a given step size is the same for all steps")

    @property
    def learns(self) -> bool:
        """Whether the outer loop learns step sizes."""
        return self.rate != "given"


_FINN = """\
C. Finn, P. Abbeel, S. Levine: Model-Agnostic Meta-Learning for Fast Adaptation of
       Deep Networks. ICML 2017, arXiv:1703.03400, """

_ANTONIOU = """\
A. Antoniou, H. Edwards, A. Storkey: How to Train Your MAML. ICLR 2019,
       arXiv:1810.09502, """

# --8<-- [start:algorithms]
ALGORITHMS = {
    "maml": Algorithm("MAML", f"{_FINN}algorithm 2."),
    "first_order": Algorithm("first-order MAML", f"{_FINN}section 5.2.", constants=inner_gradients),
    "meta_sgd": Algorithm(
        "Meta-SGD",
        """\
Z. Li, F. Zhou, F. Chen, H. Li: Meta-SGD: Learning to Learn Quickly for Few-Shot
       Learning. 2017, arXiv:1707.09835, equation 3.""",
        rate="entry",
    ),
    "maml_plus_plus": Algorithm(
        "MAML++", f"{_ANTONIOU}section 4.", rate="layer", per_step=True, outer="every"
    ),
    "anil": Algorithm(
        "ANIL",
        """\
A. Raghu, M. Raghu, S. Bengio, O. Vinyals: Rapid Learning or Feature Reuse? Towards
       Understanding the Effectiveness of MAML. ICLR 2020, arXiv:1909.09157, section 4.""",
        adapted="head",
    ),
    "boil": Algorithm(
        "BOIL",
        """\
J. Oh, H. Yoo, C. Kim, S. Yun: BOIL: Towards Representation Change for Few-shot
       Learning. ICLR 2021, arXiv:2008.08882, section 3.""",
        adapted="body",
    ),
    "biases": Algorithm("biases-only MAML", f"{_FINN}algorithm 2.", adapted="biases"),
    "cavia": Algorithm(
        "CAVIA",
        """\
L. Zintgraf, K. Shiarlis, V. Kurin, K. Hofmann, S. Whiteson: Fast Context Adaptation
       via Meta-Learning. ICML 2019, arXiv:1810.03642, section 3.""",
        adapted="context",
    ),
    "recipe": Algorithm(
        "recipe",
        f"{_ANTONIOU}section 4, with a step size for every entry.",
        rate="entry",
        per_step=True,
        outer="every",
    ),
}
# --8<-- [end:algorithms]
