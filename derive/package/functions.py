"""The functions of a package: what each computes and says of itself.

What a function takes is read off the inputs of its program: the signature, the checks, their part
of the docstring, and how the inputs are taken out of the arguments.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..language.names import MEANINGS, T, alpha, is_row_free, lam, tau
from ..model import programs
from ..model.algorithms import ALGORITHMS, inner_gradients
from ..model.losses import LOSSES
from ..printers.numpy import unpacked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..language.names import Named
    from ..language.program import Group, Program
    from ..model.network import Network
    from ..model.programs import Before


@dataclass(frozen=True)
class Function:
    """A function to emit.

    Attributes
    ----------
    name
        Its name.
    network
        Whose it is.
    program
        What it computes, as derived.
    summary, result, reference
        The parts of its docstring: the first line, what it returns, the source.
    """

    name: str
    network: Network
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
    def arguments(self) -> dict[str, str]:
        """What it takes, in order, with types."""
        types: dict[str, str] = {}
        for group in self.program.groups:
            names = [str(symbol) for symbol in group.symbols]
            match group.name:
                case "weights" | "direction":
                    types[group.name] = "Weights"
                case "rates":
                    types["rates"] = "Rates"
                case "omegas":
                    types["omegas"] = "Sequence[float]"
                case "numbers":
                    types |= {name: "Array" if name == str(tau) else "float" for name in names}
                case "rows" | "support" | "query":
                    types |= dict.fromkeys(names, "Array")
        return types

    @property
    def signature(self) -> str:
        """The same as text."""
        return ", ".join(f"{name}: {kind}" for name, kind in self.arguments.items())

    @property
    def checks(self) -> list[tuple[str, str]]:
        """What checks what it takes, and the names of what each check returns, or nothing."""
        inputs, names = self.program.inputs, self.arguments
        layers = "weights[:-1]" if self.network.context else "weights"
        data = [str(symbol) for group in self.data for symbol in group.symbols]
        targets = [name for name in data if name[0] == "Y" and LOSSES[self.network.loss].labels]
        arguments = ", ".join([layers, *data])
        checks = [("", "check_weights(weights, Weights._fields)")]
        if "direction" in names:
            checks.append(("", 'check_like("direction", direction, weights)'))
        checks += [(name, f'check_classes("{name}", {name}, {layers})') for name in targets]
        if self.over_tasks:
            if "rates" in names:
                checks.append(("", CHECK_RATES))
            checks.append(("T, N, M, O", f"check_tasks({arguments})"))
        elif self.program.group("support"):
            checks.append(("N, O", f'check_rows({arguments}, "_s")'))
        else:
            counted = len(data) > 1 or self.network.normalised
            checks.append(("N, O" if counted else "", f"check_rows({arguments})"))
        checks += [("alpha", "check_alpha(alpha)")] if alpha in inputs else []
        checks += [("lam", "check_penalty(lam)")] if lam in inputs else []
        checks += [("tau", "check_task_weights(tau, weights, T)")] if tau in inputs else []
        if omegas := self.program.group("omegas"):
            call = f"check_omegas(omegas, {len(omegas)})"
            checks.append((names_of(omegas), call))
        return checks

    @property
    def unpacking(self) -> list[tuple[str, str]]:
        """Weights, directions, step sizes and contexts, and where each comes from."""
        pairs = [(self.program.weights, "weights"), (self.program.group("direction"), "direction")]
        rates = self.program.group("rates")
        if rates and self.over_tasks and self.network.rule.per_step:
            pairs += [(symbols, f"rates.{field}") for field, symbols in self.network.rates]
        else:
            pairs.append((rates, "rates"))
        zeros = "np.zeros((1, len(V1)), V1.dtype)"
        return [
            *((names_of(symbols), value) for symbols, value in pairs if symbols),
            *((str(c), zeros) for c in self.program.group("context")),
        ]

    @property
    def parameters(self) -> list[str]:
        """The arguments' part of the docstring."""
        lines = [
            "weights",
            "    The network's weights, float32 or float64; everything else has their dtype.",
        ]
        for group in self.program.groups:
            match group.name:
                case "direction":
                    lines += ["direction", "    What the Hessian multiplies, like the weights."]
                case "rates":
                    lines += ["rates", "    Step sizes, which may be negative."]
                case "rows" | "support" | "query":
                    lines += [", ".join(map(str, group.symbols)), f"    {self._described(group)}"]
                case "numbers":
                    for symbol in group.symbols:
                        shape = " (T,)" if symbol == tau else ""
                        meaning = MEANINGS[str(symbol)]
                        lines += [str(symbol), f"    {meaning[0].upper()}{meaning[1:]}{shape}."]
                case "omegas":
                    lines += ["omegas", "    The weight of the query loss after each step."]
        return lines

    def _described(self, group: Group) -> str:
        """A set of rows, with its shapes."""
        what, whose = _WORDS[group.name]
        labels = LOSSES[self.network.loss].labels
        targets = "probabilities" if labels else "targets"
        words = [f"{what}inputs", targets]
        shapes = [
            ", ".join(map(str, [T, *each.shape] if self.over_tasks else each.shape))
            for each in group.symbols
        ]
        text = " and ".join(f"{word} ({shape})" for word, shape in zip(words, shapes, strict=False))
        of = f" of {whose} tasks" if self.over_tasks else ""
        or_numbers = "; or class numbers" if labels and len(shapes) > 1 else ""
        return f"{text[0].upper()}{text[1:]}{of}{or_numbers}."

    @property
    def gradient(self) -> tuple[Named, ...]:
        """The gradients among what a function over tasks returns: sums over the tasks."""
        return self.program.outputs[1:] if self.over_tasks else ()

    def gives(self, name: str) -> bool:
        """Whether it returns a gradient with respect to its ``weights`` or its ``rates``."""
        return name.capitalize() in self.returns

    @property
    def gives_gradient(self) -> bool:
        """Whether it returns a loss and its gradient."""
        return self.returns.startswith("tuple")

    @property
    def returns(self) -> str:
        """The type of what it returns: a loss, weights or predictions, or both of the first."""
        outputs = self.program.outputs
        if not outputs[0].is_Matrix:
            rest = len(outputs) - 1
            rates = len(self.program.group("rates")) and rest > len(self.program.weights)
            return f"tuple[float, Weights{', Rates' if rates else ''}]" if rest else "float"
        return "Weights" if all(is_row_free(each.shape) for each in outputs) else "Array"


def names_of(symbols: Sequence[Named]) -> str:
    """The left side of an assignment of the parts of a value to names."""
    return unpacked(map(str, symbols), "").removesuffix(" = ")


CHECK_RATES = "check_rates(rates, rate_shapes(weights), weights)"

#: What the rows of a set are called, and whose they are where there are several tasks.
_WORDS = {"rows": ("", ""), "support": ("support ", "T"), "query": ("query ", "the same")}


def functions_of(
    network: Network, before: Before = lambda program: program
) -> tuple[Function, ...]:
    """The functions of a network's package, in the order in which they are emitted.

    Parameters
    ----------
    network
        Whose they are.
    before
        A pass that the meta-loss goes through before it is differentiated.
    """
    meaning, rule = LOSSES[network.loss].meaning, network.rule
    loss = f"{meaning[0].upper()}{meaning[1:]}"
    with_penalty = f"{loss}, and the penalty" if rule.penalty else loss
    mean = "Weighted sum" if rule.task_weights else "Mean"
    after = " after each step, weighted" if rule.outer == "every" else " after adaptation"
    rates = "\nof_rates : Rates\n    Its gradient with respect to the step sizes."
    meta = f"{mean} over tasks of the query loss{after}."

    def meta_gradient(prefix: str, first_order: bool) -> Function:
        how = "its gradient through the adaptation"
        if first_order:
            how = "its first-order gradient, the inner gradients held constant"
        lacking = "\n    without the second-order terms" if first_order else ""
        return Function(
            f"{prefix}meta_loss_and_gradient",
            network,
            programs.meta_gradient_program(
                network, inner_gradients if prefix else None, before=before
            ),
            summary=f"Meta-loss and {how} [1]_.",
            result=f"loss : float\n    {meta}\n"
            "gradient : Weights\n    Its gradient with respect to the weights before adaptation"
            f"{',' if lacking else ''}{lacking}.{rates if rule.learns else ''}",
            reference=ALGORITHMS["first_order"].reference if prefix else rule.reference,
        )

    return (
        Function(
            "predict",
            network,
            programs.prediction_program(network),
            summary="Apply the network.",
            result="Array\n    Predictions (N, O).",
        ),
        Function(
            "loss",
            network,
            programs.loss_program(network),
            summary=f"{loss}.",
            result="float\n    The loss.",
        ),
        Function(
            "loss_and_gradient",
            network,
            programs.inner_program(network),
            summary="Loss and its gradient: the inner gradient.",
            result=f"loss : float\n    {with_penalty}.\n"
            "gradient : Weights\n    Its gradient with respect to the weights.",
        ),
        Function(
            "hessian_product",
            network,
            programs.hessian_program(network),
            summary="The Hessian of the loss times a direction, without the Hessian.",
            result="Weights\n    The product, like the weights.",
        ),
        Function(
            "inner_step",
            network,
            programs.step_program(network),
            summary="One gradient step on the support set.",
            result="Weights\n    The weights after the step.",
        ),
        Function(
            "meta_loss",
            network,
            before(programs.meta_loss_program(network)),
            summary=meta,
            result="float\n    The meta-loss.",
        ),
        meta_gradient("", rule.constants is inner_gradients),
        meta_gradient("first_order_", first_order=True),
    )
