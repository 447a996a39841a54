"""Draw the figures of a run."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from docs.sinusoid import tasks
from docs.sinusoid.command import Refusal, parser, read_json, replacing, status, writable
from docs.sinusoid.evaluate import digest, load_run
from docs.sinusoid.methods import TITLES
from docs.sinusoid.metrics import read_metrics
from docs.sinusoid.tasks import GRID, stream

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from docs.sinusoid.evaluate import Run
    from docs.sinusoid.statistics import Summary

#: Colours that stay apart for colour-blind readers, and in grey.
COLOURS = {"maml": "#0b6e99", "joint": "#c8553d", "random": "#7a7a7a"}

STYLE: dict[Any, Any] = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.hashsalt": "maml",  # or the ids in the file differ from run to run
    "svg.fonttype": "none",
}


# --8<-- [start:fits]
def fits(run: Run, seed: int) -> Figure:
    """One unseen sinusoid: its samples and the predictions before and after fine-tuning."""
    rng = stream(seed, 3)
    amplitude, phase = rng.uniform(2.5, 4.5), rng.uniform(*tasks.PHASE)
    dtype = run.starts["random"][0].dtype
    x = rng.uniform(*tasks.INPUTS, size=(run.recipe.shots, 1)).astype(dtype)
    y = tasks.sinusoid(x, amplitude, phase).astype(dtype)
    figure = Figure(figsize=(10, 3.4), layout="constrained")
    panels = figure.subplots(1, len(run.starts), sharex=True, sharey=True, squeeze=False)[0]
    for panel, (name, weights) in zip(panels, run.starts.items(), strict=True):
        panel.plot(GRID, tasks.sinusoid(GRID, amplitude, phase), color="#222222", lw=1.2)
        panel.plot(x, y, "o", color="#222222", ms=4)
        for steps, line in ((0, ":"), (1, "--"), (10, "-")):
            adapted = run.net.adapt(weights, x, y, run.recipe.alpha, steps=steps)
            prediction = run.net.predict(adapted, GRID.astype(dtype))
            panel.plot(GRID, prediction, line, color=COLOURS[name], lw=1.8)
        panel.set(title=TITLES[name], xlabel="x")
    panels[0].set(ylabel="y", ylim=(-5.5, 5.5))
    labels = [
        "true sinusoid",
        f"{run.recipe.shots} samples",
        "before",
        "after 1 step",
        "after 10 steps",
    ]
    figure.legend(panels[0].get_lines(), labels, loc="outside lower center", ncols=5, frameon=False)
    return figure


# --8<-- [end:fits]


def learning_curve(losses: dict[str, list[float]]) -> Figure:
    """The training loss, averaged over windows so that the trend shows."""
    figure = Figure(figsize=(6, 3.4), layout="constrained")
    axes = figure.subplots()
    labels = {"maml": "MAML, after adaptation", "joint": "joint training"}
    for name, values in losses.items():
        window = max(1, len(values) // 100)
        whole = len(values) // window * window
        means = np.reshape(values[:whole], (-1, window)).mean(axis=1)
        middles = (np.arange(len(means)) + 0.5) * window
        axes.plot(middles, means, color=COLOURS[name], label=labels[name])
    axes.set(xlabel="meta-iteration", ylabel="training loss", ylim=(0, None))
    axes.legend(frameon=False)
    return figure


# --8<-- [start:error_by_step]
def error_by_step(evaluation: dict[str, Summary], count: int) -> Figure:
    """The error on unseen sinusoids against gradient steps, with 95 % confidence bands."""
    figure = Figure(figsize=(6, 3.4), layout="constrained")
    axes = figure.subplots()
    for name, record in evaluation.items():
        mean, half = np.array(record["mse"], float), np.array(record["ci95"], float)
        steps = np.arange(len(mean))
        axes.plot(steps, mean, "o-", ms=3, color=COLOURS[name], label=TITLES[name])
        axes.fill_between(steps, mean - half, mean + half, color=COLOURS[name], alpha=0.2, lw=0)
    axes.set(
        xlabel="gradient steps",
        ylabel=f"mean squared error, {count:,} sinusoids",
        ylim=(0, None),
    )
    axes.legend(frameon=False)
    return figure


# --8<-- [end:error_by_step]


def save(figure: Figure, folder: Path, name: str) -> None:
    """Write a figure as PNG and SVG."""
    for suffix, metadata in (("png", {"Software": None}), ("svg", {"Date": None})):
        with replacing(folder / f"{name}.{suffix}") as file:
            figure.savefig(file, format=suffix, dpi=160, metadata=metadata)


def run(options: argparse.Namespace, seed: int) -> int:
    """Draw the figures of a run; the exit status."""
    loaded = load_run(options.run)
    curves = read_metrics(options.run / "metrics.csv")
    losses = {name: curve.losses for name, curve in curves.items()}
    made_by = "python -m docs.sinusoid.evaluate"
    path = options.run / "evaluation.json"
    evaluation = read_json(path, {"methods", "tasks", "weights"}, made_by)
    methods = evaluation["methods"]
    if not isinstance(methods, dict) or set(methods) != set(loaded.starts):
        raise Refusal(f"{path} has not the methods of this run; it must be as {made_by} makes it")
    if evaluation["weights"] != digest(loaded):
        raise Refusal(f"{path} is of other weights; it must be made again by {made_by}")
    folder = writable(options.run / "figures")
    with mpl.rc_context(STYLE):
        figures = {
            "fits": fits(loaded, seed),
            "learning_curve": learning_curve(losses),
            "error_by_step": error_by_step(methods, evaluation["tasks"]),
        }
        for name, figure in figures.items():
            save(figure, folder, name)
    print(f"wrote {folder}/fits, learning_curve and error_by_step (.png, .svg)")
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
