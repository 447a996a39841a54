"""What ``meta_gradient`` returns, by the names of the weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .compare import Column
from .cut import place_of_cut
from .measure import EPSILON, Probe
from .program import SAME, Arrays, Program, Refused, reason
from .tree import leaves, values


@dataclass(frozen=True)
class Slope:
    """A gradient by name, those that are None, and the same after a change of the last digits."""

    arrays: Arrays
    missing: frozenset[str]
    shaken: Arrays
    double: bool

    def along(self, probes: Sequence[Probe]) -> Column:
        """The gradient along probes, and how much of it is rounding."""
        value, other = (
            np.array([float(np.sum(arrays[name] * v[name])) for name, v in probes])
            for arrays in (self.arrays, self.shaken)
        )
        size = np.array([np.linalg.norm(self.arrays[name] * v[name]) for name, v in probes])
        apart = np.abs(value - other)
        names = [name for name, _ in probes]
        worst = np.array([apart[[each == name for each in names]].max() for name in names])
        return Column(value, worst + EPSILON[self.double] * size)


def gradient_of(program: Program, at: Arrays, rng: np.random.Generator) -> tuple[Slope, Program]:
    """What the training uses, and the program in the precision in which it runs."""
    asked, first = called(program, at)
    arrays, missing, double = by_name(asked, first)
    again = by_name(asked, called(asked, at)[1])[0]
    length, apart = size(arrays), size({name: arrays[name] - again[name] for name in arrays})
    if apart > SAME * EPSILON[double] * length:
        raise Refused(
            f"two calls of meta_gradient differ, by {apart / length:.1e} of its length; "
            "both must give the same: turn dropout off, or seed it within the call"
        )
    epsilon = EPSILON[asked.double]
    beside = {
        name: array + epsilon * np.abs(array) * rng.choice([-1.0, 1.0], array.shape)
        for name, array in at.items()
    }
    shaken = by_name(asked, called(asked, beside)[1])[0]
    return Slope(arrays, missing, shaken, double), asked


def called(program: Program, at: Arrays) -> tuple[Program, Any]:
    """Call ``meta_gradient`` in the precision of the losses, or else in that of the weights."""
    for attempt in (program, replace(program, double=False)):
        try:
            with attempt.precision():
                return attempt, attempt.gradient(at)
        except Refused:
            raise
        except Exception as error:
            failed = error
    place = place_of_cut(attempt, at)
    cut = f"; the graph is cut: {place}" if place else ""
    raise Refused(f"meta_gradient raised {reason(failed)}{cut}") from failed


def size(arrays: Arrays) -> float:
    """The length of all arrays as one vector."""
    return math.sqrt(sum(float(np.sum(array**2)) for array in arrays.values()))


def by_name(program: Program, result: Any) -> tuple[Arrays, frozenset[str], bool]:
    """A gradient by the names of the weights, which of it is None, and whether it is float64."""
    wanted = dict(leaves(program.weights).items())
    found = leaves(list(result) if hasattr(result, "__next__") else result)
    if set(found) != set(wanted) and len(found) == len(wanted):
        found = dict(zip(wanted, found.values(), strict=True))
    arrays: Arrays = {}
    missing, double = set(), True
    for name, array in program.arrays.items():
        if name not in found:
            raise Refused(
                f"meta_gradient returns {', '.join(found) or 'nothing'}; "
                f"it must return a gradient for {', '.join(program.arrays)}"
            )
        if found[name] is None:
            missing.add(name)
            arrays[name] = np.zeros(array.shape)
            continue
        arrays[name] = values(found[name])
        double = double and "float64" in str(getattr(found[name], "dtype", "float64"))
        if arrays[name].shape != array.shape:
            raise Refused(
                f"the gradient of {name} is {arrays[name].shape}; it must be {array.shape}"
            )
        if not np.isfinite(arrays[name]).all():
            raise Refused(f"the gradient of {name} holds NaN or infinity; it must be finite")
    return arrays, frozenset(missing), double
