"""A verdict as a value, and how it is said."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import indent, wrap

from .compare import Fit, digits
from .hypotheses import MIXED, RIGHT

#: Characters of a line of advice.
WIDTH = 75

#: Nearer than this a gradient is near a hypothesis,
NEAR = 1e-2

#: if all others are so many times as far.
CLEAR = 3


@dataclass(frozen=True)
class OfArray:
    """The verdict on the gradient by one array.

    Attributes
    ----------
    name, shape
        Of the array.
    error
        Beside the true gradient, relative to the size of the derivatives.
    answer
        What it is, in a few words.
    """

    name: str
    shape: tuple[int, ...]
    error: float
    answer: str

    def line(self, width: int) -> str:
        """As a line of a table."""
        shape = " x ".join(map(str, self.shape)) or "1"
        return f"{self.name:{width}}  {shape:>14}  {self.error:9.1e}   {self.answer}"


@dataclass(frozen=True)
class Verdict:
    """What a meta-gradient is.

    Attributes
    ----------
    matches
        The fits that agree, the plainest first; none where nothing does.
    nearest
        The others, the nearest first.
    arrays
        Every array beside the true gradient.
    notes
        What else is to be said: precision, number of evaluations.
    cut
        Where the graph is cut, a line each.
    """

    matches: tuple[Fit, ...]
    nearest: tuple[Fit, ...]
    arrays: tuple[OfArray, ...]
    notes: tuple[str, ...]
    cut: tuple[str, ...] = ()

    @property
    def told_apart(self) -> bool:
        """Whether first and second order differ by more than the tolerance."""
        return sum(fit.plain and fit.hypothesis.name in ORDERS for fit in self.matches) < 2

    @property
    def right(self) -> bool:
        """Whether it is the meta-gradient itself."""
        return self.told_apart and any(
            fit.plain and fit.hypothesis is RIGHT for fit in self.matches
        )

    @property
    def near(self) -> Fit | None:
        """The hypothesis that it is in all but accuracy, if there is one."""
        if self.matches or not self.nearest or self.nearest[0].error > NEAR:
            return None
        first, *others = self.nearest
        rest = [fit.error for fit in others if fit.hypothesis is not first.hypothesis]
        return first if min(rest, default=1.0) > CLEAR * first.error else None

    @property
    def order(self) -> str:
        """Whether second-order terms are in it."""
        if not self.told_apart:
            return "cannot tell"
        if self.matches:
            return self.matches[0].hypothesis.order
        return self.near.hypothesis.order if self.near else "cannot tell"

    @property
    def lacking(self) -> bool:
        """Whether a cut of the graph may be the cause."""
        if not self.matches:
            return True
        first = self.matches[0].hypothesis
        return first.name.startswith(("first order", "no gradient")) or first.order == "in part"

    @property
    def lost(self) -> tuple[str, ...]:
        """The arrays whose second-order terms are missing."""
        if not self.told_apart:
            return ()
        fits = self.matches[:1]
        if any(fit.hypothesis.order == "no" for fit in fits):
            return tuple(each.name for each in self.arrays)
        return tuple(name for fit in fits for name in fit.hypothesis.lost)

    @property
    def answer(self) -> str:
        """Whether it is the meta-gradient, and what it is if not."""
        if self.right:
            return "yes"
        if not self.told_apart:
            return "cannot tell from first order"
        if self.matches:
            return f"no: {named(self.matches[0])}"
        if self.near:
            return (
                f"no: close to {named(self.near)}, but differs by more than rounding: "
                f"{self.near.worst:.1e} against {self.near.noise:.1e}"
            )
        return "no: none of these"

    def __str__(self) -> str:
        lines = [f"second order? {self.order}", f"the meta-gradient? {self.answer}"]
        return "\n".join(lines) + "\n" + indent("\n".join(self._said()), "  ")

    def _said(self) -> list[str]:
        first = self.matches[0] if self.matches else self.near
        lines = []
        if first:
            lines += [*wrap(first.hypothesis.explanation, WIDTH + 15)]
            if self.lost and len(self.lost) < len(self.arrays):
                lines.append(f"Second order is lost in: {', '.join(self.lost)}.")
            if not first.plain and len(first.factors) == 1:
                lines.append(
                    f"It is {digits(first.factors[0])} times as long as the mean over tasks."
                )
            lines += columns(first.hypothesis.remedies)
            lines += [f"As well: {named(fit)}; no way to tell here." for fit in self.matches[1:]]
            lines.append(f"error {first.worst:.1e}, tolerance {first.noise:.1e}")
        if self.nearest:
            other = self.nearest[1 if first is self.nearest[0] and self.nearest[1:] else 0]
            lines.append(f"nearest other: {named(other)}, off by {other.error:.2g}")
        if not first and any("\n" in each for each in self.cut):
            lines += [
                "A part is lost where the graph is cut. With adapt as a list of inner steps,",
                "[step] * 5, the check tells which step lost it.",
            ]
        lines += [f"the graph is cut: {each}" for each in self.cut]
        lines += self.notes
        if not self.right:
            width = max(len(each.name) for each in self.arrays)
            lines += [f"{'array':{width}}  {'shape':>14}  {'error':>9}   gradient"]
            lines += [each.line(width) for each in self.arrays]
        return lines


ORDERS = ("second order", "first order")


def named(fit: Fit) -> str:
    """A fit in a few words; a mixture of the two orders by its c."""
    if fit.hypothesis is not MIXED:
        return str(fit)
    first, second = fit.factors
    whole = first + second
    c = digits(second / whole)
    name = MIXED.name.replace("c (", f"{c} (")
    return name if abs(whole - 1) < max(1e-6, fit.noise) else f"{digits(whole)} ({name})"


def columns(remedies: tuple[tuple[str, str], ...]) -> list[str]:
    """What to change, as lines of two columns."""
    lines = []
    for framework, text in remedies:
        first, *rest = wrap(text, WIDTH)
        lines += [f"{framework:15}{first}", *(f"{'':15}{line}" for line in rest)]
    return lines
