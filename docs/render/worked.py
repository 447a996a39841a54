r"""An adjoint worked out with the trace rule, line by line, for a reader with a pencil.

The lines are made from the equation that reads the quantity. What they end in must be the gain that
the sweep has found; if it is not, there is no page.

When what an equation ``V = f(U)`` reads changes a little, the loss changes by ``trace(A.T dV)``,
where `A` is the adjoint of ``V``. Written as ``trace(G.T dU)``, that shows what the adjoint of
``U`` gains: `G` (Giles 2008).
"""

from __future__ import annotations

from functools import cache
from html import escape
from typing import TYPE_CHECKING, NamedTuple

from sympy import HadamardProduct, MatAdd, MatrixExpr, MatrixSymbol, Transpose
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction as Elementwise

from derive.language.elementwise import body_of, elementwise, z
from derive.language.program import product_of, scalar_and_factors
from derive.making import NETWORKS
from derive.model.programs import meta_gradient_program
from derive.printers.latex import equation_latex, name_latex, value_latex
from docs.render.manifest import PAGE_NETWORK, PageError, marked

if TYPE_CHECKING:
    from derive.language.program import Equation, Gain, Program

Factors = tuple[MatrixExpr, ...]


class Line(NamedTuple):
    """A line of a derivation, in LaTeX, and why it holds."""

    latex: str
    reason: str


@cache
def _program() -> Program:
    return meta_gradient_program(NETWORKS[PAGE_NETWORK])


def worked(name: str) -> str:
    """The derivation of an adjoint of the pages' network, a list of lines for each of its gains."""
    program = _program()
    if name not in [equation.name for equation in program if equation.gains]:
        raise PageError(f"there is no adjoint {name!r} to work out")
    adjoint = program[name]
    return "\n".join(_shown(adjoint, gain, program[gain.reader]) for gain in adjoint.gains)


def _shown(adjoint: Equation, gain: Gain, reader: Equation) -> str:
    lines = [
        Line(equation_latex(reader), f"This is [eq:{reader.name}]."),
        *lines_of(reader, gain, cotangent(gain, reader)),
        Line(
            rf"{name_latex(adjoint.name)} \mathrel{{{{+}}{{=}}}} {value_latex(gain.term)}",
            "So this is what the adjoint gains.",
        ),
    ]
    items = [
        rf'<li><span class="arithmatex">\(\displaystyle {_safe(line.latex)}\)</span>'
        f"<span>{line.reason}</span></li>"
        for line in lines
    ]
    return f'<ol class="worked">{"".join(items)}</ol>'


def _safe(latex: str) -> str:
    return escape(marked(latex, PAGE_NETWORK), quote=False)


def cotangent(gain: Gain, reader: Equation) -> MatrixSymbol:
    """The adjoint of what the reader defines: the one of its shape that the gain is linear in."""
    rest = gain.term.atoms(MatrixSymbol) - set(reader.reads)
    if len(rest) != 1:
        raise PageError(f"{gain.term} does not have one adjoint beside what {reader.name} reads")
    return rest.pop()


def lines_of(reader: Equation, gain: Gain, bar: MatrixSymbol) -> list[Line]:
    """The change of what the reader defines, and of the loss, until the gain stands there.

    Raises
    ------
    PageError
        When an equation has a form that is not worked out here, or the lines end in something else
        than the gain.
    """
    U = gain.quantity
    terms = reader.value.args if isinstance(reader.value, MatAdd) else (reader.value,)
    (term,) = (each for each in terms if each.has(U))
    scalar, factors = scalar_and_factors(term)
    place = next(i for i, factor in enumerate(factors) if factor.has(U))
    before, read, after = factors[:place], factors[place], factors[place + 1 :]
    found: MatrixExpr | None = None
    if isinstance(read, MatrixSymbol):
        found = product_of((*_turned(before), bar, *_turned(after)))
        change, others = _product(U, bar, before, after)
    elif isinstance(read, Transpose):
        found = product_of((*after, bar.T, *before))
        change, others = _transposed(U, bar, before, after)
    elif isinstance(read, Elementwise) and read.expr == U:
        slope = elementwise(body_of(read).diff(z), U)
        found = HadamardProduct(bar, slope).doit(deep=False)
        change, others = _entrywise(U, bar, slope)
    if scalar != 1 or found != gain.term:
        raise PageError(f"no derivation of {gain.term} from {reader.name} is worked out")
    return [
        Line(f"{_change(reader.name)} = {change}", "To first order, what it defines changes so."),
        Line(f"{_trace(_turn(bar), _change(reader.name))} = {_trace(_turn(bar), change)}", LOSS),
        *others,
        Line(f"= {_trace(_turn_text(value_latex(found)), _change(U.name))}", GAIN),
    ]


#: Why a line holds.
LOSS = "By so much the loss changes."
CYCLIC = "A trace is cyclic: the last factor may come first."
TURNED = "A matrix and its transpose have the same trace."
ENTRIES = "The trace of a transposed matrix times another adds up the products of their entries."
GAIN = "What stands before the change is a transposed matrix: the gain."


def _product(
    U: MatrixSymbol, bar: MatrixSymbol, before: Factors, after: Factors
) -> tuple[str, list[Line]]:
    """How a product changes with a factor, and the lines between that and the gain."""
    change = _row(*_texts(before), _change(U.name), *_texts(after))
    if not after:
        return change, []
    moved = _trace(*_texts(after), _turn(bar), *_texts(before), _change(U.name))
    return change, [Line(f"= {moved}", CYCLIC)]


def _transposed(
    U: MatrixSymbol, bar: MatrixSymbol, before: Factors, after: Factors
) -> tuple[str, list[Line]]:
    """The same for a factor that stands there transposed."""
    first, last = _texts(_turned(before)), _texts(_turned(after))
    change, name = _change(U.name), name_latex(str(bar.name))
    lines = [Line(f"= {_trace(*last, change, *first, name)}", TURNED)]
    if last:
        lines.append(Line(f"= {_trace(*first, name, *last, change)}", CYCLIC))
    return _row(*_texts(before), rf"{change}{{}}^{{\top}}", *_texts(after)), lines


def _entrywise(U: MatrixSymbol, bar: MatrixSymbol, slope: MatrixExpr) -> tuple[str, list[Line]]:
    """The same for a function of every entry."""
    change, factor = _change(U.name), value_latex(slope)
    entries = [rf"\left({each}\right)_{{ij}}" for each in (value_latex(bar), factor, change)]
    return rf"{factor} \odot {change}", [Line(rf"= \sum_{{i,j}} {_row(*entries)}", ENTRIES)]


# --- pieces of LaTeX ---


def _change(name: str) -> str:
    return rf"\delta {name_latex(str(name))}"


def _turn(symbol: MatrixSymbol) -> str:
    return value_latex(symbol.T)


def _turn_text(latex: str) -> str:
    return rf"\left({latex}\right)^{{\top}}"


def _turned(factors: Factors) -> Factors:
    """The transposed factors in the opposite order."""
    return tuple(factor.T for factor in reversed(factors))


def _texts(factors: Factors) -> list[str]:
    return [value_latex(factor) for factor in factors]


def _row(*texts: str) -> str:
    return r" \, ".join(texts)


def _trace(*texts: str) -> str:
    return rf"\operatorname{{tr}}\left({_row(*map(_factor, texts))}\right)"


def _factor(text: str) -> str:
    """A product entry by entry needs parentheses beside one of matrices."""
    bare = r"\odot" in text and not text.startswith(r"\left(")
    return rf"\left({text}\right)" if bare else text
