"""What somebody's code may have computed: each hypothesis with its gradient and its remedy.

The list is data. To add a mistake, add an entry: its gradient is a function of a case, made of
the generated functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

from docs.diagnose.gradients import (
    first_order,
    joint,
    last_step,
    nothing,
    reptile,
    second_order,
    through_steps,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from docs.diagnose.cases import Case
    from docs.diagnose.gradients import Gradient


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
    explanation
        What the code does, in a sentence.
    remedies
        What to change, each with the framework that it is for.
    """

    name: str
    gradient: Gradient
    explanation: str
    remedies: tuple[tuple[str, str], ...] = ()


# --8<-- [end:hypothesis]

ANY = "any framework"

RIGHT = Hypothesis(
    "second order",
    second_order,
    "This is MAML's meta-gradient, through every inner step.",
)

FIRST = Hypothesis(
    "first order",
    first_order,
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

WHOLE = [
    RIGHT,
    FIRST,
    Hypothesis(
        "second order through the last step only",
        last_step,
        "The second order goes through the last inner step; those before it were constants.",
        (
            ("PyTorch", "create_graph=True in every inner step; no .detach() between the steps"),
            ("JAX", "no jax.lax.stop_gradient on the weights between the steps"),
            ("TensorFlow", "keep every inner step inside the outer tf.GradientTape"),
        ),
    ),
    Hypothesis(
        "Reptile's direction",
        reptile,
        "This is how far adaptation moved the weights; no query point took part.",
        ((ANY, "differentiate the query loss at the adapted weights by the original ones"),),
    ),
    Hypothesis(
        "joint training",
        joint,
        "The query loss was taken at the weights before adaptation.",
        (
            ("PyTorch", "torch.func.functional_call(model, fast, X_q); model(X_q) ignores fast"),
            ("JAX", "hand the adapted weights to the query loss"),
            ("TensorFlow", "apply the fast weights yourself; a Keras model reads its variables"),
        ),
    ),
    Hypothesis(
        "no gradient",
        nothing,
        "Every entry is zero: the query loss is not connected to the weights.",
        (
            ("PyTorch", "no copy.deepcopy, .data or torch.no_grad() from the weights to the loss"),
            ("JAX", "no jax.lax.stop_gradient on the weights themselves"),
            ("TensorFlow", "compute the fast weights inside the tape, not with Variable.assign"),
        ),
    ),
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
    of_problem(
        "inner loss summed over rows",
        lambda case: case.but(alpha=case.sizes["N"]),
        "The inner loss is a sum over the support rows, so alpha is too large by N.",
        (ANY, "average the inner loss over the rows, or divide alpha by N"),
    ),
    of_problem(
        "inner loss summed over outputs",
        lambda case: case.but(alpha=case.sizes["O"]),
        "The inner loss is a sum over the outputs, so alpha is too large by O.",
        (ANY, "average the inner loss over the outputs, or divide alpha by O"),
    ),
    of_problem(
        "inner loss summed over rows and outputs",
        lambda case: case.but(alpha=case.sizes["N"] * case.sizes["O"]),
        "The inner loss is a sum over rows and outputs, so alpha is too large by N times O.",
        ("PyTorch", 'mse_loss(..., reduction="mean"), not "sum"'),
        ("JAX", "jnp.mean of the squares, not jnp.sum"),
        ("TensorFlow", "tf.reduce_mean of the squares, not tf.reduce_sum"),
    ),
    of_problem(
        "inner loss halved",
        lambda case: case.but(alpha=0.5),
        "The inner loss has a factor 1/2 before the squares, so alpha is too small by 2.",
        (ANY, "take the mean of the squares as it is, or double alpha"),
    ),
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
    yield Hypothesis(change.name, change.second, change.explanation, change.remedies)
    yield Hypothesis(
        f"first order, {change.name}",
        change.first,
        f"{FIRST.explanation} {change.explanation}",
        (*FIRST.remedies, *change.remedies),
    )


HYPOTHESES = [*WHOLE, *(each for change in CHANGES for each in of_change(change))]


# --- factors ---


class Factor(NamedTuple):
    """A number that a gradient may be too long by.

    Attributes
    ----------
    name
        In the letters of the sizes: ``"T M / 2"``.
    value
        For one case.
    meaning
        What must have happened to the outer loss.
    """

    name: str
    value: float
    meaning: str


SUMMED = {"T": "tasks", "M": "query rows", "N": "support rows", "O": "outputs"}

ONE = Factor("1", 1.0, "")


def factors(sizes: Mapping[str, int], alpha: float, steps: int) -> list[Factor]:
    """The factors that have a name, the plainest first."""
    chosen = [
        letters
        for count in range(4)
        for letters in combinations(SUMMED, count)
        if not {"M", "N"} <= set(letters)
    ]
    sums = [_sum(letters, sizes) for letters in chosen]
    divided = [
        Factor("1 / T", 1 / sizes["T"], "averaged over tasks twice"),
        Factor("1 / alpha", 1 / alpha, "divided by the inner step size"),
        Factor("1 / (steps alpha)", 1 / (steps * alpha), "divided by the steps and their size"),
    ]
    lengths = [*sums, *map(_half, sums), *map(_twice, sums), *divided[: 2 + (steps > 1)]]
    return [*lengths, *map(_opposite, lengths)]


def _sum(letters: tuple[str, ...], sizes: Mapping[str, int]) -> Factor:
    value = 1.0
    for letter in letters:
        value *= sizes[letter]
    over = " and ".join(SUMMED[letter] for letter in letters)
    return Factor(" ".join(letters), value, f"summed over {over}") if letters else ONE


def _half(factor: Factor) -> Factor:
    return Factor(f"{factor.name} / 2", factor.value / 2, _and(factor, "halved"))


def _twice(factor: Factor) -> Factor:
    name = "2" if factor is ONE else f"2 {factor.name}"
    return Factor(name, 2 * factor.value, _and(factor, "doubled"))


def _opposite(factor: Factor) -> Factor:
    return Factor(f"-{factor.name}", -factor.value, _and(factor, "of the opposite sign"))


def _and(factor: Factor, more: str) -> str:
    return f"{factor.meaning}, {more}" if factor.meaning else more
