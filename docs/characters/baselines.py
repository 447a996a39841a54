"""What tells classes apart without a gradient: the mean that is nearest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ..experiment.evaluate import Run
    from ..experiment.networks import Array, Network, WeightTuple


# --8<-- [start:centroids]
def nearest_centroid(F_s: Array, Y_s: Array, F_q: Array, Y_q: Array) -> float:
    """The accuracy of taking each query for the class whose support has the nearest mean.

    Parameters
    ----------
    F_s, F_q
        Features of support and query, (N, F) and (M, F).
    Y_s, Y_q
        Their classes as rows with a one, (N, O) and (M, O).
    """
    means = Y_s.T @ F_s / Y_s.sum(axis=0)[:, None]
    distances = (means**2).sum(axis=1) - 2 * F_q @ means.T
    return float(np.mean(distances.argmin(axis=1) == Y_q.argmax(axis=1)))


def features(net: Network, weights: WeightTuple, X: Array) -> Array:
    """The last hidden layer: what a network predicts whose last one is the identity."""
    named: Any = weights
    *_, last, bias = weights._fields
    units = getattr(weights, last).shape[0]
    one = np.eye(units, dtype=X.dtype)
    head = {last: one, bias: np.zeros((1, units), X.dtype)}
    return net.predict(named._replace(**head), X)


# --8<-- [end:centroids]


def centroids_of_pixels(run: Run, X_s: Array, Y_s: Array, X_q: Array, Y_q: Array) -> float:
    """Nearest centroid among the images themselves."""
    del run
    return nearest_centroid(X_s, Y_s, X_q, Y_q)


def centroids_of_features(run: Run, X_s: Array, Y_s: Array, X_q: Array, Y_q: Array) -> float:
    """Nearest centroid among the features of MAML's weights, before any step."""
    if "maml" not in run.starts:
        return float("nan")
    net, weights = run.network("maml"), run.starts["maml"].weights
    F_s, F_q = (features(net, weights, X) for X in (X_s, X_q))
    return nearest_centroid(F_s, Y_s, F_q, Y_q)
