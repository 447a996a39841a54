"""What somebody's code may have computed: each hypothesis as a sum of derivatives of losses.

The list is data. A hypothesis of one term may come with any factor, one of two terms with two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from .measure import Route

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

ANY = "any framework"

SECOND = Route("s", "q", second=True)
FIRST = Route("s", "q")
JOINT = Route("", "q")
#: Nothing is judged: the way from the weights to the adapted ones and back.
DISPLACEMENT = Route("s", "")


class Term(NamedTuple):
    """The derivative of a route for one task, or the mean over all."""

    route: Route
    task: int | None = None


@dataclass(frozen=True)
class Hypothesis:
    """Something that may have been computed instead of the meta-gradient.

    Attributes
    ----------
    name
        As a verdict prints it.
    terms
        The derivatives that it is a sum of; none for no gradient at all.
    order
        Whether second-order terms are in it: ``"yes"``, ``"no"`` or ``"in part"``.
    explanation
        What the code does, in a sentence.
    remedies
        What to change, each with the framework that it is for.
    lost
        The arrays whose second-order terms are missing, where it is not all of them.
    """

    name: str
    terms: tuple[Term, ...]
    order: str
    explanation: str
    remedies: tuple[tuple[str, str], ...] = ()
    lost: tuple[str, ...] = ()


RIGHT = Hypothesis(
    "second order",
    (Term(SECOND),),
    "yes",
    "Every second-order term is there, through every inner step.",
)

CONSTANT = Hypothesis(
    "first order",
    (Term(FIRST),),
    "no",
    "The inner gradients were treated as constants, so every second-order term is missing.",
    (
        ("PyTorch", "torch.autograd.grad(..., create_graph=True) in the inner step; no .detach()"),
        (
            "torch.compile",
            "leave it off: some versions drop the graph of create_graph=True silently",
        ),
        ("JAX", "take jax.lax.stop_gradient off the inner gradients"),
        ("learn2learn", "MAML(..., first_order=False)"),
        ("higher", "innerloop_ctx(..., copy_initial_weights=False, track_higher_grads=True)"),
    ),
)

NOTHING = Hypothesis(
    "no gradient",
    (),
    "no",
    "Every entry is None or zero: the query loss is not connected to the weights.",
    (
        ("PyTorch", "no .detach(), .data, copy.deepcopy or torch.no_grad() on any weights"),
        ("JAX", "no jax.lax.stop_gradient on weights, neither the shared ones nor between steps"),
        ("higher", "innerloop_ctx(..., copy_initial_weights=False)"),
    ),
)

#: The order of the second-order terms may be any number of times what it must be.
MIXED = Hypothesis(
    "first order + c (second - first)",
    (Term(FIRST), Term(SECOND)),
    "in part",
    "The second-order terms are there, but with another factor than the first-order ones.",
    ((ANY, "look at what the Hessian is multiplied by: minus the inner step size, once"),),
)

BY_OUTER = ((ANY, "differentiate the query loss at the adapted weights by the original ones"),)
BY_SETS = ((ANY, "adapt on the support set, and take the outer loss on the query set"),)
BY_TASKS = ((ANY, "add up the gradients of all tasks before the outer step"),)
BY_ZERO = (
    ("PyTorch", "optimizer.zero_grad() between the inner loop and the outer backward()"),
    (ANY, "take the inner gradient by torch.autograd.grad, which leaves nothing in .grad"),
)


def in_both_orders(
    name: str, adapted: str, judged: str, explanation: str, remedies: tuple[tuple[str, str], ...]
) -> list[Hypothesis]:
    """A mistake with the second-order terms, and without."""
    second = Hypothesis(
        name, (Term(Route(adapted, judged, second=True)),), "yes", explanation, remedies
    )
    return [
        second,
        Hypothesis(
            f"first order, {name}",
            (Term(Route(adapted, judged)),),
            "no",
            f"{explanation} {CONSTANT.explanation}",
            (*remedies, *CONSTANT.remedies),
        ),
    ]


ALONE = [
    *in_both_orders(
        "outer loss on the support set",
        "s",
        "s",
        "The outer loss was that of the support set; no query point took part.",
        BY_SETS,
    ),
    *in_both_orders(
        "support and query swapped",
        "q",
        "s",
        "The weights were adapted on the query set and judged on the support set.",
        BY_SETS,
    ),
    Hypothesis(
        "joint training",
        (Term(JOINT),),
        "no",
        "The query loss was taken at the weights before adaptation.",
        (
            ("PyTorch", "torch.func.functional_call(model, fast, X_q); model(X_q) ignores fast"),
            ("JAX", "hand the adapted weights to the query loss"),
        ),
    ),
    Hypothesis(
        "joint training on the support set",
        (Term(Route("", "s")),),
        "no",
        "The support loss was taken at the weights before adaptation; no query point took part.",
        BY_OUTER,
    ),
    Hypothesis(
        "Reptile's direction",
        (Term(DISPLACEMENT),),
        "no",
        "This is how far adaptation moved the weights; no query point took part.",
        BY_OUTER,
    ),
]

#: With more than one task.
OF_ONE_TASK = [
    Hypothesis(
        f"{kind.name}, {which} task only",
        (Term(kind.terms[0].route, task),),
        kind.order,
        f"Only the {which} task of the meta-batch is in the gradient.",
        (*BY_TASKS, *kind.remedies),
    )
    for task, which in ((0, "first"), (-1, "last"))
    for kind in (RIGHT, CONSTANT)
]

#: With a factor for each term.
SUMS = [
    Hypothesis(
        f"{kind.name}, and the {what}",
        (Term(kind.terms[0].route), Term(route)),
        kind.order,
        explanation,
        (*remedies, *kind.remedies),
    )
    for kind in (RIGHT, CONSTANT)
    for what, route, explanation, remedies in (
        (
            "support gradient at the weights before adaptation",
            Route("", "s"),
            "Inner gradients were left in .grad, and the outer ones added to them.",
            BY_ZERO,
        ),
        (
            "support loss after adaptation",
            Route("s", "s", second=kind is RIGHT),
            "The outer loss is that of the support and the query set together.",
            BY_SETS,
        ),
        (
            "query loss before adaptation",
            JOINT,
            "The query losses before and after adaptation were added up.",
            BY_OUTER,
        ),
    )
]


def in_some_arrays(kinds: Mapping[str, str]) -> Hypothesis:
    """Another hypothesis, or none, for some arrays."""
    groups: dict[str, list[str]] = {}
    for name, kind in kinds.items():
        groups.setdefault(kind, []).append(name)
    lost = tuple(groups.get(CONSTANT.name, ()))
    others = [each for each in (RIGHT, CONSTANT, NOTHING) if each.name in groups]
    return Hypothesis(
        "; ".join(f"{kind} in {', '.join(names)}" for kind, names in groups.items()),
        (),
        others[0].order if len(others) == 1 else "in part",
        "The gradients by some arrays are not of the same kind as those by the others.",
        tuple(remedy for each in others for remedy in each.remedies),
        lost,
    )


def through_some_arrays(lost: Sequence[str], steps: int) -> Hypothesis:
    """The inner gradients of some arrays were taken for constants."""
    constant = frozenset((number, name) for number in range(steps) for name in lost)
    return Hypothesis(
        f"second order, but for the inner gradients of {', '.join(lost)}",
        (Term(SECOND._replace(constant=constant)),),
        "in part",
        "The inner gradients of these arrays were treated as constants, those of the others not.",
        (
            ("PyTorch", "no .detach(), .data or torch.no_grad() around these arrays' inner step"),
            ("JAX", "no jax.lax.stop_gradient on these arrays or their inner gradients"),
        ),
        tuple(lost),
    )


def through_some_steps(lost: Sequence[int], steps: int, names: Iterable[str]) -> Hypothesis:
    """The inner gradients of some steps were taken for constants."""
    kept = steps - len(lost)
    if tuple(lost) == tuple(range(steps - kept)) and kept < steps - 1:
        of = "step" if kept == 1 else f"{kept} steps"
        name = f"second order, through the last {of} of {steps} only"
    elif tuple(lost) == tuple(range(kept, steps)) and kept < steps - 1:
        of = "step" if kept == 1 else f"{kept} steps"
        name = f"second order, through the first {of} of {steps} only"
    else:
        which = ", ".join(str(number + 1) for number in lost)
        name = f"second order, but for the inner gradients of step {which} of {steps}"
    constant = frozenset((number, each) for number in lost for each in names)
    return Hypothesis(
        name,
        (Term(SECOND._replace(constant=constant)),),
        "in part",
        "The inner gradients of some steps were treated as constants, those of the others not.",
        (
            ("PyTorch", "create_graph=True in every inner step; no .detach() between steps"),
            ("JAX", "no jax.lax.stop_gradient in any inner step"),
        ),
        tuple(names),
    )


def with_some_adapted(parts: Mapping[str, Iterable[str]]) -> list[Hypothesis]:
    """Only the head was adapted, or all but the head: by name, the arrays that were not."""
    return [
        Hypothesis(
            f"{kind.name}, only the {part} adapted",
            (Term(kind.terms[0].route._replace(unadapted=frozenset(names))),),
            kind.order,
            f"The inner loop leaves out what `adapt` moves: {', '.join(names)}.",
            ((ANY, "take the inner step in all arrays, as `adapt` does"), *kind.remedies),
        )
        for part, names in parts.items()
        for kind in (RIGHT, CONSTANT)
    ]
