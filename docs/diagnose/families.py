"""Hypotheses in which a number is free: any step size, any momentum, any share of the Hessian."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .computations import only
from .factors import digits
from .gradients import Way, none, through_steps
from .hypotheses import ANY, FIRST, HYPOTHESES, NOTHING, RIGHT, Hypothesis

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..experiment.networks import WeightTuple
    from .cases import Case


def spread(least: float, most: float) -> tuple[float, ...]:
    """Numbers from one to another, each about half as large again as the one before."""
    return tuple(np.geomspace(least, most, 1 + math.ceil(math.log(most / least, 1.5))).tolist())


#: Where to look for a step size, beside that of the case; for what a second-order term is
#: multiplied by, of either sign; for a share of something; for a length.
ALPHAS = spread(0.03, 10.0)
MULTIPLES = tuple(sign * each for each in spread(0.1, 100.0) for sign in (1, -1))
SHARES = spread(0.2, 1.0)
DECAYS = spread(0.003, 1.0)
LENGTHS = spread(0.05, 20.0)


class Family(NamedTuple):
    """Hypotheses that differ by a number, which is found where no other agrees.

    Attributes
    ----------
    hypothesis
        What they have in common; its gradient is that at the first start.
    free
        What the number is: ``"alpha"`` as a multiple of the case's, or a field of a `Way`.
    starts
        Numbers to look from.
    loop
        Whether the number is idle in the first step.
    """

    hypothesis: Hypothesis
    free: str
    starts: tuple[float, ...]
    loop: bool = False

    def gradient(self, case: Case, number: float) -> WeightTuple:
        """The gradient of a case at a number."""
        if self.free == "alpha":
            return self.hypothesis.gradient(case.but(alpha=number))
        return self.hypothesis.gradient.of_way(**{self.free: number})(case)

    def said(self, case: Case, number: float) -> tuple[str, ...]:
        """A number in words for a case, the plainest first."""
        return {"alpha": of_alpha, "curvature": of_curvature}.get(self.free, in_digits)(
            case, number
        )


def in_digits(_: Case, number: float) -> tuple[str, ...]:
    """A number as it is."""
    return (digits(number),)


def of_alpha(case: Case, number: float) -> tuple[str, ...]:
    """A step size, as it is or beside that of the case."""
    return f"{digits(number)} alpha", digits(number * case.alpha)


def of_curvature(case: Case, number: float) -> tuple[str, ...]:
    """What a second-order term is multiplied by."""
    known = {"1 / alpha": 1 / case.alpha, "alpha": case.alpha}
    named = [name for name, value in known.items() if abs(number / value - 1) < ALIKE]
    return (*named, digits(number))


#: Two numbers that are found are the same up to this.
ALIKE = 1e-3


def of_number(
    name: str,
    free: str,
    starts: tuple[float, ...],
    explanation: str,
    remedies: tuple[tuple[str, str], ...],
    *,
    loop: bool = False,
) -> Iterator[Family]:
    """A number of the inner loop, with second order and without."""
    of_first = f"{FIRST.name}, {name}", "no", f"{FIRST.explanation} {explanation}"
    for way, (said, order, sentence), advice in (
        (Way(), (name, "yes", explanation), remedies),
        (Way(hessians=none), of_first, (*FIRST.remedies, *remedies)),
    ):
        gradient = only(through_steps, way=way).of_way(**{free: starts[0]})
        yield Family(Hypothesis(said, gradient, order, sentence, advice), free, starts, loop)


PLAIN = (
    ("PyTorch", "torch.optim.SGD(..., lr=alpha) without any other argument, or w - alpha * g"),
    ("JAX", "optax.sgd(alpha) without any other argument, or w - alpha * g"),
    ("TensorFlow", "w - alpha * g in place of an optimizer"),
    ("higher", "torch.optim.SGD(..., lr=alpha) without any other argument in innerloop_ctx"),
)
CONSTANT = ((ANY, "the same alpha in every inner step"),)
TERM = ((ANY, "the second-order term is -alpha H v: its sign, its alpha, no 2 that is not there"),)


ANOTHER = "The inner step size is another one than the case says."
ALPHA = ((ANY, "read alpha from the case, and use it once in the inner step"),)


def any_alpha(hypothesis: Hypothesis) -> Family:
    """A hypothesis with another step size than that of the case."""
    return Family(
        Hypothesis(
            f"{hypothesis.name}, inner step size",
            hypothesis.gradient,
            hypothesis.order,
            f"{hypothesis.explanation} {ANOTHER}",
            (*hypothesis.remedies, *ALPHA),
        ),
        "alpha",
        ALPHAS,
    )


FAMILIES = [
    Family(Hypothesis("inner step size", RIGHT.gradient, "yes", ANOTHER, ALPHA), "alpha", ALPHAS),
    any_alpha(FIRST),
    Family(
        Hypothesis(
            "first order + c (second - first), c",
            only(through_steps, way=Way(curvature=MULTIPLES[0])),
            "in part",
            "The second-order term of every step is multiplied by a number.",
            TERM,
        ),
        "curvature",
        MULTIPLES,
    ),
    *of_number(
        "inner momentum",
        "momentum",
        SHARES,
        "The inner steps had momentum.",
        PLAIN,
        loop=True,
    ),
    *of_number(
        "inner weight decay",
        "decay",
        DECAYS,
        "The weights decayed in the inner steps.",
        PLAIN,
    ),
    *of_number(
        "inner gradient clipped to",
        "longest",
        LENGTHS,
        "The inner gradient was clipped.",
        ((ANY, "no clipping in the inner loop"),),
    ),
    *of_number(
        "inner step size shrinking by",
        "shrinking",
        SHARES,
        "Each inner step was shorter, or longer, than the one before it.",
        CONSTANT,
        loop=True,
    ),
]

#: Of each mistake, by its name, where the step size itself is not what is wrong.
IN_COMPANY = {
    each.name: any_alpha(each)
    for each in HYPOTHESES
    if each not in (RIGHT, FIRST, NOTHING) and "inner loss " not in each.name
}
