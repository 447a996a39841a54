"""Meta-gradients of many meta-batches of the same sizes, without allocation."""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from math import prod
from sys import maxsize
from threading import Lock
from typing import Any

import numpy as np

from .checks import FLOATS, check_exact, check_rates, check_weights
from .compiled import Compiled, Contexts, address
from .memory import TRANSPOSED, Arena, Layer
from .rows import Array

#: Rows of a chunk of tasks. What a chunk touches should stay in the cache: a thousand tasks at
#: once take longer. [chunks of tasks: 1.20]
ROWS = 500

#: The arrays of a meta-batch.
DATA = ("X_s", "Y_s", "X_q", "Y_q")

#: One chunk of tasks: its layers, the step sizes of their entries, where the gradients go, its four
#: arrays, numbers. It gives the loss, and the gradients of step sizes that are numbers.
Run = Callable[
    [
        Sequence[Layer],
        Sequence[Layer],
        Sequence[Array],
        Array,
        Array,
        Array,
        Array,
        Sequence[float],
    ],
    tuple[float, ...],
]


class Repeated:
    """Memory and plan for meta-gradients of meta-batches of one size.

    Attributes
    ----------
    parameters
        All weights and biases as one vector, layer by layer, and after them the learned step sizes.
    weights, rates
        Views of it by name, which a call reads where they are; `rates` is None where none are
        learned. Only the output layer, small layers for their transpose, and step sizes of entries
        are copied at each call.
    gradient
        The meta-gradient of the last call, in the order of `parameters`.
    named_gradient
        The same by name.
    backend
        What computes: ``numpy`` or ``c``.
    memory
        Bytes of the buffers of a chunk of tasks, without what is shaped like the weights; of all
        that an object in C works in.
    """

    def __init__(
        self,
        kinds: Sequence[Callable[..., Any]],
        plan: Callable[[Arena], Run],
        sizes: Sequence[int],
        tasks: int,
        shots: int,
        queries: int,
        dtype: np.dtype,
        made: Compiled | None,
        context: int = 0,
        rates: Callable[[Any], Mapping[str, tuple[int, ...]]] | None = None,
    ) -> None:
        self._lock = Lock()
        self._tasks, self._sizes = tasks, tuple(sizes)
        self._dtype = dtype
        D, O = sizes[0], sizes[-1]
        self._shapes = tuple((tasks, n, width) for n in (shots, queries) for width in (D, O))
        self._count = count = sum((a + 1) * b for a, b in pairwise(sizes)) + context * sizes[1]
        probe = _Vector(kinds, np.zeros(count, dtype), sizes, context, {})
        shapes = rates(probe.weights) if rates else {}
        count += sum(prod(shape) for shape in shapes.values())
        # One piece of memory, so that whether data are in it is asked once.
        self._kept = np.zeros((2, count), dtype)
        self._own, self._gradient, self._given, self._of_chunk = (
            _Vector(kinds, vector, sizes, context, shapes)
            for vector in (*self._kept, *np.zeros((2, count), dtype))
        )
        self._layers = tuple(array.shape for array in self._own.weights)
        self._contexts = Contexts(made, tasks, count, dtype) if made else None
        self.backend = "c" if made else "numpy"
        if self._contexts:
            self.memory = self._contexts.used
        else:
            self._chunks = self._planned(plan, max(shots, queries))

    @property
    def parameters(self) -> Array:
        """All parameters as one vector; assigning copies into it."""
        return self._own.vector

    @parameters.setter
    def parameters(self, values: Array) -> None:
        check_exact("parameters", values, self._own.vector.shape, self._dtype)
        self._own.vector[:] = values

    @property
    def weights(self) -> Any:
        """The weights among the parameters."""
        return self._own.weights

    @property
    def rates(self) -> Any:
        """The step sizes among the parameters."""
        return self._own.rates

    @property
    def gradient(self) -> Array:
        """The meta-gradient of the last call."""
        return self._gradient.vector

    @property
    def named_gradient(self) -> tuple[Any, ...]:
        """The gradient of the weights and, where they are learned, of the step sizes."""
        each = (self._gradient.weights, self._gradient.rates)
        return each if each[1] is not None else each[:1]

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

    def run(
        self, weights: Any, rates: Any, data: Sequence[Array], numbers: Sequence[float]
    ) -> float:
        """Compute the meta-gradient, and return the meta-loss.

        Raises
        ------
        ValueError
            When an argument is not of this workspace's sizes or dtype.
        RuntimeError
            When another thread is using this workspace.
        """
        if not self._lock.acquire(False):
            raise RuntimeError("the workspace is in use by another thread; each needs its own")
        try:
            self._check_data(data)
            if not self.gradient.flags.writeable:
                raise ValueError("gradient is read-only; the workspace must be able to write to it")
            layers = self._own if weights is self._own.weights else self._copy(weights)
            steps = self._own if rates is self._own.rates else self._copy_rates(rates)
            if self._contexts:
                rates = steps.address + self._count * self._dtype.itemsize
                vectors = (layers.address, rates)
                loss = self._contexts.run(*vectors, data, numbers, self._gradient.address)
            else:
                loss = self._run_chunks(layers, steps, data, numbers)
            return loss / self._tasks
        finally:
            self._lock.release()

    def _run_chunks(
        self,
        layers: "_Vector",
        steps: "_Vector",
        data: Sequence[Array],
        numbers: Sequence[float],
    ) -> float:
        """Compute one chunk of tasks after the other, and return the sum of their losses."""
        layers.refresh_layers()
        steps.refresh_rates()
        numbers = (*steps.numbers, *numbers)
        loss = 0.0
        for start, stop, run in self._chunks:
            sink = self._of_chunk if start else self._gradient
            X_s, Y_s, X_q, Y_q = (each[start:stop] for each in data)
            part, *slopes = run(
                layers.layers, steps.entries, sink.sinks, X_s, Y_s, X_q, Y_q, numbers
            )
            loss += part
            sink.finish(slopes)
            if start:
                np.add(self.gradient, self._of_chunk.vector, out=self.gradient)
        return loss

    def _check_data(self, arrays: Sequence[Array]) -> None:
        if not _are(arrays, self._shapes, self._dtype):
            self._check_shapes(arrays)
        for name, array in zip(DATA, arrays):  # noqa: B905 - a keyword takes time
            # An array that has memory of its own, as most have, is in nobody else's.
            if array.base is None:
                continue
            # The gradient is written while the data are still read.
            if np.may_share_memory(array, self._kept):
                within = np.may_share_memory(array, self.gradient)
                own = "gradient" if within else "parameters"
                raise ValueError(f"{name} is in the memory of {own}; it must have its own")

    def _check_shapes(self, arrays: Sequence[Array]) -> None:
        for name, array, shape in zip(DATA, arrays, self._shapes, strict=True):
            if type(array) is not np.ndarray:
                raise ValueError(f"{name} is a {type(array).__name__}; it must be a numpy array")
            if array.shape != shape or array.dtype != self._dtype:
                raise ValueError(
                    f"{name} is {array.dtype} {array.shape}; "
                    f"it must be {self._dtype} {shape}, as the workspace is"
                )

    def _copy(self, weights: Any) -> "_Vector":
        """Copy weights that are not the workspace's own."""
        own = self._given.weights
        if not isinstance(weights, tuple | list) or not _are(weights, self._layers, self._dtype):
            check_weights(weights, own._fields)
            for name, array, kept in zip(own._fields, weights, own, strict=True):
                if array.shape != kept.shape or array.dtype != kept.dtype:
                    raise ValueError(
                        f"weights.{name} is {array.dtype} {array.shape}; "
                        f"it must be {kept.dtype} {kept.shape}, as the workspace is"
                    )
        for kept, array in zip(own, weights, strict=True):
            kept[:] = array
        return self._given

    def _copy_rates(self, rates: Any) -> "_Vector":
        """Copy step sizes that are not the workspace's own."""
        own = self._given.rates
        shapes = {name: array.shape for name, array in own._asdict().items()}
        check_rates(rates, shapes, self._given.weights)
        for kept, array in zip(own, rates, strict=True):
            np.copyto(kept, array)
        return self._given


def _are(arrays: Sequence[Any], shapes: Sequence[tuple[int, ...]], dtype: np.dtype) -> bool:
    """Whether arrays are as they must be, which is seen sooner where nothing has a name.

    Those of a dtype that is equal, but another object, are to be looked at again.
    """
    if len(arrays) != len(shapes):
        return False
    for array, shape in zip(arrays, shapes):  # noqa: B905 - a keyword takes time
        if type(array) is not np.ndarray or array.shape != shape or array.dtype is not dtype:
            return False
    return True


def check_sizes(
    sizes: Any, layers: int, dtype: Any, **counts: Any
) -> tuple[tuple[int, ...], list[int], np.dtype]:
    """Check what a workspace is made for, and return its layer sizes, counts and dtype.

    Raises
    ------
    ValueError
        When a size is not a whole number of at least 1, there are too many or too few layer
        sizes, their product is beyond any memory, or the dtype is not float32 or float64.
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
    known, others = tuple(map(int, sizes)), list(map(int, counts.values()))
    # Of a layer, or of the rows of all tasks.
    widest = max(known)
    if max(widest**2, prod(others) * widest) * found.itemsize > maxsize:
        given = ", ".join(f"{name} {value}" for name, value in counts.items())
        raise ValueError(
            f"sizes is {known!r}, with {given}; their products must be sizes of arrays, "
            f"at most {maxsize} bytes"
        )
    return known, others, found


def check_outputs(sizes: Sequence[int]) -> None:
    """Check that there are classes to tell apart.

    Raises
    ------
    ValueError
        When there is a single output.
    """
    if sizes[-1] < 2:
        raise ValueError(f"sizes[{len(sizes) - 1}] is {sizes[-1]}; classes must be at least 2")


class _Vector:
    """Parameters or their gradient: one vector, its parts by name, and as products use them.

    Attributes
    ----------
    vector, address
        All of it, and where it is.
    weights, rates
        Views by name; there may be no step sizes.
    layers, entries
        Weights, and step sizes of entries, as products read them.
    sinks
        The same memory, as products write their gradients to it.
    """

    def __init__(
        self,
        kinds: Sequence[Callable[..., Any]],
        vector: Array,
        sizes: Sequence[int],
        context: int,
        shapes: Mapping[str, tuple[int, ...]],
    ) -> None:
        self.vector, self.address = vector, address(vector)
        *views, last = layers_of = _layers(vector, sizes)
        names = [part for layer in layers_of for part in (layer[:-1], layer[-1:])]
        start = sum(layer.size for layer in layers_of)
        plain = [vector[start : start + context * sizes[1]].reshape(context, -1)] if context else []
        start += context * sizes[1]
        self.weights = kinds[0](*names, *plain)
        arrays = []
        for shape in shapes.values():
            arrays.append(vector[start : start + prod(shape)].reshape(shape))
            start += prod(shape)
        self.rates: Any = kinds[1](*arrays) if shapes else None
        self._numbers = [each.reshape(-1) for each in arrays if each.ndim < 2]

        stored = _last_layer(sizes, vector.dtype)
        self._copies = [(stored[: sizes[-1]], last.T)]
        self.layers = [*map(Layer, views), Layer(stored, last=True)]
        for layer in self.layers[1:-1]:
            if max(layer.forward.shape) <= TRANSPOSED:
                transposed = np.ascontiguousarray(layer.backward)
                self._copies.append((transposed, layer.backward))
                layer.backward = transposed
        self.layers += [Layer(each, plain=True) for each in plain]

        entries = dict(zip(shapes, arrays, strict=True)) if not self._numbers else {}
        self._steps = [
            _Entries(W, b, name == f"W{len(views) + 1}")
            for name, pair in zip(entries, pairwise(entries.values()), strict=False)
            if name[0] == "W"
            for W, b in zip(*map(_by_step, pair), strict=True)
        ]
        self.entries = [each.layer for each in self._steps]
        self.sinks = [*views, stored, *plain, *(each.stored for each in self._steps)]

    @property
    def numbers(self) -> list[float]:
        """The step sizes that are no arrays."""
        return [float(number) for each in self._numbers for number in each]

    def refresh_layers(self) -> None:
        """Bring copies of weights up to date."""
        for copy, original in self._copies:
            np.copyto(copy, original)

    def refresh_rates(self) -> None:
        """Bring copies of step sizes up to date."""
        for each in self._steps:
            each.refresh()

    def finish(self, slopes: Sequence[float]) -> None:
        """Bring the vector up to date: its last layer, its entries, and what numbers there are."""
        copy, original = self._copies[0]
        np.copyto(original, copy)
        for each in self._steps:
            each.finish()
        left = iter(slopes)
        for numbers in self._numbers:
            numbers[:] = [next(left) for _ in numbers]


def _by_step(rates: Array) -> Array:
    """Step sizes of an array of weights, a set for each step."""
    return rates.reshape(-1, *rates.shape[-2:])


class _Entries:
    """The step sizes of a layer in one step, and those of its bias, stored as the layer is."""

    def __init__(self, W: Array, b: Array, last: bool) -> None:
        above, below = W.shape
        shape = (max(below, 2), above + 1) if last else (above + 1, below)
        self.stored = np.zeros(shape, W.dtype)
        turned = self.stored[:below].T if last else self.stored
        self._pairs = ((turned[:-1], W), (turned[-1:], b))
        self.layer = Layer(self.stored, last=last)

    def refresh(self) -> None:
        """Bring the copy up to date."""
        for copy, original in self._pairs:
            np.copyto(copy, original)

    def finish(self) -> None:
        """Bring the original up to date."""
        for copy, original in self._pairs:
            np.copyto(original, copy)


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

    numpy has no fast product of a column with a row. [a second output of zeros: 1.19]
    """
    return np.zeros((max(sizes[-1], 2), sizes[-2] + 1), dtype)
