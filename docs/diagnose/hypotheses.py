"""What somebody's code may have computed: each hypothesis with its gradient and its remedy.

The list is data. To add a mistake, add an entry: its gradient is a function of a case, made of
the generated functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from .factors import times
from .gradients import (
    first_order,
    joint,
    last_step,
    nothing,
    reptile,
    second_order,
    through_steps,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .cases import Case
    from .gradients import Gradient


# --8<-- [start:hypothesis]
@dataclass(frozen=True)
class Hypothesis:
    """Something that may have been computed instead of the meta-gradient.

    Attributes
    ----------
    name
        As a verdict prints it.
    gradient
        What comes out of it, for a case.
    order
        Whether second-order terms are in it: ``"yes"``, ``"no"`` or ``"in part"``.
    explanation
        What the code does, in a sentence.
    remedies
        What to change, each with the framework that it is for.
    """

    name: str
    gradient: Gradient
    order: str
    explanation: str
    remedies: tuple[tuple[str, str], ...] = ()


# --8<-- [end:hypothesis]

ANY = "any framework"

RIGHT = Hypothesis(
    "second order",
    second_order,
    "yes",
    "Every second-order term is there, through every inner step.",
)

FIRST = Hypothesis(
    "first order",
    first_order,
    "no",
    "The inner gradients were treated as constants, so every second-order term is missing.",
    (
        ("PyTorch", "torch.autograd.grad(..., create_graph=True) in the inner step; no .detach()"),
        ("JAX", "take jax.lax.stop_gradient off the inner gradients"),
        (
            "TensorFlow",
            "take the inner gradient inside the outer tf.GradientTape; no tf.stop_gradient on it",
        ),
    ),
)

NOTHING = Hypothesis(
    "no gradient",
    nothing,
    "no",
    "Every entry is zero: the query loss is not connected to the weights.",
    (
        ("PyTorch", "no .detach(), .data, copy.deepcopy or torch.no_grad() on any weights"),
        ("JAX", "no jax.lax.stop_gradient on weights, neither the shared ones nor between steps"),
        ("TensorFlow", "compute the fast weights inside the tape, not with Variable.assign"),
    ),
)

WHOLE = [
    RIGHT,
    FIRST,
    Hypothesis(
        "second order through the last step only",
        last_step,
        "in part",
        "Only the gradient of the last inner step was differentiated; those before were constants.",
        (
            ("PyTorch", "create_graph=True in every inner step; no .detach() on its gradients"),
            ("JAX", "no jax.lax.stop_gradient on the gradients of the earlier steps"),
            ("TensorFlow", "no tf.stop_gradient on the gradients of the earlier steps"),
        ),
    ),
    Hypothesis(
        "Reptile's direction",
        reptile,
        "no",
        "This is how far adaptation moved the weights; no query point took part.",
        ((ANY, "differentiate the query loss at the adapted weights by the original ones"),),
    ),
    Hypothesis(
        "joint training",
        joint,
        "no",
        "The query loss was taken at the weights before adaptation.",
        (
            ("PyTorch", "torch.func.functional_call(model, fast, X_q); model(X_q) ignores fast"),
            ("JAX", "hand the adapted weights to the query loss"),
            ("TensorFlow", "apply the fast weights yourself; a Keras model reads its variables"),
        ),
    ),
    Hypothesis(
        "joint training on the support set",
        lambda case: joint(case.on("s", "s")),
        "no",
        "The support loss was taken at the weights before adaptation; no query point took part.",
        ((ANY, "differentiate the query loss at the adapted weights by the original ones"),),
    ),
    NOTHING,
]


# --- changes that go with either order ---


class Change(NamedTuple):
    """A mistake beside the order of the gradient: what it makes of either order."""

    name: str
    second: Gradient
    first: Gradient
    explanation: str
    remedies: tuple[tuple[str, str], ...]


def of_problem(
    name: str,
    change: Callable[[Case], Case],
    explanation: str,
    *remedies: tuple[str, str],
) -> Change:
    """A mistake that is the right computation on another problem."""
    return Change(
        name,
        lambda case: second_order(change(case)),
        lambda case: first_order(change(case)),
        explanation,
        remedies,
    )


def of_parameters(
    name: str, adapted: Callable[[Case, str], bool], explanation: str, *remedies: tuple[str, str]
) -> Change:
    """A mistake in which some parameters take no inner step."""
    return Change(
        name,
        partial(through_steps, adapted=adapted),
        partial(through_steps, adapted=adapted, hessians=0),
        explanation,
        remedies,
    )


#: What may have happened to the inner loss, and as if alpha were how many times as large.
INNER_LOSSES = {
    "summed over rows": "N",
    "summed over outputs": "O",
    "summed over rows and outputs": "N O",
    "halved": "1 / 2",
    "half a sum over rows": "N / 2",
    "half a sum over outputs": "O / 2",
    "half a sum over rows and outputs": "N O / 2",
    "averaged over rows twice": "1 / N",
    "divided by the number of tasks": "1 / T",
}


def of_inner_loss(name: str, by: str) -> Change:
    """A mistake in the length of the inner step."""
    undo = f"multiply alpha by {by[4:]}" if by.startswith("1 / ") else f"divide alpha by {by}"
    return of_problem(
        f"inner loss {name}",
        lambda case: case.but(alpha=times(by, case.sizes)),
        f"The inner loss is {name}: it is as if alpha were {by} times as large.",
        ("PyTorch", 'mse_loss(..., reduction="mean") as it is; not "sum", no factor'),
        ("JAX", "jnp.mean of the squares as it is; not jnp.sum, no factor"),
        ("TensorFlow", "tf.reduce_mean of the squares as it is; not tf.reduce_sum, no factor"),
        (ANY, f"or {undo}"),
    )


def in_head(case: Case, name: str) -> bool:
    """Whether a parameter belongs to the last layer."""
    last: str = case.net.Weights._fields[-1]
    return name[1:] == last[1:]


CHANGES = [
    of_problem(
        "support and query swapped",
        lambda case: case.on("q", "s"),
        "Adaptation took the query set and the outer loss the support set.",
        (ANY, "adapt on X_s, Y_s; take the outer loss on X_q, Y_q"),
    ),
    of_problem(
        "outer loss on the support set",
        lambda case: case.on("s", "s"),
        "The outer loss was taken on the points that were adapted to.",
        (ANY, "take the outer loss on X_q, Y_q, at the adapted weights"),
    ),
    of_parameters(
        "biases not adapted",
        lambda _, name: name[0] != "b",
        "The biases took no inner step.",
        ("PyTorch", "differentiate by and update all of model.parameters() in the inner step"),
        ("JAX", "update the whole tree: jax.tree.map(lambda w, g: w - alpha * g, ...)"),
        ("TensorFlow", "differentiate by and update all of model.trainable_variables"),
    ),
    of_parameters(
        "only the head adapted",
        in_head,
        "Only the last layer took an inner step; this variant is known as ANIL.",
        (ANY, "update the layers below the last one in the inner step, too"),
    ),
    *(of_inner_loss(name, by) for name, by in INNER_LOSSES.items()),
    of_problem(
        "one step more",
        lambda case: case.but(more_steps=1),
        "Adaptation took one inner step more than the case says.",
        (ANY, "count the inner steps; the query loss belongs after the last of them"),
    ),
    of_problem(
        "one step fewer",
        lambda case: case.but(more_steps=-1),
        "Adaptation took one inner step fewer than the case says.",
        (ANY, "count the inner steps; the query loss belongs after the last of them"),
    ),
]


def of_change(change: Change) -> Iterator[Hypothesis]:
    """A change by itself, and in company of first order."""
    yield Hypothesis(change.name, change.second, "yes", change.explanation, change.remedies)
    yield Hypothesis(
        f"first order, {change.name}",
        change.first,
        "no",
        f"{FIRST.explanation} {change.explanation}",
        (*FIRST.remedies, *change.remedies),
    )


HYPOTHESES = [*WHOLE, *(each for change in CHANGES for each in of_change(change))]


#: Where a gradient is near one of these, but not as near as float32 comes.
PRECISION = (
    ("PyTorch", "torch.backends.cuda.matmul.allow_tf32 = False; no torch.autocast"),
    ("JAX", 'jax.config.update("jax_default_matmul_precision", "highest")'),
    ("TensorFlow", "tf.config.experimental.enable_tensor_float_32_execution(False)"),
    (ANY, "where that changes nothing, look for a small mistake, such as in alpha"),
)
