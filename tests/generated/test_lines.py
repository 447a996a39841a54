"""Every line of an emitted function: the shape of what it computes, the number at its end."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sympy import MatrixSymbol

from derive.language import names
from derive.printers.latex import equation_latex
from tests.conftest import (
    NAMES,
    QUERIES,
    SHOTS,
    TASKS,
    Problem,
    derivation,
    layer_sizes,
    network,
    problem,
)
from tests.finite_differences import ALPHA, emitted

if TYPE_CHECKING:
    from derive.language.program import Equation

ROOT = Path(__file__).parents[2]

EQUATIONS = [
    pytest.param(name, form, function, id=f"{name}-{form}-{function}")
    for name in NAMES
    for form in ("kernel", "reference")
    for function in emitted(importlib.import_module(f"generated.{name}.{form}"))
    if function != "adapt"
]


def locals_of(call: Callable[[], Any], function: Callable[..., Any]) -> dict[str, Any]:
    """The local variables of a function when it returns."""
    seen: dict[str, Any] = {}

    def watch(frame: FrameType, event: str, _: Any) -> None:
        if event == "return" and frame.f_code is function.__code__:
            seen.update(frame.f_locals)

    sys.setprofile(watch)
    try:
        call()
    finally:
        sys.setprofile(None)
    return seen


def arguments(p: Problem, names: Iterable[str]) -> dict[str, Any]:
    known = {"weights": p.weights, "direction": p.weights, "alpha": ALPHA}
    if "X_q" in names:
        known |= p._asdict()
    else:
        known |= dict.fromkeys(("X", "X_s"), p.X_s[0]) | dict.fromkeys(("Y", "Y_s"), p.Y_s[0])
    return {name: known[name] for name in names}


@pytest.mark.parametrize(("name", "form", "function"), EQUATIONS)
def test_every_local_has_its_equations_shape(name: str, form: str, function: str) -> None:
    net, record = network(name), derivation(name)
    at = next(i for i, each in enumerate(record.functions) if each.name == function)
    spec = record.functions[at]
    program = record.rewritten[at] if form == "kernel" else spec.program
    emitted_function = getattr(importlib.import_module(f"generated.{name}.{form}"), function)
    inputs = arguments(problem(net), spec.arguments)
    found = locals_of(lambda: emitted_function(**inputs), emitted_function)

    sizes = layer_sizes(net)
    known = {names.N: SHOTS, names.M: QUERIES, names.D: sizes[0], names.O: sizes[-1]}
    known |= {names.width(i): size for i, size in enumerate(sizes[1:-1], start=1)}
    meta = spec.over_tasks
    for equation in program:
        shape = tuple(int(known.get(size, size)) for size in equation.shape)
        if meta and form == "reference":
            shape = (TASKS, *shape)
        elif meta and isinstance(equation.symbol, MatrixSymbol):
            counted = names.ROWS & set(equation.shape)
            if len(counted) == 2 or set(equation.shape) <= names.ROWS:
                shape = (TASKS, *shape)
            elif counted:
                shape = (TASKS * shape[0], shape[1])
        assert np.shape(found[equation.name]) == shape, equation.name


# --- the number at the end of a line ---


@pytest.mark.parametrize("name", NAMES)
def test_a_lines_number_is_that_of_the_same_equation(name: str) -> None:
    record = derivation(name)
    numbered: dict[str, set[str]] = {}
    listing = (ROOT / "generated" / name / "equations.md").read_text(encoding="utf-8")
    for number, formula in re.findall(r"^\| \((.*?)\) \| \$(.*?)\$ \|", listing, re.MULTILINE):
        numbered.setdefault(number, set()).add(formula)
    seen = 0
    for function, rewritten in zip(record.functions, record.rewritten, strict=True):
        first_order = function.program is record.first_order
        for program in (function.program, rewritten):
            for equation in program:
                note, origin = record.numbers.note(equation, program is rewritten, first_order)
                if re.fullmatch(r"\([\d.]+\)", note):
                    formula = equation_latex(on_page(equation, record.network.steps))
                    assert formula in numbered[note[1:-1]], (function.name, equation.name)
                    seen += 1
                else:
                    assert note == "" or (first_order and note.endswith("')"))
                assert origin == "" or origin.startswith("from (")
    assert seen > (100 if record.network.hidden else 50)


def on_page(equation: Equation, steps: int) -> Equation:
    """An equation with the names that the meta-gradient has for its quantities."""
    known = {
        symbol: type(symbol)(str(names.on_page(names.parse(str(symbol)), steps)), *symbol.args[1:])
        for symbol in (equation.symbol, *equation.reads)
    }
    gains = tuple(gain._replace(term=gain.term.xreplace(known)) for gain in equation.gains)
    value = equation.value.xreplace(known)
    return replace(equation, symbol=known[equation.symbol], value=value, gains=gains)
