"""Every quantity of the derivation for a case: the lines of the reference, one after another.

An equation stands in the manifest of a generated package with its line of code. What is evaluated
here is generated text alone, and changes of it; nothing of a user's is.
"""

from __future__ import annotations

import ast
import inspect
import json
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .. import beside
from ..experiment.command import Refusal
from ..experiment.networks import load_network
from .cases import cases

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import CodeType, ModuleType

    from ..experiment.networks import Array
    from .cases import Case

#: The network that the pages follow, and the page of each chapter that shows its equations.
PAGE_NETWORK = "relu2"
PAGES = {
    "3": "3-network",
    "4": "4-inner-gradient",
    "5": "5-step",
    "6": "6-query-loss",
    "7": "7-meta-gradient",
}

#: The page about several inner steps, whose equations are too many to be shown.
SEVERAL_STEPS = ("12", "12-several-steps/")


class Equation(NamedTuple):
    """An equation of a derivation.

    Attributes
    ----------
    name, number
        The quantity that it defines, and its number on the pages.
    stage, latex, code
        The part of the program that it belongs to, its formula, and its line of code.
    reads
        The quantities and inputs on its right-hand side.
    """

    name: str
    number: str
    stage: str
    latex: str
    code: str
    reads: tuple[str, ...]

    @property
    def right(self) -> ast.expr:
        """The right-hand side of its line of code."""
        (line,) = ast.parse(self.code).body
        if not isinstance(line, ast.Assign):
            raise TypeError(f"({self.number}) is no assignment: {self.code}")
        return line.value


@dataclass(frozen=True)
class Derivation:
    """The derivation of a case's meta-gradient, with the value of everything in it.

    Attributes
    ----------
    case
        The problem.
    reference
        The generated module that computes the derivation line by line.
    equations
        In the order of the program.
    inputs
        Weights, data, sizes and step size by name.
    values
        The same, and every quantity as the reference has it: with a leading axis for the tasks.
    """

    case: Case
    reference: ModuleType
    equations: tuple[Equation, ...]
    inputs: Mapping[str, Any]
    values: Mapping[str, Any]

    @property
    def quantities(self) -> dict[str, Array]:
        """What the equations define, by name."""
        return {each.name: self.values[each.name] for each in self.equations}

    def known_before(self, equation: Equation) -> dict[str, Array]:
        """All arrays that are known before an equation, by name."""
        known = [*self.inputs, *(each.name for each in self.equations)]
        earlier = known[: known.index(equation.name)]
        return {name: self.values[name] for name in earlier if np.ndim(self.values[name])}

    def value(self, equation: Equation, values: Mapping[str, Any]) -> Array:
        """What an equation comes to where what it reads has other values."""
        return evaluated(compiled(equation), self.reference, values)

    def changed(self, right: ast.expr, values: Mapping[str, Any]) -> Array:
        """What a changed right-hand side comes to."""
        return evaluated(as_code(right), self.reference, values)

    def line(self, equation: Equation) -> int:
        """The line of the reference that computes an equation, from 1."""
        lines, first = source(self.reference)
        starts = (line.strip().startswith(f"{equation.name} = ") for line in lines)
        return first + list(starts).index(True)

    @property
    def network(self) -> str:
        """The name of the generated package."""
        return self.reference.__name__.split(".")[-2]

    @property
    def folder(self) -> str:
        """Where the generated package is."""
        return f"{beside('generated').replace('.', '/')}/{self.network}"

    def page(self, equation: Equation) -> str:
        """Where to read about an equation: a page of the site, or else the listing."""
        chapter = equation.number.partition(".")[0]
        shown = {(each.name, each.number) for each in equations(PAGE_NETWORK)}
        if (equation.name, equation.number) in shown:
            return f"{PAGES[chapter]}/#eq-{equation.name}"
        if chapter == SEVERAL_STEPS[0]:
            return SEVERAL_STEPS[1]
        return f"{self.folder}/equations.md"


@cache
def source(reference: ModuleType) -> tuple[list[str], int]:
    """The lines of a reference's derivation, and the number of the first."""
    return inspect.getsourcelines(reference.meta_loss_and_gradient)


def as_code(right: ast.expr) -> CodeType:
    """Make a right-hand side of the reference, or a change of one, ready to be evaluated."""
    return compile(ast.fix_missing_locations(ast.Expression(right)), "<equation>", "eval")


@cache
def compiled(equation: Equation) -> CodeType:
    """The right-hand side of an equation, which is evaluated thousands of times."""
    return as_code(equation.right)


def evaluated(code: CodeType, reference: ModuleType, values: Mapping[str, Any]) -> Array:
    """The value of code that uses what a reference module imports, and values by name."""
    return np.asarray(eval(code, vars(reference), values))


@cache
def equations(network: str) -> tuple[Equation, ...]:
    """The equations of a package as derived, from its manifest."""
    package: Any = load_network(network)
    path = Path(str(package.__file__)).with_name("equations.json")
    record = json.loads(path.read_text(encoding="utf-8"))
    return tuple(
        Equation(**{key: each[key] for key in Equation._fields} | {"reads": tuple(each["reads"])})
        for each in record["derived"]
    )


@cache
def derivation(name: str) -> Derivation:
    """The derivation of a case; its values are read-only.

    Raises
    ------
    Refusal
        When no package is derived for as many steps as the case has.
    """
    case = cases()[name]
    if case.unrolled is None:
        raise Refusal(f"{name} has no derivation; it must be one of {', '.join(derived())}")
    package = str(case.unrolled.__name__)  # type: ignore[attr-defined]
    reference = import_module(f"{package}.reference")
    given: dict[str, Any] = {**case.weights._asdict(), **case.batch._asdict(), **case.sizes}
    given["alpha"] = case.alpha
    values = dict(given)
    lines = equations(package.rpartition(".")[2])
    for line in lines:
        value = evaluated(compiled(line), reference, values)
        value.flags.writeable = False
        values[line.name] = value
    return Derivation(case, reference, lines, given, values)


def derived() -> list[str]:
    """The cases whose derivation there is."""
    return [name for name, case in cases().items() if case.unrolled is not None]
