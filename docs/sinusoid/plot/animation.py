"""Adaptation as a film of a few seconds: an SVG that moves, and a strip of its pictures.

The SVG is written here and not by matplotlib, which knows no animation and would make it much
larger. It moves by CSS alone, so that it does so inside an image. At rest it shows the last
picture: that is what those see who want no motion, and those who come late.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from ...experiment.evaluate import STEPS, errors_by_step
from ...experiment.plot.drawing import FAINT, INK, LOOKS, WIDTH
from ..family import SINUSOIDS
from ..tasks import DIVERGED
from .examples import example, predictions, shown

if TYPE_CHECKING:
    from ...experiment.evaluate import Run
    from ...experiment.networks import Array
    from .examples import Example

#: Seconds that the picture before the first step stays, and each of the others. Motion that ends
#: within five needs no button to stop it (WCAG 2.2.2).
FIRST, NEXT = 1.0, 0.35

#: Width and height of the drawing, and the sides of its panel, in the drawing's units.
WIDE, HIGH = 400, 344
LEFT, RIGHT, TOP, BOTTOM = 30, 392, 88, 296

#: Where the texts about the starts stand.
ROWS = (52, 76)

#: What the panel shows of x and y.
X_ENDS, Y_ENDS = (-5.0, 5.0), (-6.0, 6.0)

#: Of a line, in the drawing's units.
THICK = 2.6

STYLE = f"""
text {{ font: 15px system-ui, "DejaVu Sans", sans-serif; fill: {INK} }}
.small {{ font-size: 13px; fill: {FAINT} }}
.bold {{ font-weight: 600 }}
.end {{ text-anchor: end }}
.middle {{ text-anchor: middle }}
.line {{ fill: none; stroke-width: {THICK}; stroke-linejoin: round }}
.past {{ opacity: .13 }}
.gone {{ opacity: 0 }}
@keyframes show {{ 0% {{ opacity: 0 }} .1%, 100% {{ opacity: 1 }} }}
@media (prefers-reduced-motion: reduce) {{ g {{ animation: none !important }} }}
"""


def begins(step: int) -> float:
    """When the picture after a step comes, in seconds."""
    return 0.0 if step == 0 else FIRST + (step - 1) * NEXT


def place(x: Array | float, y: Array | float) -> tuple[Array, Array]:
    """From the sinusoid's units to those of the panel, whose corner is (0, 0)."""
    (x_low, x_high), (y_low, y_high) = X_ENDS, Y_ENDS
    across = (np.asarray(x) - x_low) / (x_high - x_low) * (RIGHT - LEFT)
    return across, (y_high - np.asarray(y)) / (y_high - y_low) * (BOTTOM - TOP)


def polyline(x: Array, y: Array, look: str) -> str:
    """A line through points; those that are not finite are left out."""
    finite = np.isfinite(y)
    places = zip(*place(x[finite], y[finite]), strict=True)
    pairs = " ".join(f"{across:.1f},{down:.1f}" for across, down in places)
    return f'<polyline class="line" {look} points="{pairs}"/>'


def look_of(start: str) -> str:
    """The colour and the dashes of a method, as attributes."""
    line = LOOKS[start].line
    lengths = [] if line == "-" else [f"{THICK * length:.1f}" for length in line[1]]
    dashes = f' stroke-dasharray="{" ".join(lengths)}"' if lengths else ""
    return f'stroke="{LOOKS[start].colour}"{dashes}'


def heading(run: Run, starts: list[str]) -> list[str]:
    """What does not move above the panel: the steps, and the names of the lines."""
    marks = (dot(step) for step in range(STEPS + 1))
    lines = [f'<circle cx="{mark}" cy="19" r="2" fill="{FAINT}"/>' for mark in marks]
    for row, start in enumerate(starts):
        y = ROWS[row]
        lines.append(f'<path class="line" {look_of(start)} d="M8 {y - 5}h36"/>')
        lines.append(
            f'<text x="54" y="{y}" style="fill:{LOOKS[start].ink}">{run.title(start)}</text>'
        )
    return lines


def dot(step: int) -> int:
    """Where the mark of a step stands in the row of them."""
    return RIGHT - 15 * (STEPS - step) - 6


def scales() -> list[str]:
    """The numbers along the panel, and its zero line."""
    lines = []
    for x in (-5, 0, 5):
        across = LEFT + place(x, 0)[0]
        anchor = {-5: "", 5: " end"}.get(x, " middle")
        lines.append(f'<text class="small{anchor}" x="{across:.0f}" y="{BOTTOM + 16}">{x}</text>')
    for y in (-4, 0, 4):
        down = TOP + place(0, y)[1]
        lines.append(f'<path stroke="#ddd" d="M{LEFT} {down:.0f}H{RIGHT}"/>')
        lines.append(f'<text class="small end" x="{LEFT - 5}" y="{down + 4:.0f}">{y}</text>')
    return [line.replace(">-", ">\N{MINUS SIGN}") for line in lines]


def truth(task: Example) -> list[str]:
    """The sinusoid and its support points."""
    places = zip(*(np.ravel(each) for each in place(task.X_s, task.Y_s)), strict=True)
    return [
        polyline(task.X, task.Y, f'style="stroke-width:1.2" stroke="{INK}"'),
        *(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.2" fill="{INK}"/>' for x, y in places),
    ]


def group(name: str, step: int, lines: list[str]) -> str:
    """What belongs to a step; its class says what becomes of it when the next one comes."""
    kept = "" if step == STEPS else f" {name}"
    return f'<g class="s{step}{kept}">{"".join(lines)}</g>'


def numbers(errors: list[float], step: int) -> list[str]:
    """The mark of the step, its number, and the errors after it."""
    lines = [
        f'<circle cx="{dot(step)}" cy="19" r="5" fill="{INK}"/>',
        f'<text x="8" y="24">gradient step <tspan class="bold">{step}</tspan></text>',
    ]
    for y, error in zip(ROWS, errors, strict=False):
        lines.append(f'<text class="end" x="{RIGHT}" y="{y}">{said(error)}</text>')
    return lines


def said(error: float) -> str:
    """An error as text; what is NaN has diverged too."""
    return f"error {error:.2f}" if error <= DIVERGED else "diverged"


def adaptation(run: Run, seed: int) -> str:
    """The SVG: an unseen task, and what two starts predict for it step by step."""
    task, starts, steps = example(run, seed), shown(run, 2), range(STEPS + 1)
    found = [predictions(run, start, task, tuple(steps)) for start in starts]
    errors = [steps_of(run, start, task) for start in starts]
    curves, shown_errors = [], []
    for step in steps:
        now = zip(found, starts, strict=True)
        lines = [polyline(task.X, each[step], look_of(start)) for each, start in now]
        curves.append(group("past", step, lines))
        shown_errors.append(group("gone", step, numbers([each[step] for each in errors], step)))
    what = " and ".join(run.title(start) for start in starts)
    given = f"thin line: the true sinusoid; dots: {SINUSOIDS.amount(len(task.X_s))}"
    size = f'width="{WIDE * 3 // 2}" height="{HIGH * 3 // 2}" style="max-width:100%;height:auto"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {HIGH}" {size}>',
        f"<title>{what}: predictions for an unseen sinusoid, gradient step by step</title>",
        f"<style>{STYLE}{timing()}</style>",
        f'<rect width="{WIDE}" height="{HIGH}" fill="#fff"/>',
        *heading(run, starts),
        *scales(),
        f'<svg x="{LEFT}" y="{TOP}" width="{RIGHT - LEFT}" height="{BOTTOM - TOP}">',
        *curves,
        *truth(task),
        "</svg>",
        *shown_errors,
        f'<text class="small middle" x="{(LEFT + RIGHT) // 2}" y="{HIGH - 9}">{given}</text>',
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def timing() -> str:
    """When the pictures come: a rule a step."""
    return "".join(
        f".s{step} {{ animation: show {begins(step + 1) - begins(step):.2f}s {begins(step):.2f}s "
        "backwards }\n"
        for step in range(STEPS + 1)
    )


def steps_of(run: Run, start: str, task: Example) -> list[float]:
    """The errors of a start before and after each step."""
    with np.errstate(over="ignore", invalid="ignore"):
        return errors_by_step(run, start, *task[2:])


def filmstrip(run: Run, seed: int) -> Figure:
    """Four pictures of the animation, for where nothing moves."""
    task, starts = example(run, seed), shown(run, 2)
    figure = Figure(figsize=(WIDTH, 4.8), layout="constrained")
    panels = figure.subplots(2, 2, sharex=True, sharey=True)
    for panel, step in zip(panels.flat, SINUSOIDS.shown, strict=True):
        panel.plot(task.X, task.Y, color=INK, lw=1, label="true sinusoid")
        panel.plot(task.X_s, task.Y_s, "o", color=INK, ms=4, label=SINUSOIDS.amount(len(task.X_s)))
        for row, start in enumerate(starts):
            (Y,), look = predictions(run, start, task, (step,)), LOOKS[start]
            panel.plot(task.X, Y, color=look.colour, ls=look.line, lw=2, label=run.title(start))
            error = said(steps_of(run, start, task)[step])
            across = 1 - 0.27 * (len(starts) - 1 - row)  # the last one ends at the panel's side
            panel.annotate(
                error,
                (across, 1),
                (0, 6),
                xycoords="axes fraction",
                textcoords="offset points",
                ha="right",
                color=look.ink,
            )
        after = {0: "before", 1: "after 1 step"}.get(step, f"after {step} steps")
        panel.set_title(after, loc="left")
        panel.set_ylim(*Y_ENDS)
        if step in SINUSOIDS.shown[2:]:
            panel.set_xlabel("x")
    for panel in panels[:, 0]:
        panel.set_ylabel("y")
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    return figure
