"""The functions of a package: what each takes, what it computes, what it says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from derive import equations

if TYPE_CHECKING:
    from derive.derivation import Derivation
    from derive.program import Program


@dataclass(frozen=True)
class Arguments:
    """What a function takes beside the weights.

    Attributes
    ----------
    signature
        Names and types.
    check
        The line that checks them and names the sizes.
    doc
        Their part of the docstring.
    over_tasks
        Whether the arrays have a leading axis for the tasks.
    """

    signature: str
    check: str
    doc: str
    over_tasks: bool = False


INPUTS = Arguments(
    signature="X: Array",
    check="check_rows(weights, X)",
    doc="""\
X
    Inputs (N, D).""",
)

ROWS = Arguments(
    signature="X: Array, Y: Array",
    check="N, O = check_rows(weights, X, Y)",
    doc="""\
X, Y
    Inputs (N, D) and targets (N, O).""",
)

SUPPORT = Arguments(
    signature="X_s: Array, Y_s: Array, alpha: float",
    check='N, O = check_rows(weights, X_s, Y_s, "_s")',
    doc="""\
X_s, Y_s
    Support inputs (N, D) and targets (N, O).
alpha
    Inner step size.""",
)

TASKS = Arguments(
    signature="X_s: Array, Y_s: Array, X_q: Array, Y_q: Array, alpha: float",
    check="T, N, M, O = check_tasks(weights, X_s, Y_s, X_q, Y_q)",
    doc="""\
X_s, Y_s
    Support inputs (T, N, D) and targets (T, N, O) of T tasks.
X_q, Y_q
    Query inputs (T, M, D) and targets (T, M, O) of the same tasks.
alpha
    Inner step size.""",
    over_tasks=True,
)


@dataclass(frozen=True)
class Function:
    """A function to emit.

    Attributes
    ----------
    name, arguments
        Its signature.
    program
        What it computes.
    summary, result, reference
        The parts of its docstring: the first line, what it returns, the source.
    """

    name: str
    arguments: Arguments
    program: Program
    summary: str
    result: str
    reference: str = ""

    @property
    def returns(self) -> str:
        """The type of what it returns: a loss, weights or predictions, or both of the first."""
        matrices = [output for output in self.program.outputs if output.is_Matrix]
        if len(matrices) == len(self.program.outputs):
            return "Array" if len(matrices) == 1 else "Weights"
        return "tuple[float, Weights]" if matrices else "float"


_META_GRADIENT = """\
loss : float
    Mean over tasks of the query loss after adaptation.
gradient : Weights
    Its gradient with respect to the weights before adaptation"""

_PAPER = """\
C. Finn, P. Abbeel, S. Levine: Model-Agnostic Meta-Learning for Fast Adaptation of
       Deep Networks. ICML 2017, arXiv:1703.03400, """


@cache
def functions_of(derivation: Derivation) -> tuple[Function, ...]:
    """The functions of the public contract that are straight-line code."""
    network = derivation.network
    return (
        Function(
            "predict",
            INPUTS,
            equations.prediction_program(network),
            summary="Apply the network.",
            result="Array\n    Predictions (N, O).",
        ),
        Function(
            "loss",
            ROWS,
            equations.loss_program(network),
            summary="Mean squared error over rows and outputs.",
            result="float\n    The loss.",
        ),
        Function(
            "loss_and_gradient",
            ROWS,
            equations.inner_program(network),
            summary="Loss and its gradient: the inner gradient.",
            result="loss : float\n    Mean squared error over rows and outputs.\n"
            "gradient : Weights\n    Its gradient with respect to the weights.",
        ),
        Function(
            "inner_step",
            SUPPORT,
            equations.step_program(network),
            summary="One gradient step on the support set.",
            result="Weights\n    The weights after the step.",
        ),
        Function(
            "meta_loss",
            TASKS,
            equations.meta_loss_program(network),
            summary="Mean over tasks of the query loss after adaptation.",
            result="float\n    The meta-loss.",
        ),
        Function(
            "meta_loss_and_gradient",
            TASKS,
            derivation.derived,
            summary="Meta-loss and its gradient through the adaptation [1]_.",
            result=_META_GRADIENT + ".",
            reference=_PAPER + "algorithm 2.",
        ),
        Function(
            "first_order_meta_loss_and_gradient",
            TASKS,
            derivation.first_order,
            summary="Meta-loss and its first-order gradient, "
            "the inner gradients held constant [1]_.",
            result=_META_GRADIENT + ",\n    without the second-order terms.",
            reference=_PAPER + "section 5.2.",
        ),
    )
