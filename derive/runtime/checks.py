"""Checks of what a caller passes in.

Broadcasting hides wrong shapes, so nothing is computed before every argument has been looked at.
Each error names the argument, what it was and what it must be.
"""

from collections.abc import Sequence
from math import inf, nan
from numbers import Real
from typing import Any

import numpy as np

from .rows import Array

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


def check_weights(weights: Sequence[Array], names: Sequence[str]) -> None:
    """Check that weights are a chain of layers: W (D, H), b (1, H), W (H, L), ...; b may be absent.

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
        wanted = above if name[0] == "W" else 1
        if (wanted is not None and rows != wanted) or (name[0] == "b" and columns != above):
            raise ValueError(
                f"weights.{name} is {array.shape}; "
                f"it must be ({wanted}, {'any' if name[0] == 'W' else above})"
            )
        above = columns


def check_rows(
    weights: Sequence[Array], X: Array, Y: Array | None = None, suffix: str = ""
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
    if Y is not None:
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


def check_alpha(alpha: Any) -> float:
    """Check the inner step size.

    Raises
    ------
    ValueError
        When it is not a finite number, at least 0.
    """
    # A numpy scalar would turn float32 arrays into float64.
    try:
        number = float(alpha) if isinstance(alpha, Real) else nan
    except OverflowError:
        number = inf
    if not 0 <= number < inf:
        raise ValueError(f"alpha is {alpha!r}; it must be a finite number, at least 0")
    return number


def check_steps(steps: Any) -> int:
    """Check a number of gradient steps.

    Raises
    ------
    ValueError
        When it is not a whole number, at least 0.
    """
    if not isinstance(steps, int | np.integer) or isinstance(steps, bool) or steps < 0:
        raise ValueError(f"steps is {steps!r}; it must be a whole number, at least 0")
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
