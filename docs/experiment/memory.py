"""How much memory something will take, said before it is begun."""

from __future__ import annotations

import os
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from .command import Refusal
from .methods import METHODS, first_order, joint

if TYPE_CHECKING:
    from .family import TaskFamily
    from .recipes import Recipe

#: Vectors of all parameters that a training has: those of the workspace, Adam's, the last good
#: ones, those of a checkpoint.
VECTORS = 12

#: Arrays as large as the activations of the rows that are worked on, and as a meta-batch.
ACTIVATIONS, BATCHES = 5, 4

#: Rows that a workspace works on at a time, and tasks that the angle is measured on.
CHUNK, MEASURED = 500, 100


def available() -> float:
    """Bytes that this process may still have, as far as the system says."""
    found = [float("inf")]
    with suppress(OSError, ValueError, IndexError):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        found += [1024.0 * int(line.split()[1]) for line in lines if line.startswith("MemAvail")]
    if len(found) == 1 and hasattr(os, "sysconf"):
        with suppress(OSError, ValueError):
            found.append(float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")))
    group = Path("/sys/fs/cgroup")
    with suppress(OSError, ValueError):
        limit, used = ((group / f"memory.{name}").read_text("ascii") for name in ("max", "current"))
        found.append(float(int(limit) - int(used)))
    return min(found)


def require(needed: float, what: str) -> None:
    """Make sure that there is so much memory.

    Raises
    ------
    Refusal
        When there is not.
    """
    there = available()
    if needed > there:
        raise Refusal(
            f"{what} would take about {needed / 1e9:,.1f} GB of memory, and there are "
            f"{there / 1e9:,.1f}; the sizes must be smaller"
        )


def of_training(family: TaskFamily, recipe: Recipe) -> float:
    """Bytes that the training of a recipe takes, about."""
    item = 8 if recipe.dtype == "float64" else 4
    widths = family.layers(recipe.hidden, told=any(METHODS[name].told for name in recipe.methods))
    count = sum((above + 1) * below for above, below in pairwise(widths))
    rows = recipe.shots + recipe.queries
    # Only the workspace takes a meta-batch in chunks.
    whole = any(METHODS[name].objective in (joint, first_order) for name in recipe.methods)
    at_once = max(rows * (recipe.meta_batch if whole else MEASURED), CHUNK)
    batch = recipe.meta_batch * rows * (widths[0] + widths[-1])
    return item * (VECTORS * count + ACTIVATIONS * at_once * sum(widths) + BATCHES * batch)


def of_evaluation(family: TaskFamily, tasks: int, points: int) -> float:
    """Bytes that the tasks of an evaluation take, about."""
    return 8.0 * BATCHES * tasks * (points + 100) * (family.inputs + family.outputs)
