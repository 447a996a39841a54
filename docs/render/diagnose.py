"""Verdicts and tables of the chapters about the diagnosis, computed while the site is built."""

from __future__ import annotations

import ast
from textwrap import indent
from typing import TYPE_CHECKING

import numpy as np

from docs.diagnose.cases import PLANS, cases
from docs.diagnose.compare import judged
from docs.diagnose.gradients import first_order, like, scaled, second_order
from docs.diagnose.hypotheses import HYPOTHESES, RIGHT
from docs.diagnose.noise import SAFETY, flat, noise
from docs.diagnose.quantities import derivation
from docs.diagnose.reading import Found
from docs.diagnose.walk import walk
from docs.experiment.angle import degrees
from docs.experiment.gradcheck import relative_error
from docs.render.manifest import ROOT, PageError
from docs.render.tables import figure
from docs.render.texts import read

if TYPE_CHECKING:
    from collections.abc import Callable

    from docs.diagnose.cases import Case
    from docs.diagnose.gradients import Gradient
    from docs.experiment.networks import WeightTuple


def _first_turned_round(case: Case) -> WeightTuple:
    first, *others = second_order(case)
    return like(case.weights, [-first, *others])


TRIAL = ROOT / "docs/diagnose/trial.json"

#: Mistakes that are no hypothesis of their own: a length, and something unknown.
OTHERS: dict[str, Gradient] = {
    "summed over tasks": lambda case: scaled(second_order(case), case.sizes["T"]),
    "the opposite sign": lambda case: scaled(second_order(case), -1),
    "none of these": _first_turned_round,
}


#: Wrong derivations by hand: the case, the quantities that are given, the wrong one and its line.
BY_HAND = {
    "the error of the output": (
        "relu2",
        ("Z1_s", "H1_s", "Z2_s", "dZ3_s", "dZ2_s", "dW2"),
        "dW2",
        "H1_s.mT @ dZ3_s",
    ),
    "a missing term": (
        "tanh2",
        ("Z1_s", "dH1_s", "W1_fast_bar", "dZ1_s_bar", "H1_s_bar", "W1_bar"),
        "Z1_s_bar",
        "H1_s_bar * (1 - np.tanh(Z1_s) ** 2)",
    ),
}


def diagnosed(what: str) -> str:
    """A table by its name, all mistakes, ``verdict NAME`` or ``equation NAME``."""
    if what.startswith("verdict "):
        return fenced(verdict(what.removeprefix("verdict "), ("relu2", "relu2_5steps")))
    if what.startswith("equation "):
        return fenced(first_wrong(what.removeprefix("equation ")))
    if what not in PARTS:
        raise PageError(f"there is nothing about the diagnosis called {what!r}")
    return PARTS[what]()


def verdict(name: str, names: tuple[str, ...]) -> str:
    """What the command says of a mistake in some cases."""
    gradients: dict[str, Gradient] = {each.name: each.gradient for each in HYPOTHESES} | OTHERS
    if name not in gradients:
        raise PageError(f"there is no mistake {name!r}")
    given = []
    for case in (cases()[each] for each in names):
        gradient = gradients[name](case)
        # As from a file in single precision: beside itself it would have no error at all.
        rounded = [array.astype(np.float32).astype(np.float64) for array in gradient]
        given.append(Found(case, like(gradient, rounded), transposed=False, single=True))
    return str(judged(given))


def first_wrong(name: str) -> str:
    """What the command says of a wrong derivation by hand."""
    if name not in BY_HAND:
        raise PageError(f"there is no wrong derivation {name!r}")
    case, given, wrong, line = BY_HAND[name]
    derived = derivation(case)
    values = dict(derived.values)
    for equation in derived.equations:
        values[equation.name] = derived.value(equation, values)
        if equation.name == wrong:
            values[wrong] = derived.changed(ast.parse(line, mode="eval").body, values)
        if equation.name == given[-1]:
            break
    return str(walk(case, {each: values[each] for each in given}))


def fenced(text: str) -> str:
    """Text as it is."""
    return f"```text\n{text}\n```"


def mistakes() -> str:
    """Every mistake with its verdict on one case, closed until somebody wants it."""
    names = [each.name for each in HYPOTHESES if not each.name.startswith("first order,")]
    blocks = []
    for name in [*names, *OTHERS]:
        # The case with several steps, which alone tells some of them apart.
        said = indent(fenced(verdict(name, ("relu2_5steps",))), "    ")
        kind = "success" if name == RIGHT.name else "failure"
        blocks.append(f'??? {kind} "{name}"\n{said}')
    return "\n\n".join(blocks)


def case_table() -> str:
    """What the cases are."""
    head = (
        "| case | layers | activation | loss | steps | alpha | tasks | support rows | query rows |"
    )
    rows = [
        f"| `{name}` | `{plan.layers}` | {plan.activation} | {plan.loss.replace('_', ' ')} "
        f"| {plan.steps} "
        f"| {plan.alpha:g} | {plan.tasks} | {plan.shots} | {plan.queries} |"
        for name, plan in PLANS.items()
    ]
    return "\n".join([head, "|---|---|---|---|--:|--:|--:|--:|--:|", *rows])


def vector_table() -> str:
    """How far first order is from the meta-gradient in every case."""
    rows = []
    for name, case in cases().items():
        second, first = flat(second_order(case)), flat(first_order(case))
        gap = relative_error(first, second)
        length = float(np.linalg.norm(first) / np.linalg.norm(second))
        cells = " | ".join(map(figure, (degrees([first], [second]), length, gap)))
        rows.append(f"| `{name}` | {cells} |")
    return "\n".join(["| case | angle | length | relative error |", "|---|--:|--:|--:|", *rows])


def noise_table() -> str:
    """How far rounding takes a gradient of every case, and what counts as equal."""
    rows = [
        f"| `{name}` | {figure(size)} | {figure(SAFETY * size)} |"
        for name, size in ((name, noise(name, single=True)) for name in PLANS)
    ]
    return "\n".join(["| case | noise of float32 | counts as equal |", "|---|--:|--:|", *rows])


def trial_table() -> str:
    """What is said of every planted mistake."""
    rows = [f"| {each['kind']} | {each['planted']} | {each['said']} |" for each in tried()]
    return "\n".join(["| kind | planted | verdict |", "|---|---|---|", *rows])


def trial_counts() -> str:
    """How many of the planted mistakes of every kind end in none of these."""
    rows = []
    for kind in dict.fromkeys(each["kind"] for each in tried()):
        said = [each["said"] for each in tried() if each["kind"] == kind]
        named = len(said) - said.count("none of these")
        rows.append(f"| {kind} | {len(said)} | {named} | {len(said) - named} |")
    head = "| kind | planted | named | none of these |\n|---|--:|--:|--:|"
    return "\n".join([head, *rows])


def tried() -> list[dict[str, str]]:
    """The planted mistakes as `python -m docs.diagnose.trial` has written them down."""
    rows: list[dict[str, str]] = read(TRIAL)
    return rows


PARTS: dict[str, Callable[[], str]] = {
    "mistakes": mistakes,
    "cases": case_table,
    "vectors": vector_table,
    "noise": noise_table,
    "trial": trial_table,
    "counts": trial_counts,
}
