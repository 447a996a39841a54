"""Weights and batches of any layout, as lists of numpy arrays and back.

Nothing here imports PyTorch or JAX: an array can only be theirs if they have been imported already.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def mapped(function: Callable[[str, Any], Any], tree: Any, name: str = "") -> Any:
    """Put ``function(name, leaf)`` in the place of every leaf.

    Lists, tuples, named tuples and dictionaries are looked into, and whatever is a pytree of JAX,
    if that has been imported. A name is the path to the leaf: ``layer1.weight``, ``0.1``.
    """
    if isinstance(tree, Mapping):
        pairs = {key: mapped(function, tree[key], join(name, key)) for key in tree}
        return pairs if type(tree) is dict else type(tree)(pairs)  # type: ignore[call-arg]
    if isinstance(tree, tuple | list):
        keys = getattr(tree, "_fields", range(len(tree)))
        parts = [
            mapped(function, part, join(name, key)) for key, part in zip(keys, tree, strict=True)
        ]
        return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)
    jax = sys.modules.get("jax")
    if jax is not None and tree is not None and not jax.tree_util.all_leaves([tree]):
        return jax.tree_util.tree_map_with_path(
            lambda path, leaf: function(join(name, jax.tree_util.keystr(path)), leaf), tree
        )
    return function(name, tree)


def join(name: str, key: object) -> str:
    """The name of a part."""
    return f"{name}.{key}".removeprefix(".")


def leaves(tree: Any) -> dict[str, Any]:
    """Every leaf by its name, in order."""
    found: dict[str, Any] = {}
    mapped(lambda name, leaf: found.update({name: leaf}), tree)
    return found


def is_torch(leaf: Any) -> bool:
    """Whether it is a tensor of PyTorch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(leaf, torch.Tensor)


def is_jax(leaf: Any) -> bool:
    """Whether it is an array of JAX."""
    jax = sys.modules.get("jax")
    return jax is not None and isinstance(leaf, jax.Array)


def is_array(leaf: Any) -> bool:
    """Whether it is an array of one of the three libraries."""
    return isinstance(leaf, np.ndarray | np.generic) or is_torch(leaf) or is_jax(leaf)


def is_float(leaf: Any) -> bool:
    """Whether it is an array of real numbers; bfloat16 is one, and numpy knows it by name only."""
    return is_array(leaf) and "float" in str(leaf.dtype)


def values(leaf: Any) -> Array:
    """The numbers of an array, copied."""
    if is_torch(leaf):
        leaf = leaf.detach().cpu().double().numpy()
    return np.array(leaf, dtype=np.float64)


def like(leaf: Any, numbers: Array, double: bool) -> Any:
    """An array of the same library with other numbers, in float64 or in its own precision.

    A tensor requires a gradient, so that an inner loop may differentiate by it.
    """
    if is_torch(leaf):
        torch = sys.modules["torch"]
        kind = torch.float64 if double else leaf.dtype
        return torch.tensor(numbers, dtype=kind, device=leaf.device, requires_grad=True)
    kind = np.float64 if double else leaf.dtype
    if is_jax(leaf):
        return sys.modules["jax"].numpy.asarray(numbers, dtype=kind)
    return np.array(numbers, dtype=kind)


def copied(tree: Any, double: bool) -> Any:
    """A batch of one's own, whose real numbers are float64 if asked for."""

    def one(_: str, leaf: Any) -> Any:
        if is_torch(leaf):
            leaf = leaf.detach().clone()
            return leaf.double() if double and is_float(leaf) else leaf
        if double and is_float(leaf):
            return like(leaf, values(leaf), double)
        return leaf.copy() if is_array(leaf) else leaf

    return mapped(one, tree)
