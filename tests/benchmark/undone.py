"""What each technique gives: the generated code with one of them undone, against itself.

A technique is undone by editing a copy of the package and of its runtime. An edit that finds
nothing to change is an error, and the edited package must still compute the gradient. That a bias
is a row of its weights cannot be undone by edits: all shapes depend on it.
"""

from __future__ import annotations

import re
import shutil
import sys
import time
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.benchmark.cases import ROOT, Case, problem
from tests.benchmark.clock import ratios, rounded, rounds, summary
from tests.benchmark.contenders import check, workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.benchmark.contenders import Call

PACKAGE = "relu2"


class Edit(NamedTuple):
    """A change in a file below ``generated/``: what a pattern finds, and what replaces it."""

    file: str
    pattern: str
    replacement: str | Callable[[re.Match[str]], str]


class Technique(NamedTuple):
    """A rule of the lowering, what stands in its place when it is undone, and how."""

    name: str
    instead: str
    edits: tuple[Edit, ...]
    case: Case = Case()


def inplace(pattern: str, replacement: str | Callable[[re.Match[str]], str]) -> Edit:
    """A change in the lowered code."""
    return Edit(f"{PACKAGE}/inplace.py", pattern, replacement)


def _each_its_own(match: re.Match[str]) -> str:
    """``a = b = memory`` as one line for each name."""
    names, memory = match[2].split(" = "), match[3]
    return "\n".join(f"{match[1]}{name} = {memory}" for name in names)


#: The choice of forms, by layer.
FORCED = r"    return \(\n(?:        .*,\n)+    \)"

TECHNIQUES = (
    Technique(
        "buffers made once",
        "a new array for every result, copied into its place",
        (
            inplace(r"matmul\(([^\n]*), out=([\w.]+)\)", r"\2[...] = matmul(\1)"),
            inplace(
                r"(add|subtract|multiply|maximum|bitwise_and)\(([^\n]*), out=([\w.]+)\)",
                r"\3[...] = \1(\2)",
            ),
        ),
    ),
    Technique(
        "buffers shared",
        "one for each quantity",
        (inplace(r"(?m)^( +)(\w+(?: = \w+)+) = (arena\..*)$", _each_its_own),),
    ),
    Technique(
        "kernels by batched matmul",
        "einsum",
        (
            inplace(
                r"matmul\((\w+)\.task, (\w+)\.task\.mT, out=(K_\w+)\)",
                r"np.einsum('tmh,tnh->tmn', \1.task, \2.task, out=\3)",
            ),
            inplace(
                r"matmul\((K_\w+), (\w+)\.task_units, out=(\w+)\.task_units\)",
                r"np.einsum('tmn,tnh->tmh', \1, \2.task_units, out=\3.task_units)",
            ),
            inplace(
                r"matmul\((K_\w+)\.mT, (\w+)\.task_units, out=(\w+)\.task_units\)",
                r"np.einsum('tnm,tnh->tmh', \1, \2.task_units, out=\3.task_units)",
            ),
        ),
    ),
    Technique(
        "gates as bits",
        "a product with booleans",
        (
            inplace(
                r"(?m)^( +)(G\d_s|Z\d_q_bar) = (arena\.rows.*)$",
                r"\1\2 = \3\n\1\2_open = np.empty(\2.all.shape, np.bool_)",
            ),
            inplace(
                r"subtract\(zero, (\w+)\.all, out=(\w+)\.all\)(.*)\n\s+right_shift.*",
                r"np.greater(\1.all, zero, out=\2_open)\3",
            ),
            inplace(
                r"bitwise_and\((\w+)\.bits, (G\w+)\.bits, out=(\w+)\.bits\)",
                r"multiply(\1.all, \2_open, out=\3.all)",
            ),
            inplace(
                r"bitwise_and\((\w+)\.bits, (\w+)\.bits, out=(\w+)\.bits\)",
                r"multiply(\2.all, \1_open, out=\3.all)",
            ),
        ),
    ),
    Technique(
        "a maximum with an array of zeros",
        "with the number zero",
        (inplace(r"maximum\((\w+\.all), zeros_\w+,", r"maximum(\1, zero,"),),
    ),
    Technique(
        "the method dot, also for sums over tasks",
        "matmul and add.reduce",
        (
            inplace(r"(\w+\.all(?:\.T)?)\.dot\(([\w.]+), ([\w.]+)\)", r"matmul(\1, \2, out=\3)"),
            inplace(
                r"ones\.dot\((\w+)\.each, (\w+)\.reshape\(-1\)\)",
                r"np.add.reduce(\1.stored, axis=0, out=\2)",
            ),
        ),
    ),
    Technique(
        "weights transposed once a call",
        "by BLAS in every product",
        (Edit("runtime/memory.py", r"TRANSPOSED = 96", "TRANSPOSED = 0"),),
    ),
    Technique(
        "dense first and last layer",
        "in kernel form",
        (inplace(FORCED, "    return (False, False, False)"),),
    ),
    Technique(
        "kernels in the middle layer",
        "in dense form",
        (inplace(FORCED, "    return (True, True, True)"),),
    ),
    Technique(
        "kernels, where a layer is wide",
        "in dense form",
        (inplace(FORCED, "    return (True, True, True)"),),
        Case(H=256),
    ),
    Technique(
        "dense, where rows are many",
        "all layers in kernel form",
        (inplace(FORCED, "    return (False, False, False)"),),
        Case(K=40),
    ),
    Technique(
        "a second output of zeros",
        "one output",
        (
            Edit("runtime/repeated.py", r"max\(sizes\[-1\], 2\)", "sizes[-1]"),
            Edit("runtime/repeated.py", r"max\(self\._sizes\[-1\], 2\)", "self._sizes[-1]"),
        ),
    ),
    Technique(
        "chunks of tasks",
        "a thousand tasks at once",
        (Edit("runtime/repeated.py", r"ROWS = 500", "ROWS = 10**9"),),
        Case(T=1000),
    ),
)


#: Sums that go through a function before they are stored: what is written, its sizes, the start,
#: the function, the other matrix, the terms.
THROUGH = (
    r"PRODUCT\((\w+), ([\w +]+, [\w +]+), (NONE|PLAIN\(\w+\)), (activated|sloped), "
    r"(?:NONE|PLAIN\((\w+)\)), (.*)\);"
)


def _afterwards(match: re.Match[str]) -> str:
    """A product, and the function in a pass of its own."""
    out, sizes, start, function, other, terms = match.groups()
    then = f"EACH({out}, {sizes}, {function}(at({out}), at({other or out})));"
    return f"PRODUCT({out}, {sizes}, {start}, same, NONE, {terms}); {then}"


#: Inner products of rows as one product more, with a transposed copy of the right factor.
COPYING = r"""#define SCALED_DOTS(out, rows, columns, start, left, right, inner, scale) do { \
    F turned[inner][LD(columns)] __attribute__((aligned(BYTES))); \
    COPY(turned[j][i], (right)[i][j], columns, inner); \
    PRODUCT(out, rows, columns, start, same, NONE, SCALED(PLAIN(left), turned, inner, scale)); \
} while (0)
#define DOTS"""


def header(pattern: str, replacement: str | Callable[[re.Match[str]], str]) -> Edit:
    """A change in what C is compiled with."""
    return Edit("runtime/kernels.h", pattern, replacement)


NATIVE = (
    Technique(
        "tiles in registers",
        "two vectors at a time",
        (header(r"#ifndef WIDEST", "#define WIDEST 2\n#define LARGEST 2\n#ifndef WIDEST"),),
    ),
    Technique(
        "vectors as wide as the machine's",
        "of 16 bytes",
        (header(r"#ifndef BYTES", "#define BYTES 16\n#ifndef BYTES"),),
    ),
    Technique(
        "functions applied in the tile",
        "in a pass of their own",
        (Edit(f"{PACKAGE}/native.c", THROUGH, _afterwards),),
    ),
    Technique(
        "inner products of rows",
        "a product with a transposed copy",
        (header(r"(?s)#define SCALED_DOTS.*?#define DOTS", lambda _: COPYING),),
    ),
    Technique(
        "kernels in the middle layer, in C",
        "in dense form",
        (inplace(FORCED, "    return (True, True, True)"),),
    ),
)


def edited(technique: Technique | None, folder: Path, name: str) -> Any:
    """Import a copy of the package, a technique undone.

    Raises
    ------
    ValueError
        When an edit finds nothing to change.
    """
    target = folder / name
    if target.exists():
        shutil.rmtree(target)
    for part in (PACKAGE, "runtime"):
        shutil.copytree(ROOT / "generated" / part, target / part)
    for edit in technique.edits if technique else ():
        path = target / edit.file
        text, count = re.subn(edit.pattern, edit.replacement, path.read_text(encoding="utf-8"))
        if not count:
            raise ValueError(f"{name}: nothing in {edit.file} matches {edit.pattern!r}")
        path.write_text(text, encoding="utf-8")
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    return import_module(f"{name}.{PACKAGE}")


def undone(
    folder: Path,
    count: int,
    quick: bool,
    techniques: Sequence[Technique] = TECHNIQUES,
    form: Callable[[Any, Case, Any], Call] = workspace,
    now: Callable[[], float] = time.perf_counter,
) -> list[dict[str, Any]]:
    """Time every technique against its absence, in the workspace form or in C."""
    whole = edited(None, folder, "untouched")
    found = []
    for at, technique in enumerate(techniques):
        case = Case(T=2, H=8) if quick else technique.case
        numbers = problem(case)
        without = edited(technique, folder, f"undone{at}")
        calls = {"with": form(whole, case, numbers), "without": form(without, case, numbers)}
        check(technique.name, calls["without"](), without, numbers)
        times = rounds(calls, count, now)
        lost = [b - a for a, b in zip(times["with"], times["without"], strict=True)]
        found.append(
            {
                **case.record,
                "technique": technique.name,
                "instead": technique.instead,
                "time": rounded(summary(times["with"])["median"]),
                "lost": summary(lost),
                "ratio": ratios(times["without"], times["with"]),
            }
        )
    return found
