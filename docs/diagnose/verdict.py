"""A verdict as a value, and how it is said."""

from __future__ import annotations

import math
from dataclasses import dataclass
from textwrap import indent, wrap
from typing import TYPE_CHECKING, NamedTuple

from .cases import PLANS
from .factors import ONE, Factor, digits, unnamed
from .hypotheses import ANY, NOTHING, PRECISION, RIGHT, Hypothesis

if TYPE_CHECKING:
    from collections.abc import Iterable

#: A gradient agrees with a hypothesis when it is nearer than this, relative to its length. In
#: float32 the meta-gradients of the cases are off by some 1e-6. Two hypotheses that are not equal
#: in a case are apart by more than fifty times this tolerance, in one of the cases by more than a
#: hundred times, and so are two factors (tests hold all three): neither rounding nor a lucky case
#: can turn one verdict into another.
TOLERANCE = 1e-4

#: Nearer than this, it was computed in float64: the hypotheses themselves are exact to 1e-10.
DOUBLE = 1e-9

#: Nearer than this, it may have been float32.
SINGLE = 1e-5

#: Products of matrices in TF32 or bfloat16 leave less than this.
NEAR = 5e-3

#: But such a gradient counts as near something only if all else is so many times as far.
CLEAR = 3

#: The cases that tell about more than one inner step.
SEVERAL = ", ".join(name for name, plan in PLANS.items() if plan.steps > 1)

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

    @property
    def accuracy(self) -> str:
        """What the error says of the arithmetic; nothing where there was none."""
        if self.hypothesis is NOTHING:
            return ""
        if self.error < SINGLE:
            return f", to float{64 if self.error < DOUBLE else 32} accuracy"
        return f", within the tolerance of {TOLERANCE:g}"

    def __str__(self) -> str:
        name, factor = self.hypothesis.name, self.factor
        if factor is ONE:
            return name
        if math.isnan(factor.value):
            return f"{name}, but for its length"
        return f"{name}, times {factor.name or digits(factor.value)}"


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
    case, steps
        Its name, and its number of inner steps.
    matches
        The hypotheses that agree; more than one where the case cannot tell them apart.
    nearest
        The nearest of the others.
    next_error
        The error of the next that is not the same in this case.
    parameters
        Every parameter beside the true gradient.
    transposed
        Whether the matrices were (out, in).
    """

    case: str
    steps: int
    matches: tuple[Fit, ...]
    nearest: Fit
    next_error: float
    parameters: tuple[Parameter, ...]
    transposed: bool

    @property
    def near(self) -> bool:
        """Whether it is the nearest hypothesis in all but accuracy."""
        error = self.nearest.error
        return not self.matches and error < NEAR and self.next_error > CLEAR * error

    @property
    def order(self) -> str:
        """Whether second-order terms are in it."""
        if self.matches:
            return self.matches[0].hypothesis.order
        return self.nearest.hypothesis.order if self.near else "cannot tell"

    @property
    def answer(self) -> str:
        """What it is, in a few words."""
        if self.matches:
            return str(self.matches[0])
        return f"near {self.nearest}, not to float32 accuracy" if self.near else "none of these"

    def __str__(self) -> str:
        layout = ["matrices       (out, in)"] if self.transposed else []
        if self.matches:
            first, *others = self.matches
            lines = [f"error          {first.error:.1e}{first.accuracy}"]
            lines += [f"as well        {fit}: no way to tell here" for fit in others]
            lines += [f"nearest other  {self.nearest}: off by {self.nearest.error:.2g}", *layout]
        else:
            lines = [f"nearest        {self.nearest}: off by {self.nearest.error:.2g}", *layout]
            if not self.near:
                lines += ["parameter    error     angle    length", *map(str, self.parameters)]
        return f"{self.case}: {self.answer}\n" + indent("\n".join(lines), "  ")


@dataclass(frozen=True)
class Verdict:
    """The verdicts on all cases that were given, and what they have in common."""

    cases: tuple[OfCase, ...]

    @property
    def matches(self) -> tuple[Fit, ...]:
        """The hypotheses that agree in every case, each with what its factors have in common."""
        by_name = [{fit.hypothesis.name: fit for fit in each.matches} for each in self.cases]
        return plainest(
            Fit(
                first.hypothesis,
                in_common([fits[name].factor for fits in by_name]),
                max(fits[name].error for fits in by_name),
            )
            for name, first in by_name[0].items()
            if all(name in fits for fits in by_name)
        )

    @property
    def right(self) -> bool:
        """Whether it is MAML's meta-gradient, of the right length."""
        return any(fit.right for fit in self.matches)

    @property
    def order(self) -> str:
        """Whether second-order terms are in it."""
        if self.matches:
            return self.matches[0].hypothesis.order
        orders = {each.order for each in self.cases}
        return orders.pop() if len(orders) == 1 else "not the same in every case"

    @property
    def answer(self) -> str:
        """Whether it is the meta-gradient, and what it is if not."""
        if self.matches and not self.right:
            return f"no: {self.matches[0]}"
        if not self.matches:
            first, *others = self._groups()
            return f"no: {'not the same in every case' if others else first}"
        if any(each.steps > 1 for each in self.cases):
            return "yes"
        return f"yes, for one inner step; {SEVERAL} tells about several"

    def __str__(self) -> str:
        answers = [f"second order? {self.order}", f"the meta-gradient? {self.answer}"]
        lines = explained(*self.matches) if self.matches else self._differing()
        said = "\n".join(answers) + "\n" + indent("\n".join(lines), "  ")
        return "\n\n".join([*map(str, self.cases), said])

    def _groups(self) -> dict[str, list[str]]:
        """The cases by what they are."""
        groups: dict[str, list[str]] = {}
        for each in self.cases:
            groups.setdefault(each.answer, []).append(each.case)
        return groups

    def _differing(self) -> list[str]:
        """What there is to say where nothing agrees in every case."""
        groups = self._groups()
        lines = [f"{what}: {', '.join(names)}" for what, names in groups.items() if len(groups) > 1]
        near = dict.fromkeys(each.nearest.hypothesis for each in self.cases if each.near)
        for hypothesis in near:
            lines += [*wrap(hypothesis.explanation, WIDTH + 15), *columns(hypothesis.remedies)]
        if near:
            lines += ["For more accuracy:", *columns(PRECISION)]
        unknown = [each for each in self.cases if not each.matches and not each.near]
        parts = [part for each in unknown for part in each.parameters]
        wrong = dict.fromkeys(part.name for part in parts if not part.right)
        right = dict.fromkeys(part.name for part in parts if part.name not in wrong)
        if unknown:
            lines += [
                f"Right where it is none of these: {', '.join(right) or 'nothing'}.",
                f"Wrong in one such case or more: {', '.join(wrong) or 'nothing'}.",
                "The angles are those to the true gradient.",
            ]
        return lines


def plainest(fits: Iterable[Fit]) -> tuple[Fit, ...]:
    """Those without a factor first."""
    return tuple(sorted(fits, key=lambda each: each.factor is not ONE))


def in_common(factors: list[Factor]) -> Factor:
    """A factor that is the same in every case: by its name, or else by its value."""
    first = factors[0]
    if first.name and len({factor.name for factor in factors}) == 1:
        return first
    if all(abs(factor.value / first.value - 1) < TOLERANCE for factor in factors):
        return unnamed(first.value)
    return Factor("", math.nan, "", "look for a factor in the outer loss, another in every case")


def explained(first: Fit, *others: Fit) -> list[str]:
    """What a hypothesis says, which others cannot be told from it, and what to change."""
    lines = wrap(first.hypothesis.explanation, WIDTH + 15)
    lines += [f"With these cases it is {fit} as well." for fit in others]
    factor, remedies = first.factor, first.hypothesis.remedies
    if factor.meaning:
        lines.append(f"But it is {factor.meaning}.")
    return lines + columns((*remedies, (ANY, factor.remedy)) if factor.remedy else remedies)


def columns(remedies: tuple[tuple[str, str], ...]) -> list[str]:
    """What to change, as lines of two columns."""
    lines = []
    for framework, text in remedies:
        first, *rest = wrap(text, WIDTH)
        lines += [f"{framework:15}{first}", *(f"{'':15}{line}" for line in rest)]
    return lines
