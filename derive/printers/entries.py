"""What is computed entry by entry, in any language that looks like C: expressions and numbers.

A language differs from another in how it reads an entry and writes a number; `Language` says how.
What there is no text for is an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from sympy import (
    Add,
    Expr,
    HadamardProduct,
    Integer,
    MatAdd,
    MatMul,
    MatrixExpr,
    MatrixSymbol,
    Mul,
    OneMatrix,
    Pow,
    Rational,
    Symbol,
)
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction as Elementwise

from ..language.elementwise import Word, body_of, is_gate, row_of, spelled, z
from ..language.names import reading_order
from ..language.program import RowMax, scalar_and_factors, shape_of
from ..schedule.task import is_turned

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..language.elementwise import Row

    #: Gives the text of an entry of a matrix.
    Read: TypeAlias = Callable[[MatrixSymbol], str]


class Language(NamedTuple):
    """How a language spells what is computed entry by entry.

    Attributes
    ----------
    name
        What it is called.
    call
        The call of a function of the table, with its argument ``{}``.
    at
        Gives the text of the entry of a matrix that belongs to the one that is computed.
    row, column
        Give that of a matrix which is the same in every row, or in every column.
    along, down, most
        The sum of a row, the sum of a column, the largest entry of a column of a matrix ``{0}``,
        which has ``{1}`` entries.
    factor, constant
        A number ``{}`` that an entry is multiplied by, and one in a function.
    whole
        An integer among numbers.
    one
        The entry 1.
    """

    name: str
    call: Callable[[Row], str]
    at: Read
    row: Read
    column: Read
    along: str
    down: str
    most: str
    factor: str = "{}"
    constant: str = "{}"
    whole: str = "{}"
    one: str = "1"

    def entry(self, value: MatrixExpr, out: MatrixSymbol) -> str:
        """An expression of entries.

        Parameters
        ----------
        value
            The expression.
        out
            What it is computed for, or a matrix that lies likewise.

        Raises
        ------
        ValueError
            When there is no text for it.
        """
        match value:
            case MatrixSymbol():
                return self.at(value)
            case MatAdd():
                return self._sum(value, out)
            case RowMax(arg=MatrixSymbol() as rows) if is_turned(rows):
                return self.most.format(rows, rows.shape[1])
            case MatMul():
                return self._scaled(*scalar_and_factors(value), out)
            case HadamardProduct():
                return self._product(sorted(value.args, key=reading_order), out)
            case Elementwise():
                argument = self.entry(value.expr, out)
                if not isinstance(value.expr, MatrixSymbol):
                    argument = f"({argument})"
                return self.function(spelled(body_of(value)), argument, value)
        raise ValueError(f"no {self.name} for {type(value).__name__}: {value}")

    def _with_ones(self, ones: MatrixExpr, value: MatrixExpr, out: MatrixSymbol) -> str:
        """What is repeated, or a sum along rows or down them."""
        shape = shape_of(value)
        if 1 in shape and out.shape != shape:
            # A column lies as a row, and a row of outputs as a column.
            in_row = is_turned(out) == (shape[1] == 1)
            if not in_row and not is_turned(out):
                raise ValueError(f"no {self.name} for a column that is repeated along {out}")
            return self._replace(at=self.row if in_row else self.column).entry(value, out)
        if not isinstance(value, MatrixSymbol):
            raise ValueError(f"no {self.name} for a sum of {value}")
        along = ones.shape[1] == 1
        text = self.along if along != is_turned(value) else self.down
        return text.format(value, value.shape[1 if along else 0])

    def _sum(self, value: MatAdd, out: MatrixSymbol) -> str:
        """Terms, those with a minus at the end."""
        parts = [(_is_negative(part), part) for part in value.args]
        parts.sort(key=lambda each: each[0])
        (_, first), *rest = parts
        text = self.entry(first, out)
        for minus, part in rest:
            text += f" - {self.entry(-part, out)}" if minus else f" + {self.entry(part, out)}"
        return text

    def _scaled(self, scalar: Expr, factors: Sequence[MatrixExpr], out: MatrixSymbol) -> str:
        match factors:
            case (OneMatrix() as ones, rest) | (rest, OneMatrix() as ones):
                text = self._with_ones(ones, rest, out)
            case (MatAdd() as rest,):
                text = f"({self.entry(rest, out)})"
            case (rest,):
                text = self.entry(rest, out)
            case _:
                raise ValueError(f"no {self.name} for the product {factors}")
        if scalar == 1:
            return text
        if scalar == -1:
            return f"-{text}"
        return f"{self.factor.format(self.number(scalar))} * {text}"

    def _product(self, factors: list[MatrixExpr], out: MatrixSymbol) -> str:
        """Factors multiplied, and what is let through where the slope of relu is 1."""
        gates = [each.expr for each in factors if is_gate(each)]
        texts = []
        for factor in factors:
            if not is_gate(factor):
                text = self.entry(factor, out)
                texts.append(f"({text})" if _is_open(factor) else text)
        text = " * ".join(texts) or self.one
        for each in gates:
            text = f"gate({text}, {self.entry(each, out)})"
        return text

    def function(self, body: Expr, argument: str, value: MatrixExpr) -> str:
        """An expression in `z` at an entry.

        Parameters
        ----------
        body, argument
            The expression, and the text of what `z` is.
        value
            Where it stands, for an error to say.

        Raises
        ------
        ValueError
            When there is no text for it.
        """

        def text(each: Expr) -> str:
            match each:
                case Word(args=(inner,)) if (row := row_of(each)) and (call := self.call(row)):
                    return call.format(text(inner))
                case Add():
                    return _added(each, text)
                case Mul():
                    return " * ".join(
                        f"({text(part)})" if isinstance(part, Add) else text(part)
                        for part in each.as_ordered_factors()
                    )
                case Pow(base=base, exp=Integer() as power) if power > 0:
                    one = f"({text(base)})" if isinstance(base, Add) else text(base)
                    return " * ".join([one] * int(power))
            if each == z:
                return argument
            if each.is_number:
                return self.constant.format(self.number(each))
            raise ValueError(f"no {self.name} for the function {each} in {value}")

        return text(body)

    def number(self, value: Expr) -> str:
        """A number of 64 bits.

        Raises
        ------
        ValueError
            When there is no text for it.
        """
        if value.is_number:
            if isinstance(value, Integer):
                return self.whole.format(value)
            if isinstance(value, Rational):
                return f"({self.whole.format(value.p)} / {value.q})"
            return repr(float(value))
        if isinstance(value, Symbol):
            return str(value)
        if isinstance(value, Add):
            return f"({_added(value, self.number)})"
        if isinstance(value, Pow) and isinstance(value.exp, Integer) and value.exp > 1:
            return " * ".join([self.number(value.base)] * int(value.exp))
        if not isinstance(value, Mul | Pow):
            raise ValueError(f"no {self.name} for the number {value}")
        minus = value.could_extract_minus_sign()
        above, below = (-value if minus else value).as_numer_denom()
        over = " * ".join(self.number(each) for each in Mul.make_args(above))
        under = " * ".join(self._size(each) for each in Mul.make_args(below))
        return ("-" if minus else "") + (over if below == 1 else f"{over} / ({under})")

    def _size(self, value: Expr) -> str:
        return str(value) if isinstance(value, Integer) else self.number(value)


def _added(value: Add, text: Callable[[Expr], str]) -> str:
    """A sum of numbers, those with a minus at the end."""
    parts = sorted(value.args, key=lambda part: part.could_extract_minus_sign())
    return "".join(
        f" - {text(-part)}" if part.could_extract_minus_sign() else f" + {text(part)}"
        for part in parts
    ).removeprefix(" + ")


def _is_negative(part: MatrixExpr) -> bool:
    scalar, _ = scalar_and_factors(part)
    return bool(scalar.could_extract_minus_sign())


def _is_open(factor: MatrixExpr) -> bool:
    """Whether the text of a factor needs brackets."""
    return isinstance(factor, MatAdd) or (
        isinstance(factor, Elementwise) and isinstance(spelled(body_of(factor)), Add)
    )
