"""Draw the figures of the chapter about speed from ``benchmark.json``."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.figure import Figure

from docs.sinusoid.command import replacing
from docs.sinusoid.plot import STYLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT / "docs" / "speed"

#: Colours that stay apart for colour-blind readers; the marks do in grey as well.
COLOURS = {
    "workspace": "#0b6e99",
    "kernel": "#58a4b0",
    "JAX": "#c8553d",
    "reference": "#7a7a7a",
    "torch.func": "#9c6b30",
}
MARKS = {"workspace": "o", "kernel": "s", "JAX": "^"}
LABELS = {"workspace": "workspace form", "kernel": "readable form", "reference": "as derived"}


def case_name(case: dict[str, Any]) -> str:
    """Tasks, points and units, and what differs from two hidden layers of relu and one step."""
    words = [f"({case['T']}, {case['K']}, {case['H']})"]
    words += [f"{case['hidden']} layers"] if case["hidden"] != 2 else []
    words += [f"{case['steps']} steps"] if case["steps"] != 1 else []
    words += [case["activation"]] if case["activation"] != "relu" else []
    return ", ".join(words)


def ratio_figure(record: dict[str, Any]) -> Figure:
    """JAX's time over ours, case by case, with quartiles."""
    cases = record["free"]["cases"]
    figure = Figure(figsize=(7, 0.42 * len(cases) + 1), layout="constrained")
    axes = figure.subplots()
    for shift, name in ((-0.19, "workspace"), (0.19, "kernel")):
        ratios = [case["contenders"][name]["ratio"] for case in cases]
        middles = [each["median"] for each in ratios]
        errors = [
            [each["median"] - each["low"] for each in ratios],
            [each["high"] - each["median"] for each in ratios],
        ]
        places = [at + shift for at in range(len(cases))]
        label = LABELS[name]
        widths = [middle - 1 for middle in middles]
        axes.barh(places, widths, 0.36, left=1, xerr=errors, color=COLOURS[name], label=label)
    axes.axvline(1, color="#222222", lw=1)
    axes.set_xscale("log", base=2)
    axes.grid(axis="x", color="#cccccc", lw=0.6)
    axes.set_axisbelow(True)
    axes.set_xticks([0.25, 0.5, 1, 2, 4, 8], ["¼", "½", "1", "2", "4", "8"])
    axes.set_yticks(range(len(cases)), [case_name(case) for case in cases])
    axes.invert_yaxis()
    axes.set_ylabel("(tasks, points, units)")
    axes.set_xlabel("time of JAX over time of ours")
    figure.legend(loc="outside lower right", ncols=2, frameon=False)
    return figure


def growth_figure(record: dict[str, Any]) -> Figure:
    """Time while one size grows, on logarithmic scales."""
    titles = {"T": "tasks", "K": "points of each set", "H": "units", "hidden": "hidden layers"}
    titles["steps"] = "inner steps"
    figure = Figure(figsize=(9, 5.2), layout="constrained")
    panels = figure.subplots(2, 3).flat
    for (key, table), axes in zip(record["growth"].items(), panels, strict=False):
        for name, mark in MARKS.items():
            times = [1e6 * each for each in table[name]]
            label = LABELS.get(name, name)
            axes.plot(table["sizes"], times, marker=mark, ms=4, color=COLOURS[name], label=label)
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.set_xticks(table["sizes"], [str(size) for size in table["sizes"]])
        axes.minorticks_off()
        axes.set_xlabel(titles[key])
    figure.supylabel("microseconds a call")
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.axes[-1].axis("off")
    figure.axes[-1].legend(handles, labels, loc="center", frameon=False)
    return figure


def roofline_figure(record: dict[str, Any]) -> Figure:
    """Attained GFLOP/s against the operations for each byte of the buffers."""
    machine, cases = record["machine"], record["free"]["cases"]
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    roof = machine["fma"] or machine["sgemm"]
    limit = "multiply-adds" if machine["fma"] else "matrix products"
    axes.plot(*_roof(roof, machine["bandwidth"]), color="#222222", lw=1.2)
    axes.text(400, roof * 1.06, f"{limit}, {roof:.0f} GFLOP/s", ha="right", va="bottom")
    axes.axhline(machine["sgemm"], color="#7a7a7a", lw=1, ls="--")
    label = f"large matrix products, {machine['sgemm']:.0f}"
    axes.text(0.12, machine["sgemm"] * 0.94, label, ha="left", va="top", color="#555555")
    place = 0.15 * machine["bandwidth"]
    axes.text(0.13, place * 1.5, f"memory, {machine['bandwidth']:.0f} GB/s", color="#555555")
    for case in cases:
        place = (case["flops"] / case["bytes"], case["contenders"]["workspace"]["gflops"])
        axes.plot(*place, "o", ms=5, color=COLOURS["workspace"])
        axes.annotate(case_name(case), place, (6, -3), textcoords="offset points", fontsize=7)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set(xlabel="operations for each byte of the buffers", ylabel="GFLOP/s", xlim=(0.1, 500))
    return figure


def _roof(peak: float, bandwidth: float) -> tuple[list[float], list[float]]:
    """The slanted and the flat part of a roofline."""
    return [0.1, peak / bandwidth, 500], [0.1 * bandwidth, peak, peak]


def technique_figure(record: dict[str, Any]) -> Figure:
    """The share of time that each technique saves."""
    rows = record["undone"]
    figure = Figure(figsize=(7, 0.34 * len(rows) + 0.9), layout="constrained")
    axes = figure.subplots()
    ratios = [row["ratio"] for row in rows]
    axes.barh(
        range(len(rows)),
        [each["median"] - 1 for each in ratios],
        left=1,
        xerr=[
            [each["median"] - each["low"] for each in ratios],
            [each["high"] - each["median"] for each in ratios],
        ],
        color=COLOURS["workspace"],
    )
    usual = (25, 10, 40)
    names = [
        row["technique"] + ("" if (row["T"], row["K"], row["H"]) == usual else f" {case_name(row)}")
        for row in rows
    ]
    axes.axvline(1, color="#222222", lw=1)
    axes.grid(axis="x", color="#cccccc", lw=0.6)
    axes.set_axisbelow(True)
    axes.set_yticks(range(len(rows)), names)
    axes.invert_yaxis()
    axes.set_xlabel("time without it, over the time with it")
    return figure


def memory_figure(record: dict[str, Any]) -> Figure:
    """Peak memory of a call where layers are wide."""
    widest = max(row["H"] for row in record["memory"])
    rows = [row for row in record["memory"] if row["H"] == widest]
    tasks = sorted({row["T"] for row in rows})
    figure = Figure(figsize=(7, 3), layout="constrained")
    for count, axes in zip(tasks, figure.subplots(1, len(tasks), squeeze=False)[0], strict=True):
        own = [row for row in rows if row["T"] == count]
        _bars(axes, own)
        weights = own[0]["weights of all tasks"] / 2**20
        axes.axvline(weights, color="#222222", lw=1, ls="--")
        axes.set_title(f"{count} tasks, {widest} units", fontsize=10)
        axes.set_xlabel("MB (dashed: a weight matrix a task)", fontsize=9)
    return figure


def _bars(axes: Axes, rows: list[dict[str, Any]]) -> None:
    names = [row["contender"] for row in rows]
    sizes = [row["bytes"] / 2**20 for row in rows]
    axes.barh(names, sizes, color=[COLOURS[name] for name in names])
    axes.set_yticks(range(len(names)), [LABELS.get(name, name) for name in names])
    axes.invert_yaxis()


FIGURES = {
    "ratios": ratio_figure,
    "growth": growth_figure,
    "roofline": roofline_figure,
    "techniques": technique_figure,
    "memory": memory_figure,
}


def main(arguments: list[str] | None = None) -> int:
    """Draw all figures; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmark.figures")
    parser.add_argument("--input", type=Path, default=FOLDER / "benchmark.json")
    parser.add_argument("--output", type=Path, default=FOLDER / "figures")
    options = parser.parse_args(arguments)
    try:
        record = json.loads(options.input.read_text(encoding="utf-8"))
        options.output.mkdir(parents=True, exist_ok=True)
        with mpl.rc_context(STYLE):
            for name, draw in FIGURES.items():
                with replacing(options.output / f"{name}.svg") as file:
                    draw(record).savefig(file, format="svg", metadata={"Date": None})
    except (OSError, ValueError, KeyError) as error:
        print(f"error: {options.input}: {error!r}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
