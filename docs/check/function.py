"""Check a meta-gradient of any network and loss."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from .compare import Given
from .cut import where_cut
from .gradient import gradient_of
from .hypotheses import FIRST, RIGHT, SECOND
from .judge import judged, per_array
from .measure import EPSILON, Probe, calibrated, change, measured, probes
from .program import SAME, Arrays, Program, Refused, in_double
from .tree import is_array, is_float, is_torch, leaves, values
from .verdict import Verdict

#: A network of more numbers than this is run by as many threads as before.
THREADED = 1_000_000

#: What may be done where float64 is not to be had.
DOUBLE = "which module.double() may mend"

#: The weights are moved by so much of their size, so that no unit lies at its kink exactly.
MOVED = 1e-2


def check(
    meta_gradient: Callable[..., Any],
    adapt: Callable[..., Any] | Sequence[Callable[..., Any]],
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
        ``f(weights, support)``, the adapted weights. Or a list of such functions, the inner steps
        one after the other: ``[step] * 5``. Then a step that lacks its second order is named.
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
    ValueError
        When a function fails, changes its arguments, or does not give the same twice; when there
        is no task, or one without rows, or what comes back is no gradient.
    """
    callables(meta_gradient, adapt, loss)
    acceptable(weights, tasks)
    rng = np.random.default_rng(seed)
    with few_threads(weights):
        return answered(Program(meta_gradient, adapt, loss, weights, tasks), rng)


def answered(functions: Program, rng: np.random.Generator) -> Verdict:
    """The verdict on functions that can be called."""
    program = in_double(functions)
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


@contextlib.contextmanager
def few_threads(weights: Any) -> Iterator[None]:
    """For a small network PyTorch gets one thread: more of them only wait for each other."""
    arrays = [leaf for leaf in leaves(weights).values() if is_torch(leaf)]
    if not arrays or sum(array.numel() for array in arrays) > THREADED:
        yield
        return
    torch = sys.modules["torch"]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def callables(meta_gradient: Any, adapt: Any, loss: Any) -> None:
    """Refuse what cannot be called."""
    steps = adapt if isinstance(adapt, list | tuple) and adapt else [adapt]
    names = ["meta_gradient", *["adapt"] * len(steps), "loss"]
    for name, each in zip(names, [meta_gradient, *steps, loss], strict=True):
        if not callable(each):
            raise Refused(f"{name} is a {type(each).__name__}; it must be a function")


def acceptable(weights: Any, tasks: Sequence[Any]) -> None:
    """Refuse weights and tasks that cannot be checked."""
    if not any(map(is_float, leaves(weights).values())):
        kinds = {str(leaf.dtype) for leaf in leaves(weights).values() if is_array(leaf)}
        of = f"{', '.join(sorted(kinds))}, but no" if kinds else "no"
        raise Refused(
            f"weights is a {type(weights).__name__} with {of} arrays of real numbers; it must be a "
            "list, tuple or dict of numpy, torch or JAX arrays: dict(module.named_parameters()), "
            "or list(...) of a ParameterList"
        )
    if not isinstance(tasks, Sequence) or not tasks:
        raise Refused(
            "tasks is empty or no sequence; it must be a list of (support, query), "
            "as list(...) of a generator"
        )
    for number, task in enumerate(tasks):
        if not isinstance(task, tuple | list) or len(task) != 2:
            count = f" of {len(task)}" if hasattr(task, "__len__") else ""
            raise Refused(
                f"task {number} is a {type(task).__name__}{count}; it must be (support, query)"
            )
        for name, leaf in leaves(list(task)).items():
            if is_array(leaf) and 0 in leaf.shape:
                raise Refused(
                    f"task {number} has an array {tuple(leaf.shape)} at {name}; "
                    "every set must have at least one row"
                )
    for name, leaf in leaves(weights).items():
        if is_float(leaf) and not np.isfinite(values(leaf)).all():
            raise Refused(f"the weights {name} hold NaN or infinity; they must be finite")


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
        raise Refused(
            f"two calls of loss(adapt(weights, support), query) differ, {first:.6g} and "
            f"{second:.6g}; both must give the same: turn dropout off, or seed it within the call"
        )


def disconnected(given: Given) -> None:
    """Refuse losses that do not depend on the weights."""
    value, error = given.column(RIGHT.terms[0])
    if not (np.abs(value) > error).any():
        raise Refused(
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
        said.append(f"adapt or loss fails in float64, so small differences are not seen, {DOUBLE}")
    elif not asked.double:
        said.append(f"meta_gradient fails in float64, so its own rounding is allowed for, {DOUBLE}")
    return tuple(said)
