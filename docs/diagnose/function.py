"""Diagnose a Python function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from docs.diagnose.cases import Case, cases
from docs.diagnose.compare import judge
from docs.diagnose.gradients import like
from docs.diagnose.reading import Found, found
from docs.diagnose.verdict import Verdict
from docs.sinusoid.command import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def diagnose(meta_gradient: Callable[..., Any], *names: str) -> Verdict:
    """Say what a function computes.

    Parameters
    ----------
    meta_gradient
        ``f(weights, X_s, Y_s, X_q, Y_q, alpha)`` on numpy arrays in float64. The weights are W1
        (in, out), b1 (1, out), ...; it returns their gradients in the same order, or by name.
        Matrices may come back as (out, in), biases as vectors.
    *names
        The cases to try, whose activation and number of steps must be the function's own: relu1,
        relu2, tanh2 or relu2_5steps. Without any, relu2.

    Returns
    -------
    Verdict
        It prints itself; `second_order` is whether it is the true meta-gradient.

    Raises
    ------
    Refusal
        When there is no such case, the function fails, or what it returns is no gradient.
    """
    return Verdict(tuple(judge(called(meta_gradient, name)) for name in names or ("relu2",)))


def called(meta_gradient: Callable[..., Any], name: str) -> Found:
    """What a function returns for a case."""
    if name not in cases():
        raise Refusal(f"the case is {name!r}; it must be one of {', '.join(cases())}")
    case = cases()[name]
    # Copies: a function that works in place must not change the case.
    weights = like(case.weights, [array.copy() for array in case.weights])
    try:
        result = meta_gradient(weights, *(array.copy() for array in case.batch), case.alpha)
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
