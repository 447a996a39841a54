"""A package is tried before it takes anything's place: every function, in every form.

Small random arrays at distinct prime sizes go through the emitted code and through the interpreter
of `derive.language.program`; the gradients are held against differences of the emitted losses.
"""

from __future__ import annotations

import sys
import traceback
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module, invalidate_caches
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from sympy import Float, Integer, prime

from derive.language.names import D, M, N, O, T, alpha, is_row_free, width
from derive.language.program import Arithmetic, evaluate, shape_of
from derive.model.algorithms import ALGORITHMS
from derive.package import warm_up

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from types import FrameType, ModuleType

    from sympy import Lambda

    from derive.language.program import Named, Program, Value
    from derive.package.derivation import Derivation
    from derive.package.functions import Function

#: Sizes of a meta-batch; layers have the primes that follow.
TASKS, SHOTS, QUERIES = 2, 3, 5
STEP_SIZE = 0.125

#: Everything has 15 digits here; what is wrong in code or derivation is wrong by more than that.
TOLERANCE = 1e-9
#: The step of a central difference, and how far off it may be: its own error is a hundredth of it.
STEP, DIFFERENCE = 1e-5, 1e-5
#: Points that differences are taken at: one may lie at a kink of relu, but not all of them.
POINTS = 3


class Failure(Exception):  # noqa: N818
    """What is wrong with a package, in one line."""


class Problem(NamedTuple):
    """Weights, and the arrays of a meta-batch by their names."""

    weights: Any
    data: dict[str, np.ndarray]

    def given(self, function: Function) -> list[Any]:
        """What a function takes beside the weights."""
        data = [self.of(each) for group in function.data for each in group.symbols]
        step_size = [STEP_SIZE] if alpha in function.program.inputs else []
        return [*(data if function.over_tasks else (each[0] for each in data)), *step_size]

    def of(self, symbol: Named) -> np.ndarray:
        """The array that an input stands for: rows of any set are those of the support set."""
        name = str(symbol.name)
        return self.data[name if name in self.data else f"{name}_s"]


def try_packages(folder: Path, derivations: Sequence[Derivation]) -> None:
    """Try packages in a folder: those of some derivations, and the warm-up if it is there.

    Raises
    ------
    Failure
        Naming the package, the function, its form and the equation.
    """
    # What overflows is found as a wrong value; numpy need not speak of it, too.
    with importable(folder), np.errstate(all="ignore"):
        for derivation in derivations:
            with naming(derivation.name):
                package = import_module(f"{folder.name}.{derivation.name}")
                _Trial(derivation, package, problem(derivation, package, 0), {}).run()
        if (folder / "warm_up").is_dir():
            with naming("warm_up"):
                try_warm_up(import_module(f"{folder.name}.warm_up.scalar"))


@contextmanager
def importable(folder: Path) -> Iterator[None]:
    """Let a folder be imported as a package, and forget it afterwards."""
    sys.path.insert(0, str(folder.parent))
    invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(folder.parent))
        for name in [each for each in sys.modules if each.split(".")[0] == folder.name]:
            del sys.modules[name]


def try_warm_up(module: ModuleType) -> None:
    """Compare the scalar warm-up with its example.

    Raises
    ------
    Failure
        Naming the equation.
    """
    exact = {line.name: float(line.example) for line in warm_up.lines()}
    with naming("warm_up: meta_loss_and_gradient"):
        found = module.meta_loss_and_gradient(*map(float, warm_up.EXAMPLE.values()))
    for name, value in zip(("loss_q", "w_bar"), found, strict=True):
        if what := gap_between(value, np.asarray(exact[name])):
            raise Failure(f"warm_up: meta_loss_and_gradient: `{name}` {what}")


def sizes_of(derivation: Derivation) -> tuple[int, ...]:
    """Distinct primes for the layers of a network, inputs first."""
    return tuple(int(prime(n)) for n in range(4, 6 + derivation.network.hidden))


def problem(derivation: Derivation, package: ModuleType, seed: int) -> Problem:
    """Draw a problem for a package."""
    rng, sizes = np.random.default_rng(seed), sizes_of(derivation)
    weights = [
        rng.normal(size=shape) / above**0.5
        for layer, (above, below) in zip(derivation.network.layers, pairwise(sizes), strict=True)
        for shape in ((above, below), (1, below))[: len(layer)]
    ]
    data = {
        f"{letter}_{rows}": rng.normal(size=(TASKS, count, columns))
        for rows, count in (("s", SHOTS), ("q", QUERIES))
        for letter, columns in (("X", sizes[0]), ("Y", sizes[-1]))
    }
    return Problem(package.Weights(*weights), data)


@dataclass(frozen=True)
class _Trial:
    """One package.

    Attributes
    ----------
    derivation, package
        What it was printed from, and the imported package.
    problem
        What its functions are called with.
    truths
        The interpreter's values of a function as derived, for each task; filled as they are needed.
    """

    derivation: Derivation
    package: ModuleType
    problem: Problem
    truths: dict[str, list[dict[Named, Value]]]

    def run(self) -> None:
        """Try every function in every form that the package has."""
        rewritten = self.derivation.rewritten
        for at, function in enumerate(self.derivation.functions):
            if rewritten:
                self.compare("readable", "kernel", function, rewritten[at])
            if function.gives_gradient or not rewritten:
                self.compare("reference", "reference", function, function.program)
            self.differentiate(function)
            if function.name == "inner_step":
                self.compare_adapt(function)
            if self.derivation.plan and function.name == "meta_loss_and_gradient":
                layers = self.derivation.network.hidden + 1
                self.compare_workspace(function, "as chosen", None)
                self.compare_workspace(function, "kernel", (False,) * layers)
                self.compare_workspace(function, "dense", (True,) * layers)
                mixed = tuple(layer % 2 == 1 for layer in range(layers))
                self.compare_workspace(function, "mixed", mixed)

    def compare(self, form: str, module: str, function: Function, program: Program) -> None:
        """Compare what a function returns with the interpreter, and name the first wrong line."""
        where = f"{self.derivation.name}: {form} form of {function.name}"
        with naming(where):
            code = getattr(import_module(f"{self.package.__name__}.{module}"), function.name)
            lines = lines_of(code, [self.problem.weights, *self.problem.given(function)])

        def wrong(symbol: Named, values: list[dict[Named, Value]]) -> str:
            arrays = [np.asarray(task[symbol], float) for task in values]
            return gap_between(lines[str(symbol)], expected(symbol, arrays, form))

        truth = self.truth(function)
        if not any(wrong(symbol, truth) for symbol in program.outputs):
            return
        # A line that the derivation has too is held against it, any other against its own program.
        values = [
            {**own, **derived}
            for own, derived in zip(self.interpreted(program, function), truth, strict=True)
        ]
        symbols = (line.symbol for line in program)
        symbol, what = next((each, text) for each in symbols if (text := wrong(each, values)))
        raise Failure(f"{where}: `{symbol}` {what}")

    def truth(self, function: Function) -> list[dict[Named, Value]]:
        """The interpreter's values of a function as derived, for each task."""
        if function.name not in self.truths:
            self.truths[function.name] = self.interpreted(function.program, function)
        return self.truths[function.name]

    def interpreted(self, program: Program, function: Function) -> list[dict[Named, Value]]:
        """The interpreter's values of a program of a function, for each task."""
        inputs, *hidden, outputs = sizes_of(self.derivation)
        sizes = {N: SHOTS, M: QUERIES, D: inputs, O: outputs, T: TASKS}
        sizes |= {width(layer): size for layer, size in enumerate(hidden, start=1)}
        shared: dict[Named, Value] = {symbol: Integer(size) for symbol, size in sizes.items()}
        shared |= dict(zip(program.weights, self.problem.weights, strict=True))
        shared |= {alpha: STEP_SIZE}
        rows = [each for each in program.inputs if each not in shared]
        return [
            evaluate(program, {**shared, **{x: self.problem.of(x)[task] for x in rows}}, ARRAYS)
            for task in range(TASKS if function.over_tasks else 1)
        ]

    def differentiate(self, function: Function) -> None:
        """Hold a gradient against differences of its loss, along a random direction."""
        algorithm = ALGORITHMS[self.derivation.network.algorithm]
        losses = {"loss_and_gradient": "loss"}
        if not algorithm.constants(function.program):
            losses |= {"meta_loss_and_gradient": "meta_loss"}
        if function.name not in losses:
            return
        loss, gradient = (
            getattr(self.package, name) for name in (losses[function.name], function.name)
        )
        problems = (problem(self.derivation, self.package, seed) for seed in range(POINTS))
        gap = min(gap_of_gradient(loss, gradient, each, function) for each in problems)
        if not gap < DIFFERENCE:
            raise Failure(
                f"{self.derivation.name}: {function.name}: the gradient "
                f"`{function.program.outputs[1]}`, ... is off by {gap:.1e} from differences of "
                f"{losses[function.name]}"
            )

    def compare_adapt(self, step: Function) -> None:
        """Compare two steps of adaptation with the interpreter's."""
        where = f"{self.derivation.name}: adapt"
        weights, given = self.problem.weights, self.problem.given(step)
        with naming(where):
            found = self.package.adapt(weights, *given, 2)
        after = self.truth(step)[0]
        between = Problem(
            type(weights)(*(after[symbol] for symbol in step.program.outputs)), self.problem.data
        )
        last = replace(self, problem=between).interpreted(step.program, step)[0]
        for symbol, array in zip(step.program.outputs, found, strict=True):
            if what := gap_between(array, last[symbol]):
                raise Failure(f"{where}: `{symbol}` {what}")

    def compare_workspace(
        self, function: Function, form: str, dense: tuple[bool, ...] | None
    ) -> None:
        """Compare the workspace form with the interpreter, its layers dense where it is said."""
        where = f"{self.derivation.name}: workspace form ({form}) of {function.name}"
        sizes = sizes_of(self.derivation)
        with naming(where):
            module = import_module(f"{self.package.__name__}.inplace")
            if dense is not None:
                vars(module)["dense_layers"] = lambda *_: dense
            ws = module.workspace(sizes, TASKS, SHOTS, QUERIES, np.float64)
            weights, given = self.problem.weights, self.problem.given(function)
            loss, gradient = ws.meta_loss_and_gradient(weights, *given)
        for symbol, found in zip(function.program.outputs, (loss, *gradient), strict=True):
            arrays = [np.asarray(task[symbol], float) for task in self.truth(function)]
            # The loss is a mean over the tasks; the gradient is a sum, and has the 1/T in it.
            wanted = np.sum(arrays, axis=0) / (1 if symbol.is_Matrix else TASKS)
            if what := gap_between(found, wanted):
                raise Failure(f"{where}: `{symbol}` {what}")


def lines_of(code: Any, arguments: Sequence[Any]) -> dict[str, Any]:
    """Call a function, and return what each of its lines has computed."""
    lines: dict[str, Any] = {}

    def at_return(frame: FrameType, event: str, _: Any) -> None:
        if event == "return" and frame.f_code is code.__code__:
            lines.update(frame.f_locals)

    before = sys.getprofile()
    sys.setprofile(at_return)
    try:
        code(*arguments)
    finally:
        sys.setprofile(before)
    return lines


def expected(symbol: Named, arrays: Sequence[np.ndarray], form: str) -> np.ndarray:
    """What a line comes to, from its values for each task."""
    shape = shape_of(symbol)
    if len(arrays) == 1:
        return arrays[0]
    if form == "reference" or (shape and {N, M} >= set(shape)):
        return np.stack(arrays)
    # Rows stand under one another; gradients and losses are added up over the tasks.
    adds_up = not shape or is_row_free(shape)
    return np.sum(arrays, axis=0) if adds_up else np.concatenate(arrays)


def gap_between(found: Any, wanted: np.ndarray) -> str:
    """How a value differs from what it must be, or nothing."""
    array = np.asarray(found)
    if array.shape != wanted.shape:
        return f"has shape {array.shape}; it must be {wanted.shape}"
    if not np.isfinite(array).all():
        return "is not finite" + ("" if np.isfinite(wanted).all() else ", nor is what it must be")
    gap = np.abs(array - wanted).max() / max(1e-3, np.abs(wanted).max())
    return "" if gap < TOLERANCE else f"is off by {gap:.1e} from what the interpreter computes"


def gap_of_gradient(loss: Any, gradient: Any, drawn: Problem, function: Function) -> float:
    """The relative gap between a gradient and a central difference, along a random direction."""
    rng, given = np.random.default_rng(1), drawn.given(function)
    direction = [rng.normal(size=array.shape) for array in drawn.weights]
    pairs = zip(gradient(drawn.weights, *given)[1], direction, strict=True)
    slope = sum(float(np.vdot(array, along)) for array, along in pairs)
    above, below = (
        loss(
            type(drawn.weights)(
                *(w + by * along for w, along in zip(drawn.weights, direction, strict=True))
            ),
            *given,
        )
        for by in (STEP, -STEP)
    )
    return float(abs((above - below) / (2 * STEP) - slope) / max(abs(slope), 1e-3))


@contextmanager
def naming(where: str) -> Iterator[None]:
    """Say where an exception comes from, and which line raised it.

    Raises
    ------
    Failure
        In place of any other exception.
    """
    try:
        yield
    except Failure:
        raise
    except Exception as error:
        # The last line that is not numpy's.
        frames = traceback.extract_tb(error.__traceback__)
        line = next(each for each in frames[::-1] if "site-packages" not in each.filename).line
        message = " ".join(str(error).split())
        raise Failure(f"{where}: {type(error).__name__}: {message}, in `{line}`") from error


def _applied(function: Lambda, array: np.ndarray) -> np.ndarray:
    entries = [float(function(Float(entry))) for entry in array.ravel()]
    return np.array(entries).reshape(array.shape)


#: The interpreter on numpy's arrays.
ARRAYS = Arithmetic(
    number=float,
    ones=lambda rows, columns: np.ones((rows, columns)),
    hadamard=np.multiply,
    apply=_applied,
)
