"""The numbers of equations on the site: the chapter that shows a stage, then the place in it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..language.names import on_page, parse
from ..language.program import shape_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..language.program import Equation, Program
    from ..model.network import Network

#: The chapter that numbers the equations of each stage.
CHAPTERS = {
    "support": 3,
    "inner gradient": 4,
    "step": 5,
    "query": 6,
    "query adjoints": 7,
    "step adjoints": 7,
    "support adjoints": 7,
    "meta-gradient": 7,
}

#: The chapter that numbers the scalar warm-up and after it a linear network, the one that numbers
#: what the rewrite changes, and the one that numbers all where there are several inner steps.
WARM_UP_CHAPTER, WARM_UP_EQUATIONS = 2, 6
REWRITE_CHAPTER = 8
STEPS_CHAPTER = 12

#: What stands after the number of a first-order equation, which is left of the one of that number.
PRIME = "'"


@dataclass(frozen=True)
class Numbers:
    """The numbers of the equations of one network.

    Attributes
    ----------
    derived, rewritten
        The number of each equation of the meta-gradient, by its name: as derived, and rewritten.
    first_order
        The equations that lose terms when the inner gradients are held constant.
    steps
        Inner steps: with several, the rows of a single pass are called those of the first one.
    by_value
        The number of each equation, whatever its stage.
    """

    derived: dict[str, str]
    rewritten: dict[str, str]
    first_order: frozenset[str]
    steps: int
    by_value: dict[Equation, str]

    def of(self, equation: Equation) -> str | None:
        """The number of an equation, whatever its rows are called on the page."""
        names = {
            symbol: type(symbol)(
                str(on_page(parse(str(symbol.name)), self.steps)), *shape_of(symbol)
            )
            for symbol in (equation.symbol, *equation.reads)
        }
        value = equation.value.xreplace(names)
        return self.by_value.get(
            _bare(replace(equation, symbol=names[equation.symbol], value=value))
        )

    def of_names(self, names: Iterable[str]) -> list[str]:
        """The numbers of derived equations, by name."""
        known = (str(on_page(parse(name), self.steps)) for name in names)
        return [self.derived[name] for name in known if name in self.derived]

    def note(self, equation: Equation, rewritten: bool, first_order: bool) -> tuple[str, str]:
        """What stands at the end of a line: its number, and the numbers that it was made from.

        Parameters
        ----------
        equation
            What the line computes.
        rewritten
            Whether the line is of the rewritten form.
        first_order
            Whether it is of the first-order gradient, whose lines have the primed numbers of
            those that they are left of.
        """
        number = self.of(equation)
        if not number and first_order and equation.name in self.first_order:
            known = self.rewritten if rewritten else self.derived
            return f"({known[equation.name]}{PRIME})", ""
        note = f"({number})" if number else ""
        sources = self.of_names(equation.sources if number else (equation.name, *equation.sources))
        origin = f"from {', '.join(f'({source})' for source in sources)}" if sources else ""
        return note, origin


def chapter_of(network: Network) -> int | None:
    """The chapter that all equations of a network belong to, nothing where stages have theirs."""
    if network.steps > 1:
        return STEPS_CHAPTER
    return None if network.hidden else WARM_UP_CHAPTER


def numbers_of(
    derived: Program, rewritten: Program | None, first_order: Program, network: Network
) -> Numbers:
    """Number the equations of a network."""
    own = chapter_of(network)
    of_derived = _numbered(derived, own)
    of_rewritten = _numbered_after(rewritten, derived, of_derived, own) if rewritten else {}
    pairs = [(derived, of_derived), *([(rewritten, of_rewritten)] if rewritten else [])]
    return Numbers(
        derived=of_derived,
        rewritten=of_rewritten,
        first_order=frozenset(
            line.name for line in first_order if derived[line.name].value != line.value
        ),
        steps=network.steps,
        by_value={_bare(line): known[line.name] for program, known in pairs for line in program},
    )


def _numbered(program: Program, own: int | None) -> dict[str, str]:
    """Each derived equation: its chapter, then its place in the chapter."""
    counts = {WARM_UP_CHAPTER: WARM_UP_EQUATIONS}
    numbers = {}
    for equation in program:
        chapter = own or CHAPTERS[equation.stage]
        counts[chapter] = counts.get(chapter, 0) + 1
        numbers[equation.name] = f"{chapter}.{counts[chapter]}"
    return numbers


def _numbered_after(
    program: Program, before: Program, known: dict[str, str], own: int | None
) -> dict[str, str]:
    """Each rewritten equation: its old number, or a new one where it changed."""
    old = {equation.name: equation.value for equation in before}
    numbers: dict[str, str] = {}
    last = int(known[before.equations[-1].name].partition(".")[2])
    chapter, new = (own, last) if own else (REWRITE_CHAPTER, 0)
    for equation in program:
        if old.get(equation.name) == equation.value:
            numbers[equation.name] = known[equation.name]
        else:
            new += 1
            numbers[equation.name] = f"{chapter}.{new}"
    return numbers


def _bare(equation: Equation) -> Equation:
    """The equation itself, wherever it stands and came from."""
    return replace(equation, stage="", sources=())
