"""What `check` says of gradients in numpy, and of what is no gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from docs.check import check
from docs.check.tree import leaves, mapped
from docs.experiment.command import Refusal
from tests.docs.check.numpy_maml import (
    adapt,
    checked,
    first_order,
    joint,
    loss,
    model,
    second_order,
)


def times(by: float, gradient: Any) -> Any:
    return [by * array for array in gradient]


def added(*gradients: Any) -> Any:
    return [np.sum(each, axis=0) for each in zip(*gradients, strict=True)]


def swapped(tasks: Any) -> Any:
    return [(query, support) for support, query in tasks]


def on_support(tasks: Any) -> Any:
    return [(support, support) for support, _ in tasks]


def mixed(c: float, by: float = 1.0) -> Callable[..., Any]:
    return lambda w, t: added(
        times(by * (1 - c), first_order(w, t)), times(by * c, second_order(w, t))
    )


def some(chosen: Callable[[int], bool], other: Any) -> Callable[..., Any]:
    def meta_gradient(w: Any, t: Any) -> Any:
        pairs = zip(second_order(w, t), other(w, t), strict=True)
        return [own if chosen(at) else instead for at, (own, instead) in enumerate(pairs)]

    return meta_gradient


def none(w: Any, _: Any) -> Any:
    return [None for _ in w]


NAMED: dict[str, Callable[..., Any]] = {
    "second order": second_order,
    "first order": first_order,
    "second order, times T = 3": lambda w, t: times(3, second_order(w, t)),
    "second order, times -1": lambda w, t: times(-1, second_order(w, t)),
    "second order, times M = 7": lambda w, t: times(7, second_order(w, t)),
    "second order, times 0.77": lambda w, t: times(0.77, second_order(w, t)),
    "first order, times T = 3": lambda w, t: times(3, first_order(w, t)),
    "joint training": joint,
    "joint training on the support set": lambda w, t: joint(w, t, 0),
    "outer loss on the support set": lambda w, t: second_order(w, on_support(t)),
    "first order, outer loss on the support set": lambda w, t: first_order(w, on_support(t)),
    "support and query swapped": lambda w, t: second_order(w, swapped(t)),
    "first order, support and query swapped": lambda w, t: first_order(w, swapped(t)),
    "second order, first task only": lambda w, t: second_order(w, t[:1]),
    "first order, last task only": lambda w, t: first_order(w, t[-1:]),
    "first order + 0.5 (second - first)": mixed(0.5),
    "first order + 2 (second - first)": mixed(2),
    "first order + -1 (second - first)": mixed(-1),
    "3 (first order + 0.5 (second - first))": mixed(0.5, 3),
    "no gradient": none,
}


@pytest.mark.parametrize("name", NAMED)
def test_a_gradient_is_named(name: str) -> None:
    verdict = checked(NAMED[name])
    right = name == "second order"
    assert verdict.right == right
    assert verdict.answer == ("yes" if right else f"no: {name}")
    assert verdict.answer in str(verdict)
    assert len(verdict.matches) == 1


@pytest.mark.parametrize("name", ["second order", "first order", "joint training"])
def test_a_gradient_in_single_precision_is_named(name: str) -> None:
    verdict = checked(NAMED[name], np.float32)
    assert verdict.matches[0].hypothesis.name == name
    assert verdict.right == (name == "second order")


@pytest.mark.parametrize(
    ("what", "gradient", "name"),
    [
        (
            "support gradient at the weights before adaptation",
            lambda w, t: added(second_order(w, t), joint(w, t, 0)),
            "second order",
        ),
        (
            "support loss after adaptation",
            lambda w, t: added(first_order(w, t), first_order(w, on_support(t))),
            "first order",
        ),
        (
            "query loss before adaptation",
            lambda w, t: added(second_order(w, t), joint(w, t)),
            "second order",
        ),
    ],
)
def test_a_sum_is_named(what: str, gradient: Any, name: str) -> None:
    verdict = checked(gradient)
    assert not verdict.right
    assert verdict.matches[0].hypothesis.name == f"{name}, and the {what}"
    assert verdict.matches[0].factors == pytest.approx((1, 1), abs=1e-5)


@pytest.mark.parametrize("by", [1e-4, 1e-5, -3e-6])
def test_a_small_difference_is_no_yes(by: float) -> None:
    def decayed(w: Any, t: Any) -> Any:
        return added(second_order(w, t), times(by, w))

    verdict = checked(decayed)
    assert not verdict.right
    assert "close to second order, but differs by more than rounding" in verdict.answer
    assert checked(lambda w, t: added(second_order(w, t), times(1e-12, w))).right


def test_arrays_that_lost_their_second_order_are_named() -> None:
    verdict = checked(some(lambda at: at not in {2, 3}, first_order))
    assert verdict.lost == ("W2", "b2")
    assert verdict.answer == "no: second order in W1, b1, W3, b3; first order in W2, b2"
    assert [each.answer for each in verdict.arrays] == [
        *["right"] * 2,
        *["first order"] * 2,
        *["right"] * 2,
    ]
    summed = checked(lambda w, t: times(3, some(lambda at: at not in {2, 3}, first_order)(w, t)))
    assert summed.lost == ("W2", "b2")
    assert summed.answer.endswith(", times T = 3")


def test_arrays_without_a_gradient_are_named() -> None:
    verdict = checked(some(lambda at: at > 1, none))
    assert "second order in W2, b2, W3, b3" in verdict.answer
    assert "no gradient in W1, b1" in verdict.answer
    assert [each.answer for each in verdict.arrays] == [*["None"] * 2, *["right"] * 4]


def test_something_else_is_none_of_these() -> None:
    verdict = checked(some(lambda at: at > 0, lambda w, t: times(-1, second_order(w, t))))
    assert verdict.answer == "no: none of these"
    assert [each.answer for each in verdict.arrays] == ["wrong", *["right"] * 5]


def test_any_layout_of_weights_is_checked() -> None:
    given = model()

    def nested(flat: Any) -> Any:
        return {"body": [list(flat[:2]), list(flat[2:4])], "head": {"W": flat[4], "b": flat[5]}}

    def flat(tree: Any) -> Any:
        return list(leaves(tree).values())

    verdict = check(
        lambda w, t: nested(second_order(flat(w), t)),
        lambda w, s: nested(adapt(flat(w), s)),
        lambda w, b: loss(flat(w), b),
        nested(given.weights),
        given.tasks,
    )
    assert verdict.right
    names = ["body.0.0", "body.0.1", "body.1.0", "body.1.1", "head.W", "head.b"]
    assert [each.name for each in verdict.arrays] == names


def test_a_tree_keeps_its_layout() -> None:
    tree = {"a": [1, (2, None)], "b": model().weights}
    assert mapped(lambda _, leaf: leaf, tree) == tree


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"tasks": []}, "tasks is empty"),
        ({"tasks": [1]}, "task 0 is a int; it must be"),
        ({"tasks": [(1, 2, 3)]}, "task 0 is a tuple of 3; it must be"),
        ({"weights": "W"}, "weights is a str with no arrays of real numbers"),
        ({"weights": []}, "weights is a list with no arrays"),
        ({"weights": [np.ones((3, 2), int)]}, "a list with int64, but no arrays of real numbers"),
        ({"loss": 1.0}, "loss is a float; it must be a function"),
        ({"adapt": [adapt, None]}, "adapt is a NoneType; it must be a function"),
        ({"adapt": lambda *_: None}, "adapt returns a NoneType without arrays"),
        ({"adapt": lambda w, _: {"fast": list(w)}}, "adapt returns fast.0, .*as given: W1, b1"),
        ({"adapt": lambda w, _: w._replace(W1=w.W1.T)}, r"adapt returns W1 of shape \(6, 3\)"),
        ({"adapt": lambda w, _: w._replace(W1=w.W1 / 0)}, "adapt returns NaN or infinity in W1"),
        ({"loss": lambda *_: int("two\nlines")}, "raised ValueError: invalid literal"),
        ({"weights": [np.array([np.nan])]}, "hold NaN"),
        ({"loss": lambda *_: np.nan}, "loss returns nan"),
        ({"loss": lambda *_: np.ones(2)}, r"loss returns an array \(2,\)"),
        ({"loss": lambda *_: None}, "loss returns a NoneType"),
        ({"loss": lambda *_: 1.0}, "does not change with the weights"),
        ({"adapt": lambda *_: 1 / 0}, "raised ZeroDivisionError"),
        ({"meta_gradient": lambda *_: 1 / 0}, "meta_gradient raised ZeroDivisionError"),
        ({"meta_gradient": lambda w, _: w[:2]}, "it must return a gradient for W1, b1"),
        ({"meta_gradient": lambda w, _: [a.T for a in w]}, r"the gradient of W1 is \(6, 3\)"),
        ({"meta_gradient": lambda w, _: [a * np.nan for a in w]}, "gradient of W1 holds NaN"),
    ],
)
def test_what_cannot_be_checked_is_refused_in_a_line(changed: Any, said: str) -> None:
    with np.errstate(divide="ignore"), pytest.raises(ValueError, match=said) as refusal:
        check(*model()._replace(**changed))
    assert isinstance(refusal.value, Refusal)
    assert "\n" not in str(refusal.value)


def test_a_set_without_rows_is_refused() -> None:
    given = model()
    (X, Y), query = given.tasks[1]
    given.tasks[1] = ((X[:0], Y[:0]), query)
    with pytest.raises(Refusal, match="task 1 has an array"):
        check(*given)


def test_functions_that_differ_from_call_to_call_are_refused() -> None:
    rng = np.random.default_rng(0)

    def noisy(weights: Any, support: Any) -> Any:
        return adapt([w + 1e-3 * rng.standard_normal(w.shape) for w in weights], support)

    with pytest.raises(Refusal, match="two calls of loss"):
        check(*model()._replace(adapt=noisy))
    # Before anything is said of the gradient.
    with pytest.raises(Refusal, match="two calls of loss"):
        check(*model(lambda w, _: w[:1])._replace(adapt=noisy))
    with pytest.raises(Refusal, match="two calls of meta_gradient differ"):
        checked(lambda w, t: times(1 + 1e-3 * rng.standard_normal(), second_order(w, t)))


@pytest.mark.parametrize("name", ["adapt", "loss", "meta_gradient"])
def test_a_function_that_works_in_place_is_refused(name: str) -> None:
    own = getattr(model(), name)

    def in_place(weights: Any, given: Any) -> Any:
        result = own(weights, given)
        weights[0][0, 0] += 1
        return result

    with pytest.raises(Refusal, match=f"{name} changes the weights in place: W1"):
        check(*model()._replace(**{name: in_place}))
