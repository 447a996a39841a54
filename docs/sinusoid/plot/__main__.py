"""Draw the figures of a run."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import matplotlib as mpl

from docs.sinusoid.command import Refusal, parser, status, writable, write_text
from docs.sinusoid.evaluate import load_run
from docs.sinusoid.metrics import read_metrics
from docs.sinusoid.plot.animation import adaptation, filmstrip
from docs.sinusoid.plot.curves import angle, learning_curve
from docs.sinusoid.plot.drawing import STYLE, save, save_as
from docs.sinusoid.plot.error_map import error_map
from docs.sinusoid.plot.errors import Evaluation, error_by_step, read_evaluation
from docs.sinusoid.plot.examples import fits
from docs.sinusoid.plot.half_range import half_range

if TYPE_CHECKING:
    import argparse

    from docs.sinusoid.evaluate import Run
    from docs.sinusoid.metrics import Curve


def drawn(run: Run, evaluation: Evaluation, curves: dict[str, Curve], seed: int) -> dict[str, Any]:
    """The figures that a run has, by name."""
    figures = {
        "fits": fits(run, seed),
        "error_by_step": error_by_step(run, evaluation),
        "learning_curve": learning_curve(run, curves),
        "half_range": half_range(run, seed),
        "error_map": error_map(run, seed),
    }
    measured = [name for name, curve in curves.items() if curve.angles]
    if measured:
        figures["angle"] = angle(run, measured[0], curves[measured[0]])
    return figures


def run(options: argparse.Namespace, seed: int) -> int:
    """Draw the figures of a run; the exit status."""
    loaded = load_run(options.run)
    curves = read_metrics(options.run / "metrics.csv")
    missing = set(loaded.starts) - set(curves) - {"random"}
    if missing:
        path = options.run / "metrics.csv"
        raise Refusal(f"{path} lacks {', '.join(sorted(missing))}; it must be that of this run")
    curves = {name: curve for name, curve in curves.items() if name in loaded.starts}
    evaluation = read_evaluation(options.run / "evaluation.json", loaded)
    folder = writable(options.run / "figures")
    with mpl.rc_context(STYLE):
        figures = drawn(loaded, evaluation, curves, seed)
        film, strip = adaptation(loaded, seed), filmstrip(loaded, seed)
        for name, figure in figures.items():
            save(figure, folder, name)
        save_as(strip, folder, "adaptation", "png")
    write_text(folder / "adaptation.svg", film)
    if "angle" not in figures:  # but an earlier run in this folder may have had it
        for suffix in ("png", "svg"):
            (folder / f"angle.{suffix}").unlink(missing_ok=True)
    print(f"wrote {folder}/: {', '.join([*figures, 'adaptation'])} (.png, .svg)")
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Run ``python -m docs.sinusoid.plot``."""
    options = parser(".plot", "Draw the figures of a run.")

    def command() -> int:
        read = options.parse_args(arguments)
        return run(read, read.seed)

    return status(command)


if __name__ == "__main__":
    sys.exit(main())
