"""Which hypotheses a gradient agrees with, and how to say it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from textwrap import indent
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from docs.diagnose.cases import Case, cases
from docs.diagnose.hypotheses import ANY, HYPOTHESES, ONE, RIGHT, Factor, Hypothesis, factors
from docs.diagnose.reading import Found, found
from docs.sinusoid.command import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from docs.sinusoid.networks import Array, WeightTuple

#: A gradient agrees with a hypothesis when it is nearer than this, relative to its length. In
#: float32 the meta-gradients of the cases are off by 1e-6 or so. Two hypotheses that are not
#: equal in a case are apart by more than a hundred times this tolerance (a test holds it), so
#: neither rounding nor a lucky case can turn one verdict into another.
TOLERANCE = 1e-4

#: Nearer than this it was computed in float64: the hypotheses themselves are exact to 1e-10.
DOUBLE = 1e-9


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
    def key(self) -> tuple[str, str]:
        """What must be the same in every case."""
        return self.hypothesis.name, self.factor.name

    @property
    def right(self) -> bool:
        """Whether this is the meta-gradient itself."""
        return self.hypothesis is RIGHT and self.factor is ONE

    def __str__(self) -> str:
        name = self.hypothesis.name
        if self.factor is ONE:
            return name
        if not self.factor.name:
            return f"{name}, times {self.factor.value:.3g}"
        return f"{name}, times {self.factor.name} ({self.factor.meaning})"


class Parameter(NamedTuple):
    """A parameter's gradient beside the true one."""

    name: str
    error: float
    angle: float
    length: float


@cache
def expected(name: str) -> list[tuple[Hypothesis, Array]]:
    """The gradient of every hypothesis for a case, each as one vector."""
    case = cases()[name]
    return [(each, flat(each.gradient(case))) for each in HYPOTHESES]


def flat(weights: WeightTuple) -> Array:
    """All arrays as one vector."""
    return np.concatenate([array.ravel() for array in weights])


def fit(ours: Array, hypothesis: Hypothesis, theirs: Array, known: Sequence[Factor]) -> Fit:
    """Compare two vectors up to a factor."""
    squared = float(theirs @ theirs)
    if squared == 0 or not ours.any():
        return Fit(hypothesis, ONE, 0.0 if squared == 0 and not ours.any() else 1.0)
    best = float(ours @ theirs) / squared
    factor = next(
        (each for each in known if abs(best / each.value - 1) < TOLERANCE), Factor("", best, "")
    )
    # Without a factor that fits, there is no error of the length: only one of the direction.
    distance = np.linalg.norm(ours - factor.value * theirs)
    return Fit(hypothesis, factor, float(distance / abs(factor.value) / squared**0.5))


def degrees(ours: Array, theirs: Array) -> float:
    """The angle between two arrays; 90 where one of them is zero."""
    lengths = float(np.linalg.norm(ours) * np.linalg.norm(theirs))
    cosine = float(np.vdot(ours, theirs)) / lengths if lengths else 0.0
    return float(np.degrees(np.arccos(min(1.0, max(-1.0, cosine)))))


# --- one case ---


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
        layout = "  (matrices are (out, in))" if self.transposed else ""
        if not self.matches:
            lines = [f"nearest    {self.nearest}: off by {self.nearest.error:.2g}"]
            lines += ["", "parameter     error    angle   length", *map(_row, self.parameters)]
            return f"{self.case}: none of these{layout}\n" + indent("\n".join(lines), "  ")
        first, *others = self.matches
        accuracy = "float64" if first.error < DOUBLE else "float32"
        lines = [f"error      {first.error:.1e}, to {accuracy} accuracy"]
        lines += [f"as well    {fit.hypothesis.name}: this case cannot tell" for fit in others]
        lines += [f"nearest    {self.nearest}: off by {self.nearest.error:.2g}"]
        return f"{self.case}: {first}{layout}\n" + indent("\n".join(lines), "  ")


def _row(parameter: Parameter) -> str:
    verdict = "right" if parameter.error < TOLERANCE else "wrong"
    return (
        f"{parameter.name:9}{parameter.error:>10.1e}{parameter.angle:>8.2f}°"
        f"{parameter.length:>9.3g}   {verdict}"
    )


def judge(given: Found) -> OfCase:
    """Compare a gradient with every hypothesis."""
    case, ours = given.case, flat(given.gradient)
    known = factors(case.sizes, case.alpha, case.steps)
    fits = [fit(ours, hypothesis, theirs, known) for hypothesis, theirs in expected(case.name)]
    matches = tuple(each for each in fits if each.error < TOLERANCE)
    others = [each for each in fits if each not in matches]
    return OfCase(
        case.name,
        matches,
        min(others, key=lambda each: each.error),
        tuple(_parameters(case, given.gradient)),
        given.transposed,
    )


def _parameters(case: Case, ours: WeightTuple) -> list[Parameter]:
    pairs = zip(case.net.Weights._fields, ours, RIGHT.gradient(case), strict=True)
    return [
        Parameter(
            name,
            float(np.linalg.norm(found - true) / np.linalg.norm(true)),
            degrees(found, true),
            float(np.linalg.norm(found) / np.linalg.norm(true)),
        )
        for name, found, true in pairs
    ]


# --- all cases ---


@dataclass(frozen=True)
class Verdict:
    """The verdicts on all cases that were given, and the one that they have in common."""

    cases: tuple[OfCase, ...]

    @property
    def matches(self) -> tuple[Fit, ...]:
        """What agrees in every case, in the order of the hypotheses."""
        first, *others = self.cases
        keys = [{fit.key for fit in each.matches} for each in others]
        return tuple(fit for fit in first.matches if all(fit.key in these for these in keys))

    @property
    def second_order(self) -> bool:
        """Whether it is MAML's meta-gradient, neither longer nor shorter."""
        return any(fit.right for fit in self.matches)

    def __str__(self) -> str:
        return "\n\n".join([*map(str, self.cases), f"overall: {self._overall()}"])

    def _overall(self) -> str:
        if not self.matches:
            return self._nothing()
        first = self.matches[0]
        lines = [str(first), indent(first.hypothesis.explanation, "  ")]
        rest = ", ".join(str(fit) for fit in self.matches[1:])
        if rest:
            lines.append(f"  These cases cannot tell it from: {rest}.")
        lines += [f"  {line}" for line in remedy(first)]
        return "\n".join(lines)

    def _nothing(self) -> str:
        if all(each.matches for each in self.cases):
            return "another thing in every case\n  " + "; ".join(
                f"{each.case}: {each.matches[0]}" for each in self.cases
            )
        wrong = {
            parameter.name
            for each in self.cases
            for parameter in each.parameters
            if parameter.error >= TOLERANCE
        }
        return (
            "none of these\n"
            f"  Wrong somewhere: {', '.join(sorted(wrong))}. Begin with the parameter of the"
            " largest angle."
        )


def remedy(fit: Fit) -> list[str]:
    """What to change, a line each."""
    lines = [f"{framework:14}{text}" for framework, text in fit.hypothesis.remedies]
    if not fit.factor.name:
        lines.append(f"{ANY:14}find out why it is {fit.factor.value:.3g} times as long")
    elif fit.factor is not ONE:
        lines.append(f"{ANY:14}divide the outer loss by {fit.factor.name}: {fit.factor.meaning}")
    return lines


# --8<-- [start:diagnose]
def diagnose(meta_gradient: Callable[..., Any], *names: str) -> Verdict:
    """Say what a function computes.

    Parameters
    ----------
    meta_gradient
        ``f(weights, X_s, Y_s, X_q, Y_q, alpha)`` on float64 arrays that returns the gradient as a
        sequence in the order of the weights, or by name. The weights are W1 (in, out), b1
        (1, out), ...; its matrices may be (out, in), its biases vectors.
    *names
        The cases to try, which must have the function's own activation and number of steps:
        relu1, relu2 (one step), tanh2 (one step), relu2_5steps. Without any, relu2.

    Returns
    -------
    Verdict
        It prints itself; ``second_order`` is whether it is the true meta-gradient.

    Raises
    ------
    Refusal
        When the function fails, returns something that is no gradient, or a case is unknown.
    """
    # --8<-- [end:diagnose]
    return Verdict(tuple(judge(called(meta_gradient, name)) for name in names or ("relu2",)))


def called(meta_gradient: Callable[..., Any], name: str) -> Found:
    """What a function returns for a case."""
    if name not in cases():
        raise Refusal(f"the case is {name!r}; it must be one of {', '.join(cases())}")
    case = cases()[name]
    # A copy: a function that works in place must not change the case.
    weights = type(case.weights)(*(array.copy() for array in case.weights))
    try:
        result = meta_gradient(weights, *(array.copy() for array in case.batch), case.alpha)
    except Exception as error:
        raise Refusal(f"{name}: the function raised {type(error).__name__}: {error}") from error
    return found(case, by_name(result, case, name), f"{name}: the gradient of ")


def by_name(result: Any, case: Case, name: str) -> Mapping[str, Any]:
    """The arrays that a function returned, by the parameter's name."""
    fields = case.net.Weights._fields
    if isinstance(result, dict):
        return result
    if not isinstance(result, tuple | list) or len(result) != len(fields):
        count = f" of {len(result)}" if isinstance(result, tuple | list) else ""
        raise Refusal(
            f"{name}: the function returned a {type(result).__name__}{count}; "
            f"it must be the gradients of {', '.join(fields)}, in this order or by name"
        )
    return dict(zip(fields, result, strict=True))
