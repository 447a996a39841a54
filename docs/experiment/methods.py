"""What is trained: the loss of each method on a meta-batch, and its generated gradient.

References
----------
.. [1] A. Nichol, J. Achiam, J. Schulman: On First-Order Meta-Learning Algorithms. 2018,
       arXiv:1803.02999, section 3, algorithm 2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from .angle import degrees
from .derived import parsed
from .family import Batch
from .networks import flatten, takes_omegas
from .parameters import Parameters, in_memory, initial_parameters
from .randomness import stream
from .schedules import step_weights

if TYPE_CHECKING:
    from .family import TaskFamily
    from .networks import Array, Network, Workspace
    from .recipes import Recipe

#: Gives the loss on a meta-batch, and leaves its gradient in a workspace. The second argument is
#: the progress of the training, from 0 to 1.
Objective: TypeAlias = Callable[[Batch, float], float]


def arguments(
    net: Network, ws: Workspace, recipe: Recipe
) -> Callable[[Batch, float], tuple[Any, ...]]:
    """By meta-batch and progress, what the meta-gradients of a network take, in order."""
    parameters, weighted = in_memory(ws), takes_omegas(net)

    def given(batch: Batch, progress: float) -> tuple[Any, ...]:
        taken = parameters.arguments(batch, recipe.alpha)
        if not weighted:
            return taken
        return (*taken, step_weights(recipe.step_weights, net.NETWORK.steps, progress))

    return given


# --8<-- [start:maml]
def maml(net: Network, ws: Workspace, recipe: Recipe) -> Objective:
    """The loss after adaptation, and its gradient through the adaptation."""
    given = arguments(net, ws, recipe)

    def objective(batch: Batch, progress: float) -> float:
        return ws.meta_loss_and_gradient(*given(batch, progress))[0]

    return objective


def first_order(net: Network, ws: Workspace, recipe: Recipe) -> Objective:
    """The loss after adaptation, and its gradient at the adapted weights."""
    given = arguments(net, ws, recipe)

    def objective(batch: Batch, progress: float) -> float:
        loss, *gradient = net.first_order_meta_loss_and_gradient(*given(batch, progress))
        flatten(Parameters(*gradient).arrays, ws.gradient)
        return loss

    return objective


# --8<-- [end:maml]


# --8<-- [start:joint]
def joint(net: Network, ws: Workspace, recipe: Recipe) -> Objective:  # noqa: ARG001
    """The loss of one network on the points of all tasks together, without adaptation."""
    rates = in_memory(ws).rates
    still = None if rates is None else type(rates)(*(np.zeros_like(rate) for rate in rates))

    def objective(batch: Batch, _: float) -> float:
        X = np.concatenate([batch.X_s, batch.X_q], axis=1)
        Y = np.concatenate([batch.Y_s, batch.Y_q], axis=1)
        # Targets have a column for each output, or are the numbers of classes.
        X, Y = (each.reshape(-1, *each.shape[2:]) for each in (X, Y))
        loss, gradient = net.loss_and_gradient(ws.weights, X, Y)
        flatten(Parameters(gradient, still).arrays, ws.gradient)
        return loss

    return objective


# --8<-- [end:joint]


# --8<-- [start:reptile]
def reptile(net: Network, ws: Workspace, recipe: Recipe) -> Objective:
    """How far adaptation goes, as a gradient: the mean over tasks of (before - after) / alpha [1]_.

    The inner loop takes its minibatches in turn from the two sets of a task, which to Reptile are
    one. The loss is that of the last minibatch before its step.
    """

    def objective(batch: Batch, _: float) -> float:
        adapted, losses = np.zeros_like(ws.parameters), []
        for X_s, Y_s, X_q, Y_q in zip(*batch, strict=True):
            after = ws.weights
            for step in range(recipe.reptile_steps):
                X, Y = (X_q, Y_q) if step % 2 else (X_s, Y_s)
                before, after = after, net.adapt(after, X, Y, recipe.alpha)
            losses.append(net.loss(before, X, Y))
            flatten(after, ws.gradient)
            adapted += ws.gradient
        np.subtract(ws.parameters, adapted / len(losses), out=ws.gradient)
        np.divide(ws.gradient, recipe.alpha, out=ws.gradient)
        return float(np.mean(losses))

    return objective


# --8<-- [end:reptile]


# --8<-- [start:angle]
def angle_of(net: Network, *given: Any) -> float:
    """The angle between second- and first-order meta-gradient of the weights, in degrees."""
    return degrees(
        net.meta_loss_and_gradient(*given)[1],
        net.first_order_meta_loss_and_gradient(*given)[1],
    )


# --8<-- [end:angle]


class Method(NamedTuple):
    """A way to train initial weights.

    Attributes
    ----------
    title
        What tables and figures call it.
    objective
        Makes the loss and gradient that are descended.
    algorithm
        That the network's package must have been derived for; none where any serves.
    told
        Whether the network is told which task it is, by more inputs.
    classes
        Whether the network has an output for every class that there is, and no tasks. Those of a
        task take their place, with new weights, when it is fine-tuned.
    adapts
        Whether the step is a part of what is trained: then the angle between first- and
        second-order meta-gradient is measured now and then.
    """

    title: str
    objective: Callable[[Network, Workspace, Recipe], Objective]
    algorithm: str | None = None
    told: bool = False
    adapts: bool = False
    classes: bool = False


# --8<-- [start:methods]
METHODS = {
    "maml": Method("MAML", maml, "maml", adapts=True),
    "first-order": Method("first-order MAML", first_order, "maml", adapts=True),
    "reptile": Method("Reptile", reptile, "maml"),
    "joint": Method("joint training", joint),
    "oracle": Method("oracle", joint, told=True),
    "pretrained": Method("all classes, new head", joint, classes=True),
    # What differs between these is derived: the objective is that of MAML.
    "meta-sgd": Method("Meta-SGD", maml, "meta_sgd", adapts=True),
    "maml++": Method("MAML++", maml, "maml_plus_plus", adapts=True),
    "anil": Method("ANIL", maml, "anil", adapts=True),
    "boil": Method("BOIL", maml, "boil", adapts=True),
    "cavia": Method("CAVIA", maml, "cavia", adapts=True),
    "recipe": Method("recipe", maml, "recipe", adapts=True),
}
# --8<-- [end:methods]

#: Training nothing is a baseline too.
TITLES = {
    **{name: method.title for name, method in METHODS.items()},
    "random": "random initialisation",
}


def told(start: str) -> bool:
    """Whether weights are those of a network that is told which task it is."""
    return start in METHODS and METHODS[start].told


def of_all_classes(start: str) -> bool:
    """Whether weights are those of a network with an output for every class."""
    return start in METHODS and METHODS[start].classes


def network_of(recipe: Recipe, start: str) -> str:
    """The name of the package that a method needs.

    That of the recipe; where its name says what is to be derived, with the method's algorithm.
    """
    wanted, named = start in METHODS and METHODS[start].algorithm, parsed(recipe.network)
    return named._replace(algorithm=wanted).name if wanted and named else recipe.network


def initial_of(family: TaskFamily, recipe: Recipe, seed: int, method: str) -> Parameters:
    """Where a method starts: the same weights for all, except for one with more inputs.

    Those of the last layer differ too where there are more outputs.
    """
    net = family.network(network_of(recipe, method))
    layers = family.layers(recipe.hidden, told(method), of_all_classes(method))
    dtype, drawn = np.dtype(recipe.dtype), stream(seed, 0)
    return initial_parameters(
        net, layers, drawn, dtype, recipe.initial, recipe.alpha, recipe.context
    )


def parameters_of(family: TaskFamily, recipe: Recipe, method: str, vector: Array) -> Parameters:
    """What the vector of a method in training holds."""
    return initial_of(family, recipe, 0, method).filled(vector)
