"""Draw the figures of the chapter about speed from ``benchmark.json``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from docs.experiment.command import Parser
from docs.experiment.files import replacing
from docs.experiment.plot.drawing import STYLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT / "docs" / "speed"

#: Colours that stay apart for colour-blind readers; the marks do in grey as well.
COLOURS = {
    "workspace": "#0b6e99",
    "C": "#8a4fa0",
    "kernel": "#58a4b0",
    "JAX": "#c8553d",
    "reference": "#7a7a7a",
    "torch.func": "#9c6b30",
}
MARKS = {"workspace": "o", "kernel": "s", "JAX": "^"}
#: What the roofline has points of, and their marks.
POINTS = {"workspace": "o", "C": "D"}
BLACK, GREY = "#222222", "#7a7a7a"
#: Under a label that a line of the grid may pass.
GROUND: dict[str, Any] = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
LABELS = {
    "workspace": "workspace form",
    "kernel": "readable form",
    "reference": "as derived",
    "C": "in C",
}

#: Where the name of a point of the roofline stands that has near neighbours, or no room on the
#: right: points to the right and up.
PLACES = {
    "(4, 10, 40)": (-6, -3),
    "(25, 5, 40)": (-6, -3),
    "(25, 10, 40), tanh": (-6, -3),
    "(25, 10, 256)": (-6, -3),
    "(25, 10, 1024)": (-6, -3),
    "(25, 40, 40)": (-6, 7),
    "(1000, 10, 40)": (-6, -3),
    "(100, 10, 40)": (-6, -10),
}


def case_name(case: dict[str, Any]) -> str:
    """Tasks, points and units, and what differs from two hidden layers of relu and one step."""
    words = [f"({case['T']}, {case['K']}, {case['H']})"]
    layers = "layer" if case["hidden"] == 1 else "layers"
    words += [f"{case['hidden']} {layers}"] if case["hidden"] != 2 else []
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
        places = [at + shift for at in range(len(cases))]
        widths = [each["median"] - 1 for each in ratios]
        errors, colour, label = _quartiles(ratios), COLOURS[name], LABELS[name]
        axes.barh(places, widths, 0.36, left=1, xerr=errors, color=colour, label=label)
    axes.axvline(1, color=BLACK, lw=1)
    axes.set_xscale("log", base=2)
    ticks = [0.25, 0.5, 1, 2, 4, 8]
    axes.set_xticks(ticks, ["¼", "½", "1", "2", "4", "8"])
    _rows(axes, [case_name(case) for case in cases])
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
    for (key, title), axes in zip(titles.items(), panels, strict=False):
        table = record["growth"][key]
        for name, mark in MARKS.items():
            times = [1e6 * each for each in table[name]]
            label = LABELS.get(name, name)
            axes.plot(table["sizes"], times, marker=mark, ms=4, color=COLOURS[name], label=label)
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.set_xticks(table["sizes"], [str(size) for size in table["sizes"]])
        _plain(axes.yaxis)
        axes.set_xlabel(title)
    figure.supylabel("microseconds a call")
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.axes[-1].axis("off")
    figure.axes[-1].legend(handles, labels, loc="center", frameon=False)
    return figure


def roofline_figure(record: dict[str, Any]) -> Figure:
    """Attained GFLOP/s against the operations for each byte of the buffers."""
    machine = record["machine"]
    figure = Figure(figsize=(7, 4.6), layout="constrained")
    axes = figure.subplots()
    roof, memory = machine["fma"] or machine["sgemm"], machine["bandwidth"]
    low, ridge, high = 0.5, roof / memory, 500
    axes.plot([low, ridge, high], [low * memory, roof, roof], color=BLACK, lw=1.2)
    axes.axhline(machine["sgemm"], color=GREY, lw=1, ls="--")
    if machine["fma"]:
        text = f"multiply-adds, {roof:.0f} GFLOP/s"
        axes.text(high, roof * 1.04, text, ha="right", va="bottom")
    # On the left, where no case comes so high.
    text = f"large matrix\nproducts, {machine['sgemm']:.0f}"
    axes.text(low * 1.05, machine["sgemm"] * 1.04, text, va="bottom", color="#555555")
    axes.text(low * 1.7, low * memory * 1.3, f"memory, {memory:.0f} GB/s", color="#555555")
    _points(axes, record["free"]["cases"])
    axes.set_xscale("log")
    axes.set_yscale("log")
    _plain(axes.xaxis)
    _plain(axes.yaxis)
    axes.set(xlabel="operations for each byte of the buffers", ylabel="GFLOP/s")
    axes.set_xlim(low, high)
    return figure


def _points(axes: Axes, cases: list[dict[str, Any]]) -> None:
    """Both forms, case by case; names for the workspace form, since in C the points lie close."""
    for form, mark in POINTS.items():
        found = [case for case in cases if form in case["intensity"]]
        at = [case["intensity"][form] for case in found]
        rates = [case["contenders"][form]["gflops"] for case in found]
        axes.plot(at, rates, mark, ms=5, color=COLOURS[form], label=LABELS[form])
    for case in cases:
        name = case_name(case)
        place = (case["intensity"]["workspace"], case["contenders"]["workspace"]["gflops"])
        shift = PLACES.get(name, (6, -3))
        side = "right" if shift[0] < 0 else "left"
        axes.annotate(name, place, shift, textcoords="offset points", ha=side, fontsize=7)
    axes.legend(loc="lower right", frameon=False)


def technique_figure(record: dict[str, Any]) -> Figure:
    """The time that each technique saves: at the usual sizes, and at sizes of its own."""
    usual = (25, 10, 40)
    halves: list[list[Any]] = [[], []]
    for row in record["undone"]:
        halves[(row["T"], row["K"], row["H"]) != usual].append(row)
    halves = [rows for rows in halves if rows]
    heights = [len(rows) + 1 for rows in halves]
    figure = Figure(figsize=(7, 0.34 * sum(heights) + 0.8), layout="constrained")
    panels = figure.subplots(len(halves), 1, squeeze=False, height_ratios=heights)[:, 0]
    for rows, axes in zip(halves, panels, strict=True):
        lost = [{key: 1e6 * value for key, value in row["lost"].items()} for row in rows]
        widths = [each["median"] for each in lost]
        colour, errors = COLOURS["workspace"], _quartiles(lost)
        bars = axes.barh(range(len(rows)), widths, xerr=errors, color=colour)
        times = [f"{row['ratio']['median']:.2f} times" for row in rows]
        axes.bar_label(bars, times, padding=6, fontsize=9, bbox=GROUND)
        axes.axvline(0, color=BLACK, lw=1)
        axes.margins(x=0.2)
        own = (rows[0]["T"], rows[0]["K"], rows[0]["H"]) != usual
        _rows(axes, [row["technique"] + (f" {case_name(row)}" if own else "") for row in rows])
    panels[-1].set_xlabel("microseconds lost without it")
    return figure


def memory_figure(record: dict[str, Any]) -> Figure:
    """Peak memory of a call where layers are wide."""
    found = record["memory"]
    widest = max((row["H"] for row in found), default=0)
    tasks = sorted({row["T"] for row in found if row["H"] == widest})
    figure = Figure(figsize=(7, 3), layout="constrained")
    panels = figure.subplots(1, max(len(tasks), 1), squeeze=False)[0]
    if not found:
        panels[0].set_title("not measured: this system does not tell a peak", fontsize=10)
    for count, axes in zip(tasks, panels, strict=False):
        rows = [row for row in found if (row["T"], row["H"]) == (count, widest)]
        weights = rows[0]["weights of all tasks"] / 2**20
        _bars(axes, rows, weights)
        axes.axvline(weights, color=BLACK, lw=1, ls="--")
        axes.set_title(f"{count} tasks, {widest} units", fontsize=10)
        axes.set_xlabel("MB (dashed: a weight matrix a task)", fontsize=9)
    return figure


def _bars(axes: Axes, rows: list[dict[str, Any]], line: float) -> None:
    """A bar for each contender; the number of a bar that ends before a line stands behind it."""
    names = [row["contender"] for row in rows]
    sizes = [row["bytes"] / 2**20 for row in rows]
    axes.barh(range(len(rows)), sizes, color=[COLOURS[name] for name in names])
    for row, size in enumerate(sizes):
        axes.annotate(
            f"{size:,.0f}",
            (max(size, line), row),
            (4, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
            bbox=GROUND,
        )
    axes.margins(x=0.16)
    _rows(axes, [LABELS.get(name, name) for name in names])


def _rows(axes: Axes, labels: list[str]) -> None:
    """Name the bars, the first one on top, before a grid."""
    axes.set_yticks(range(len(labels)), labels)
    axes.invert_yaxis()
    axes.grid(axis="x", color="#cccccc", lw=0.6)
    axes.set_axisbelow(True)


def _quartiles(summaries: list[dict[str, float]]) -> list[list[float]]:
    """How far the quartiles are below and above the medians."""
    return [
        [each["median"] - each["low"] for each in summaries],
        [each["high"] - each["median"] for each in summaries],
    ]


def _plain(axis: Axis) -> None:
    """Plain numbers at 1, 2 and 5 of every power of ten."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axis.set_minor_locator(NullLocator())


FIGURES = {
    "ratios": ratio_figure,
    "growth": growth_figure,
    "roofline": roofline_figure,
    "techniques": technique_figure,
    "memory": memory_figure,
}


def main(arguments: list[str] | None = None) -> int:
    """Draw all figures; the exit status."""
    parser = Parser(prog="python -m tests.benchmark.figures")
    parser.add_argument("--input", type=Path, default=FOLDER / "benchmark.json")
    parser.add_argument("--output", type=Path, default=FOLDER / "figures")
    options = parser.parse_args(arguments)
    try:
        record = json.loads(options.input.read_text(encoding="utf-8"))
        options.output.mkdir(parents=True, exist_ok=True)
        with mpl.rc_context(STYLE):
            for name, draw in FIGURES.items():
                with replacing(options.output / f"{name}.svg", own=False) as file:
                    draw(record).savefig(file, format="svg", metadata={"Date": None})
    except (OSError, ValueError, KeyError) as error:
        print(f"error: {options.input}: {error!r}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
