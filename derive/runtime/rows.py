"""Rows of all tasks under one another, and the products that stay within a task."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.floating[Any]]


def stack(A: Array) -> Array:
    """Put the rows of all tasks under one another: (T, N, H) -> (T*N, H)."""
    return A.reshape(-1, A.shape[-1])


# --8<-- [start:products]
def gram(A: Array, B: Array, tasks: int) -> Array:
    """Inner products of the rows of each task, A B^T: (T*M, H), (T*N, H) -> (T, M, N)."""
    width = A.shape[1]
    return A.reshape(tasks, -1, width) @ B.reshape(tasks, -1, width).mT


def mix(K: Array, A: Array) -> Array:
    """Weighted sums of the rows of each task, K A: (T, M, N), (T*N, H) -> (T*M, H)."""
    return stack(K @ A.reshape(len(K), -1, A.shape[1]))


def flat(A: Array, W: Array) -> Array:
    """The rows of all tasks times what they share: (T, N, H), (H, L) -> (T, N, L)."""
    # The method is faster than the operator where a column meets a row.
    product: Array = stack(A).dot(W)
    return product.reshape(*A.shape[:-1], W.shape[1])


def total(A: Array, B: Array) -> Array:
    """Inner products of columns over the rows of all tasks: (T, N, H), (T, N, L) -> (H, L)."""
    return stack(A).T @ stack(B)


def down(A: Array) -> Array:
    """The sum of the rows of each task, 1^T A: (T, N, H) -> (T, 1, H); faster than numpy's sum."""
    return np.ones((1, A.shape[-2]), A.dtype) @ A


def down_all(A: Array) -> Array:
    """The sum of the rows of all tasks: (T, N, H) -> (1, H)."""
    return down(stack(A))


def repeated(A: Array, count: int, axis: int) -> Array:
    """What is the same in every row (axis -2) or column (axis -1), so many times, not copied."""
    shape = list(A.shape)
    shape[axis] = count
    wide: Array = np.broadcast_to(A, shape)
    return wide


# --8<-- [end:products]
