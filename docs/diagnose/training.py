"""How far the first-order gradient is from the meta-gradient while MAML is trained.

``python -m docs.diagnose.training`` trains as the sinusoid experiment does, and writes the angle
at a few stages to ``training.json``, which the page shows.
"""

from __future__ import annotations

import sys
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from docs.diagnose.compare import degrees, flat
from docs.diagnose.gradients import like
from docs.experiment.adam import Adam
from docs.experiment.command import Parser, status, write_json
from docs.experiment.networks import flatten, initial_weights, load_network
from docs.experiment.randomness import stream
from docs.sinusoid import tasks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docs.experiment.family import Batch
    from docs.experiment.networks import Network, WeightTuple

RESULTS = Path(__file__).parent / "training.json"
STAGES = (0, 100, 1000, 3000, 10_000)
UNITS, TASKS, SHOTS, ALPHA = 40, 25, 10, 0.01

#: Meta-batches of unseen tasks that a stage is measured on: from one to the next an angle changes
#: by tens of degrees, so quartiles are given.
BATCHES = 200


# --8<-- [start:angle]
def compared(net: Network, weights: WeightTuple, batch: Batch) -> dict[str, float]:
    """The first-order gradient beside the meta-gradient: angle in degrees, ratio of lengths."""
    loss, gradient = net.meta_loss_and_gradient(weights, *batch, ALPHA)
    second = flat(gradient)
    first = flat(net.first_order_meta_loss_and_gradient(weights, *batch, ALPHA)[1])
    ratio = float(np.linalg.norm(first) / np.linalg.norm(second))
    return {"loss": loss, "angle": degrees(first, second), "length": ratio}


# --8<-- [end:angle]


def quartiles(values: list[float]) -> dict[str, float]:
    """The median and the quartiles on either side of it."""
    low, median, high = np.quantile(values, [0.25, 0.5, 0.75])
    return {"low": float(low), "median": float(median), "high": float(high)}


def measured(stages: tuple[int, ...] = STAGES, batches: int = BATCHES) -> Iterator[dict[str, Any]]:
    """Train MAML by its meta-gradient, and compare the two on unseen tasks at some stages."""
    net, single, double = load_network("relu2"), np.dtype(np.float32), np.dtype(np.float64)
    ws = net.workspace((1, UNITS, UNITS, 1), TASKS, SHOTS, SHOTS, single)
    flatten(initial_weights(net, [1, UNITS, UNITS, 1], stream(0, 0), single), out=ws.parameters)
    adam, seen = Adam(ws.parameters), tasks.batches(stream(0, 1), TASKS, SHOTS, SHOTS, single)
    unseen = list(islice(tasks.batches(stream(0, 2), TASKS, SHOTS, SHOTS, double), batches))
    done = 0
    for stage in stages:
        for _ in range(stage - done):
            ws.meta_loss_and_gradient(ws.weights, *next(seen), ALPHA)
            adam.update(ws.gradient)
        done = stage
        here = like(ws.weights, [array.astype(np.float64) for array in ws.weights])
        found = [compared(net, here, batch) for batch in unseen]
        columns = {name: quartiles([each[name] for each in found]) for name in found[0]}
        yield {"iterations": stage, **columns}


def run(path: Path) -> int:
    """Measure, write and print."""
    stages: list[dict[str, Any]] = []
    for stage in measured():
        medians = [f"{name} {stage[name]['median']:.4g}" for name in ("loss", "angle", "length")]
        print(f"after {stage['iterations']}: {', '.join(medians)}")
        stages.append(stage)
    write_json(path, {"tasks": TASKS, "batches": BATCHES, "alpha": ALPHA, "stages": stages})
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Run ``python -m docs.diagnose.training``."""
    parser = Parser(
        prog="python -m docs.diagnose.training",
        description="Measure the angle between the two gradients during training.",
    )
    parser.add_argument("--out", type=Path, default=RESULTS, metavar="FILE", help="what to write")
    options = parser.parse_args(arguments)
    return status(lambda: run(options.out))


if __name__ == "__main__":
    sys.exit(main())
