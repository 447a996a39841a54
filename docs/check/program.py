"""Somebody's three functions, called in one way: numpy arrays in, numbers out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..experiment.command import Refusal
from .tree import Array, copied, is_array, is_float, is_jax, leaves, like, mapped, values

#: The arrays of the weights, by name.
Arrays = dict[str, Array]

#: Two calls that differ by more than so many times the rounding of a number are not the same.
SAME = 1e4

#: So many characters of somebody's own error are repeated.
LINE = 200

#: In so many calls of each function it is seen to that the arguments are left alone.
WATCHED = 3


class Refused(Refusal, ValueError):  # noqa: N818
    """What cannot be checked, in one line."""


def reason(error: Exception) -> str:
    """What an exception of somebody's function says, in one line."""
    said = " ".join(str(error).split())
    return f"{type(error).__name__}: {said if len(said) <= LINE else said[:LINE] + ' ...'}"


@dataclass
class Program:
    """The functions that are checked, at the precision in which they run.

    Attributes
    ----------
    meta_gradient, adapt, loss
        As they were given.
    weights, tasks
        As they were given.
    double
        Whether they are called with float64.
    calls
        How often each has been called.
    """

    meta_gradient: Callable[..., Any]
    adapt: Callable[..., Any] | Sequence[Callable[..., Any]]
    loss: Callable[..., Any]
    weights: Any
    tasks: Sequence[Any]
    double: bool = True
    calls: dict[str, int] = field(default_factory=dict)

    @property
    def arrays(self) -> Arrays:
        """The weights that can be changed by a little, by name."""
        return self.numbers(self.weights)

    @staticmethod
    def numbers(tree: Any) -> Arrays:
        """The real numbers of a tree, by name."""
        return {name: values(leaf) for name, leaf in leaves(tree).items() if is_float(leaf)}

    def precision(self) -> AbstractContextManager[Any]:
        """JAX has float64 only within a context."""
        mine = any(is_jax(leaf) for leaf in leaves((self.weights, list(self.tasks))).values())
        if not (mine and self.double):
            return nullcontext()
        jax = sys.modules["jax"]
        # In older versions it stands in the second place.
        home = jax if hasattr(jax, "enable_x64") else jax.experimental
        entered: AbstractContextManager[Any] = home.enable_x64(True)
        return entered

    def with_arrays(self, arrays: Arrays, tree: Any) -> Any:
        """A tree with other numbers in it."""
        return mapped(
            lambda name, leaf: like(leaf, arrays[name], self.double) if name in arrays else leaf,
            tree,
        )

    def sets(self, at: int) -> tuple[Any, Any]:
        """The support and the query set of a task, copied."""
        support, query = self.tasks[at]
        return copied(support, self.double), copied(query, self.double)

    @property
    def steps(self) -> Sequence[Callable[..., Any]]:
        """The inner steps as far as they are known: ``adapt`` is one, or a list of them."""
        return [self.adapt] if callable(self.adapt) else self.adapt

    def step(self, number: int, tree: Any, batch: Any) -> Any:
        """The tree after an inner step."""
        return self.called("adapt", self.steps[number], tree, batch)

    def adapted(self, arrays: Arrays, batch: Any, steps: int | None = None) -> Any:
        """The tree after some inner steps, or all."""
        tree = self.with_arrays(arrays, self.weights)
        for number in range(len(self.steps) if steps is None else steps):
            tree = self.step(number, tree, batch)
        return tree

    def value(self, tree: Any, batch: Any) -> float:
        """The number that ``loss`` returns, for weights as ``adapt`` returned them."""
        result = self.called("loss", self.loss, tree, batch)
        if is_array(result):
            numbers = values(result)
            if numbers.size != 1:
                raise Refused(f"loss returns an array {numbers.shape}; it must return one number")
            result = numbers.item()
        if not isinstance(result, float | int):
            raise Refused(f"loss returns a {type(result).__name__}; it must return one number")
        if not np.isfinite(result):
            raise Refused(f"loss returns {result}; it must be finite at the weights to check")
        return float(result)

    def value_at(self, arrays: Arrays, batch: Any, tree: Any = None) -> float:
        """The loss at other numbers in a tree: that of the weights, or an adapted one."""
        return self.value(self.with_arrays(arrays, self.weights if tree is None else tree), batch)

    def gradient(self, arrays: Arrays) -> Any:
        """What ``meta_gradient`` returns."""
        tasks = [self.sets(at) for at in range(len(self.tasks))]
        weights = self.with_arrays(arrays, self.weights)
        return self.called("meta_gradient", self.meta_gradient, weights, tasks)

    def called(self, name: str, function: Callable[..., Any], tree: Any, argument: Any) -> Any:
        """Call one of the functions, and see that it leaves its arguments alone."""
        self.calls[name] = self.calls.get(name, 0) + 1
        if self.calls[name] > WATCHED:
            return function(tree, argument)
        before = numbers_of(tree), numbers_of(argument)
        result = function(tree, argument)
        for what, old, now in zip(("weights", "batch"), before, (tree, argument), strict=True):
            changed = [key for key, new in numbers_of(now).items() if not same(old.get(key), new)]
            if changed:
                raise Refused(
                    f"{name} changes the {what} in place: {', '.join(changed)}; the next call "
                    "starts from what this one left, so it must work on copies"
                )
        return result


def in_double(program: Program) -> Program:
    """The program in float64 if adaptation and loss run in it, or as it is."""
    for attempt in (program, replace(program, double=False)):
        try:
            with attempt.precision():
                support, query = attempt.sets(0)
                adapted = attempt.adapted(attempt.arrays, support)
                like_weights(attempt, adapted)
                attempt.value(adapted, query)
        except Refused:
            raise
        except Exception as error:
            failed = error
        else:
            return attempt
    raise Refused(f"loss(adapt(weights, support), query) raised {reason(failed)}") from failed


def like_weights(program: Program, adapted: Any) -> None:
    """Refuse adapted weights that are of another layout, another shape, or not finite."""
    found, wanted = program.numbers(adapted), program.arrays
    if not set(found) & set(wanted):
        what = ", ".join(found) or f"a {type(adapted).__name__} without arrays of real numbers"
        raise Refused(f"adapt returns {what}; it must return weights as given: {', '.join(wanted)}")
    for name, array in found.items():
        if name in wanted and array.shape != wanted[name].shape:
            raise Refused(
                f"adapt returns {name} of shape {array.shape}; it must be {wanted[name].shape}"
            )
        if not np.isfinite(array).all():
            raise Refused(f"adapt returns NaN or infinity in {name}; it must be finite")


def numbers_of(tree: Any) -> Arrays:
    """The numbers of all arrays, copied."""
    return {name: values(leaf) for name, leaf in leaves(tree).items() if is_array(leaf)}


def same(old: Array | None, new: Array) -> bool:
    """Whether an array is what it was."""
    return old is not None and np.array_equal(old, new, equal_nan=True)
