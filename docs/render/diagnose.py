"""Verdicts and tables of the chapter about the diagnosis, computed while the site is built."""

from __future__ import annotations

import json
from textwrap import indent
from typing import TYPE_CHECKING

from docs.diagnose.cases import PLANS, cases
from docs.diagnose.compare import degrees, flat, judge
from docs.diagnose.gradients import first_order, last_step, second_order
from docs.diagnose.hypotheses import HYPOTHESES, RIGHT
from docs.diagnose.reading import Found
from docs.diagnose.verdict import Verdict
from docs.render.manifest import ROOT, PageError
from docs.render.tables import figure

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from docs.diagnose.cases import Case
    from docs.diagnose.gradients import Gradient

TRAINING = ROOT / "docs" / "diagnose" / "training.json"

#: Mistakes that are no hypothesis of their own: a length, and something unknown.
OTHERS: dict[str, Gradient] = {
    "summed over tasks": lambda case: _times(case, case.sizes["T"]),
    "the opposite sign": lambda case: _times(case, -1),
    "none of these": lambda case: _with(case, W1=-second_order(case)[0]),
}


def diagnosed(what: str) -> str:
    """A table by its name, all mistakes, or ``verdict NAME``."""
    if what.startswith("verdict "):
        return fenced(verdict(what.removeprefix("verdict "), ("relu2", "relu2_5steps")))
    if what not in PARTS:
        raise PageError(f"there is nothing about the diagnosis called {what!r}")
    return PARTS[what]()


def verdict(name: str, names: tuple[str, ...]) -> str:
    """What the command says of a mistake in some cases."""
    gradients = {**{each.name: each.gradient for each in HYPOTHESES}, **OTHERS}
    if name not in gradients:
        raise PageError(f"there is no mistake {name!r}")
    chosen = [cases()[each] for each in names]
    return str(Verdict(tuple(judge(Found(c, gradients[name](c), False)) for c in chosen)))


def fenced(text: str) -> str:
    """Text as it is, which nobody searches for."""
    return f"```text\n{text}\n```"


def mistakes() -> str:
    """Every mistake with its verdict on one case, closed until somebody wants it."""
    names = [each.name for each in HYPOTHESES if not each.name.startswith("first order,")]
    blocks = []
    for name in [*names, *OTHERS]:
        # With one step the five-step case would be needed to tell some of them apart.
        said = indent(fenced(verdict(name, ("relu2_5steps",))), "    ")
        kind = "success" if name == RIGHT.name else "failure"
        blocks.append(f'??? {kind} "{name}"\n{said}')
    return "\n\n".join(blocks)


def case_table() -> str:
    """What the cases are."""
    head = "| case | layers | activation | steps | $\\alpha$ | $T$ | $N$ | $M$ |"
    rows = [
        f"| `{name}` | {'-'.join(map(str, plan.layers))} | {plan.activation} | {plan.steps} "
        f"| {plan.alpha:g} | {plan.tasks} | {plan.shots} | {plan.queries} |"
        for name, plan in PLANS.items()
    ]
    return "\n".join([head, "|---|---|---|--:|--:|--:|--:|--:|", *rows])


def vector_table() -> str:
    """How far first order is from the meta-gradient in every case."""
    head = "| case | steps | angle | length | relative error | last step only: relative error |"
    rows = []
    for name, case in cases().items():
        second, first, last = (flat(of(case)) for of in (second_order, first_order, last_step))
        size = float((second @ second) ** 0.5)
        errors = [
            float(((each - second) @ (each - second)) ** 0.5) / size for each in (first, last)
        ]
        cells = [degrees(first, second), float((first @ first) ** 0.5) / size, errors[0]]
        texts = [*map(figure, cells), figure(errors[1]) if case.steps > 1 else "the same"]
        rows.append(f"| `{name}` | {case.steps} | {' | '.join(texts)} |")
    return "\n".join([head, "|---|--:|--:|--:|--:|--:|", *rows])


def training_table() -> str:
    """The same while MAML is trained, from the committed measurement."""
    if not TRAINING.is_file():
        raise PageError(f"{TRAINING.name} is missing; python -m docs.diagnose.training writes it")
    record = json.loads(TRAINING.read_text(encoding="utf-8"))
    head = "| outer steps | meta-loss | angle, degrees | length |"
    rows = [
        f"| {stage['iterations']:,} | {_median(stage['loss'])} | {_median(stage['angle'])} "
        f"| {_median(stage['length'])} |"
        for stage in record["stages"]
    ]
    note = (
        f"Medians and quartiles over {record['batches']} meta-batches of {record['tasks']} unseen "
        f"tasks each; inner step size {record['alpha']:g}."
    )
    table = "\n".join([head, "|--:|--:|--:|--:|", *rows])
    return f'<div class="numbers" markdown="1">\n\n{table}\n\n</div>\n\n{note}'


PARTS: dict[str, Callable[[], str]] = {
    "mistakes": mistakes,
    "cases": case_table,
    "vectors": vector_table,
    "training": training_table,
}


def _median(record: dict[str, float]) -> str:
    low, median, high = (figure(record[key]) for key in ("low", "median", "high"))
    return f"{median} ({low}\N{EN DASH}{high})"


def _times(case: Case, factor: float) -> Any:
    true = second_order(case)
    return type(true)(*(factor * array for array in true))


def _with(case: Case, **arrays: Any) -> Any:
    true = second_order(case)
    return type(true)(**{**true._asdict(), **arrays})
