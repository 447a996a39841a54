"""Plant mistakes in a program of PyTorch, one and two at a time, and write down what is said."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..experiment.command import Parser, Refusal, status
from ..experiment.files import output, write_json
from .cases import cases
from .compare import judged
from .planted import MISTAKES, torch_gradient
from .reading import found

if TYPE_CHECKING:
    import argparse

#: Of one step and of several; together they tell all hypotheses apart.
CASES = ("relu2", "relu2_5steps")

SUMS: dict[str, dict[str, Any]] = {
    "tasks added up": {"over_tasks": "sum"},
    "outer loss summed over rows": {"outer": "rows"},
    "outer loss summed over outputs": {"outer": "outputs"},
    "outer loss summed over all": {"outer": "all", "over_tasks": "sum"},
    "outer loss halved": {"outer": "half"},
    "outer loss averaged over rows twice": {"outer": "rows twice"},
    "outer loss averaged over rows twice, tasks added up": {
        "outer": "rows twice",
        "over_tasks": "sum",
    },
}

NUMBERS: dict[str, dict[str, Any]] = {
    "alpha times 0.7": {"alpha": 0.7},
    "alpha times 3": {"alpha": 3.0},
    "second-order term halved": {"curvature": 0.5},
    "second-order term doubled": {"curvature": 2.0},
    "second-order term of the opposite sign": {"curvature": -1.0},
    "momentum 0.9": {"momentum": 0.9},
    "momentum 0.5": {"momentum": 0.5},
    "weight decay 0.01": {"decay": 0.01},
    "weight decay 0.1": {"decay": 0.1},
    "inner gradient clipped to 1": {"longest": 1.0},
    "alpha times 0.8 after every step": {"shrinking": 0.8},
}

#: What no hypothesis says.
STRANGE: dict[str, dict[str, Any]] = {
    "Nesterov's momentum 0.9": {"momentum": 0.9, "nesterov": True},
    "sign of the inner gradient": {"rule": lambda g, _: g.sign()},
    "entries of the inner gradient clipped to 0.1": {"rule": lambda g, _: g.clamp(-0.1, 0.1)},
    "inner gradient normalised by array": {"rule": lambda g, _: g / g.norm()},
    "W1 takes steps ten times as long": {"rule": lambda g, at: g * (10 if at == 0 else 1)},
    "last task left out": {"tasks": slice(-1)},
    "last query row left out": {"query_rows": slice(-1)},
    "last support row left out": {"support_rows": slice(-1)},
    "W2 not adapted": {"adapted": lambda at, _: at != 2},
}

#: Two mistakes at once.
PAIRS = [
    ("inner loss summed over rows", "outer loss summed over rows"),
    ("inner loss halved", "outer loss halved"),
    ("inner loss summed over rows and outputs", "tasks added up"),
    ("support and query swapped", "tasks added up"),
    ("only the head adapted", "tasks added up"),
    ("biases not adapted", "outer loss summed over rows"),
    ("errors broadcast", "tasks added up"),
    ("query losses of all steps", "tasks added up"),
    ("one step more", "outer loss halved"),
    ("momentum 0.9", "tasks added up"),
    ("weight decay 0.01", "outer loss summed over rows"),
    ("alpha times 0.7", "outer loss halved"),
    ("momentum 0.9", "weight decay 0.01"),
    ("momentum 0.9", "alpha times 0.7"),
    ("momentum 0.9", "inner loss summed over rows"),
    ("weight decay 0.01", "inner loss halved"),
    ("biases not adapted", "inner loss halved"),
    ("only the head adapted", "alpha times 0.7"),
    ("support and query swapped", "inner loss halved"),
    ("adapted on both sets", "one step fewer"),
    ("first task only", "inner loss halved"),
    ("query losses of all steps", "biases not adapted"),
    ("fast weights leak to the next task", "inner loss halved"),
]


def planted() -> list[tuple[str, str, dict[str, Any]]]:
    """Every kind, name and arguments; single mistakes with first order and without."""
    single = {**MISTAKES, **NUMBERS}
    first = {f"first order, {name}": {**how, "order": 1} for name, how in single.items()}
    known = {**SUMS, **single}
    pairs = {f"{one}; {other}": {**known[one], **known[other]} for one, other in PAIRS}
    kinds = {
        "one mistake": single,
        "one mistake, first order": first,
        "a factor": SUMS,
        "two mistakes": pairs,
        "not in the list": STRANGE,
    }
    # With one inner step these are no mistakes, and first order has no second-order term.
    return [
        (kind, name, how)
        for kind, of_kind in kinds.items()
        for name, how in of_kind.items()
        if not (how.get("order") == 1 and "curvature" in how)
    ]


def tried(kind: str, name: str, how: dict[str, Any]) -> dict[str, str]:
    """A mistake and what is said of it."""
    given = []
    for case in map(cases().__getitem__, CASES):
        fields = case.net.Weights._fields
        arrays = dict(zip(fields, torch_gradient(case, **how), strict=True))
        given.append(found(case, arrays, f"{name}: "))
    said = judged(given)
    answer = said.answer.removeprefix("no: ") if said.matches else "none of these"
    return {"kind": kind, "planted": name, "said": answer}


def run(options: argparse.Namespace) -> int:
    """Try all mistakes; exit status 1 if one is taken for the meta-gradient."""
    output(options.out, {"kind", "planted", "said"})
    try:
        import torch  # noqa: F401, PLC0415
    except ImportError as error:
        raise Refusal(f"{error}; the trial needs torch") from None
    rows = []
    for each in planted():
        rows.append(tried(*each))
        print("{kind}: {planted}: {said}".format(**rows[-1]), flush=True)
    write_json(options.out, rows, own=False)
    print(f"wrote {options.out}")
    return 0 if all(row["said"] != "yes" for row in rows) else 1


def main(arguments: list[str] | None = None) -> int:
    """Run ``python -m docs.diagnose.trial``."""
    parser = Parser(prog="python -m docs.diagnose.trial", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the JSON to write")
    options = parser.parse_args(arguments)
    return status(lambda: run(options))


if __name__ == "__main__":
    sys.exit(main())
