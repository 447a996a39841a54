"""The whole of MAML in scalars: one weight, one support sample, one query sample.

The network is ``z = w x`` and the loss ``(z - y)**2``. SymPy differentiates; nothing below is a
derivative written by hand. The site shows these lines before any matrix, with exact numbers, and
``generated/warm_up/`` holds them as a function.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import sympy
from sympy import Expr, Rational, Symbol, diff, sstr

from ..language.names import alpha
from ..pictures.diagram import scalar_diagram
from ..printers.latex import name_latex
from .listing import json_text, symbol_record
from .numbers import WARM_UP_CHAPTER

w, w_fast, w_fast_bar = sympy.symbols("w w_fast w_fast_bar")
x_s, y_s, x_q, y_q, dw = sympy.symbols("x_s y_s x_q y_q dw")

#: The numbers of the worked example.
EXAMPLE = {
    w: Rational(1, 2),
    x_s: Rational(1),
    y_s: Rational(2),
    x_q: Rational(2),
    y_q: Rational(3),
    alpha: Rational(1, 10),
}


class Line(NamedTuple):
    """A scalar equation.

    Attributes
    ----------
    name
        What it defines.
    value
        Its right-hand side.
    number
        Its number on the site.
    example
        What it comes to at `EXAMPLE`.
    """

    name: str
    value: Expr
    number: str
    example: Rational

    @property
    def reads(self) -> list[str]:
        """The names of what it reads."""
        return sorted(map(str, self.value.free_symbols - {alpha}))

    @property
    def order(self) -> str:
        """SymPy's order of terms in which no sum begins with a minus."""
        orders = ("lex", "rev-lex")
        return next(each for each in orders if "(-" not in f"({sstr(self.value, order=each)}")

    @property
    def latex(self) -> str:
        """The equation."""
        names = {each: name_latex(str(each)) for each in self.value.free_symbols - {alpha}}
        right = sympy.latex(self.value, symbol_names=names, order=self.order)
        return f"{name_latex(self.name)} = {right}"

    @property
    def code(self) -> str:
        """The assignment, spaced as ruff has it."""
        text = re.sub(r"(?<!\*)\*(?!\*)", " * ", sstr(self.value, order=self.order))
        return f"{self.name} = {text.replace(')**', ') ** ')}"


def lines() -> tuple[Line, ...]:
    """The derivation: loss, gradient, step, loss after it, and the gradient through the step."""
    loss_s = (w * x_s - y_s) ** 2
    loss_q = (w_fast * x_q - y_q) ** 2
    step = w - alpha * diff(loss_s, w)
    values = {
        "loss_s": loss_s,
        "dw": diff(loss_s, w),
        "w_fast": w - alpha * dw,
        "loss_q": loss_q,
        "w_fast_bar": diff(loss_q, w_fast),
        "w_bar": diff(step, w) * w_fast_bar,
    }
    known: dict[Symbol, Rational] = dict(EXAMPLE)
    found = []
    for place, (name, value) in enumerate(values.items(), start=1):
        example = value.xreplace(known)
        known[Symbol(name)] = example
        found.append(Line(name, value, f"{WARM_UP_CHAPTER}.{place}", example))
    return tuple(found)


def module(banner: str) -> str:
    """``scalar.py``: the lines as a function."""
    given = ", ".join(f"{symbol}: float" for symbol in EXAMPLE)
    body = "\n".join(f"    {line.code}  # ({line.number})" for line in lines())
    return f'''# {banner}
"""The whole of MAML for one weight, one support sample and one query sample."""


def meta_loss_and_gradient(
    {given}
) -> tuple[float, float]:
    """Query loss after one step, and its derivative through the step.

    Parameters
    ----------
    w
        The weight of the network ``w x``.
    x_s, y_s
        The support sample.
    x_q, y_q
        The query sample.
    alpha
        Inner step size.

    Returns
    -------
    loss : float
        The squared error of the query sample after the step.
    gradient : float
        Its derivative with respect to `w`.
    """
{body}
    return loss_q, w_bar
'''


def javascript(banner: str) -> str:
    """``scalar.js``: the lines as a function of JavaScript, which has the same operators."""
    found = lines()
    body = "\n".join(f"  const {line.code}; // ({line.number})" for line in found)
    return f"""// {banner}
// The whole of MAML for one weight, one support sample and one query sample: all that comes up.

export function metaLossAndGradient({{ {", ".join(map(str, EXAMPLE))} }}) {{
{body}
  return {{ {", ".join(line.name for line in found)} }};
}}
"""


def manifest(banner: str) -> str:
    """``equations.json``: the lines for the site, with the numbers of the example."""
    found = lines()
    symbols = [*map(str, EXAMPLE), *(line.name for line in found)]
    return json_text(
        {
            "banner": banner,
            "symbols": [symbol_record(name) for name in symbols if name != "alpha"],
            "example": {str(symbol): str(value) for symbol, value in EXAMPLE.items()},
            "derived": [
                {
                    "name": line.name,
                    "number": line.number,
                    "latex": line.latex,
                    "shape": "",
                    "reads": line.reads,
                    "code": line.code,
                    "example": str(line.example),
                }
                for line in found
            ],
        }
    )


def files(banner: str) -> dict[str, str]:
    """Every file of the warm-up, by its name."""
    drawn = scalar_diagram({line.name: line.reads for line in lines()}, banner)
    return {
        "scalar.py": module(banner),
        "scalar.js": javascript(banner),
        "equations.json": manifest(banner),
        "diagrams/scalar.svg": drawn,
    }
