"""Draw the figures of a run."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from ...experiment import checkpoint
from ...experiment.command import parser, printable, status
from ...experiment.files import make_room, remove, unmarked, writable
from ...experiment.methods import TITLES
from ...experiment.plot.curves import angle, learning_curve
from ...experiment.plot.drawing import style
from ...experiment.plot.errors import error_by_step
from ...experiment.plot.files import material, save
from ..family import CHARACTERS
from .confusion import confusion
from .grid import contact_sheet, test_task
from .movement import movement

if TYPE_CHECKING:
    from pathlib import Path

    from ...experiment.plot.files import Material


def title(method: str) -> str:
    """What a method is called."""
    return TITLES[method]


def figures(found: Material, seed: int) -> dict[str, Any]:
    """The figures that a run has, by name."""
    run, evaluation, curves = found
    drawn = {
        "contact_sheet": contact_sheet(run),
        "test_task": test_task(run, seed),
        "accuracy_by_step": error_by_step(run, evaluation),
        "learning_curve": learning_curve(run, curves),
        "confusion": confusion(run, seed),
        "movement": movement(run, seed),
    }
    measured = [name for name, curve in curves.items() if curve.angles]
    if measured:
        drawn["angle"] = angle(run, measured[0], curves[measured[0]])
    return drawn


def draw(folder: Path, seed: int) -> str:
    """Draw the figures of a run, and say where they are."""
    found = material(CHARACTERS, folder)
    place = writable(folder / "figures")
    with checkpoint.alone(place), style():
        made = figures(found, seed)
        names = {*made, "angle"}
        make_room(place, unmarked(*(f"{name}.{end}" for name in names for end in ("png", "svg"))))
        for name, figure in made.items():
            save(figure, place, name)
        if "angle" not in made:  # but an earlier run in this folder may have had it
            remove(*(place / f"angle.{suffix}" for suffix in ("png", "svg")))
    return printable(f"wrote {place}/: {', '.join(made)} (.png, .svg)")


def main(arguments: list[str] | None = None) -> int:
    """Run ``python -m docs.characters.plot``."""
    options = parser(CHARACTERS.command("plot"), "Draw the figures of a run.", CHARACTERS.folder)

    def command() -> int:
        read = options.parse_args(arguments)
        print(draw(read.run, read.seed))
        return 0

    return status(command)


if __name__ == "__main__":
    sys.exit(main())
