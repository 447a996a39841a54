"""The functions of a package: what each computes and says of itself.

What a function takes is read off the inputs of its program: the signature, the checks and their
part of the docstring.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from derive.language.names import MEANINGS, T, alpha, is_row_free
from derive.model import programs
from derive.model.algorithms import ALGORITHMS
from derive.model.losses import LOSSES

if TYPE_CHECKING:
    from derive.language.program import Group, Program
    from derive.model.network import Network


@dataclass(frozen=True)
class Function:
    """A function to emit.

    Attributes
    ----------
    name
        Its name.
    program
        What it computes, as derived.
    summary, result, reference
        The parts of its docstring: the first line, what it returns, the source.
    """

    name: str
    program: Program
    summary: str
    result: str
    reference: str = ""

    @property
    def over_tasks(self) -> bool:
        """Whether its arrays have a leading axis for the tasks."""
        return bool(self.program.group("query"))

    @property
    def data(self) -> list[Group]:
        """The sets of rows that it takes."""
        return [each for each in self.program.groups if each.name in _WORDS]

    @property
    def signature(self) -> str:
        """What it takes, with types."""
        data = [f"{symbol}: Array" for group in self.data for symbol in group.symbols]
        step_size = [f"{alpha}: float"] if alpha in self.program.inputs else []
        return ", ".join(["weights: Weights", *data, *step_size])

    @property
    def checks(self) -> list[str]:
        """The lines that check what it takes, and name the sizes."""
        data = [str(symbol) for group in self.data for symbol in group.symbols]
        arguments = ", ".join(["weights", *data])
        if self.over_tasks:
            check = f"T, N, M, O = check_tasks({arguments})"
        elif self.program.group("support"):
            check = f'N, O = check_rows({arguments}, "_s")'
        else:
            check = f"{'N, O = ' if len(data) > 1 else ''}check_rows({arguments})"
        step_size = [f"{alpha} = check_alpha({alpha})"] if alpha in self.program.inputs else []
        return ["check_weights(weights, Weights._fields)", check, *step_size]

    @property
    def parameters(self) -> list[str]:
        """Their part of the docstring."""
        lines = [
            "weights",
            "    The network's weights, float32 or float64; everything else has their dtype.",
        ]
        for group in self.data:
            lines += [", ".join(map(str, group.symbols)), f"    {self._described(group)}"]
        if alpha in self.program.inputs:
            lines += [str(alpha), f"    {MEANINGS[str(alpha)].capitalize()}."]
        return lines

    def _described(self, group: Group) -> str:
        """A set of rows, with its shapes."""
        what, whose = _WORDS[group.name]
        words = [f"{what}inputs", "targets"]
        shapes = [
            ", ".join(map(str, [T, *each.shape] if self.over_tasks else each.shape))
            for each in group.symbols
        ]
        text = " and ".join(f"{word} ({shape})" for word, shape in zip(words, shapes, strict=False))
        return f"{text[0].upper()}{text[1:]}{f' of {whose} tasks' if self.over_tasks else ''}."

    @property
    def gives_gradient(self) -> bool:
        """Whether it returns a loss and its gradient."""
        return self.returns == "tuple[float, Weights]"

    @property
    def returns(self) -> str:
        """The type of what it returns: a loss, weights or predictions, or both of the first."""
        matrices = [output for output in self.program.outputs if output.is_Matrix]
        if len(matrices) == len(self.program.outputs):
            return "Weights" if all(is_row_free(each.shape) for each in matrices) else "Array"
        return "tuple[float, Weights]" if matrices else "float"


#: What the rows of a set are called, and whose they are where there are several tasks.
_WORDS = {"rows": ("", ""), "support": ("support ", "T"), "query": ("query ", "the same")}


def functions_of(network: Network) -> tuple[Function, ...]:
    """The functions of a network's package, in the order in which they are emitted."""
    meaning = LOSSES[network.loss].meaning
    loss = f"{meaning[0].upper()}{meaning[1:]}"
    return (
        Function(
            "predict",
            programs.prediction_program(network),
            summary="Apply the network.",
            result="Array\n    Predictions (N, O).",
        ),
        Function(
            "loss",
            programs.loss_program(network),
            summary=f"{loss}.",
            result="float\n    The loss.",
        ),
        Function(
            "loss_and_gradient",
            programs.inner_program(network),
            summary="Loss and its gradient: the inner gradient.",
            result=f"loss : float\n    {loss}.\n"
            "gradient : Weights\n    Its gradient with respect to the weights.",
        ),
        Function(
            "inner_step",
            programs.step_program(network),
            summary="One gradient step on the support set.",
            result="Weights\n    The weights after the step.",
        ),
        Function(
            "meta_loss",
            programs.meta_loss_program(network),
            summary="Mean over tasks of the query loss after adaptation.",
            result="float\n    The meta-loss.",
        ),
        *(
            Function(
                f"{prefix}meta_loss_and_gradient",
                programs.meta_gradient_program(replace(network, algorithm=algorithm)),
                summary=ALGORITHMS[algorithm].summary,
                result="loss : float\n    Mean over tasks of the query loss after adaptation.\n"
                f"gradient : Weights\n    {ALGORITHMS[algorithm].result}",
                reference=ALGORITHMS[algorithm].reference,
            )
            for prefix, algorithm in (("", network.algorithm), ("first_order_", "first_order"))
        ),
    )
