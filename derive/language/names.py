"""The grammar of names: one word for a quantity in equations, LaTeX and code.

A name is read from left to right::

    Name    ::= [Mark] Base [layer] ["_" Rows] ["_fast" [step]] ["_bar"] {"_" Scratch}
    Mark    ::= d | u                                      gradients of the support loss
              | a | v                                      a learned step size, a direction
    Base    ::= X | Y | W | b | Z | H | G | E | loss       quantities of a network
              | R | A | Q | S | P                          of a softmax
              | c | V | B                                  a context, its weights, a bias with it
              | alpha | lam | tau | omega                  numbers that are given
              | x | y | w                                  of the scalar warm-up
              | U | V | A | B                              any matrix, in a table of rules
    Rows    ::= s | q, and with several inner steps s1, s2, ...
    Scratch ::= term | sum | part | each                   what is computed on the way
    Kernel  ::= "K_" stem ["_" stem] ["_" Rows "_" Rows]

`d` is a gradient of the support loss (the inner one) and `_bar` an adjoint, the sensitivity of
the query loss (the outer one). They never mean the same derivative. `u` is what the inner step
adds, ``uW2 = -alpha dW2``; only the workspace form has it, and a derivation whose step sizes act on
rows. `a` is the learned step size of a parameter, a number or one for every entry (``aW2_s3`` in
the third step), and `v` what a Hessian multiplies. `parse` takes a name apart, so that
nothing else looks at its letters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TypeAlias

from sympy import Expr, MatrixExpr, MatrixSymbol, Symbol, symbols

#: A quantity: a number or a matrix.
Named: TypeAlias = Symbol | MatrixSymbol

T, N, M, D, O = symbols("T N M D O", integer=True, positive=True)
#: The inner step size, the weight of the penalty, the weight of a task: given as numbers.
alpha, lam, tau = symbols("alpha lam tau", nonnegative=True)

#: Units of a context.
C = Symbol("C", integer=True, positive=True)

#: The sizes of a set of rows: a quantity with one of them differs from task to task.
ROWS = frozenset({N, M})


def width(layer: int) -> Symbol:
    """Units of a hidden layer."""
    return Symbol(f"L{layer}", integer=True, positive=True)


#: The stages of the path, and what each is called on pages and in code. `forward` is a pass that is
#: neither of the support nor of the query set.
STAGES = {
    "forward": "forward",
    "support": "support forward",
    "inner gradient": "inner gradient",
    "step": "inner step",
    "query": "query forward",
    "query adjoints": "query backward",
    "step adjoints": "back through the step",
    "support adjoints": "support backward",
    "meta-gradient": "meta-gradient",
}


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
    "loss": "",  # what a network is trained for
    "R": "largest logit of a row",
    "A": "logits, the largest of their row taken off",
    "Q": "exponentials of these",
    "S": "sum of these along a row",
    "P": "logarithm of the softmax",
    "C": "units of a context",
    "c": "context of a task, a row",
    "V": "weights that the context meets",
    "B": "bias with the context in it",
    "a": "learned step size of a parameter",
    "v": "direction that the Hessian multiplies",
    "lam": "weight of the penalty",
    "tau": "weight of a task",
    "omega": "weight of the query loss after a step",
    "K": "kernel: inner products of the rows of two sets",
}


@dataclass(frozen=True)
class Name:
    """A name taken apart; `str` puts it together again.

    Attributes
    ----------
    base, layer
        Which quantity of which layer (0 where there is none).
    rows
        The set of rows: ``s``, ``q``, ``s2`` in the second inner step, or nothing.
    inner, bar
        Whether it is a gradient of the support loss, an adjoint of the query loss.
    rate, direction
        Whether it is the step size of a parameter, what its Hessian multiplies.
    fast
        ``fast`` after the inner step, ``fast2`` after the second one, or nothing.
    update
        Whether that gradient has the factor -alpha of the step.
    scratch
        Words of what is computed on the way to the quantity, or nothing: ``term`` or ``sum``,
        ``part`` of a function, what ``each`` task adds to a sum over the tasks.
    """

    base: str
    layer: int = 0
    rows: str = ""
    inner: bool = False
    fast: str = ""
    bar: bool = False
    update: bool = False
    scratch: str = ""
    rate: bool = False
    direction: bool = False

    def __str__(self) -> str:
        marks = {"u": self.update, "d": self.inner, "a": self.rate, "v": self.direction}
        mark = next((letter for letter, has in marks.items() if has), "")
        stem = mark + self.base + (str(self.layer) if self.layer else "")
        tail = [self.rows, self.fast, "bar" if self.bar else "", self.scratch]
        return "_".join([stem, *filter(None, tail)])

    @property
    def step(self) -> str:
        """Which of several inner steps a fast weight comes after, or nothing."""
        return self.fast.removeprefix("fast")

    @property
    def stem(self) -> Name:
        """The name without its rows."""
        return replace(self, rows="")

    @property
    def updated(self) -> Name:
        """The name of what has taken in the step size; a quantity without it keeps its name."""
        return replace(self, update=self.inner)

    @property
    def before_step(self) -> Name:
        """The name that `updated` has changed."""
        return replace(self, update=False)

    @property
    def kind(self) -> str:
        """Which kind of quantity it is.

        One of ``data``, ``weight`` (a step size among them), ``gradient`` (of the support loss),
        ``adjoint`` (of the query loss) and ``value`` for what a forward pass computes.
        """
        if self.bar or self.inner:
            return "adjoint" if self.bar else "gradient"
        if self.rate or self.direction:
            return "weight"
        kinds = {"X": "data", "Y": "data", "x": "data", "y": "data"}
        kinds |= dict.fromkeys(("W", "w", "b", "c", "V", "B", "alpha"), "weight")
        return kinds.get(self.base, "value")


@dataclass(frozen=True)
class Kernel:
    """The name of a kernel taken apart: inner products of rows with rows.

    Attributes
    ----------
    stems
        What the rows are rows of: one name where it is the same on both sides, else two.
    rows
        The sets that they belong to.
    """

    stems: tuple[Name, ...]
    rows: tuple[str, str] = ("q", "s")

    def __str__(self) -> str:
        # A kernel is of query and support rows unless it says otherwise.
        rows = [] if self.rows == ("q", "s") else self.rows
        return "_".join(["K", *map(str, self.stems), *rows])

    @property
    def inner(self) -> bool:
        """Whether a gradient of the support loss is in it."""
        return any(stem.inner for stem in self.stems)

    @property
    def bar(self) -> bool:
        """Whether an adjoint of the query loss is in it."""
        return any(stem.bar for stem in self.stems)

    @property
    def updated(self) -> Kernel:
        """The name of what has taken in the step size."""
        return replace(self, stems=tuple(stem.updated for stem in self.stems))

    @property
    def before_step(self) -> Kernel:
        """The name that `updated` has changed."""
        return replace(self, stems=tuple(stem.before_step for stem in self.stems))

    @property
    def kind(self) -> str:
        """Which kind of quantity it is, as `Name.kind`."""
        return "adjoint" if self.bar else "value"


_NAME = re.compile(
    r"(?P<mark>[duav]?)(?P<base>[XYWbZHGERAQSPcVBxywU]|loss|alpha|lam|tau|omega)"
    r"(?P<layer>([1-9]\d*)?)"
    r"(_(?P<rows>[sq]\d*))?(_(?P<fast>fast\d*))?(?P<bar>_bar)?(_(?P<scratch>(term|sum|part|each)"
    r"(_(term|sum|part|each))*))?"
)
_KERNEL = re.compile(r"K(?P<stems>(_[^_sq]+\d*(_bar)?){1,2})(_(?P<rows>[sq]\d*_[sq]\d*))?")


def parse(name: str) -> Name | Kernel:
    """Take a name apart.

    Raises
    ------
    ValueError
        When it is not a word of the grammar.
    """
    if match := _KERNEL.fullmatch(name):
        stems = re.findall(r"_([^_]+(?:_bar)?)", match["stems"])
        left, right = (match["rows"] or "q_s").split("_")
        return Kernel(tuple(map(_name, stems)), (left, right))
    return _name(name)


def name_of(symbol: Named) -> Name:
    """Take the name of a quantity apart that is no kernel.

    Raises
    ------
    ValueError
        When it is one, or no word of the grammar.
    """
    return _name(str(symbol.name))


def _name(name: str) -> Name:
    match = _NAME.fullmatch(name)
    if match is None:
        raise ValueError(f"`{name}` is not a name of the notation")
    return Name(
        base=match["base"],
        layer=int(match["layer"] or 0),
        rows=match["rows"] or "",
        inner=match["mark"] in ("d", "u"),
        update=match["mark"] == "u",
        rate=match["mark"] == "a",
        direction=match["mark"] == "v",
        fast=match["fast"] or "",
        bar=bool(match["bar"]),
        scratch=match["scratch"] or "",
    )


def renamed(symbol: Named, name: Name | Kernel) -> Named:
    """A quantity of the same shape under another name."""
    if isinstance(symbol, Symbol):
        return Symbol(str(name))
    return MatrixSymbol(str(name), *symbol.shape)


def inner_gradient(symbol: MatrixSymbol, rows: str) -> MatrixSymbol:
    """Name the gradient of the support loss: ``Z2_s`` -> ``dZ2_s``, ``W2_fast1`` -> ``dW2_s2``.

    A weight's gradient says which step it belongs to only where there are several.
    """
    name = name_of(symbol)
    of_rows = name.rows or (rows if rows[1:] else "")
    return renamed(symbol, Name(name.base, name.layer, of_rows, inner=True))


def adjoint(symbol: Named) -> Named:
    """Name the sensitivity of the query loss: ``dZ2_s`` -> ``dZ2_s_bar``."""
    return renamed(symbol, replace(name_of(symbol), bar=True))


def direction(symbol: MatrixSymbol) -> MatrixSymbol:
    """Name what a Hessian multiplies: ``W2`` -> ``vW2``."""
    return renamed(symbol, replace(name_of(symbol), direction=True))


def rate(symbol: MatrixSymbol, kind: str, rows: str) -> Named:
    """Name the step size of a parameter, one of `algorithms.RATES`.

    ``given`` and ``one`` -> ``alpha``, ``layer`` -> ``alpha2``, ``array`` and ``entry`` ->
    ``aW2``; with the `rows` of an inner step, where each has its own: ``aW2_s3``.
    """
    name = name_of(symbol)
    match kind:
        case "given":
            return alpha
        case "one":
            return Symbol(str(Name("alpha", rows=rows)))
        case "layer":
            return Symbol(str(Name("alpha", name.layer, rows)))
    own = Name(name.base, name.layer, rows, rate=True)
    return renamed(symbol, own) if kind == "entry" else Symbol(str(own))


def omega(step: int) -> Symbol:
    """Name the weight of the query loss after a step."""
    return Symbol(f"omega{step}", nonnegative=True)


def has_slope(symbol: MatrixExpr) -> bool:
    """Whether a function of it is named as a slope: it is a pre-activation or an activation."""
    if not isinstance(symbol, MatrixSymbol):
        return False
    name = name_of(symbol)
    return name.base in "ZH" and not (name.inner or name.bar)


def slope(symbol: MatrixSymbol) -> MatrixSymbol:
    """Name the slope of an activation: of ``Z2_s`` or of ``H2_s`` -> ``G2_s``."""
    if not has_slope(symbol):
        raise ValueError(f"no rule names a repeated function of `{symbol}`")
    name = name_of(symbol)
    return renamed(symbol, Name("G", name.layer, name.rows))


def error(symbol: MatrixSymbol) -> MatrixSymbol:
    """Name the error of a prediction: of ``Z3_q - Y_q`` -> ``E_q``."""
    return renamed(symbol, Name("E", rows=name_of(symbol).rows))


def scratch(symbol: MatrixSymbol, word: str, like: MatrixExpr) -> MatrixSymbol:
    """Name what is computed on the way to a quantity, by a word of `Name.scratch`."""
    name = name_of(symbol)
    words = "_".join(filter(None, (name.scratch, word)))
    return MatrixSymbol(str(replace(name, scratch=words)), *like.shape)


def kernel(left: MatrixSymbol, right: MatrixSymbol) -> MatrixSymbol:
    """Name a kernel of rows: ``H1_q`` with ``H1_s`` -> ``K_H1``."""
    first, second = name_of(left), name_of(right)
    stems = tuple(dict.fromkeys([first.stem, second.stem]))
    name = Kernel(stems, (first.rows, second.rows))
    return MatrixSymbol(str(name), left.shape[0], right.shape[0])


def is_row_free(shape: tuple[Expr, ...]) -> bool:
    """Whether a matrix is shaped like a weight: neither side counts samples."""
    return bool(shape) and not ROWS & set(shape)


def is_of_context(symbol: Named) -> bool:
    """Whether it is a context, a bias with a context in it, or a gradient of them."""
    name = parse(str(symbol.name))
    return isinstance(name, Name) and name.base in ("c", "B")


def weights_beside(bias: Named) -> str | None:
    """The name of the weights whose last row a bias could be; nothing where it is no bias."""
    name = parse(str(bias.name))
    if isinstance(name, Kernel) or name.base != "b":
        return None
    return str(replace(name, base="W"))


def reading_order(factor: Expr) -> tuple[int, str]:
    """Sort the factors of an elementwise product.

    Step sizes come first, then adjoints, then activations, then functions.
    """
    if not isinstance(factor, MatrixSymbol):
        return (3, str(factor))
    name = parse(factor.name)
    if isinstance(name, Name) and name.rate and not name.bar:
        return (0, factor.name)
    return (1 if name.inner or name.bar else 2, factor.name)


def on_page(name: Name | Kernel, steps: int) -> Name | Kernel:
    """The name under which the meta-gradient knows a quantity of a single support pass.

    ``Z1`` -> ``Z1_s``, and with several inner steps the first one: ``Z1`` -> ``Z1_s1``,
    ``dW1`` -> ``dW1_s1``, ``W1_fast`` -> ``W1_fast1``.
    """
    if isinstance(name, Kernel):
        return name
    first = "1" if steps > 1 else ""
    rows, fast = name.rows, f"fast{first}" if name.fast == "fast" else name.fast
    if name.base in ("X", "Y"):
        rows = rows or "s"
    elif name.base not in ("W", "b", "c", "V"):
        rows = f"s{first}" if rows in ("", "s") else rows
    elif name.inner and first:
        rows = rows or "s1"
    return replace(name, rows=rows, fast=fast)
