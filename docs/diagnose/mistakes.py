"""What somebody may have got wrong in one equation: its terms, factors, names, axes, layout.

Terms are tried by least squares, which finds any that is missing, turned round or too long. All
else is a change of the equation's line of code, or of its value.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..experiment.networks import Array

Kind = Literal[
    "sign",
    "factor",
    "missing term",
    "sign of a term",
    "factor of a term",
    "missing factor",
    "transposed",
    "wrong axis",
    "another quantity",
    "broadcasting",
    "rounding",
    "unknown",
]


class Mistake(NamedTuple):
    """What is wrong with an equation: the kind of difference, and what it is in one line."""

    kind: Kind
    what: str


#: A mistake, and the right-hand side that makes it.
Change: TypeAlias = "tuple[Mistake, ast.expr]"

#: What the axes of a quantity count; a loss has the first alone.
AXES = ("tasks", "rows", "columns")

#: Names that may stand in a factor of a number.
SIZES = ("T", "N", "M", "O", "alpha")

#: A factor made of more names than this is given as a number.
MOST_NAMES = 3


# --- terms ---


class Term(NamedTuple):
    """A summand: its sign, 1 or -1, and the rest."""

    sign: int
    node: ast.expr

    def __str__(self) -> str:
        return f"`{'-' * (self.sign < 0)}{ast.unparse(self.node)}`"

    @property
    def signed(self) -> ast.expr:
        """The summand as an expression."""
        return self.node if self.sign > 0 else ast.UnaryOp(ast.USub(), self.node)


def terms(node: ast.expr) -> list[Term]:
    """The summands of an expression; a number before a sum is multiplied out."""
    match node:
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as op, right=right):
            sign = 1 if isinstance(op, ast.Add) else -1
            return terms(left) + [Term(sign * each.sign, each.node) for each in terms(right)]
        case ast.BinOp(left=left, op=ast.Mult(), right=right) if is_number(left):
            return [
                Term(each.sign, ast.BinOp(left, ast.Mult(), each.node)) for each in terms(right)
            ]
    return [Term(1, node)]


def is_number(node: ast.expr) -> bool:
    """Whether nothing but sizes and the step size is read."""
    return all(each.id in SIZES for each in ast.walk(node) if isinstance(each, ast.Name))


def coefficients(given: Array, parts: Sequence[Array], tolerance: float) -> Array | None:
    """What the terms have to be multiplied by to give an array, or nothing if they cannot.

    A coefficient that is 1 or 0 but for the tolerance is exactly that. Terms that are as many as
    the entries could give anything.
    """
    if given.size <= len(parts):
        return None
    matrix = np.stack([np.broadcast_to(part, given.shape).ravel() for part in parts], axis=1)
    found, *_ = np.linalg.lstsq(matrix, given.ravel(), rcond=None)
    if distance(given, (matrix @ found).reshape(given.shape)) > tolerance:
        return None
    # A short term's coefficient is known less well.
    lengths = np.linalg.norm(matrix, axis=0)
    slack = 10 * tolerance * np.linalg.norm(given) / np.maximum(lengths, np.finfo(float).tiny)
    for exact in (1.0, 0.0, -1.0):
        found = np.where(np.abs(found - exact) < slack, exact, found)
    return found


def of_terms(
    parts: Sequence[Term], found: Array, sizes: Mapping[str, float], tolerance: float
) -> Mistake:
    """What coefficients of terms say."""
    if not found.any():
        return Mistake("missing term", "it is zero")
    if np.ptp(found) <= 10 * tolerance * np.abs(found).max():
        if found[0] == -1:
            return Mistake("sign", "it has the opposite sign")
        length = named(found[0], sizes, 10 * tolerance)
        return Mistake("factor", f"it is multiplied by {length}")
    said: list[Mistake] = []
    for part, value in zip(parts, found, strict=True):
        if value == 0:
            said.append(Mistake("missing term", f"the term {part} is missing"))
        elif value == -1:
            said.append(Mistake("sign of a term", f"the term {part} has the opposite sign"))
        elif value != 1:
            length = named(value, sizes, 10 * tolerance)
            said.append(Mistake("factor of a term", f"the term {part} is multiplied by {length}"))
    return Mistake(said[0].kind, "; ".join(each.what for each in said))


def named(value: float, sizes: Mapping[str, float], tolerance: float) -> str:
    """A number in digits and, if it is one, as a product of few sizes: ``N O / 2 = 7.5``."""
    letters = {"2": 2.0, **{name: float(sizes[name]) for name in SIZES}}
    powers = [
        each
        for each in product((0, 1, -1), repeat=len(letters))
        if 0 < sum(map(abs, each)) <= MOST_NAMES
    ]
    for each in sorted(powers, key=lambda each: (sum(map(abs, each)), each.count(-1))):
        size = prod(base**power for base, power in zip(letters.values(), each, strict=True))
        if abs(abs(value) / size - 1) < tolerance:
            above, below = (
                " ".join(name for name, power in zip(letters, each, strict=True) if power == side)
                for side in (1, -1)
            )
            divisor = f" / ({below})" if " " in below else f" / {below}" if below else ""
            name = ("-" if value < 0 else "") + (above or "1") + divisor
            return name if name in ("2", "-2") else f"{name} = {value:.4g}"
    return f"{value:.4g}" if abs(value - 1) > 1e-3 else f"1 {value - 1:+.1e}"


# --- changes of the line of code ---


def changes(right: ast.expr, instead: Mapping[str, Sequence[str]]) -> Iterator[Change]:
    """Every right-hand side that has one mistake in it.

    Parameters
    ----------
    right
        The right one.
    instead
        The arrays that it reads, each with those that may be read in its place.
    """
    parts = terms(right)
    for at, part in enumerate(parts):
        others = [each.signed for each in parts[:at] + parts[at + 1 :]]
        if others:
            yield Mistake("missing term", f"the term {part} is missing"), sum_of(others)
            turned = sum_of([*others, part._replace(sign=-part.sign).signed])
            yield Mistake("sign of a term", f"the term {part} has the opposite sign"), turned
    yield Mistake("sign", "it has the opposite sign"), ast.UnaryOp(ast.USub(), right)
    for node in ast.walk(right):
        if isinstance(node, ast.expr):
            for mistake, other in changed(node, instead):
                yield mistake, replaced(right, node, other)


def sum_of(parts: Sequence[ast.expr]) -> ast.expr:
    """A sum of expressions."""
    total = parts[0]
    for part in parts[1:]:
        total = ast.BinOp(total, ast.Add(), part)
    return total


def changed(node: ast.expr, instead: Mapping[str, Sequence[str]]) -> Iterator[Change]:
    """Every mistake that stands in one place of a line."""
    text = ast.unparse(node)
    match node:
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            yield Mistake("missing factor", f"the factor `{ast.unparse(right)}` is missing"), left
            yield Mistake("missing factor", f"the factor `{ast.unparse(left)}` is missing"), right
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            below = ast.unparse(right)
            yield Mistake("missing factor", f"the division by `{below}` is missing"), left
        case ast.BinOp(left=left, op=ast.Pow()):
            yield Mistake("missing factor", f"`{text}` lacks its power"), left
        case ast.Attribute(value=ast.Name() as inner, attr="mT"):
            yield Mistake("transposed", f"`{inner.id}` stands where `{text}` is meant"), inner
        case (
            ast.Call(func=ast.Attribute(attr="sum")) | ast.Call(keywords=[ast.keyword(arg="axis")])
        ):
            yield from other_axes(node)
        case ast.Call(args=[argument, *_]) if instead.keys() & names(argument):
            function = ast.unparse(node.func)
            yield Mistake("missing factor", f"`{function}` is missing"), argument
        case ast.Name(id=name) if name in instead:
            other = ast.Attribute(node, "mT", ast.Load())
            yield Mistake("transposed", f"`{name}.mT` stands where `{name}` is meant"), other
            for each in instead[name]:
                what = f"`{each}` stands where `{name}` is meant"
                yield Mistake("another quantity", what), ast.Name(each, ast.Load())


def names(node: ast.expr) -> set[str]:
    """The names in an expression."""
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def other_axes(call: ast.Call) -> Iterator[Change]:
    """A sum over other axes than the right ones."""
    at = next((each for each in call.keywords if each.arg == "axis"), None)
    place = call.args[0] if at is None else at.value
    meant = ast.literal_eval(place)
    for axis in (-1, -2, 0, (-2, -1), None):
        if axis != meant:
            what = f"it is summed over axis {axis} where axis {meant} is meant"
            other = ast.parse(repr(axis), mode="eval").body
            yield Mistake("wrong axis", what), replaced(call, place, other)


def replaced(root: Any, old: ast.expr, new: ast.expr) -> Any:
    """An expression with another in the place of one of its nodes; it stays as it is itself."""
    if root is old:
        return new
    if isinstance(root, list):
        return [replaced(each, old, new) for each in root]
    if isinstance(root, ast.AST):
        fields = {name: replaced(part, old, new) for name, part in ast.iter_fields(root)}
        return type(root)(**fields)
    return root


# --- changes of the value ---


def other_layouts(value: Array) -> Iterator[tuple[Mistake, Array]]:
    """A right value that is transposed, or summed over one axis more."""
    if value.ndim > 1:
        yield Mistake("transposed", "it is transposed"), value.mT
    counted = AXES[-value.ndim :] if value.ndim > 1 else AXES[:1]
    for axis, over in enumerate(counted):
        if value.shape[axis] > 1:
            yield Mistake("wrong axis", f"it is summed over the {over}"), value.sum(axis)
            yield Mistake("wrong axis", f"it is averaged over the {over}"), value.mean(axis)


# --- arrays ---


def distance(ours: Array, theirs: Array) -> float:
    """How far one array is from another of its shape, relative to the longer of the two."""
    length = max(np.linalg.norm(ours), np.linalg.norm(theirs), np.finfo(float).tiny)
    return float(np.linalg.norm(ours - theirs) / length)


def laid(array: Array, shape: tuple[int, ...]) -> Array | None:
    """An array in a shape that differs by axes of length 1, as of a bias; nothing if it is other.

    An array with as many axes has to have the shape itself: (T, L, 1) is not (T, 1, L).
    """
    if array.shape == shape:
        return array
    if array.ndim != len(shape) and array.squeeze().shape == tuple(n for n in shape if n != 1):
        return array.reshape(shape)
    return None


def broadcasts(shape: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Whether a shape is another, or numpy fits the two to each other by itself."""
    if len(shape) != len(wanted):
        return False
    return all(a == b or 1 in (a, b) for a, b in zip(shape, wanted, strict=True))
