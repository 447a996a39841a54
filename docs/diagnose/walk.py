"""Somebody's quantities beside the derivation, in the order of the program."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from ..experiment.command import Refusal
from .first_wrong import DOUBLE, SINGLE, Difference, Explanation, Walk
from .mistakes import (
    broadcasts,
    changes,
    coefficients,
    distance,
    laid,
    of_terms,
    other_layouts,
    terms,
)
from .quantities import derivation, derived
from .reading import is_weight, numbers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..experiment.networks import Array
    from .mistakes import Mistake
    from .quantities import Derivation, Equation

#: Of the mistakes that would each explain a value, so many are named.
MOST = 3


def holds_quantities(by_case: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether the arrays of a file are quantities: one of them is, or none has a weight's name."""
    names = {name for arrays in by_case.values() for name in arrays}
    known = {each.name for case in derived() for each in derivation(case).equations}
    return bool(names & known) or bool(names and not any(map(is_weight, names)))


def walk(name: str, arrays: Mapping[str, Any], where: str = "") -> Walk:
    """Find the first wrong one of somebody's quantities.

    Parameters
    ----------
    name
        The case.
    arrays
        Any of the quantities by name, in the shapes of the reference: (T, ...). One may lack its
        axes of length 1, the meta-gradient may be summed over the tasks, the query loss averaged.
    where
        What a message puts before a name.

    Raises
    ------
    Refusal
        When a name is no quantity, or an array is not finite real numbers or of a shape that no
        mistake explains.
    """
    derived = derivation(name)
    given = checked(arrays, derived, where)
    beside = Beside(derived, given, dict(derived.values), tolerance(given))
    agreeing: list[str] = []
    for equation in derived.equations:
        if equation.name not in given:
            continue
        own, value = given[equation.name], derived.value(equation, beside.values)
        if not beside.agree(own, equation, value):
            found = beside.difference(equation)
            if found.shape != found.wanted and found.kind == "unknown":
                raise Refusal(
                    f"{where}{equation.name} is {found.shape}; it must be {found.wanted}, "
                    "the first axis that of the tasks"
                )
            return Walk(derived, tuple(agreeing), found, len(given) - len(agreeing) - 1)
        agreeing.append(equation.name)
        # Theirs from here on, so that no rounding before it counts against what reads it.
        theirs = laid(own, value.shape)
        beside.values[equation.name] = value if theirs is None else theirs
    return Walk(derived, tuple(agreeing), None, 0)


def checked(arrays: Mapping[str, Any], derived: Derivation, where: str) -> dict[str, Array]:
    """The quantities as float64, after their names have been looked at."""
    known = [each.name for each in derived.equations]
    for name in arrays:
        if name in derived.inputs:
            raise Refusal(
                f"{where}{name} is given with the problem; beside quantities it must not stand. "
                "A meta-gradient is W1_bar, ... here"
            )
        if name not in known:
            near = get_close_matches(name, known, n=1, cutoff=0)[0]
            raise Refusal(f"{where}{name} is no quantity of the derivation; the nearest is {near}")
    return {name: numbers(array, where + name) for name, array in arrays.items()}


def tolerance(given: Mapping[str, Array]) -> float:
    """What rounding may have left: an array that float32 can hold was computed in it."""
    single = (
        np.array_equal(each.astype(np.float32).astype(float), each) for each in given.values()
    )
    return SINGLE if any(single) else DOUBLE


def presentations(equation: Equation, value: Array) -> list[Array]:
    """A quantity as the reference has it and, where it is returned, over all tasks as well."""
    if equation.stage == "meta-gradient":
        return [value, value.sum(0)]
    return [value, value.mean(0)] if equation.name == "loss_q" else [value]


def pair(own: Array, equation: Equation, value: Array) -> tuple[Array, Array] | None:
    """An array and a value in the same shape, whichever presentation that is; or nothing."""
    for each in presentations(equation, value):
        fits = laid(own, each.shape)
        if fits is not None:
            return fits, each
    return None


def readers(chain: tuple[Equation, ...]) -> list[Equation]:
    """Those of some equations that depend on the first, in their order."""
    touched, found = {chain[0].name}, []
    for each in chain[1:]:
        if touched & set(each.reads):
            touched.add(each.name)
            found.append(each)
    return found


@dataclass(frozen=True)
class Beside:
    """Somebody's quantities and ours.

    Attributes
    ----------
    derived, given
        The derivation, and what was given, by name.
    values
        What an equation reads: theirs where it was given and has been found right, else ours.
    tolerance
        What rounding may have left.
    """

    derived: Derivation
    given: Mapping[str, Array]
    values: dict[str, Any]
    tolerance: float

    def agree(self, own: Array, equation: Equation, value: Array) -> bool:
        """Whether an array is a value of an equation but for rounding."""
        both = pair(own, equation, value)
        return both is not None and distance(*both) < self.tolerance

    def difference(self, equation: Equation) -> Difference:
        """What there is to say of the first quantity that is wrong."""
        own, value = self.given[equation.name], self.derived.value(equation, self.values)
        between = self.ways_to(equation)
        read = {name for each in between for name in each.reads} & self.given.keys()
        both = pair(own, equation, value)
        with np.errstate(all="ignore"):
            explanations = tuple(self.explained(own, between))
        return Difference(
            between,
            tuple(each.name for each in self.derived.equations if each.name in read),
            explanations,
            shape=value.shape if both else own.shape,
            wanted=value.shape,
            error=distance(*both) if both else 1.0,
        )

    def ways_to(self, equation: Equation) -> tuple[Equation, ...]:
        """The equations that lead to a quantity from what was given, its own the last."""
        wanted, found = {equation.name}, []
        for each in reversed(self.derived.equations):
            if each is equation or (each.name in wanted and each.name not in self.given):
                found.append(each)
                wanted |= set(each.reads)
        return tuple(reversed(found))

    def explained(self, own: Array, between: tuple[Equation, ...]) -> list[Explanation]:
        """The mistakes in one of some equations that make a value of the last; the latest first."""
        last = between[-1]
        seen = next(self.of_value(own, last), None)
        if seen:
            return [Explanation(last, seen)]
        found: list[Explanation] = []
        for at, equation in reversed(list(enumerate(between))):
            # Of several changes of an equation that come to the same, the first is the plainest.
            made = self.outcomes(between[at:])
            same = (mistake for mistake, value in made if self.agree(own, last, value))
            found += [Explanation(equation, mistake) for mistake in islice(same, 1)]
        return found[:MOST]

    def of_value(self, own: Array, equation: Equation) -> Iterator[Mistake]:
        """The mistakes that show in the terms of an equation, or in the layout of its value."""
        value, parts = self.derived.value(equation, self.values), terms(equation.right)
        if both := pair(own, equation, value):
            summands = (self.derived.changed(each.signed, self.values) for each in parts)
            whole = (pair(own, equation, np.broadcast_to(each, value.shape)) for each in summands)
            fitted = coefficients(both[0], [each[1] for each in whole if each], self.tolerance)
            if fitted is not None:
                yield of_terms(parts, fitted, self.values, self.tolerance)
        for each in presentations(equation, value):
            for mistake, other in other_layouts(each):
                fits = laid(own, other.shape)
                if fits is not None and distance(fits, other) < self.tolerance:
                    yield mistake

    def outcomes(self, chain: tuple[Equation, ...]) -> Iterator[tuple[Mistake, Array]]:
        """What the last of some equations comes to, for every mistake in the first of them."""
        first, others = chain[0], readers(chain)
        for mistake, right in changes(first.right, self.instead(first, alike=bool(others))):
            try:
                value = self.derived.changed(right, self.values)
                if others and not broadcasts(value.shape, np.shape(self.values[first.name])):
                    continue
                changed = {**self.values, first.name: value}
                for each in others:
                    changed[each.name] = self.derived.value(each, changed)
            except ValueError:
                continue  # the shapes do not fit: nobody has computed that
            yield mistake, changed[chain[-1].name]

    def instead(self, equation: Equation, alike: bool) -> dict[str, list[str]]:
        """What may be read in the place of each array that an equation reads.

        That is everything known before it or, since there is too much of that where many equations
        follow, what has as many rows and columns.
        """
        known = {name: np.shape(a)[-2:] for name, a in self.derived.known_before(equation).items()}
        return {
            name: [each for each in known if not alike or known[each] == known[name]]
            for name in equation.reads
            if name in known
        }
