"""Generated networks by name or folder, and their initial weights.

References
----------
.. [1] X. Glorot, Y. Bengio: Understanding the difficulty of training deep feedforward neural
       networks. AISTATS 2010.
.. [2] K. He, X. Zhang, S. Ren, J. Sun: Delving Deep into Rectifiers. ICCV 2015, arXiv:1502.01852.
"""

from __future__ import annotations

import argparse
import sys
from functools import cache
from importlib import import_module
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from inspect import signature
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeGuard, cast

import numpy as np
from numpy.typing import NDArray

from .. import INSTALLED, beside
from . import derived
from .command import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import ModuleType

    from generated.runtime.network import Network as Record

Array: TypeAlias = NDArray[np.floating[Any]]

#: Where the generated packages are.
GENERATED = Path(__file__).resolve().parents[1 if INSTALLED else 2] / "generated"

#: Units of a context, if nothing is said.
CONTEXT = 5


class WeightTuple(Protocol):
    """What the ``Weights`` of every generated package have in common, and the ``Rates``."""

    _fields: tuple[str, ...]

    def __init__(self, *arrays: Array) -> None: ...
    def __iter__(self) -> Any: ...
    def __len__(self) -> int: ...
    def __getitem__(self, index: int) -> Array: ...
    def _asdict(self) -> dict[str, Array]: ...


#: A loss and its gradient; where rates are learned, their gradient comes after it.
MetaGradient: TypeAlias = "tuple[float, WeightTuple]"


class Workspace(Protocol):
    """Memory for repeated meta-gradients of one size, as a generated package makes it."""

    parameters: Array
    gradient: Array
    weights: Any
    backend: str

    def meta_loss_and_gradient(
        self, weights: WeightTuple, *arguments: Any, **named: Any
    ) -> MetaGradient:
        """Meta-loss and meta-gradient."""


class Network(Protocol):
    """The functions of a generated package that an experiment calls.

    What those of the meta-loss and ``adapt`` take beside the weights depends on the algorithm.
    """

    Weights: type[Any]
    NETWORK: Record
    reference: Any

    def predict(self, weights: WeightTuple, X: Array) -> Array:
        """Predict."""

    def loss(self, weights: WeightTuple, X: Array, Y: Array) -> float:
        """Loss."""

    def loss_and_gradient(
        self, weights: WeightTuple, X: Array, Y: Array
    ) -> tuple[float, WeightTuple]:
        """Loss and inner gradient."""

    def hessian_product(
        self, weights: WeightTuple, direction: WeightTuple, X: Array, Y: Array
    ) -> WeightTuple:
        """The Hessian of the loss times a direction."""

    def adapt(self, weights: WeightTuple, *arguments: Any, **named: Any) -> WeightTuple:
        """Fine-tune."""

    def meta_loss(self, weights: WeightTuple, *arguments: Any, **named: Any) -> float:
        """Meta-loss."""

    def meta_loss_and_gradient(
        self, weights: WeightTuple, *arguments: Any, **named: Any
    ) -> MetaGradient:
        """Meta-loss and meta-gradient."""

    def first_order_meta_loss_and_gradient(
        self, weights: WeightTuple, *arguments: Any, **named: Any
    ) -> MetaGradient:
        """Meta-loss and first-order meta-gradient."""

    def workspace(
        self, sizes: Sequence[int], tasks: int, shots: int, queries: int, dtype: Any, **named: Any
    ) -> Workspace:
        """Prepare for repeated meta-gradients."""


class Learner(Network, Protocol):
    """A generated package whose inner step sizes are learned."""

    Rates: type[Any]

    def initial_rates(self, weights: WeightTuple, alpha: float) -> WeightTuple:
        """The same rate for everything."""


def names() -> list[str]:
    """The generated packages."""
    return sorted(path.parent.name for path in GENERATED.glob("*/weights.py"))


def trainable() -> list[str]:
    """Those with a workspace, which training needs."""
    return [name for name in names() if (GENERATED / name / "inplace.py").is_file()]


def package(text: str) -> str:
    """An option's type: a package that can be trained, by its name, its folder or its module.

    Or the name of one that is to be derived; what is wrong with that is known when it is.
    """
    if derived.parsed(text):
        return text
    folder = GENERATED / text if text in names() else found(text)
    if folder is None or not (folder / "inplace.py").is_file():
        raise argparse.ArgumentTypeError(
            f"is {text!r}; it must be one of {', '.join(trainable())}, "
            "or a package with a workspace, by its folder or by the name that imports it"
        )
    return text


def found(text: str) -> Path | None:
    """The folder of a generated package of one's own, given it or the name that imports it."""
    folder = Path(text)
    if not (folder / "weights.py").is_file() and all(map(str.isidentifier, text.split("."))):
        try:
            spec = find_spec(text)
        except (ImportError, ValueError):
            return None
        folder = Path((spec and spec.origin) or text).parent
    return folder if (folder / "weights.py").is_file() else None


@cache
def load_network(name: str) -> Network:
    """Import a generated package, from ``generated/`` or one's own, by its folder or its module.

    Raises
    ------
    Refusal
        When there is no package of that name, none in such a folder and no such module, and none
        that can be derived.
    """
    if name in names():
        return cast("Network", import_module(f"{beside('generated')}.{name}"))
    if folder := found(name):
        return cast("Network", imported(folder.resolve()))
    if wanted := derived.parsed(name):
        return of_spec(wanted)
    raise Refusal(
        f"the network is {name!r}; it must be one of {', '.join(names())}, "
        "or a generated package of your own, by its folder or by the name that imports it"
    )


def of_spec(wanted: derived.Derived) -> Network:
    """The package of a network by what it is: one of ``generated/``, or one that is derived."""
    usual = {"bias": True, "penalty": False, "task_weights": False}
    for name in trainable():
        net = load_network(name)
        if net.NETWORK._asdict() == {**wanted._asdict(), **usual}:
            return net
    return cast("Network", imported(derived.folder(wanted)))


def imported(folder: Path) -> ModuleType:
    """Import a package under a name that no other folder's has."""
    name = folder.as_posix().replace(".", "_")
    spec = spec_from_file_location(name, folder / "__init__.py")
    if spec is None or spec.loader is None:
        raise Refusal(f"cannot import {folder}; it must be a package")
    module = sys.modules[name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def learns_rates(net: Network) -> TypeGuard[Learner]:
    """Whether the inner step sizes of a network are learned."""
    return hasattr(net, "Rates")


def takes_omegas(net: Network) -> bool:
    """Whether the loss of a network is a weighted sum over the inner steps."""
    return "omegas" in signature(net.meta_loss_and_gradient).parameters


def has_workspace(net: Network) -> bool:
    """Whether a network has a form for repeated calls; one that is normalised has none."""
    return hasattr(net, "workspace")


def has_context(net: Network) -> bool:
    """Whether what adapts is a context, which the weights V1 take to the first layer."""
    return "V1" in net.Weights._fields


# --8<-- [start:initial]
def glorot(rng: np.random.Generator, above: int, below: int) -> Array:
    """Uniform, with variance 2 / (inputs + outputs) [1]_."""
    bound = np.sqrt(6 / (above + below))
    return rng.uniform(-bound, bound, size=(above, below))


def truncated(rng: np.random.Generator, above: int, below: int) -> Array:
    """Normal, with standard deviation 0.01 and nothing beyond two: the original code's."""
    drawn = rng.normal(size=(above, below))
    while (far := np.abs(drawn) > 2).any():
        drawn[far] = rng.normal(size=np.count_nonzero(far))
    return 0.01 * drawn


INITIALS = {"glorot": glorot, "truncated": truncated}


def initial_weights(
    net: Network,
    sizes: Sequence[int],
    rng: np.random.Generator,
    dtype: np.dtype,
    initial: str = "glorot",
    context: int = CONTEXT,
) -> WeightTuple:
    """Draw the weights of every layer, and those of a context after them; biases are zero.

    The inputs of sinusoids reach to 5. With the larger weights that are usual for relu [2]_
    the curvature is so high that a step of 0.01 on ten points diverges.

    Parameters
    ----------
    net
        A generated package.
    sizes
        Units of each layer, from the inputs to the outputs.
    rng, dtype
        Where the randomness comes from, and the dtype of the arrays.
    initial
        A name of `INITIALS`.
    context
        Units of a context, where the package has one.
    """
    arrays = []
    for above, below in pairwise(sizes):
        arrays.append(INITIALS[initial](rng, above, below).astype(dtype))
        if net.NETWORK.bias:
            arrays.append(np.zeros((1, below), dtype))
    if has_context(net):
        arrays.append(INITIALS[initial](rng, context, sizes[1]).astype(dtype))
    return cast("WeightTuple", net.Weights(*arrays))


# --8<-- [end:initial]


def flatten(arrays: Iterable[Array], out: Array) -> None:
    """Write weights, or their gradient, into one vector in their order."""
    np.concatenate([array.reshape(-1) for array in arrays], out=out)
