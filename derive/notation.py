"""The grammar of names: one word for a quantity in equations, LaTeX and code.

A name is read from left to right::

    Name   ::= ["d" | "u"] Base [layer] ["_" Rows] ["_fast" [step]] ["_bar"]
    Base   ::= X | Y | W | b | Z | H | G | E | loss       quantities of a network
             | x | y | w                                  of the scalar warm-up
             | U | V | A | B                              any matrix, in a table of rules
    Rows   ::= s | q, and with several inner steps s1, s2, ...
    Kernel ::= "K_" stem ["_" stem] ["_" Rows "_" Rows]

`d` is a gradient of the support loss (the inner one) and `_bar` an adjoint, the sensitivity of
the query loss (the outer one). They never mean the same derivative. `u` is what the inner step
adds, ``uW2 = -alpha dW2``; only the workspace form has it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import NamedTuple

from sympy import Expr, MatrixSymbol, Symbol, symbols

T, N, M, D, O = symbols("T N M D O", integer=True, positive=True)
alpha = Symbol("alpha", nonnegative=True)

#: The sizes of a set of rows: a quantity with one of them differs from task to task.
ROWS = frozenset({N, M})


def width(layer: int) -> Symbol:
    """Units of a hidden layer."""
    return Symbol(f"L{layer}", integer=True, positive=True)


class Stage(NamedTuple):
    """A stage of the path.

    Attributes
    ----------
    chapter
        The chapter of the site that numbers its equations.
    title
        Its heading, on pages and in code.
    """

    chapter: int
    title: str


STAGES = {
    "support": Stage(3, "support forward"),
    "inner gradient": Stage(4, "inner gradient"),
    "step": Stage(5, "inner step"),
    "query": Stage(6, "query forward"),
    "query adjoints": Stage(7, "query backward"),
    "step adjoints": Stage(7, "back through the step"),
    "support adjoints": Stage(7, "support backward"),
    "meta-gradient": Stage(7, "meta-gradient"),
}

#: The chapter that numbers the scalar warm-up, and the one that numbers what the rewrite changes.
WARM_UP_CHAPTER = 2
REWRITE_CHAPTER = 8

#: What each letter stands for, in the order of the notation table.
MEANINGS = {
    "T": "tasks of a meta-batch",
    "N": "support samples of a task: the shots",
    "M": "query samples of a task",
    "D": "inputs of a sample",
    "O": "outputs of a sample",
    "L": "units of a hidden layer",
    "alpha": "inner step size",
    "X": "inputs, a row a sample",
    "Y": "targets, a row a sample",
    "W": "weights of a layer",
    "b": "bias of a layer, a row",
    "Z": "pre-activation of a layer",
    "H": "activation of a layer",
    "G": "slope of the activation at the pre-activation",
    "E": "error of the prediction",
    "loss": "mean squared error over rows and outputs",
    "K": "kernel: inner products of the rows of two sets",
}


@dataclass(frozen=True)
class Name:
    """A name taken apart; `str` puts it together again.

    Attributes
    ----------
    base, layer
        Which quantity of which layer (0 where there is none).
    inner, bar
        Whether it is a gradient of the support loss, an adjoint of the query loss.
    update
        Whether that gradient has the factor -alpha of the step.
    rows
        The set of rows: ``s``, ``q``, ``s2`` in the second inner step, or nothing.
    fast
        ``fast`` after the inner step, ``fast2`` after the second one, or nothing.
    """

    base: str
    layer: int = 0
    rows: str = ""
    inner: bool = False
    fast: str = ""
    bar: bool = False
    update: bool = False

    def __str__(self) -> str:
        mark = "u" if self.update else "d" if self.inner else ""
        stem = mark + self.base + (str(self.layer) if self.layer else "")
        tail = [self.rows, self.fast, "bar" if self.bar else ""]
        return "_".join([stem, *filter(None, tail)])

    @property
    def stem(self) -> str:
        """The name without its rows."""
        return str(replace(self, rows=""))


_NAME = re.compile(
    r"(?P<inner>[du]?)(?P<base>X|Y|W|b|Z|H|G|E|loss|x|y|w|U|V|A|B)(?P<layer>\d*)"
    r"(_(?P<rows>[sq]\d*))?(_(?P<fast>fast\d*))?(?P<bar>_bar)?"
)


def parse(name: str) -> Name:
    """Take a name apart.

    Raises
    ------
    ValueError
        When it is not a word of the grammar.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise ValueError(f"`{name}` is not a name of the notation")
    return Name(
        base=match["base"],
        layer=int(match["layer"] or 0),
        rows=match["rows"] or "",
        inner=bool(match["inner"]),
        update=match["inner"] == "u",
        fast=match["fast"] or "",
        bar=bool(match["bar"]),
    )


def inner_gradient(symbol: MatrixSymbol, rows: str) -> MatrixSymbol:
    """Name the gradient of the support loss: ``Z2_s`` -> ``dZ2_s``, ``W2_fast1`` -> ``dW2_s2``.

    A weight's gradient says which step it belongs to only where there are several.
    """
    name = parse(symbol.name)
    of_rows = name.rows or (rows if rows[1:] else "")
    return MatrixSymbol(str(Name(name.base, name.layer, of_rows, inner=True)), *symbol.shape)


def adjoint(symbol: MatrixSymbol) -> MatrixSymbol:
    """Name the sensitivity of the query loss: ``dZ2_s`` -> ``dZ2_s_bar``."""
    return MatrixSymbol(f"{symbol.name}_bar", *symbol.shape)


def update(symbol: MatrixSymbol) -> MatrixSymbol:
    """Name what has taken in the step size: ``dZ2_s`` -> ``uZ2_s``, ``K_Z2_bar_dZ2`` alike."""
    return MatrixSymbol(re.sub(r"(?<![^_])d(?=[A-Zb])", "u", symbol.name), *symbol.shape)


def before_step(name: str) -> str:
    """The name that `update` has changed: ``uZ2_s`` -> ``dZ2_s``."""
    return re.sub(r"(?<![^_])u(?=[A-Zb])", "d", name)


def slope(symbol: MatrixSymbol) -> MatrixSymbol:
    """Name the slope of an activation: of ``Z2_s`` or of ``H2_s`` -> ``G2_s``."""
    name = parse(symbol.name)
    if name.base not in "ZH" or name.inner or name.bar:
        raise ValueError(f"no rule names a repeated function of `{symbol}`")
    return MatrixSymbol(str(Name("G", name.layer, name.rows)), *symbol.shape)


def error(symbol: MatrixSymbol) -> MatrixSymbol:
    """Name the error of a prediction: of ``Z3_q - Y_q`` -> ``E_q``."""
    return MatrixSymbol(str(Name("E", rows=parse(symbol.name).rows)), *symbol.shape)


def kernel(left: MatrixSymbol, right: MatrixSymbol) -> MatrixSymbol:
    """Name a kernel of rows: ``H1_q`` with ``H1_s`` -> ``K_H1``.

    Equal stems are named once, and the rows are named unless they are query and support.
    """
    first, second = parse(left.name), parse(right.name)
    stems = [first.stem] if first.stem == second.stem else [first.stem, second.stem]
    rows = [] if (first.rows, second.rows) == ("q", "s") else [first.rows, second.rows]
    return MatrixSymbol("_".join(["K", *stems, *rows]), left.shape[0], right.shape[0])


def kernel_parts(name: str) -> tuple[list[Name], list[str]]:
    """Take a kernel's name apart: what its rows are rows of, and which sets they belong to.

    ``K_Z3_bar_dZ3`` -> the names ``Z3_bar`` and ``dZ3``, of query and support.
    """
    words = name.removeprefix("K_").replace("_bar", "-bar").split("_")
    stems = [parse(word.replace("-bar", "_bar")) for word in words if word[0] not in "sq"]
    return stems, [word for word in words if word[0] in "sq"] or ["q", "s"]


def kind(name: str) -> str:
    """Which kind of quantity a name is: a colour on the site.

    One of ``data``, ``weight``, ``gradient`` (of the support loss), ``adjoint`` (of the query loss)
    and ``value`` for what a forward pass computes.
    """
    if name.startswith("K_"):
        return "adjoint" if "_bar" in name else "value"
    parts = parse(name)
    if parts.bar:
        return "adjoint"
    if parts.inner:
        return "gradient"
    return {"x": "data", "y": "data", "w": "weight", "b": "weight"}.get(parts.base.lower(), "value")


def is_row_free(shape: tuple[Expr, ...]) -> bool:
    """Whether a matrix is shaped like a weight: neither side counts samples."""
    return bool(shape) and not ROWS & set(shape)


def reading_order(factor: Expr) -> tuple[bool, bool, str]:
    """Sort the factors of an elementwise product: adjoints, then activations, then functions."""
    if not isinstance(factor, MatrixSymbol):
        return (True, True, str(factor))
    name = parse(factor.name)
    return (False, not (name.inner or name.bar), factor.name)


def on_page(name: str, steps: int) -> str:
    """The name under which the meta-gradient knows a quantity of a single support pass.

    ``Z1`` -> ``Z1_s``, and with several inner steps the first one: ``Z1`` -> ``Z1_s1``,
    ``dW1`` -> ``dW1_s1``, ``W1_fast`` -> ``W1_fast1``.
    """
    if name.startswith("K_"):
        return name
    first = "1" if steps > 1 else ""
    parts = parse(name)
    rows, fast = parts.rows, f"fast{first}" if parts.fast == "fast" else parts.fast
    if parts.base in ("X", "Y"):
        rows = rows or "s"
    elif parts.base not in ("W", "b"):
        rows = f"s{first}" if rows in ("", "s") else rows
    elif parts.inner and first:
        rows = rows or "s1"
    return str(Name(parts.base, parts.layer, rows, parts.inner, fast, parts.bar))
