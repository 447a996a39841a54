"""Draw the figures of a run."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from ...experiment import checkpoint
from ...experiment.command import parser, printable, status
from ...experiment.files import make_room, remove, unmarked, writable, write_text
from ...experiment.plot.curves import angle, learning_curve
from ...experiment.plot.drawing import style
from ...experiment.plot.errors import error_by_step
from ...experiment.plot.files import material, save, save_as
from ..family import SINUSOIDS
from .animation import adaptation, filmstrip
from .error_map import error_map
from .examples import fits
from .half_range import half_range

if TYPE_CHECKING:
    import argparse

    from ...experiment.plot.files import Material


def drawn(found: Material, seed: int) -> dict[str, Any]:
    """The figures that a run has, by name."""
    run, evaluation, curves = found
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
    found = material(SINUSOIDS, options.run)
    folder = writable(options.run / "figures")
    with checkpoint.alone(folder), style():
        figures = drawn(found, seed)
        names = [*figures, "adaptation", "angle"]
        make_room(folder, unmarked(*(f"{name}.{end}" for name in names for end in ("png", "svg"))))
        film, strip = adaptation(found.run, seed), filmstrip(found.run, seed)
        for name, figure in figures.items():
            save(figure, folder, name)
        save_as(strip, folder, "adaptation", "png")
        write_text(folder / "adaptation.svg", film)
        if "angle" not in figures:  # but an earlier run in this folder may have had it
            remove(*(folder / f"angle.{suffix}" for suffix in ("png", "svg")))
    print(printable(f"wrote {folder}/: {', '.join([*figures, 'adaptation'])} (.png, .svg)"))
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Run ``python -m docs.sinusoid.plot``."""
    options = parser(SINUSOIDS.command("plot"), "Draw the figures of a run.", SINUSOIDS.folder)

    def command() -> int:
        read = options.parse_args(arguments)
        return run(read, read.seed)

    return status(command)


if __name__ == "__main__":
    sys.exit(main())
