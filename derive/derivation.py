"""Everything that is derived for one network, and the numbers of its equations."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from derive import notation
from derive.cost import cost_of
from derive.equations import meta_gradient_program
from derive.program import shape_of
from derive.rewrite import PASSES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from derive.cost import Cost
    from derive.equations import Network
    from derive.program import Equation, Program


@dataclass(frozen=True)
class Derivation:
    """A network's meta-gradient at every stage of the path.

    Attributes
    ----------
    name
        The name of its package.
    network
        What is derived.
    """

    name: str
    network: Network

    @cached_property
    def derived(self) -> Program:
        """The meta-gradient as derived."""
        return meta_gradient_program(self.network)

    @cached_property
    def stages(self) -> tuple[Program, ...]:
        """The meta-gradient as derived, and after each pass of the rewrite."""
        programs = [self.derived]
        for apply in PASSES:
            programs.append(apply(programs[-1]))
        return tuple(programs)

    @property
    def costs(self) -> dict[str, Cost]:
        """The cost of the meta-gradient as derived, and after each pass."""
        names = ["derived", *(apply.__name__ for apply in PASSES)]
        return dict(zip(names, map(cost_of, self.stages), strict=True))

    @property
    def rewritten(self) -> Program:
        """The meta-gradient after the rewrite."""
        return self.stages[-1]

    @cached_property
    def first_order(self) -> Program:
        """The first-order meta-gradient as derived."""
        return meta_gradient_program(self.network, first_order=True)

    @cached_property
    def _by_value(self) -> dict[Equation, str]:
        """The number of each equation on the page."""
        pairs = [(self.derived, self.numbers), (self.rewritten, self.rewritten_numbers)]
        return {_bare(line): numbers[line.name] for program, numbers in pairs for line in program}

    def number_of(self, equation: Equation) -> str | None:
        """The number of an equation on the page, whatever its rows are called there."""
        return self._by_value.get(_bare(self._renamed(equation)))

    def numbers_of(self, names: Iterable[str]) -> list[str]:
        """The numbers of derived equations, by name."""
        known = (notation.on_page(name, self.network.steps) for name in names)
        return [self.numbers[name] for name in known if name in self.numbers]

    def _renamed(self, equation: Equation) -> Equation:
        """The equation in the names of the meta-gradient: ``Z1 = X W1`` -> ``Z1_s = X_s W1``."""
        names = {
            symbol: type(symbol)(
                notation.on_page(symbol.name, self.network.steps), *shape_of(symbol)
            )
            for symbol in (equation.symbol, *equation.reads)
        }
        return replace(
            equation, symbol=names[equation.symbol], value=equation.value.xreplace(names)
        )

    @cached_property
    def first_order_names(self) -> frozenset[str]:
        """The equations that lose terms when the inner gradients are held constant."""
        return frozenset(
            line.name for line in self.first_order if self.derived[line.name].value != line.value
        )

    @property
    def summary(self) -> str:
        """The network in a few words."""
        network = self.network
        layers = "layer" if network.hidden == 1 else "layers"
        steps = "step" if network.steps == 1 else "steps"
        return (
            f"{network.hidden} hidden {layers}, {network.activation}, mean squared error, "
            f"{network.steps} inner {steps}"
        )

    @cached_property
    def numbers(self) -> dict[str, str]:
        """The number of each derived equation: its chapter, then its place in the chapter."""
        counts: dict[int, int] = {}
        numbers = {}
        for equation in self.derived:
            chapter = notation.STAGES[equation.stage].chapter
            counts[chapter] = counts.get(chapter, 0) + 1
            numbers[equation.name] = f"{chapter}.{counts[chapter]}"
        return numbers

    @cached_property
    def rewritten_numbers(self) -> dict[str, str]:
        """The number of each rewritten equation: its old one, or a new one where it changed."""
        old = {equation.name: equation for equation in self.derived}
        numbers: dict[str, str] = {}
        new = 0
        for equation in self.rewritten:
            if equation.name in old and old[equation.name].value == equation.value:
                numbers[equation.name] = self.numbers[equation.name]
            else:
                new += 1
                numbers[equation.name] = f"{notation.REWRITE_CHAPTER}.{new}"
        return numbers


def _bare(equation: Equation) -> Equation:
    """The equation itself, wherever it stands and came from."""
    return replace(equation, stage="", sources=())
