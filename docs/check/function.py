"""Check a meta-gradient of any network and loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..experiment.command import Refusal
from .compare import Given
from .cut import where_cut
from .gradient import gradient_of
from .hypotheses import FIRST, RIGHT, SECOND
from .judge import judged, per_array
from .measure import EPSILON, Probe, calibrated, change, measured, probes
from .program import SAME, Arrays, Program, in_double
from .tree import is_array, is_float, leaves, values
from .verdict import Verdict

#: The weights are moved by so much of their size, so that no unit lies at its kink exactly.
MOVED = 1e-2


def check(
    meta_gradient: Callable[..., Any],
    adapt: Callable[..., Any],
    loss: Callable[..., Any],
    weights: Any,
    tasks: Sequence[Any],
    seed: int = 0,
) -> Verdict:
    """Say what a function computes, from values of losses alone.

    Parameters
    ----------
    meta_gradient
        ``f(weights, tasks)``, what the training uses: a gradient for every array of the weights, in
        the same layout, for the mean over tasks of the query loss after adaptation.
    adapt
        ``f(weights, support)``, the adapted weights.
    loss
        ``f(weights, batch)``, a number.
    weights
        A list, tuple, dictionary, or any nesting of them, of numpy, torch or JAX arrays. They are
        checked at a point near these.
    tasks
        Pairs of a support and a query set, each of whatever `adapt` and `loss` take. A few are
        enough; of an odd number of them a sum over tasks can be told from a factor of 2.
    seed
        Of the random directions.

    Returns
    -------
    Verdict
        It prints itself; `right` is whether it is the true meta-gradient.

    Raises
    ------
    Refusal
        When a function fails, changes its arguments, or does not give the same twice; when there
        is no task, or one without rows, or what comes back is no gradient.
    """
    acceptable(weights, tasks)
    rng = np.random.default_rng(seed)
    program = in_double(Program(meta_gradient, adapt, loss, weights, tasks))
    at = near(program, rng)
    with program.precision():
        repeatable(program, at)
    slope, asked = gradient_of(program, at, rng)
    with program.precision():
        scale = calibrated(program, at, rng)
        along = probes(program.arrays, rng)
        routes = measured(program, at, along, [SECOND, FIRST], scale)
        given = Given(along, slope.along(along), routes)
        disconnected(given)
        matches, nearest = judged(program, at, given, scale)
    verdict = Verdict(
        tuple(matches), tuple(nearest), per_array(given, slope), notes(program, asked, along)
    )
    if not verdict.lacking:
        return verdict
    with program.precision():
        return replace(verdict, cut=where_cut(asked, at))


def acceptable(weights: Any, tasks: Sequence[Any]) -> None:
    """Refuse weights and tasks that cannot be checked."""
    if not any(map(is_float, leaves(weights).values())):
        raise Refusal(
            f"weights is a {type(weights).__name__} without arrays of real numbers; "
            "it must be a list, tuple or dict of numpy, torch or JAX arrays"
        )
    if not isinstance(tasks, Sequence) or not tasks:
        raise Refusal("tasks is empty or no sequence; it must be a list of (support, query)")
    for number, task in enumerate(tasks):
        if not isinstance(task, tuple | list) or len(task) != 2:
            raise Refusal(f"task {number} is no pair; it must be (support, query)")
        for name, leaf in leaves(list(task)).items():
            if is_array(leaf) and 0 in leaf.shape:
                raise Refusal(
                    f"task {number} has an array {tuple(leaf.shape)} at {name}; "
                    "every set must have at least one row"
                )
    for name, leaf in leaves(weights).items():
        if is_float(leaf) and not np.isfinite(values(leaf)).all():
            raise Refusal(f"the weights {name} hold NaN or infinity; they must be finite")


def near(program: Program, rng: np.random.Generator) -> Arrays:
    """A point near the weights, of numbers that their own precision has."""
    given = {name: leaf for name, leaf in leaves(program.weights).items() if is_float(leaf)}
    by = change(program.arrays, rng)
    moved = {name: array + MOVED * by[name] for name, array in program.arrays.items()}
    single = {name: "float64" not in str(leaf.dtype) for name, leaf in given.items()}
    return {
        name: array.astype(np.float32).astype(np.float64) if single[name] else array
        for name, array in moved.items()
    }


def repeatable(program: Program, at: Arrays) -> None:
    """Refuse an adaptation and loss that differ from call to call."""
    support, query = program.sets(0)
    first, second = (program.value(program.adapted(at, support), query) for _ in range(2))
    if abs(first - second) > SAME * EPSILON[program.double] * abs(first):
        raise Refusal(
            f"two calls of loss(adapt(weights, support), query) differ, {first:.6g} and "
            f"{second:.6g}; both must give the same: turn dropout off, or seed it within the call"
        )


def disconnected(given: Given) -> None:
    """Refuse losses that do not depend on the weights."""
    value, error = given.column(RIGHT.terms[0])
    if not (np.abs(value) > error).any():
        raise Refusal(
            "loss(adapt(weights, support), query) does not change with the weights; "
            "both functions must use those that they are given"
        )


def notes(program: Program, asked: Program, along: Sequence[Probe]) -> tuple[str, ...]:
    """How it was found out, and where float64 was not to be had."""
    arrays, calls = program.arrays.values(), program.calls
    asked_for = f"{len(arrays)} arrays of {sum(array.size for array in arrays):,} numbers"
    taken = f"{calls['loss']:,} losses, {calls['adapt']:,} adaptations"
    said = [f"{asked_for}, {len(program.tasks)} tasks; {len(along)} directions, {taken}"]
    if not program.double:
        said.append("adapt or loss fails in float64, so small differences cannot be seen")
    elif not asked.double:
        said.append("meta_gradient fails in float64, so its own rounding is allowed for")
    return tuple(said)
