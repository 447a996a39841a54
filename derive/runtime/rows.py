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


# --8<-- [end:products]
