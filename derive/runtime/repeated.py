"""Meta-gradients of many meta-batches of the same sizes, without allocation."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from threading import Lock
from typing import Any, Generic, TypeVar

import numpy as np

from .checks import FLOATS, check_alpha, check_weights
from .memory import TRANSPOSED, Arena, Layer
from .rows import Array

W = TypeVar("W", bound=Sequence[Any])

#: Rows of a chunk of tasks. What a chunk touches should stay in the cache: a thousand tasks at
#: once take longer. [chunks of tasks: 1.15]
ROWS = 500

#: The arrays of a meta-batch.
DATA = ("X_s", "Y_s", "X_q", "Y_q")

#: One chunk of tasks: its layers, where the gradients go, its four arrays, the inner step size.
Run = Callable[[Sequence[Layer], Sequence[Array], Array, Array, Array, Array, float], float]


class Workspace(Generic[W]):
    """Memory and plan for meta-gradients of meta-batches of one size.

    A workspace serves one thread.

    Attributes
    ----------
    memory
        Bytes of the buffers of a chunk of tasks, without what is shaped like the weights.
    """

    def __init__(
        self,
        kind: Callable[..., W],
        plan: Callable[[Arena], Run],
        sizes: Sequence[int],
        tasks: int,
        shots: int,
        queries: int,
        dtype: np.dtype,
    ) -> None:
        self._lock = Lock()
        self._tasks, self._sizes = tasks, tuple(sizes)
        self._dtype = dtype
        D, O = sizes[0], sizes[-1]
        self._shapes = tuple((tasks, n, width) for n in (shots, queries) for width in (D, O))
        self._parameters, self._gradient, self._given, self._of_chunk = (
            np.zeros(sum((a + 1) * b for a, b in pairwise(sizes)), dtype) for _ in range(4)
        )
        self._weights = kind(*self._named(self._parameters))
        self._named_gradient = kind(*self._named(self._gradient))
        self._given_arrays = self._named(self._given)
        self._own, self._copied = _Weights(self._parameters, sizes), _Weights(self._given, sizes)
        self._sinks = _Gradient(self._gradient, sizes), _Gradient(self._of_chunk, sizes)
        self._chunks = self._planned(plan, max(shots, queries))

    @property
    def parameters(self) -> Array:
        """All weights and biases as one vector, layer by layer; assigning copies into it."""
        return self._parameters

    @parameters.setter
    def parameters(self, values: Array) -> None:
        self._parameters[:] = values

    @property
    def weights(self) -> W:
        """The memory of `parameters` by name, which a method reads where it is.

        Only the output layer, and small layers for their transpose, are copied at each call.
        """
        return self._weights

    @property
    def gradient(self) -> Array:
        """The meta-gradient of the last call, in the order of `parameters`."""
        return self._gradient

    def _named(self, vector: Array) -> list[Array]:
        """Weights and biases as views of a vector."""
        arrays = []
        for layer, below in zip(_layers(vector, self._sizes), self._sizes[1:], strict=True):
            arrays += [layer[:-1], layer[-1:].reshape(1, below)]
        return arrays

    def _planned(self, plan: Callable[[Arena], Run], rows: int) -> list[tuple[int, int, Run]]:
        """The chunks: first and last task, and what to run on them."""
        count = -(-self._tasks * rows // max(ROWS, rows))
        size = -(-self._tasks // count)
        arena = Arena(self._dtype, max(self._sizes[-1], 2), size)
        plan(arena)
        arena.allocate()
        self.memory = arena.used
        runs: dict[int, Run] = {}
        chunks = []
        for start in range(0, self._tasks, size):
            stop = min(start + size, self._tasks)
            if stop - start not in runs:
                arena.start(stop - start)
                runs[stop - start] = plan(arena)
            chunks.append((start, stop, runs[stop - start]))
        return chunks

    def meta_loss_and_gradient(
        self, weights: W, X_s: Array, Y_s: Array, X_q: Array, Y_q: Array, alpha: float
    ) -> tuple[float, W]:
        """Meta-loss and its gradient through the adaptation [1]_.

        Parameters
        ----------
        weights
            The network's weights; `self.weights` is read where it is, anything else is copied.
        X_s, Y_s
            Support inputs (T, N, D) and targets (T, N, O) of T tasks.
        X_q, Y_q
            Query inputs (T, M, D) and targets (T, M, O) of the same tasks.
        alpha
            Inner step size.

        Returns
        -------
        loss : float
            Mean over tasks of the query loss after adaptation.
        gradient : Weights
            Its gradient with respect to the weights before adaptation: views of `gradient`,
            valid until the next call.

        Raises
        ------
        ValueError
            When an argument is not of this workspace's sizes or dtype.
        RuntimeError
            When another thread is using this workspace.

        References
        ----------
        .. [1] C. Finn, P. Abbeel, S. Levine: Model-Agnostic Meta-Learning for Fast Adaptation of
               Deep Networks. ICML 2017, arXiv:1703.03400, algorithm 2.
        """
        if not self._lock.acquire(blocking=False):
            raise RuntimeError("the workspace is in use by another thread; each needs its own")
        try:
            alpha = check_alpha(alpha)
            self._check_data(X_s, Y_s, X_q, Y_q)
            if not self._gradient.flags.writeable:
                raise ValueError("gradient is read-only; the workspace must be able to write to it")
            layers = self._own if weights is self._weights else self._copy(weights)
            layers.refresh()
            loss = 0.0
            for start, stop, run in self._chunks:
                sink = self._sinks[start > 0]
                each = slice(start, stop)
                loss += run(
                    layers.layers, sink.layers, X_s[each], Y_s[each], X_q[each], Y_q[each], alpha
                )
                sink.finish()
                if start:
                    np.add(self._gradient, self._of_chunk, out=self._gradient)
            return loss / self._tasks, self._named_gradient
        finally:
            self._lock.release()

    def _check_data(self, *arrays: Array) -> None:
        for name, array, shape in zip(DATA, arrays, self._shapes, strict=True):
            if type(array) is not np.ndarray:
                raise ValueError(f"{name} is a {type(array).__name__}; it must be a numpy array")
            if array.shape != shape or array.dtype != self._dtype:
                raise ValueError(
                    f"{name} is {array.dtype} {array.shape}; "
                    f"it must be {self._dtype} {shape}, as the workspace is"
                )

    def _copy(self, weights: W) -> "_Weights":
        """Copy weights that are not the workspace's own."""
        names = self._weights._fields  # type: ignore[attr-defined]
        check_weights(weights, names)
        for name, array, own in zip(names, weights, self._given_arrays, strict=True):
            if array.shape != own.shape or array.dtype != own.dtype:
                raise ValueError(
                    f"weights.{name} is {array.dtype} {array.shape}; "
                    f"it must be {own.dtype} {own.shape}, as the workspace is"
                )
            np.copyto(own, array)
        return self._copied


def check_sizes(
    sizes: Any, layers: int, dtype: Any, **counts: Any
) -> tuple[tuple[int, ...], list[int], np.dtype]:
    """Check what a workspace is made for, and return its layer sizes, counts and dtype.

    Raises
    ------
    ValueError
        When a size is not a whole number of at least 1, there are too many or too few layer
        sizes, or the dtype is not float32 or float64.
    """
    if not isinstance(sizes, tuple | list) or len(sizes) != layers + 1:
        raise ValueError(f"sizes is {sizes!r}; it must be {layers + 1} layer sizes, inputs first")
    for name, value in [*((f"sizes[{i}]", size) for i, size in enumerate(sizes)), *counts.items()]:
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
            raise ValueError(f"{name} is {value!r}; it must be a whole number, at least 1")
    try:
        found = None if dtype is None else np.dtype(dtype)
    except TypeError:
        found = None
    if found is None or found not in FLOATS:
        raise ValueError(f"dtype is {dtype!r}; it must be float32 or float64")
    # A number of numpy would turn float32 into float64 where it meets one.
    return tuple(map(int, sizes)), list(map(int, counts.values())), found


def _layers(vector: Array, sizes: Sequence[int]) -> list[Array]:
    """Each layer of a vector, (L+1, L'), its bias the last row."""
    layers, start = [], 0
    for above, below in pairwise(sizes):
        stop = start + (above + 1) * below
        layers.append(vector[start:stop].reshape(above + 1, below))
        start = stop
    return layers


def _last_layer(sizes: Sequence[int], dtype: np.dtype) -> Array:
    """Memory for the output layer, transposed; a single output gets a second that stays zero.

    numpy has no fast product of a column with a row. [a second output of zeros: 1.16]
    """
    return np.zeros((max(sizes[-1], 2), sizes[-2] + 1), dtype)


class _Weights:
    """The layers of a vector, as the products read them."""

    def __init__(self, vector: Array, sizes: Sequence[int]) -> None:
        *views, last = _layers(vector, sizes)
        stored = _last_layer(sizes, vector.dtype)
        self._copies = [(stored[: sizes[-1]], last.T)]
        self.layers = [*map(Layer, views), Layer(stored, last=True)]
        for layer in self.layers[1:-1]:
            if max(layer.forward.shape) <= TRANSPOSED:
                transposed = np.ascontiguousarray(layer.backward)
                self._copies.append((transposed, layer.backward))
                layer.backward = transposed

    def refresh(self) -> None:
        """Bring what is a copy up to date."""
        for copy, original in self._copies:
            np.copyto(copy, original)


class _Gradient:
    """The layers of a vector, as the products write them."""

    def __init__(self, vector: Array, sizes: Sequence[int]) -> None:
        *views, self._last = _layers(vector, sizes)
        self._stored = _last_layer(sizes, vector.dtype)
        self.layers = [*views, self._stored]

    def finish(self) -> None:
        """Bring the vector up to date."""
        np.copyto(self._last, self._stored[: self._last.shape[1]].T)
