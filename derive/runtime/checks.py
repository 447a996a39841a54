"""Checks of what a caller passes in.

Broadcasting hides wrong shapes, so nothing is computed before every argument has been looked at.
Each error names the argument, what it was and what it must be.
"""

from collections.abc import Mapping, Sequence
from math import inf, nan
from numbers import Real
from typing import Any

import numpy as np

from .rows import Array

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))

#: Where there is no argument; None is one, and a wrong one.
ABSENT: Any = object()


def check_weights(weights: Sequence[Array], names: Sequence[str]) -> None:
    """Check that weights are a chain of layers: W (D, H), b (1, H), W (H, L), ...; b may be absent.

    What a context meets comes last, V (C, H), beside the first layer.

    Raises
    ------
    ValueError
        When they are not, or are not all float32 or all float64.
    """
    if not isinstance(weights, tuple | list) or len(weights) != len(names):
        count = f" of {len(weights)}" if isinstance(weights, tuple | list) else ""
        raise ValueError(
            f"weights is a {type(weights).__name__}{count}; it must be Weights({', '.join(names)})"
        )
    above: int | None = None
    for name, array in zip(names, weights, strict=True):
        _check_array("weights.", name, array, 2)
        if array.dtype is not weights[0].dtype and array.dtype != weights[0].dtype:
            raise ValueError(
                f"weights.{name} is {array.dtype}; it must be {weights[0].dtype}, "
                f"as weights.{names[0]} is"
            )
        rows, columns = array.shape
        if name[0] == "V":
            if columns != weights[0].shape[1]:
                raise ValueError(
                    f"weights.{name} is {array.shape}; it must be (any, {weights[0].shape[1]})"
                )
            continue
        wanted = above if name[0] == "W" else 1
        if (wanted is not None and rows != wanted) or (name[0] == "b" and columns != above):
            raise ValueError(
                f"weights.{name} is {array.shape}; "
                f"it must be ({wanted}, {'any' if name[0] == 'W' else above})"
            )
        above = columns


def check_rows(
    weights: Sequence[Array], X: Array, Y: Array = ABSENT, suffix: str = ""
) -> tuple[int, int]:
    """Check the rows of one task against checked weights.

    Returns
    -------
    N, O : int
        Rows and outputs.

    Raises
    ------
    ValueError
        When X is not (N, D), Y is not (N, O), or their dtype is not that of the weights.
    """
    columns = weights[-1].shape[1]
    _check_data(f"X{suffix}", X, weights, (None, weights[0].shape[0]))
    if Y is not ABSENT:
        _check_data(f"Y{suffix}", Y, weights, (X.shape[0], columns))
    return X.shape[0], columns


def check_tasks(
    weights: Sequence[Array], X_s: Array, Y_s: Array, X_q: Array, Y_q: Array
) -> tuple[int, int, int, int]:
    """Check the support and query sets of a meta-batch against checked weights.

    Returns
    -------
    T, N, M, O : int
        Tasks, support rows, query rows and outputs.

    Raises
    ------
    ValueError
        When a set is not (T, rows, D) or (T, rows, O), or its dtype is not that of the weights.
    """
    inputs, columns = weights[0].shape[0], weights[-1].shape[1]
    _check_data("X_s", X_s, weights, (None, None, inputs))
    tasks, shots, _ = X_s.shape
    _check_data("Y_s", Y_s, weights, (tasks, shots, columns))
    _check_data("X_q", X_q, weights, (tasks, None, inputs))
    queries = X_q.shape[1]
    _check_data("Y_q", Y_q, weights, (tasks, queries, columns))
    return tasks, shots, queries, columns


def check_like(what: str, arrays: Any, weights: Sequence[Array]) -> None:
    """Check that arrays have the shapes and the dtype of checked weights.

    Raises
    ------
    ValueError
        When they have not, or are more or fewer.
    """
    names = getattr(weights, "_fields", range(len(weights)))
    if not isinstance(arrays, tuple | list) or len(arrays) != len(weights):
        raise ValueError(f"{what} is a {type(arrays).__name__}; it must be like the weights")
    for name, array, like in zip(names, arrays, weights, strict=True):
        check_exact(f"{what}.{name}", array, like.shape, like.dtype)


def check_rates(
    rates: Any, shapes: Mapping[str, tuple[int, ...]], weights: Sequence[Array]
) -> None:
    """Check learned step sizes, which may be negative, against checked weights.

    Raises
    ------
    ValueError
        When one has another shape or dtype, or is not finite.
    """
    if not isinstance(rates, tuple | list) or len(rates) != len(shapes):
        raise ValueError(
            f"rates is a {type(rates).__name__}; it must be Rates({', '.join(shapes)})"
        )
    for (name, shape), array in zip(shapes.items(), rates, strict=True):
        check_exact(f"rates.{name}", array, shape, weights[0].dtype)
        if not np.isfinite(array).all():
            raise ValueError(f"rates.{name} is not finite; every step size must be")


def check_classes(name: str, Y: Any, layers: Sequence[Array]) -> Array:
    """Check targets that are classes: probabilities, or numbers of classes from 0.

    Numbers, of any integer dtype, become rows with a single 1, one for every output.

    Returns
    -------
    Array
        Probabilities; those that are given are returned as they are. They may sum to anything.

    Raises
    ------
    ValueError
        When a number is of no class, or a probability is negative or not finite.
    """
    classes = layers[-1].shape[1]
    if not isinstance(Y, np.ndarray):
        raise ValueError(f"{name} is a {type(Y).__name__}; it must be a numpy array")
    if np.issubdtype(Y.dtype, np.integer):
        if Y.size and not 0 <= Y.min() <= Y.max() < classes:
            wrong = Y.min() if Y.min() < 0 else Y.max()
            raise ValueError(f"{name} has the class {wrong}; it must be from 0 to {classes - 1}")
        made: Array = np.eye(classes, dtype=layers[-1].dtype)[Y]
        return made
    if Y.dtype in FLOATS and not (np.isfinite(Y) & (Y >= 0)).all():
        raise ValueError(
            f"{name} is negative or not finite; a probability must be a finite number, at least 0"
        )
    return Y


def check_alpha(alpha: Any) -> float:
    """Check the inner step size.

    Raises
    ------
    ValueError
        When it is not a finite number, at least 0.
    """
    return _check_number("alpha", alpha)


def check_penalty(lam: Any) -> float:
    """Check the weight of the penalty.

    Raises
    ------
    ValueError
        When it is not a finite number, at least 0.
    """
    return _check_number("lam", lam)


def _check_number(name: str, value: Any) -> float:
    number = _number(value)
    if not 0 <= number < inf:
        raise ValueError(f"{name} is {_shown(value)}; it must be a finite number, at least 0")
    return number


def _shown(value: Any) -> str:
    """A value in one line, as much of it as one reads."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 80 else f"{text[:80]}..."


def _number(value: Any) -> float:
    """A number of Python's: infinite where it is too large, not a number where it is none."""
    if type(value) is float:
        return value
    # A numpy scalar would turn float32 arrays into float64.
    try:
        return float(value) if isinstance(value, Real) else nan
    except OverflowError:
        return inf


def check_task_weights(tau: Any, weights: Sequence[Array], tasks: int) -> Array:
    """Check the weights of the tasks.

    Returns
    -------
    Array
        They, (T, 1, 1).

    Raises
    ------
    ValueError
        When they are not (T,), of another dtype than the weights, or not finite.
    """
    check_exact("tau", tau, (tasks,), weights[0].dtype)
    if not np.isfinite(tau).all():
        raise ValueError("tau is not finite; every weight of a task must be")
    column: Array = tau[:, None, None]
    return column


def check_omegas(omegas: Any, steps: int) -> tuple[float, ...]:
    """Check the weights of the query losses after each step.

    Raises
    ------
    ValueError
        When there is not one a step, or they are not finite or all 0.
    """
    try:
        found = tuple(map(_number, omegas))
    except TypeError:
        found = ()
    if len(found) != steps:
        raise ValueError(f"omegas is {_shown(omegas)}; it must be {steps} numbers, one a step")
    if not all(abs(omega) < inf for omega in found) or not any(found):
        raise ValueError(f"omegas is {_shown(omegas)}; they must be finite, and not all 0")
    return found


def check_steps(steps: Any) -> int:
    """Check a number of gradient steps.

    Raises
    ------
    ValueError
        When it is not a whole number, at least 0.
    """
    if not isinstance(steps, int | np.integer) or isinstance(steps, bool) or steps < 0:
        raise ValueError(f"steps is {_shown(steps)}; it must be a whole number, at least 0")
    return int(steps)


def _check_array(prefix: str, name: str, array: Any, rank: int) -> None:
    # The words of a message are put together only when it is needed: this runs at every call.
    if type(array) is not np.ndarray:  # a matrix or a masked array multiplies otherwise
        raise ValueError(f"{prefix}{name} is a {type(array).__name__}; it must be a numpy array")
    if array.dtype not in FLOATS:
        raise ValueError(f"{prefix}{name} is {array.dtype}; it must be float32 or float64")
    if array.ndim != rank:
        raise ValueError(f"{prefix}{name} has shape {array.shape}; it must have {rank} axes")
    if array.size == 0:
        raise ValueError(f"{prefix}{name} is empty, {array.shape}; every axis must be at least 1")


def check_exact(name: str, array: Any, shape: tuple[int, ...], dtype: np.dtype) -> None:
    """Check that it is an array of one shape and dtype.

    Raises
    ------
    ValueError
        When it is anything else.
    """
    if not isinstance(array, np.ndarray):
        raise ValueError(f"{name} is a {type(array).__name__}; it must be a numpy array")
    if array.shape != shape or array.dtype != dtype:
        raise ValueError(f"{name} is {array.dtype} {array.shape}; it must be {dtype} {shape}")


def _check_data(
    name: str, array: Array, weights: Sequence[Array], wanted: tuple[int | None, ...]
) -> None:
    """Check an array whose axes are `wanted`, None where any length will do."""
    _check_array("", name, array, len(wanted))
    dtype = weights[0].dtype
    if array.dtype is not dtype and array.dtype != dtype:
        raise ValueError(f"{name} is {array.dtype}; it must be {dtype}, as the weights are")
    for length, expected in zip(array.shape, wanted, strict=True):
        if expected is not None and length != expected:
            text = ", ".join("any" if axis is None else str(axis) for axis in wanted)
            raise ValueError(f"{name} is {array.shape}; it must be ({text})")
