"""A verdict as a value, and how it is said."""

from __future__ import annotations

import math
from dataclasses import dataclass
from textwrap import indent, wrap
from typing import NamedTuple

from docs.diagnose.hypotheses import ANY, ONE, RIGHT, Factor, Hypothesis

#: A gradient agrees with a hypothesis when it is nearer than this, relative to its length. In
#: float32 the meta-gradients of the cases are off by some 1e-6. Two hypotheses that are not equal
#: in a case are apart by more than a hundred times this tolerance, and so are two factors (tests
#: hold both): neither rounding nor a lucky case can turn one verdict into another.
TOLERANCE = 1e-4

#: Nearer than this, it was computed in float64: the hypotheses themselves are exact to 1e-10.
DOUBLE = 1e-9


#: Characters of a line of advice.
WIDTH = 75


class Fit(NamedTuple):
    """A gradient beside what a hypothesis expects.

    Attributes
    ----------
    hypothesis
        Whose gradient it was compared with.
    factor
        Times which the hypothesis fits best; without a name where it is none of the known ones.
    error
        The distance that is left then, relative to the length of the hypothesis.
    """

    hypothesis: Hypothesis
    factor: Factor
    error: float

    @property
    def agrees(self) -> bool:
        """Whether the gradient is that of the hypothesis, apart from its length."""
        return self.error < TOLERANCE

    @property
    def right(self) -> bool:
        """Whether this is the meta-gradient itself."""
        return self.agrees and self.hypothesis is RIGHT and self.factor is ONE

    def __str__(self) -> str:
        name, factor = self.hypothesis.name, self.factor
        if factor is ONE:
            return name
        if math.isnan(factor.value):
            return f"{name}, but for its length"
        return f"{name}, times {factor.name or f'{factor.value:.3g}'}"


class Parameter(NamedTuple):
    """A parameter's gradient beside the true one: the error, the angle in degrees, the length."""

    name: str
    error: float
    angle: float
    length: float

    @property
    def right(self) -> bool:
        """Whether it is the true one."""
        return self.error < TOLERANCE

    def __str__(self) -> str:
        columns = f"{self.name:9}{self.error:>9.1e}{self.angle:>9.2f}°{self.length:>10.3g}"
        return f"{columns}   {'right' if self.right else 'wrong'}"


@dataclass(frozen=True)
class OfCase:
    """The verdict on one case.

    Attributes
    ----------
    case
        Its name.
    matches
        The hypotheses that agree; more than one where the case cannot tell them apart.
    nearest
        The nearest of the others.
    parameters
        Every parameter beside the true gradient.
    transposed
        Whether the matrices were (out, in).
    """

    case: str
    matches: tuple[Fit, ...]
    nearest: Fit
    parameters: tuple[Parameter, ...]
    transposed: bool

    def __str__(self) -> str:
        layout = ["matrices       (out, in)"] if self.transposed else []
        if self.matches:
            first, *others = self.matches
            accuracy = "float64" if first.error < DOUBLE else "float32"
            lines = [f"error          {first.error:.1e}, to {accuracy} accuracy"]
            lines += [
                f"as well        {fit.hypothesis.name}: no way to tell here" for fit in others
            ]
            lines += [f"nearest other  {self.nearest}: off by {self.nearest.error:.2g}", *layout]
        else:
            lines = [f"nearest        {self.nearest}: off by {self.nearest.error:.2g}", *layout]
            lines += ["parameter    error     angle    length", *map(str, self.parameters)]
        name = str(self.matches[0]) if self.matches else "none of these"
        return f"{self.case}: {name}\n" + indent("\n".join(lines), "  ")


@dataclass(frozen=True)
class Verdict:
    """The verdicts on all cases that were given, and what they have in common."""

    cases: tuple[OfCase, ...]

    @property
    def matches(self) -> tuple[Fit, ...]:
        """The hypotheses that agree in every case, each with what its factors have in common."""
        by_name = [{fit.hypothesis.name: fit for fit in each.matches} for each in self.cases]
        return tuple(
            Fit(
                first.hypothesis,
                in_common([fits[name].factor for fits in by_name]),
                max(fits[name].error for fits in by_name),
            )
            for name, first in by_name[0].items()
            if all(name in fits for fits in by_name)
        )

    @property
    def second_order(self) -> bool:
        """Whether it is MAML's meta-gradient, of the right length."""
        return any(fit.right for fit in self.matches)

    def __str__(self) -> str:
        answer = "yes" if self.second_order else "no"
        return "\n\n".join([*map(str, self.cases), f"second order? {answer}: {self._reasons()}"])

    def _reasons(self) -> str:
        if self.matches:
            first, *others = self.matches
            lines = wrap(first.hypothesis.explanation, WIDTH + 15)
            lines += [f"With these cases it is {fit} as well." for fit in others]
            return f"{first}\n" + indent("\n".join([*lines, *changes(first)]), "  ")
        if all(each.matches for each in self.cases):
            return "another thing in every case"
        parts = [part for each in self.cases for part in each.parameters]
        wrong = dict.fromkeys(part.name for part in parts if not part.right)
        right = dict.fromkeys(part.name for part in parts if part.name not in wrong)
        return (
            f"none of these\n  Right in every case: {', '.join(right) or 'nothing'}. "
            f"Wrong in one or more: {', '.join(wrong) or 'nothing'}.\n"
            "  The angles are those to the true gradient."
        )


def in_common(factors: list[Factor]) -> Factor:
    """A factor that is the same in every case: by its name, or else by its value."""
    first = factors[0]
    if first.name and len({factor.name for factor in factors}) == 1:
        return first
    same = all(abs(factor.value / first.value - 1) < TOLERANCE for factor in factors)
    return Factor("", first.value if same else math.nan, "")


def changes(fit: Fit) -> list[str]:
    """What to change, as lines of two columns."""
    factor, remedies = fit.factor, list(fit.hypothesis.remedies)
    if factor is not ONE and factor.name:
        remedies.append((ANY, f"divide the gradient by {factor.name}"))
    elif factor is not ONE:
        remedies.append((ANY, "average every loss over tasks, rows and outputs"))
    lines = [f"But it is {factor.meaning}."] if factor.meaning else []
    for framework, text in remedies:
        first, *rest = wrap(text, WIDTH)
        lines += [f"{framework:15}{first}", *(f"{'':15}{line}" for line in rest)]
    return lines
