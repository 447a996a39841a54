"""The whole experiment: train, evaluate, plot."""

from __future__ import annotations

import sys

from docs.sinusoid import evaluate, plot, train
from docs.sinusoid.command import parser, status


def main(arguments: list[str] | None = None) -> int:
    """Run ``python -m docs.sinusoid``."""
    made = parser("", "Train, evaluate on unseen sinusoids, and draw the figures.")
    train.add_options(made)
    evaluate.add_options(made)
    options = made.parse_args(arguments)
    return status(lambda: train.run(options) or evaluate.run(options) or plot.run(options))


if __name__ == "__main__":
    sys.exit(main())
