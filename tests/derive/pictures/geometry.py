"""Rectangles and segments, and whether they meet."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Point = tuple[float, float]


class Rect(NamedTuple):
    """A rectangle, its sides parallel to the axes."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Rect) -> bool:
        """Whether the two share more than a side."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )

    def holds(self, other: Rect) -> bool:
        """Whether the other one lies inside."""
        return (
            self.left <= other.left
            and self.top <= other.top
            and self.right >= other.right
            and self.bottom >= other.bottom
        )

    @property
    def sides(self) -> Iterable[tuple[Point, Point]]:
        """Its four segments."""
        corners = [
            (self.left, self.top), (self.right, self.top),
            (self.right, self.bottom), (self.left, self.bottom),
        ]  # fmt: skip
        return zip(corners, [*corners[1:], corners[0]], strict=True)

    @property
    def inside(self) -> Rect:
        """The same without its border."""
        return Rect(self.left + 1, self.top + 1, self.right - 1, self.bottom - 1)


def side(a: Point, b: Point, c: Point) -> int:
    """On which side of the line from a to b the point c lies."""
    turn = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
    return (turn > 0) - (turn < 0)


def on(a: Point, b: Point, c: Point) -> bool:
    """Whether c lies on the way from a to b, ends included."""
    within = all(min(a[i], b[i]) <= c[i] <= max(a[i], b[i]) for i in (0, 1))
    return within and side(a, b, c) == 0


def touch(one: tuple[Point, Point], other: tuple[Point, Point]) -> bool:
    """Whether two segments have a point in common."""
    (a, b), (c, d) = one, other
    if side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0:
        return True
    return on(a, b, c) or on(a, b, d) or on(c, d, a) or on(c, d, b)


def cross(one: tuple[Point, Point], other: tuple[Point, Point]) -> bool:
    """Whether two segments meet elsewhere than where both begin or both end."""
    (a, b), (c, d) = one, other
    if a == c:
        return on(a, b, d) or on(c, d, b)
    if b == d:
        return on(a, b, c) or on(c, d, a)
    return touch(one, other)


def enters(segment: tuple[Point, Point], rect: Rect) -> bool:
    """Whether a segment goes through the inside of a rectangle."""
    inside = rect.inside
    held = any(inside.holds(Rect(x, y, x, y)) for x, y in segment)
    return held or any(touch(segment, each) for each in inside.sides)


def overlapping(rects: Sequence[tuple[str, Rect]]) -> list[tuple[str, str]]:
    """The pairs of names whose rectangles share more than a side."""
    pairs = itertools.combinations(rects, 2)
    return [(one, other) for (one, first), (other, second) in pairs if first.meets(second)]
