"""``task.js`` of a package: its functions in JavaScript, one task at a time.

Every function is straight-line code on matrices that are made once for its sizes. What checks the
arguments is the same for all networks and stands in ``runtime/workspace.js``.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import groupby
from textwrap import fill
from typing import TYPE_CHECKING, NamedTuple

from sympy import Add, Mul

from ..language.names import STAGES, C, D, adjoint, name_of, width
from ..language.program import shape_of
from ..printers.c import extent_text
from ..printers.javascript import statements
from ..schedule.task import (
    LOSS,
    Dots,
    Sum,
    Tiles,
    extents,
    has_bias,
    has_unit,
    is_turned,
)
from .native_module import chosen, indented, together

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sympy import Expr, MatrixSymbol

    from ..language.names import Named
    from ..model.network import Network
    from ..schedule.task import Call, Work
    from .derivation import Derivation, TaskFunction

WIDTH = 100


def task_module(head: str, derivation: Derivation) -> str:
    """The text of the file.

    Parameters
    ----------
    head
        What stands at its head, as comments.
    derivation
        What to print.

    Raises
    ------
    ValueError
        When an operation has no JavaScript.
    """
    functions = [_Printed(each, derivation).text() for each in derivation.of_tasks]
    text = "\n\n".join([*functions, _workspace(derivation)])
    used = [name for name in KERNELS if re.search(rf"(?<![\w.]){name}\(", text)]
    imports = _listed("import {", used, '} from "../runtime/kernels.js";')
    lines = [head, "", *imports, 'import { prepared } from "../runtime/workspace.js";', "", text]
    halved = re.compile(r"^(?: {4})+", re.MULTILINE)
    return halved.sub(lambda found: " " * (len(found[0]) // 2), "\n".join([*lines, ""]))


#: What `kernels.js` offers.
KERNELS = (
    "above", "along", "below", "clip", "constant", "decay", "dip", "down", "gate", "increase",
    "matrix", "most", "product", "read", "reciprocal", "relu", "sigmoid", "softplus", "sum",
    "turned", "within", "write",
)  # fmt: skip


def _listed(begin: str, names: Iterable[str], end: str) -> list[str]:
    """Names between brackets, on one line or on several."""
    together = f"{begin} {', '.join(names)} {end}"
    if len(together) <= WIDTH:
        return [together]
    filled = fill(", ".join(name.replace(" ", "_") for name in names) + ",", WIDTH - len("    "))
    return [begin, *indented(filled.replace(":_", ": ").splitlines()), end]


def camel(name: str) -> str:
    """The name of a function in JavaScript."""
    first, *rest = name.split("_")
    return first + "".join(map(str.capitalize, rest))


def _workspace(derivation: Derivation) -> str:
    """What is exported: the functions, and what the arguments are checked against."""
    network = derivation.network
    names = [camel(each.function.name) for each in derivation.of_tasks]
    sizes = ", ".join(_sizes(network))
    numbers = [
        name
        for name, given in (
            ("alpha", not network.rule.learns),
            ("lam", network.rule.penalty),
            ("omegas", network.rule.outer == "every"),
        )
        if given
    ]
    sets = network.steps if network.rule.per_step else 1
    learned = " + ".join(_product(shape_of(symbols[0])) for _, symbols in network.rates)
    rates = f"({{ {sizes} }}) => {sets} * ({learned})" if learned else "() => 0"
    weights = " + ".join(_product(each.shape) for each in network.weights)
    return "\n".join(
        [
            "export const workspace = prepared({",
            *indented(_listed("functions: {", names, "},")),
            f"    layers: {network.hidden + 1},",
            f"    weights: ({{ {sizes} }}) => {weights},",
            f"    rates: {rates},",
            f"    numbers: {json.dumps(numbers)},",
            f"    steps: {network.steps},",
            f"    sets: {sets},",
            *(["    context: true,"] if network.context else []),
            "});",
        ]
    )


def _sizes(network: Network) -> list[str]:
    widths = ["D", *(str(width(layer)) for layer in range(1, network.hidden + 1)), "O"]
    return [str(C), *widths] if network.context else widths


class _Part(NamedTuple):
    """What follows another in the vector of the parameters.

    Attributes
    ----------
    holder
        A number, or the matrix whose rows they are.
    size
        How many numbers they are.
    rows
        The first row, and the one behind the last, where they are not all.
    """

    holder: Named
    size: str
    rows: tuple[str, str] | None = None

    def call(self, function: str, matrix: Named, array: str, at: str) -> str:
        """Read a matrix, or write one that lies likewise."""
        rows = "".join(f", {row}" for row in self.rows or ())
        return f"{function}({_upright(matrix)}, {array}, {at}{rows})"


def _upright(matrix: Named) -> str:
    """A matrix with the rows and columns of its equation."""
    return f"turned({matrix})" if is_turned(matrix) else str(matrix)


class _Printed(NamedTuple):
    """A function as text."""

    of: TaskFunction
    derivation: Derivation

    @property
    def over_tasks(self) -> bool:
        """Whether it takes a meta-batch."""
        return self.of.function.over_tasks

    @property
    def is_step(self) -> bool:
        """Whether it takes a step with step sizes of which there is a set for each."""
        return self.of.function.name == "inner_step" and self.derivation.network.rule.per_step

    def text(self) -> str:
        """The whole function: what it is, its memory, and what runs on it."""
        plan = self.of.plan
        run = [
            *self.before(),
            *(self.of_tasks() if self.over_tasks else [*map(self.data, plan.data), *self.body()]),
            *self.after(),
        ]
        arrays = ", ".join(f"{symbol}_given" for symbol in plan.data)
        step = ", step" if self.is_step else ""
        counts = ["T", "N", "M"] if self.over_tasks else ["N"]
        sizes = ", ".join([*counts, *_sizes(self.derivation.network)])
        return "\n".join(
            [
                f"// {self.of.function.summary.removesuffix(' [1]_.').removesuffix('.')}.",
                f"function {camel(self.of.function.name)}(numbers, {{ {sizes} }}) {{",
                *indented(self.choices("\n".join(run))),
                *indented(map(_matrix, (*self.of.task.matrices, *self.context("\n".join(run))))),
                "",
                f"    function run(parameters, result, given, {arrays}{step}) {{",
                *indented(run, 2),
                "    }",
                "",
                *indented(self.returned()),
                "}",
            ]
        )

    def choices(self, run: str) -> list[str]:
        """For each layer that has a choice, whether its fast weights are formed."""
        lines = []
        for layer, dense, kernel in self.of.plan.choices:
            if re.search(rf"\bdense{layer}\b", run):
                sizes = {D: D + 1, **{width(at): width(at) + 1 for at in range(1, layer + 9)}}
                fewer = f"{_polynomial(dense, sizes)} < {_polynomial(kernel, sizes)}"
                lines.append(f"const dense{layer} = {fewer if dense != kernel else 'false'};")
        note = "// Where forming the fast weights of a layer takes fewer multiply-adds."
        return [note, *lines] if lines else []

    def context(self, run: str) -> list[MatrixSymbol]:
        """The context before adaptation, which is zero, where something reads it."""
        group = self.of.function.program.group("context")
        return [symbol for symbol in group if re.search(rf"\b{symbol}\b", run)]

    def returned(self) -> list[str]:
        """The function that runs, and the matrices by name."""
        names = [
            f"{each}: {_upright(each)}" if is_turned(each) else str(each)
            for each in self.of.task.matrices
        ]
        return _listed("return { run, quantities: {", names, "} };")

    # --- what is given, and what is returned ---

    def parts(self) -> list[_Part]:
        """The parameters that are read, in their order."""
        held = {str(rate): rate for rate in self.of.plan.rates}
        weights = [
            _Part(W, _product((W.shape[0] + int(has_bias(W)), W.shape[1])), None)
            for W in self.of.plan.weights
        ]
        rates = [_part_of_rates(rate, held) for rate in self.of.function.program.group("rates")]
        return weights + rates

    def before(self) -> list[str]:
        """Parameters and numbers, once for all tasks."""
        plan, rates = self.of.plan, self.of.function.program.group("rates")
        given = [str(symbol) for symbol in plan.numbers if symbol not in rates]
        lines = [f"const [{', '.join(given)}] = given;"] if given else []
        lines.append("let at = 0;")
        sets = self.derivation.network.steps if self.is_step else 1
        for part in self.parts():
            own = sets > 1 and part.holder in (*plan.rates, *rates)
            place = f"at + step * {_factor(part.size)}" if own else "at"
            if not part.holder.is_Matrix:
                lines.append(f"const {part.holder} = parameters[{place if own else 'at++'}];")
            else:
                read = part.call("read", part.holder, "parameters", place)
                lines.append(f"{read};" if own else f"at = {read};")
            if own:
                lines.append(f"at += {sets} * {_factor(part.size)};")
        return [*lines, *(f"constant({X}, 1);" for X in plan.data if has_unit(X))]

    def data(self, symbol: MatrixSymbol) -> str:
        """The rows of a task, or of the only set."""
        rows, columns = symbol.shape
        at = f"t * {rows} * {columns}" if self.over_tasks else "0"
        return f"read({_upright(symbol)}, {symbol}_given, {at});"

    def of_tasks(self) -> list[str]:
        """The calls for each task; what is summed over them starts from 0."""
        plan = self.of.plan
        return [
            *(f"let {number} = 0;" for number in (LOSS, *plan.slopes)),
            *(f"{output}.x.fill(0);" for output in plan.outputs),
            "for (let t = 0; t < T; t++) {",
            *indented([*map(self.data, plan.data), *self.body()]),
            "}",
        ]

    def after(self) -> list[str]:
        """What is returned: a loss, and matrices in the order of the parameters."""
        if self.of.function.name == "predict":
            return [f"write({_upright(self.of.outputs[0])}, result, 0);"]
        lines = ["at = 0;"]
        if self.over_tasks:
            for part in self.parts():
                output = adjoint(part.holder)
                if output.is_Matrix:
                    lines.append(f"at = {part.call('write', output, 'result', 'at')};")
                else:
                    lines.append(f"result[at++] = {output};")
            return [*lines, f"return {LOSS} / T;"]
        matrices = [output for output in self.of.outputs if output.is_Matrix]
        for output, following in zip(matrices, [*matrices[1:], None], strict=True):
            if output in self.of.plan.weights:
                rows = output.shape[0] + int(has_bias(output) and not _is_apart(following))
                lines.append(f"at += {_product((rows, output.shape[1]))};")
            else:
                # A bias that adapts without its weights is what it is more than before.
                how = "increase" if _is_apart(output) else "write"
                lines.append(f"at = {how}({_upright(output)}, result, at);")
        losses = [output for output in self.of.outputs if not output.is_Matrix]
        return [*lines, *(f"return {loss};" for loss in losses)]

    # --- what is computed ---

    def body(self) -> list[str]:
        """The statements in order, under the headings of their stages."""
        works = self.of.task.works
        own = [call.writes for _, calls in works for call in calls if isinstance(call, Sum)]
        totals = {LOSS, *self.of.plan.slopes} if self.over_tasks else set()
        numbers = [str(each) for each in dict.fromkeys(own) if each not in totals]
        lines = [f"let {', '.join(numbers)};"] if numbers else []
        stage = ""
        for (layer, _), group in groupby(works, key=lambda pair: together(pair[0])):
            pairs = list(group)
            of_last = pairs[-1][0].lines[-1].equation.stage
            if of_last != stage:
                stage = of_last
                lines += ["", f"// --- {STAGES[stage]} ---"]
            dense, others = (
                [text for pair in pairs if pair[0].under[1] is form for text in self.lines(*pair)]
                for form in (True, False)
            )
            lines += chosen(layer, dense, others)
        return [*lines, ""]

    def lines(self, work: Work, calls: Sequence[Call]) -> Iterator[str]:
        """The statements of an operation, each with the number of the equation that it computes."""
        numbers = [self.derivation.number_in(self.of.function, line) for line in work.lines]
        products = [isinstance(call, Tiles | Dots) for call in calls]
        for at, call in enumerate(calls):
            for text, of in statements(call):
                number = numbers[0 if any(products[at + 1 :]) else of]
                yield f"{text} // ({number})" if number else text


def _is_apart(output: MatrixSymbol | None) -> bool:
    """Whether it is a bias, with a context in it or not, that has a row of its own."""
    return output is not None and name_of(output).base in ("b", "B")


def _matrix(symbol: MatrixSymbol) -> str:
    rows, columns = extents(symbol)
    return f"const {symbol} = matrix(numbers, {extent_text(rows)}, {extent_text(columns)});"


def _part_of_rates(rate: Named, held: dict[str, Named]) -> _Part:
    """The step sizes of a bias are the last row of those of its weights."""
    if not rate.is_Matrix:
        return _Part(rate, "1")
    size, name = _product(rate.shape), name_of(rate)
    if name.base == "b":
        W = held[str(replace(name, base="W"))]
        return _Part(W, size, (str(W.shape[0]), f"{W.shape[0]} + 1"))
    return _Part(rate, size, ("0", str(rate.shape[0])))


def _product(shape: Iterable[Expr]) -> str:
    """How many entries there are."""
    return " * ".join(_factor(str(size)) for size in shape if size != 1) or "1"


def _factor(text: str) -> str:
    return f"({text})" if " + " in text or " * " in text else text


def _polynomial(value: Expr, sizes: dict[Expr, Expr]) -> str:
    """A sum of products; sizes are with the constant unit."""
    return " + ".join(
        " * ".join(_factor(str(each.xreplace(sizes))) for each in Mul.make_args(term))
        for term in Add.make_args(value)
    )
