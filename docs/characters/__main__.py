"""The whole experiment: train with several seeds, evaluate, draw."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from .. import program
from ..experiment import evaluate, train
from ..experiment.command import parser, status, whole
from ..experiment.sweep import comparison
from .family import CHARACTERS
from .plot import __main__ as plot
from .seeds import over_seeds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..experiment.sweep.comparison import Group


def sentence(groups: Sequence[Group]) -> str:
    """The accuracy of MAML, or of the first method, after each number of steps."""
    shown = {each.method: each for each in groups}
    group = shown.get("maml", groups[0])
    after = []
    for step in CHARACTERS.shown:
        mean, half = (group.summary[name][step] or 0 for name in ("capped", "seeds_ci95"))
        interval = f" \N{PLUS-MINUS SIGN} {100 * half:.1f}" if len(group.seeds) > 1 else ""
        after.append(f"{step} steps {100 * mean:.1f}{interval} %".replace("1 steps", "1 step"))
    seeds = f"{len(group.seeds)} seed" + "s" * (len(group.seeds) > 1)
    return f"accuracy of {plot.title(group.method)} after {', '.join(after)} ({seeds})"


def run(options: argparse.Namespace) -> int:
    """Train, evaluate, draw, and say what was found; the exit status."""
    # The unseen tasks are the same for every seed of a training.
    code = train.run(CHARACTERS, options) or evaluate.run(CHARACTERS, options, 0)
    if code:
        return code
    groups, code = over_seeds(CHARACTERS, options.run, options.seeds, options.tasks, options.quiet)
    if code:
        return code
    drawn = plot.draw(options.run, 0)
    if options.seeds > 1:
        print(f"means over {options.seeds} seeds, with their intervals")
        print(comparison.aligned(comparison.table([], groups, CHARACTERS.shown)))
    print(sentence(groups))
    print(drawn)
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Run ``python -m docs.characters``."""
    what = "Train, evaluate on characters of scripts that were never seen, draw the figures."
    made = parser(program(CHARACTERS.module), what, CHARACTERS.folder, argparse.SUPPRESS)
    train.add_options(made, CHARACTERS)
    evaluate.add_options(made, CHARACTERS)
    made.add_argument("--seeds", type=whole(1, 100), default=3, help="trainings, from --seed on")
    return status(lambda: run(made.parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main())
