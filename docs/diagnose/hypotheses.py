"""What somebody's code may have computed: each hypothesis with its gradient and its remedy.

The list is data. To add a mistake, add an entry: its gradient is a computation of
`computations`, made of the generated functions. The page of the diagnosis computes the same list.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from .computations import Computation, Part, Problem, only
from .gradients import (
    Way,
    above_first,
    above_hidden,
    adam,
    biases,
    body,
    cut_between_tasks,
    first,
    first_order,
    head,
    joint,
    last_step,
    leaking,
    matrices,
    none,
    nothing,
    of_all_steps,
    reptile,
    second_order,
    support_gradients,
    through_steps,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


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
    of_weights
        Whether it is a difference of weights, which rounds as they do.
    """

    name: str
    gradient: Computation
    order: str
    explanation: str
    remedies: tuple[tuple[str, str], ...] = ()
    of_weights: bool = False


# --8<-- [end:hypothesis]

ANY = "any framework"

RIGHT = Hypothesis(
    "second order",
    only(second_order),
    "yes",
    "Every second-order term is there, through every inner step.",
)

FIRST = Hypothesis(
    "first order",
    only(first_order),
    "no",
    "The inner gradients were treated as constants, so every second-order term is missing.",
    (
        ("PyTorch", "torch.autograd.grad(..., create_graph=True) in the inner step; no .detach()"),
        ("JAX", "take jax.lax.stop_gradient off the inner gradients"),
        (
            "TensorFlow",
            "take the inner gradient inside the outer tf.GradientTape; no tf.stop_gradient on it",
        ),
        ("higher", "track_higher_grads=True and copy_initial_weights=False; time=0, not -1"),
        (
            "torch.compile",
            "leave it off the inner step: some versions drop what create_graph=True keeps",
        ),
    ),
)

NOTHING = Hypothesis(
    "no gradient",
    only(nothing),
    "no",
    "Every entry is zero: the query loss is not connected to the weights.",
    (
        ("PyTorch", "no .detach(), .data, copy.deepcopy or torch.no_grad() on any weights"),
        ("JAX", "no jax.lax.stop_gradient on weights, neither the shared ones nor between steps"),
        ("TensorFlow", "compute the fast weights inside the tape, not with Variable.assign"),
        ("higher", "copy_initial_weights=False; by default every gradient is None"),
    ),
)

WHOLE = [
    RIGHT,
    FIRST,
    Hypothesis(
        "second order through the last step only",
        only(last_step),
        "in part",
        "Only the gradient of the last inner step was differentiated; those before were constants.",
        (
            ("PyTorch", "create_graph=True in every inner step; no .detach() on its gradients"),
            ("JAX", "no jax.lax.stop_gradient on the gradients of the earlier steps"),
            ("TensorFlow", "no tf.stop_gradient on the gradients of the earlier steps"),
            ("higher", "differentiate by fmodel.parameters(time=0), not by later ones"),
        ),
    ),
    Hypothesis(
        "second order through the first step only",
        only(through_steps, way=Way(hessians=first)),
        "in part",
        "Only the gradient of the first inner step was differentiated; later ones were constants.",
        (
            ("PyTorch", "create_graph=True in every inner step; no .detach() on its gradients"),
            ("JAX", "no jax.lax.stop_gradient on the gradients of the later steps"),
            ("TensorFlow", "no tf.stop_gradient on the gradients of the later steps"),
            ("higher", "one innerloop_ctx around all inner steps, with track_higher_grads=True"),
        ),
    ),
    Hypothesis(
        "Reptile's direction",
        only(reptile),
        "no",
        "This is how far adaptation moved the weights; no query point took part.",
        ((ANY, "differentiate the query loss at the adapted weights by the original ones"),),
        of_weights=True,
    ),
    Hypothesis(
        "joint training",
        only(joint),
        "no",
        "The query loss was taken at the weights before adaptation.",
        (
            ("PyTorch", "torch.func.functional_call(model, fast, X_q); model(X_q) ignores fast"),
            ("JAX", "hand the adapted weights to the query loss"),
            ("TensorFlow", "apply the fast weights yourself; a Keras model reads its variables"),
            ("higher", "call fmodel(X_q), which has the fast weights; model(X_q) has not"),
        ),
    ),
    Hypothesis(
        "joint training on the support set",
        only(joint, Problem(query="s")),
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
    second: Computation
    first: Computation
    explanation: str
    remedies: tuple[tuple[str, str], ...]


def of_problem(name: str, problem: Problem, explanation: str, *remedies: tuple[str, str]) -> Change:
    """A mistake that is the right computation on another problem."""
    second, first = (only(order, problem) for order in (second_order, first_order))
    return Change(name, second, first, explanation, remedies)


def of_way(name: str, way: Way, explanation: str, *remedies: tuple[str, str]) -> Change:
    """A mistake in how the inner loop goes."""
    second, first = (only(through_steps, way=each) for each in (way, replace(way, hessians=none)))
    return Change(name, second, first, explanation, remedies)


def with_added(name: str, added: Part, explanation: str, *remedies: tuple[str, str]) -> Change:
    """A mistake that adds something to either order."""
    second, first = (Computation((Part(order), added)) for order in (second_order, first_order))
    return Change(name, second, first, explanation, remedies)


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
    "averaged over outputs": "1 / O",
    "divided by the number of tasks": "1 / T",
}


def of_inner_loss(name: str, by: str) -> Change:
    """A mistake in the length of the inner step."""
    undo = f"multiply alpha by {by[4:]}" if by.startswith("1 / ") else f"divide alpha by {by}"
    return of_problem(
        f"inner loss {name}",
        Problem(alpha=by),
        f"The inner loss is {name}: it is as if alpha were {by} times as large.",
        ("PyTorch", 'mse_loss(..., reduction="mean") as it is; not "sum", no factor'),
        ("JAX", "jnp.mean of the squares as it is; not jnp.sum, no factor"),
        ("TensorFlow", "tf.reduce_mean of the squares as it is; not tf.reduce_sum, no factor"),
        (ANY, f"or {undo}"),
    )


def of_layers_cut(name: str, way: Way) -> Change:
    """A mistake that leaves the lowest layers without any gradient."""
    return of_way(
        name,
        way,
        "Nothing came back through that layer: those up to it neither adapted nor got a gradient.",
        ("PyTorch", "no .detach(), .data or torch.no_grad() in the forward pass"),
        ("JAX", "no jax.lax.stop_gradient in the forward pass"),
        ("TensorFlow", "no tf.stop_gradient, .numpy() or trainable=False in the forward pass"),
    )


RESHAPE = (
    ("PyTorch", "give targets and predictions one shape: Y.view_as(prediction), or .squeeze(1)"),
    ("JAX", "give both one shape: prediction.reshape(Y.shape)"),
    ("TensorFlow", "give both one shape: tf.reshape(Y, tf.shape(prediction))"),
)
SHARED = (
    ("PyTorch", "fast = list(model.parameters()) inside the loop over tasks; nothing in place"),
    ("JAX", "start every task from the shared weights; vmap over tasks cannot leak"),
    ("TensorFlow", "do not assign to the shared variables; start every task from them"),
    ("higher", "one innerloop_ctx a task, inside the loop over tasks"),
)
EVERY_ONE = (ANY, "add the query losses of all tasks up inside the loop, and divide by T after it")

CHANGES = [
    of_problem(
        "support and query swapped",
        Problem(support="q", query="s"),
        "Adaptation took the query set and the outer loss the support set.",
        (ANY, "adapt on X_s, Y_s; take the outer loss on X_q, Y_q"),
    ),
    of_problem(
        "outer loss on the support set",
        Problem(query="s"),
        "The outer loss was taken on the points that were adapted to.",
        (ANY, "take the outer loss on X_q, Y_q, at the adapted weights"),
    ),
    of_problem(
        "outer loss on both sets",
        Problem(query="sq"),
        "The outer loss was taken on the support and the query set together.",
        (ANY, "take the outer loss on X_q, Y_q only"),
    ),
    of_problem(
        "adapted on both sets",
        Problem(support="sq"),
        "Adaptation took the support and the query set together.",
        (ANY, "adapt on X_s, Y_s only"),
    ),
    # --- sums ---
    with_added(
        "support gradient added",
        Part(joint, Problem(query="s")),
        "The support gradient at the shared weights is in it: left in .grad, or as a loss.",
        ("PyTorch", "inner gradients by torch.autograd.grad; or zero_grad() before backward()"),
        ("TensorFlow", "differentiate the query loss alone by the shared weights"),
        ("higher", "optimizer.zero_grad() before the backward() of the query loss"),
        (ANY, "no support loss in the outer loss"),
    ),
    with_added(
        "support gradients of all steps added",
        Part(support_gradients),
        "The support gradients of all inner steps are in it: nobody set .grad to zero.",
        ("PyTorch", "inner gradients by torch.autograd.grad; or zero_grad() before backward()"),
        ("TensorFlow", "differentiate the query loss alone by the shared weights"),
    ),
    Change(
        "support and query losses after adaptation",
        Computation((Part(second_order), Part(second_order, Problem(query="s")))),
        Computation((Part(first_order), Part(first_order, Problem(query="s")))),
        "The outer loss is that of the support set and that of the query set, added up.",
        ((ANY, "take the outer loss on X_q, Y_q only"),),
    ),
    Change(
        "query losses of all steps",
        only(of_all_steps, way=Way()),
        only(of_all_steps, way=Way(hessians=none)),
        "The outer loss is the mean of the query losses after every step, as in MAML++.",
        ((ANY, "take the query loss once, after the last inner step"),),
    ),
    # --- subsets ---
    of_problem(
        "first task only",
        Problem(tasks="first"),
        "Only the first task of the meta-batch is in it.",
        EVERY_ONE,
    ),
    of_problem(
        "last task only",
        Problem(tasks="last"),
        "Only the last task of the meta-batch is in it.",
        EVERY_ONE,
    ),
    of_problem(
        "first row of the support set only",
        Problem(support_rows="first"),
        "Adaptation saw one row of each support set.",
        (ANY, "give adaptation all rows of X_s[task], not X_s[task][0]"),
    ),
    of_problem(
        "first row of the query set only",
        Problem(query_rows="first"),
        "The outer loss saw one row of each query set.",
        (ANY, "take the outer loss on all rows of X_q[task], not on X_q[task][0]"),
    ),
    of_way(
        "biases not adapted",
        Way(adapted=matrices),
        "The biases took no inner step.",
        ("PyTorch", "differentiate by and update all of model.parameters() in the inner step"),
        ("JAX", "update the whole tree: jax.tree.map(lambda w, g: w - alpha * g, ...)"),
        ("TensorFlow", "differentiate by and update all of model.trainable_variables"),
    ),
    of_way(
        "only the biases adapted",
        Way(adapted=biases),
        "The matrices took no inner step.",
        ("PyTorch", "differentiate by and update all of model.parameters() in the inner step"),
        ("JAX", "update the whole tree: jax.tree.map(lambda w, g: w - alpha * g, ...)"),
        ("TensorFlow", "differentiate by and update all of model.trainable_variables"),
    ),
    of_way(
        "only the head adapted",
        Way(adapted=head),
        "Only the last layer took an inner step; this variant is known as ANIL.",
        (ANY, "update the layers below the last one in the inner step, too"),
    ),
    of_way(
        "only the body adapted",
        Way(adapted=body),
        "All but the last layer took an inner step; this variant is known as BOIL.",
        (ANY, "update the last layer in the inner step, too"),
    ),
    of_layers_cut("first layer detached", Way(adapted=above_first, detached=True)),
    of_layers_cut("last hidden layer detached", Way(adapted=above_hidden, detached=True)),
    of_problem(
        "errors broadcast",
        Problem(averaged="sq"),
        "Predictions (N, 1) minus targets (N,) are (N, N): each row was compared with all targets.",
        *RESHAPE,
    ),
    of_problem(
        "errors broadcast in the inner loss",
        Problem(averaged="s"),
        "In the inner loss, predictions (N, 1) minus targets (N,) are (N, N).",
        *RESHAPE,
    ),
    of_problem(
        "errors broadcast in the outer loss",
        Problem(averaged="q"),
        "In the outer loss, predictions (M, 1) minus targets (M,) are (M, M).",
        *RESHAPE,
    ),
    # --- state in the inner loop ---
    Change(
        "fast weights leak to the next task",
        only(leaking, way=Way()),
        only(leaking, way=Way(hessians=none)),
        "Every task started from the fast weights of the task before it.",
        SHARED,
    ),
    of_way(
        "every step restarts from the shared weights",
        Way(restarts=True),
        "Every inner step was taken from the shared weights, with the gradient at the fast ones.",
        (ANY, "fast = fast - alpha * gradient; not weights - alpha * gradient"),
    ),
    of_problem(
        "one gradient for all steps",
        Problem(at_once=True),
        "The gradient was taken once, at the shared weights, and applied in every step.",
        (ANY, "compute the support loss and its gradient anew in every step, at the fast weights"),
    ),
    # --- sizes of the inner step ---
    *(of_inner_loss(name, by) for name, by in INNER_LOSSES.items()),
    of_problem(
        "one step more",
        Problem(more_steps=1),
        "Adaptation took one inner step more than the case says.",
        (ANY, "count the inner steps; the query loss belongs after the last of them"),
    ),
    of_problem(
        "one step fewer",
        Problem(more_steps=-1),
        "Adaptation took one inner step fewer than the case says.",
        (ANY, "count the inner steps; the query loss belongs after the last of them"),
    ),
]

ALONE = [
    Hypothesis(
        "fast weights leak to the next task as constants",
        only(cut_between_tasks),
        "yes",
        "Every task started from the fast weights of the task before it, detached.",
        SHARED,
    ),
    Hypothesis(
        "first order, Adam in the inner loop",
        only(adam),
        "no",
        f"{FIRST.explanation} Their steps were those of Adam.",
        (
            ("PyTorch", "torch.optim.SGD, or w - alpha * gradient, without momentum"),
            ("JAX", "optax.sgd(alpha), or w - alpha * gradient"),
            ("TensorFlow", "w - alpha * gradient, not an optimizer"),
            ("higher", "give innerloop_ctx a torch.optim.SGD(model.parameters(), lr=alpha)"),
        ),
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


HYPOTHESES = [*WHOLE, *ALONE, *(each for change in CHANGES for each in of_change(change))]


#: Where every case is as far from one of these as products in fewer digits leave it.
PRECISION = (
    ("PyTorch", "torch.backends.cuda.matmul.allow_tf32 = False; no torch.autocast"),
    ("JAX", 'jax.config.update("jax_default_matmul_precision", "highest")'),
    ("TensorFlow", "tf.config.experimental.enable_tensor_float_32_execution(False)"),
    (ANY, "where that changes nothing, look for a small mistake, such as in alpha"),
)
