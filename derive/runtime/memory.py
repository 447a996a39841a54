"""The memory of a workspace: one array, and the views of its parts that products need."""

from math import prod

import numpy as np

from .rows import Array

#: Parts start at multiples of this many bytes, a line of the cache.
ALIGNMENT = 64

#: Weights of at most this many units, the constant one included, are transposed by a copy once a
#: call. Many products read them, and BLAS is faster on some processors when it need not
#: transpose; larger ones cost more to copy than that. [weights transposed once a call: 1.03]
TRANSPOSED = 96


class Rows:
    """Rows of the tasks of a chunk, with a constant unit as their last column.

    Attributes
    ----------
    all, units
        Under one another, (T*N, L+1), and without the constant unit, (T*N, L).
    task, task_units
        The same by task, (T, N, L+1) and (T, N, L).
    constant
        The constant unit, (T*N,).
    bits
        All as integers.
    """

    __slots__ = ("all", "bits", "constant", "task", "task_units", "units")

    def __init__(self, block: Array, tasks: int, units: int) -> None:
        self.all = block
        self.units = block[:, :units]
        self.task = block.reshape(tasks, -1, block.shape[1])
        self.task_units = self.task[:, :, :units]
        self.constant = block[:, -1]
        self.bits = block.view(f"i{block.itemsize}")


class Layer:
    """Weights with their bias as the last row, of all tasks or one for each task.

    Attributes
    ----------
    forward
        (L+1, L'), or (T, L+1, L').
    backward
        Transposed and without the bias: (L', L), or (T, L', L).
    stored
        As they lie in memory: like `forward`, or transposed where the layer is the last.
    each
        A row for each task, (T, (L+1)*L'), where there is one.
    """

    __slots__ = ("backward", "each", "forward", "stored")

    def __init__(self, stored: Array, last: bool = False, plain: bool = False) -> None:
        self.stored = stored
        self.forward = stored.mT if last else stored
        self.backward = stored[..., :-1] if last else stored[..., :-1, :].mT
        if plain:  # without a bias, as what a context meets
            self.backward = stored.mT
        self.each = stored.reshape(len(stored), -1)


class Arena:
    """Hands out parts of one array, in the same order to chunks of any number of tasks.

    Attributes
    ----------
    used
        Bytes handed out.
    zero
        The number, as an array: quicker to take than a Python number.
    ones
        As many ones as there are tasks.
    sign
        The place of a number's sign among its bits.
    """

    def __init__(self, dtype: np.dtype, outputs: int, capacity: int) -> None:
        self._dtype, self._outputs, self._capacity = dtype, outputs, capacity
        self.zero = np.zeros((), dtype)
        self.sign = np.array(8 * dtype.itemsize - 1, f"i{dtype.itemsize}")
        self._memory = np.empty(0, np.uint8)
        self._zeros = np.zeros(0, dtype)
        self.start(capacity)

    def start(self, tasks: int) -> None:
        """Begin again, for a chunk of `tasks` tasks."""
        self._tasks = tasks
        self.used = 0
        self.ones = np.ones(tasks, self._dtype)

    def allocate(self) -> None:
        """Take as much memory as has been asked for."""
        memory = np.zeros(self.used + ALIGNMENT, np.uint8)
        start = -memory.ctypes.data % ALIGNMENT
        self._memory = memory[start : start + self.used]

    def _part(self, count: int, *shape: int) -> Array:
        """The part for `count` things of a shape for each of the tasks."""
        start = self.used
        size = self._capacity * count * prod(shape) * self._dtype.itemsize
        self.used += -(-size // ALIGNMENT) * ALIGNMENT
        if not self._memory.size:
            return np.empty((self._tasks * count, *shape), self._dtype)
        part = self._memory[start : start + size].view(self._dtype).reshape(-1, *shape)
        return part[: self._tasks * count]

    def rows(self, count: int, units: int, constant: int = 0) -> Rows:
        """Rows of a layer, `count` a task, whose constant unit is 0 or 1."""
        block = self._part(count, units + 1)
        block[:, -1] = constant
        return Rows(block, self._tasks, units)

    def predictions(self, count: int) -> Rows:
        """Rows of the output layer, which has no constant unit."""
        block = self._part(count, self._outputs)
        block[...] = 0
        return Rows(block, self._tasks, self._outputs)

    def column(self, count: int) -> Rows:
        """A number a row."""
        return Rows(self._part(count, 1), self._tasks, 1)

    def row(self, units: int) -> Rows:
        """A row a task, without a constant unit."""
        return Rows(self._part(1, units), self._tasks, units)

    def zeros(self, count: int, units: int) -> Array:
        """Zeros for the rows of a layer: the same memory for all layers, so that it stays near."""
        shape = (self._tasks * count, units + 1)
        if self._zeros.size < prod(shape):
            self._zeros = np.zeros(prod(shape), self._dtype)
        return self._zeros[: prod(shape)].reshape(shape)

    def kernel(self, rows: int, columns: int) -> Array:
        """A kernel for each task, (T, rows, columns)."""
        return self._part(1, rows, columns)

    def layer(self, above: int, below: int) -> Layer:
        """Weights for each task, from `above` units to `below`."""
        return Layer(self._part(1, above + 1, below))

    def last_layer(self, above: int) -> Layer:
        """Weights of the output layer for each task, transposed."""
        return Layer(self._part(1, self._outputs, above + 1), last=True)

    def gradient(self, above: int, below: int) -> Array:
        """The gradient of a layer, summed over the tasks."""
        return np.empty((above + 1, below), self._dtype)

    def plain_gradient(self, above: int, below: int) -> Array:
        """The gradient of what a context meets."""
        return np.empty((above, below), self._dtype)

    def last_gradient(self, above: int) -> Array:
        """The gradient of the output layer, transposed."""
        return np.empty((self._outputs, above + 1), self._dtype)
