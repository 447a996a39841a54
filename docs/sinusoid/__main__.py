"""The whole experiment: train, evaluate, plot."""

from __future__ import annotations

import argparse
import sys

from .. import program
from ..experiment import evaluate, train
from ..experiment.command import parser, status
from .family import SINUSOIDS
from .plot import __main__ as plot


def main(arguments: list[str] | None = None) -> int:
    """Run ``python -m docs.sinusoid``."""
    what = "Train, evaluate on unseen sinusoids, draw the figures."
    made = parser(program(SINUSOIDS.module), what, SINUSOIDS.folder, argparse.SUPPRESS)
    train.add_options(made, SINUSOIDS)
    evaluate.add_options(made, SINUSOIDS)
    options = made.parse_args(arguments)
    # The unseen tasks are the same for every seed of a training.
    return status(
        lambda: (
            train.run(SINUSOIDS, options)
            or evaluate.run(SINUSOIDS, options, 0)
            or plot.run(options, 0)
        )
    )


if __name__ == "__main__":
    sys.exit(main())
