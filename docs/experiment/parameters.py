"""What is trained, weights and learned rates: drawn, read from one vector, saved, loaded."""

from __future__ import annotations

import io
from itertools import islice
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .command import Refusal
from .files import replacing, unaltered
from .networks import CONTEXT, initial_weights, learns_rates

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from .networks import Array, Network, WeightTuple, Workspace

#: What the names of rates begin with where they stand beside those of weights.
RATE = "rate_"


# --8<-- [start:parameters]
class Parameters(NamedTuple):
    """Where an adaptation starts, and how far its steps go.

    Attributes
    ----------
    weights
        Before the first step.
    rates
        The inner step sizes, where they are learned; any of them may be negative. None where one
        is given.
    """

    weights: WeightTuple
    rates: WeightTuple | None = None

    @property
    def arrays(self) -> list[Array]:
        """All of them in the order of a workspace's vector: weights, then rates."""
        return [*self.weights, *(self.rates or ())]

    @property
    def named(self) -> dict[str, Array]:
        """All of them as a file has them."""
        rates = {} if self.rates is None else self.rates._asdict()
        return self.weights._asdict() | {f"{RATE}{name}": each for name, each in rates.items()}

    def arguments(self, data: Iterable[Array], alpha: float) -> tuple[Any, ...]:
        """What generated functions take, in order: learned rates stand before the data.

        Parameters
        ----------
        data
            Of a task or of a meta-batch.
        alpha
            The inner step size, where it is given.
        """
        if self.rates is None:
            return (self.weights, *data, alpha)
        return (self.weights, self.rates, *data)

    def after(self, weights: WeightTuple) -> Parameters:
        """Other weights, a step later: of rates that differ by step, the last ones stay.

        Those have a first axis for the steps. One for each entry, the same at all steps, has the
        two axes of its weights.
        """
        if self.rates is None:
            return Parameters(weights)
        later = (
            rate if rate.ndim == 2 else np.append(rate[1:], rate[-1:], 0) for rate in self.rates
        )
        return Parameters(weights, type(self.rates)(*later))

    def replaced(self, arrays: Iterable[Array]) -> Parameters:
        """Other arrays under the same names."""
        found = iter(arrays)
        return Parameters(
            *(type(each)(*islice(found, len(each))) for each in self if each is not None)
        )

    def filled(self, vector: Array) -> Parameters:
        """The numbers of a vector, in the order of `arrays`."""
        ends = np.cumsum([array.size for array in self.arrays])
        parts = np.split(vector, ends[:-1])
        return self.replaced(
            part.reshape(array.shape) for part, array in zip(parts, self.arrays, strict=True)
        )


# --8<-- [end:parameters]


def in_memory(ws: Workspace) -> Parameters:
    """What a workspace holds: views of its vector."""
    return Parameters(ws.weights, getattr(ws, "rates", None))


def initial_parameters(
    net: Network,
    sizes: Sequence[int],
    rng: np.random.Generator,
    dtype: np.dtype,
    initial: str,
    alpha: float,
    context: int = CONTEXT,
) -> Parameters:
    """Draw initial weights; rates that are learned begin as alpha, every one."""
    weights = initial_weights(net, sizes, rng, dtype, initial, context)
    return Parameters(weights, net.initial_rates(weights, alpha) if learns_rates(net) else None)


def save_parameters(path: Path, parameters: Parameters) -> None:
    """Write ``W1, b1, ...``, and ``rate_...`` if any, to a ``.npz`` file, whole or not at all."""
    with replacing(path) as file:
        np.savez(file, allow_pickle=False, **parameters.named)


def arrays_of(file: IO[bytes]) -> dict[str, Array]:
    """The arrays of an ``.npz`` archive.

    Raises
    ------
    ValueError
        When it is no such archive, whatever is wrong with it.
    """
    try:
        with np.load(file, allow_pickle=False) as archive:
            return dict(archive)
    except Exception as error:  # of zipfile, zlib, lzma, struct, numpy: nobody has a list
        raise ValueError(str(error)) from None


def load_parameters(path: Path, like: Parameters) -> Parameters:
    """Read what `save_parameters` wrote.

    Parameters
    ----------
    path
        A ``.npz`` file.
    like
        Parameters of the same names, shapes and dtype.

    Raises
    ------
    Refusal
        When the file cannot be read, or does not hold this network's parameters.
    """
    wanted = f"a .npz file with the arrays {', '.join(like.named)}"
    try:
        arrays = arrays_of(io.BytesIO(unaltered(path)))
    except ValueError:
        raise Refusal(f"{path} is not readable as arrays; it must be {wanted}") from None
    if set(arrays) != set(like.named):
        held = ", ".join(sorted(arrays)) or "nothing"
        raise Refusal(f"{path} holds {held}; it must be {wanted}")
    for name, expected in like.named.items():
        found = arrays[name]
        if (found.shape, found.dtype) != (expected.shape, expected.dtype):
            raise Refusal(
                f"{path}: {name} is {found.dtype} {found.shape}; "
                f"it must be {expected.dtype} {expected.shape}, as its recipe says"
            )
        if not np.isfinite(found).all():
            raise Refusal(f"{path}: {name} is not finite; it must be")
    return like.replaced(arrays[name] for name in like.named)
