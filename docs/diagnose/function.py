"""Diagnose a Python function."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from ..experiment.command import Refusal
from .cases import Case, cases
from .compare import judged
from .gradients import like
from .reading import Found, found

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .verdict import Verdict


#: The cases of a function that is asked about no others; those of several steps if it takes them.
USUAL, SEVERAL = ("relu2", "one_output"), ("relu2_5steps",)


def diagnose(meta_gradient: Callable[..., Any], *names: str) -> Verdict:
    """Say what a function computes.

    Parameters
    ----------
    meta_gradient
        ``f(weights, X_s, Y_s, X_q, Y_q, alpha)`` on numpy arrays in float64. The weights are W1
        (in, out), b1 (1, out), ...; it returns their gradients in the same order, or by name.
        Matrices may come back as (out, in), biases as vectors. If it has a parameter called
        ``steps``, that gets the number of inner steps of the case.
    *names
        The cases to try, whose activation must be the function's own, and whose number of steps,
        too, where it has no parameter for it, and whose loss: see `docs.diagnose.cases.PLANS`.
        Without any, relu2 and one_output, and relu2_5steps if the function can be told the steps.

    Returns
    -------
    Verdict
        It prints itself; `right` is whether it is the true meta-gradient.

    Raises
    ------
    Refusal
        When there is no such case, the function fails, or what it returns is no gradient.
    """
    told = takes_steps(meta_gradient)
    chosen = names or USUAL + (SEVERAL if told else ())
    return judged([called(meta_gradient, name, told) for name in chosen])


def takes_steps(meta_gradient: Callable[..., Any]) -> bool:
    """Whether a function has a parameter for the number of inner steps."""
    try:
        return "steps" in inspect.signature(meta_gradient).parameters
    except (TypeError, ValueError):
        return False


def called(meta_gradient: Callable[..., Any], name: str, told: bool) -> Found:
    """What a function returns for a case; it may be told the number of steps."""
    if name not in cases():
        raise Refusal(f"the case is {name!r}; it must be one of {', '.join(cases())}")
    case = cases()[name]
    # Copies: a function that works in place must not change the case.
    weights = like(case.weights, [array.copy() for array in case.weights])
    data = [array.copy() for array in case.batch]
    how = {"steps": case.steps} if told else {}
    try:
        result = meta_gradient(weights, *data, case.alpha, **how)
    except Exception as error:
        raise Refusal(f"{name}: the function raised {type(error).__name__}: {error}") from error
    return found(case, by_name(result, case), f"{name}: the gradient of ")


def by_name(result: Any, case: Case) -> Mapping[str, Any]:
    """The arrays that a function returned, by the parameter's name."""
    fields = case.net.Weights._fields
    if isinstance(result, dict):
        return result
    if not isinstance(result, tuple | list) or len(result) != len(fields):
        count = f" of {len(result)}" if isinstance(result, tuple | list) else ""
        raise Refusal(
            f"{case.name}: the function returned a {type(result).__name__}{count}; "
            f"it must return the gradients of {', '.join(fields)}, in this order or by name"
        )
    return dict(zip(fields, result, strict=True))
