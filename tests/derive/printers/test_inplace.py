"""The printer of the workspace form is closed."""

from __future__ import annotations

import pytest
from sympy import MatrixSymbol

from derive.language.names import D, width
from derive.language.program import Equation
from derive.printers.inplace import calls_of
from derive.schedule.steps import steps_of


def test_a_product_that_no_network_has_is_refused() -> None:
    W1, W2 = MatrixSymbol("W1", D, width(1)), MatrixSymbol("W2", width(1), width(2))
    chain = Equation(MatrixSymbol("H2_s", D, width(2)), W1 * W2, "support")
    (step,) = steps_of(chain, [])
    with pytest.raises(ValueError, match=r"`H2_s`: .* no call for the product W1\*W2"):
        calls_of(step)
