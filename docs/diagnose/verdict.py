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

#: Nearer than this, it was computed in float64.
DOUBLE = 1e-9

#: What arithmetic in float64 leaves is below this, and another in every order of summation.
EXACT = 1e-12

#: What is nearer than this to something, but not equal to it, is close to it,
NEAR = 5e-3

#: provided that all else is so many times as far.
CLEAR = 3

#: Arithmetic in float32 leaves less than this,
SINGLE = 1e-5

#: and products of matrices in TF32 or bfloat16 at least this.
COARSE = 1e-4

#: The cases that tell about more than one inner step.
SEVERAL = ", ".join(name for name, plan in PLANS.items() if plan.steps > 1)

LOOP = "Right with one inner step, wrong with several: look at the loop over the steps."

#: Characters of a line of advice.
WIDTH = 75


class Fit(NamedTuple):
    """A gradient beside what a hypothesis expects.

    Attributes
    ----------
    hypothesis
        Whose gradient it was compared with.
    factors
        Times which the hypothesis fits best: every known one of this value, the plainest first,
        or one without a name.
    error
        The distance that is left then, relative to the length of the hypothesis.
    tolerance
        The error that rounding may leave.
    numbers
        Where a number of the hypothesis is free, what it is, in words, the plainest first.
    """

    hypothesis: Hypothesis
    factors: tuple[Factor, ...]
    error: float
    tolerance: float
    numbers: tuple[str, ...] = ()

    @property
    def factor(self) -> Factor:
        """The plainest of the factors."""
        return self.factors[0]

    @property
    def agrees(self) -> bool:
        """Whether the gradient is that of the hypothesis, apart from its length."""
        return self.error < self.tolerance

    @property
    def right(self) -> bool:
        """Whether this is the meta-gradient itself."""
        return self.agrees and self.hypothesis is RIGHT and self.factor is ONE

    @property
    def accuracy(self) -> str:
        """What the error says of the arithmetic; nothing where there was none."""
        if self.hypothesis is NOTHING:
            return ""
        return f", to float{64 if self.error < DOUBLE else 32} accuracy"

    def __str__(self) -> str:
        name, factor = " ".join((self.hypothesis.name, *self.numbers[:1])), self.factor
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
    right: bool

    def __str__(self) -> str:
        columns = f"{self.name:9}{size(self.error):>9}{self.angle:>9.2f}°{self.length:>10.3g}"
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
    better
        What is no known mistake but fits better than the nearest, a number being free.
    single
        Whether the numbers are those of float32.
    noise
        The error that rounding is known to leave in such numbers.
    """

    case: str
    steps: int
    matches: tuple[Fit, ...]
    nearest: Fit
    next_error: float
    parameters: tuple[Parameter, ...]
    transposed: bool
    better: tuple[Fit, ...]
    single: bool
    noise: float

    @property
    def right(self) -> bool:
        """Whether it is the meta-gradient of this case."""
        return any(fit.right for fit in self.matches)

    @property
    def close(self) -> bool:
        """Whether it differs from the nearest hypothesis by little, but by more than rounding."""
        error, plain = self.nearest.error, self.nearest.factor is ONE
        return not self.matches and plain and error < NEAR and self.next_error > CLEAR * error

    @property
    def order(self) -> str:
        """Whether second-order terms are in it."""
        if self.matches:
            return self.matches[0].hypothesis.order
        return self.nearest.hypothesis.order if self.close else "cannot tell"

    @property
    def of_single(self) -> bool:
        """Whether numbers with more digits are off by so little as float32 leaves."""
        return not self.single and self.nearest.error < SINGLE

    @property
    def coarse(self) -> bool:
        """Whether it is off by so much as products in fewer digits leave."""
        return self.single and self.nearest.error > COARSE

    @property
    def answer(self) -> str:
        """What it is, in a few words."""
        if self.matches:
            return str(self.matches[0])
        return f"close to {self.nearest}" if self.close else "none of these"

    @property
    def difference(self) -> str:
        """How far what is only close is off."""
        if not self.close:
            return ""
        error, noise = (
            f"{each:.0e}".replace("e-0", "e-") for each in (self.nearest.error, self.noise)
        )
        return f", differs by more than rounding: {error} against {noise}"

    def __str__(self) -> str:
        layout = ["matrices       (out, in)"] if self.transposed else []
        if self.matches:
            first, *others = self.matches
            lines = [f"error          {size(first.error)}{first.accuracy}"]
            if others:
                same = f"{'; '.join(map(str, others))}: no way to tell here"
                lines += columns((("as well", same),))
            lines += [f"nearest other  {self.nearest}: off by {self.nearest.error:.2g}", *layout]
        else:
            lines = [f"nearest        {self.nearest}: off by {self.nearest.error:.2g}", *layout]
            lines += [f"fits better    {each}: off by {each.error:.2g}" for each in self.better]
            if not self.close:
                lines += ["parameter    error     angle    length", *map(str, self.parameters)]
        return f"{self.case}: {self.answer}{self.difference}\n" + indent("\n".join(lines), "  ")


@dataclass(frozen=True)
class Verdict:
    """The verdicts on all cases that were given, and what they have in common."""

    cases: tuple[OfCase, ...]

    @property
    def matches(self) -> tuple[Fit, ...]:
        """The hypotheses that agree in every case, each with what its factors have in common.

        What agrees in a case that is close to something else counts, if in another it is all.
        """
        if not any(each.matches for each in self.cases):
            return ()
        by_name = [
            {fit.hypothesis.name: fit for fit in (*each.matches, *each.better)}
            for each in self.cases
        ]
        return plainest(
            Fit(
                first.hypothesis,
                in_common([fits[name] for fits in by_name]),
                max(fits[name].error for fits in by_name),
                max(fits[name].tolerance for fits in by_name),
                same_numbers([fits[name].numbers for fits in by_name]),
            )
            for name, first in by_name[0].items()
            if all(name in fits for fits in by_name)
            and alike([fits[name].numbers for fits in by_name])
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
            worst = max(self.cases, key=lambda each: each.nearest.error)
            return f"no: {'not the same in every case' if others else first + worst.difference}"
        if any(each.steps > 1 for each in self.cases):
            return "yes"
        return f"yes, for one inner step; {SEVERAL} tells about several"

    def __str__(self) -> str:
        answers = [f"second order? {self.order}", f"the meta-gradient? {self.answer}"]
        lines = explained(*self.matches) if self.matches else self._differing()
        if self.loop_is_wrong:
            lines.append(LOOP)
        said = "\n".join(answers) + "\n" + indent("\n".join(lines), "  ")
        return "\n\n".join([*map(str, self.cases), said])

    @property
    def loop_is_wrong(self) -> bool:
        """Whether it is right wherever there is one step, and nowhere else."""
        one = [each.right for each in self.cases if each.steps == 1]
        several = [each.right for each in self.cases if each.steps > 1]
        return bool(one and several) and all(one) and not any(several)

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
        if any(each.close for each in self.cases):
            lines.append(
                "No rounding of such numbers leaves that: look for a small term or number."
            )
        if all(each.close and each.coarse for each in self.cases):
            lines += ["But products of matrices in TF32 or bfloat16 do:", *columns(PRECISION)]
        if any(each.close and each.of_single for each in self.cases):
            lines.append("What was computed in float32 must be saved as float32, too.")
        unknown = [each for each in self.cases if not each.matches and not each.close]
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


def size(error: float) -> str:
    """An error in two digits, where they are not those of this machine."""
    return f"{error:.1e}" if error >= EXACT else f"<{EXACT:.0e}"


def plainest(fits: Iterable[Fit]) -> tuple[Fit, ...]:
    """Those without a factor first."""
    return tuple(sorted(fits, key=lambda each: each.factor is not ONE))


def in_common(fits: list[Fit]) -> tuple[Factor, ...]:
    """The factors that are the same in every case: by their names, or else by their values."""
    first, *others = (fit.factors for fit in fits)
    named = [{factor.name for factor in factors} for factors in others]
    same = tuple(each for each in first if each.name and all(each.name in of for of in named))
    if same:
        return same
    value, loosest = first[0].value, 2 * max(fit.tolerance for fit in fits)
    if all(abs(factors[0].value / value - 1) < loosest for factors in others):
        return (unnamed(value),)
    remedy = "look for a factor in the outer loss, another in every case"
    return (Factor("", math.nan, "", remedy),)


def alike(numbers: list[tuple[str, ...]]) -> bool:
    """Whether there is one free number for all cases in which it is not idle."""
    return bool(same_numbers(numbers)) or not any(numbers)


def same_numbers(numbers: list[tuple[str, ...]]) -> tuple[str, ...]:
    """What is said of a free number in every case in which it is not idle."""
    first, *others = [each for each in numbers if each] or [()]
    return tuple(each for each in first if all(each in other for other in others))


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
