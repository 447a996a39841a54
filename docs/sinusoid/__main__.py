"""The whole experiment: train, evaluate, plot."""

from __future__ import annotations

import argparse
import sys

from docs.sinusoid import evaluate, train
from docs.sinusoid.command import parser, status
from docs.sinusoid.plot import __main__ as plot


def main(arguments: list[str] | None = None) -> int:
    """Run ``python -m docs.sinusoid``."""
    made = parser("", "Train, evaluate on unseen sinusoids, draw the figures.", argparse.SUPPRESS)
    train.add_options(made)
    evaluate.add_options(made)
    options = made.parse_args(arguments)
    # The unseen tasks are the same for every seed of a training.
    return status(lambda: train.run(options) or evaluate.run(options, 0) or plot.run(options, 0))


if __name__ == "__main__":
    sys.exit(main())
