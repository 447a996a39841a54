"""The first wrong equation as a value, and how it is said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from .mistakes import broadcasts

if TYPE_CHECKING:
    from .mistakes import Kind, Mistake
    from .quantities import Derivation, Equation

#: What rounding leaves after all equations, in float64 and in float32.
DOUBLE, SINGLE = 1e-11, 1e-5

#: Characters before what a line says.
MARGIN = 15


class Explanation(NamedTuple):
    """A mistake in an equation that makes just the value that was given."""

    equation: Equation
    mistake: Mistake


@dataclass(frozen=True)
class Difference:
    """The first quantity that is wrong.

    Attributes
    ----------
    between
        Where the mistake may be, in the order of the program. The last of these equations is that
        of the quantity, and the others those of what leads to it and was not given.
    right
        What was given, is right, and is read by one of them.
    explanations
        The mistakes in one of them that make just this value; none where nothing does.
    shape, wanted
        Of the quantity, and what its shape must be.
    error
        How far the value is off, relative to its length; 1 where the shapes differ.
    """

    between: tuple[Equation, ...]
    right: tuple[str, ...]
    explanations: tuple[Explanation, ...]
    shape: tuple[int, ...]
    wanted: tuple[int, ...]
    error: float

    @property
    def equation(self) -> Equation:
        """The equation of the quantity."""
        return self.between[-1]

    @property
    def broadcast(self) -> bool:
        """Whether the shape is wrong, and numpy fits it to the right one by itself."""
        return self.shape != self.wanted and broadcasts(self.shape, self.wanted)

    @property
    def kind(self) -> Kind:
        """The kind of difference."""
        if self.explanations:
            return self.explanations[0].mistake.kind
        if self.broadcast:
            return "broadcasting"
        return "rounding" if self.error < SINGLE else "unknown"


@dataclass(frozen=True)
class Walk:
    """Somebody's quantities beside the derivation.

    Attributes
    ----------
    derivation
        Of the case.
    agreeing
        The quantities that are right, up to the first that is not.
    difference
        The first that is not, if there is one.
    after
        How many were given after that one.
    """

    derivation: Derivation
    agreeing: tuple[str, ...]
    difference: Difference | None
    after: int

    @property
    def right(self) -> bool:
        """Whether everything that was given is right."""
        return self.difference is None

    def __str__(self) -> str:
        name, count = self.derivation.case.name, len(self.agreeing)
        if self.difference is None:
            every = len(self.derivation.equations)
            return f"{name}: no equation is wrong\n" + line("given", f"{count} of {every}, right")
        lines = [
            f"{name}: {headline(self.difference)}",
            *described(self.difference, self.derivation),
        ]
        lines.append(line("before it", f"{count} given, right"))
        if self.after:
            lines.append(
                line("after it", f"{self.after} given, not looked at: what is wrong goes on")
            )
        return "\n".join(lines)


def headline(found: Difference) -> str:
    """Where the mistake is."""
    if len(found.between) == 1:
        return f"({found.equation.number}) is the first wrong equation"
    edge = f"{', '.join(found.right)} (right)" if found.right else "what is given"
    return f"the mistake lies between {edge} and {found.equation.name} (wrong)"


def described(found: Difference, derivation: Derivation) -> list[str]:
    """Which equation it is, where it stands, and what is wrong with it."""
    equation = found.equation
    off = f"off by {found.error:.2g}" if found.shape == found.wanted else f"of shape {found.shape}"
    lines = [
        line("quantity", f"{equation.name}, {off}"),
        line("equation", f"({equation.number})  {equation.latex}"),
        line("code", one_line(equation.code)),
        line("", f"{derivation.folder}/reference.py, line {derivation.line(equation)}"),
        line("page", derivation.page(equation)),
    ]
    if len(found.between) > 1:
        lines += columns("in between", runs(found.between, derivation))
    return lines + columns("mistake", mistakes(found))


def mistakes(found: Difference) -> list[str]:
    """What is wrong, each possibility in a line."""
    alone = len(found.between) == 1
    texts = [
        f"{mistake.kind}: {mistake.what}{'' if alone else f', in ({equation.number})'}"
        for equation, mistake in found.explanations
    ]
    if found.broadcast:
        hidden = f"numpy fits {found.shape} to {found.wanted} by itself, so that nothing fails"
        return [*texts, hidden] if texts else [f"broadcasting: {hidden}"]
    if found.kind == "rounding":
        return ["rounding: as much as float32 leaves, more than float64; compute in one of them"]
    return texts or ["unknown: no term, factor, name, axis or layout that is tried explains it"]


def runs(some: tuple[Equation, ...], derivation: Derivation) -> list[str]:
    """Equations by their numbers and names, those that follow one another as one."""
    places = [derivation.equations.index(each) for each in some]
    ends = [at for at in range(len(some)) if at + 1 == len(some) or places[at + 1] > places[at] + 1]
    starts = [0, *(at + 1 for at in ends[:-1])]
    return [
        " to ".join(f"({each.number}) {each.name}" for each in dict.fromkeys((some[a], some[b])))
        for a, b in zip(starts, ends, strict=True)
    ]


def one_line(code: str) -> str:
    """Code that the formatter has broken, in one line again."""
    return " ".join(code.split()).replace("( ", "(").replace(" )", ")")


def columns(label: str, texts: list[str]) -> list[str]:
    """Lines of two columns, under one label."""
    return [line(label if at == 0 else "", text) for at, text in enumerate(texts)]


def line(label: str, text: str) -> str:
    """A line of two columns."""
    return f"  {label:{MARGIN}}{text}"
