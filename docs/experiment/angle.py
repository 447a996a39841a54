"""The angle between two gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .networks import Array


def degrees(ours: Iterable[Array], theirs: Iterable[Array]) -> float:
    """The angle between two gradients; a right angle where one of them is zero.

    Between directions u and v it is 2 arctan(|u - v| / |u + v|), which keeps the digits of a
    small angle; the cosine of one is 1 whatever it is.

    Parameters
    ----------
    ours, theirs
        The arrays of either, in the same order and of the same shapes.

    Returns
    -------
    float
        From 0 to 180.
    """
    one, other = (
        np.concatenate([array.reshape(-1) for array in arrays]).astype(np.float64)
        for arrays in (ours, theirs)
    )
    lengths = np.linalg.norm(one), np.linalg.norm(other)
    if not all(lengths):
        return 90.0
    u, v = one / lengths[0], other / lengths[1]
    return float(np.degrees(2 * np.arctan2(np.linalg.norm(u - v), np.linalg.norm(u + v))))
