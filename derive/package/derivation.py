"""Everything that is derived for one network: what follows it only prints.

::

    network -> functions, as derived -> rewritten -> plan of the workspace form
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from derive.language.cost import cost_of
from derive.model.losses import LOSSES
from derive.package.functions import functions_of
from derive.package.numbers import numbers_of
from derive.package.rules import rules_of
from derive.passes.rewrite import PASSES, rewrite
from derive.passes.workspace import lowered
from derive.printers.numpy import check_sums
from derive.schedule.plan import plan_of

if TYPE_CHECKING:
    from derive.language.cost import Cost
    from derive.language.program import Program
    from derive.model.network import Network
    from derive.package.functions import Function
    from derive.package.numbers import Numbers
    from derive.package.rules import Rule
    from derive.schedule.plan import Plan


@dataclass(frozen=True)
class Derivation:
    """A network's package before it is text.

    Attributes
    ----------
    name
        The name of its package.
    network
        What is derived.
    functions
        What the package computes, as derived.
    rewritten
        The programs of the same functions after the rewrite; none where there is no kernel form.
    stages
        The meta-gradient as derived, and after each pass of the rewrite.
    first_order
        The first-order meta-gradient, as derived.
    rules
        The derivative rules that the outer sweep used.
    numbers
        The numbers of the equations on the site.
    plan
        The workspace form, or nothing where there is none.
    lacks
        For each form that there is not, why.
    """

    name: str
    network: Network
    functions: tuple[Function, ...]
    rewritten: tuple[Program, ...]
    stages: tuple[Program, ...]
    first_order: Program
    rules: tuple[Rule, ...]
    numbers: Numbers
    plan: Plan | None
    lacks: tuple[str, ...]

    @property
    def derived(self) -> Program:
        """The meta-gradient as derived."""
        return self.stages[0]

    @property
    def costs(self) -> dict[str, Cost]:
        """The cost of the meta-gradient as derived, and after each pass."""
        names = ["derived", *(apply.__name__ for apply in PASSES)]
        return dict(zip(names, map(cost_of, self.stages), strict=False))

    @property
    def summary(self) -> str:
        """The network in a few words."""
        network = self.network
        layers = "layer" if network.hidden == 1 else "layers"
        hidden = f"{network.hidden} hidden {layers}, {network.activation}"
        steps = "step" if network.steps == 1 else "steps"
        words = [
            hidden if network.hidden else "linear",
            *([] if network.bias else ["no biases"]),
            LOSSES[network.loss].title,
            f"{network.steps} inner {steps}",
        ]
        return ", ".join(words)


def derive(name: str, network: Network) -> Derivation:
    """Derive everything for one network.

    Raises
    ------
    ValueError
        When an equation is wrong; where only a form cannot be had, `Derivation.lacks` says so.
    """
    functions = functions_of(network)
    programs = {function.name: function.program for function in functions}
    derived = programs["meta_loss_and_gradient"]
    first_order = programs["first_order_meta_loss_and_gradient"]
    stages: tuple[Program, ...] = (derived,)
    rewritten: tuple[Program, ...] = ()
    plan, lacks = None, []
    try:
        stages = rewritten_in_stages(derived)
        rewritten = tuple(
            stages[-1] if program is derived else rewrite(program) for program in programs.values()
        )
        check_sums(stages[-1])
    except ValueError as error:
        stages, rewritten = (derived,), ()
        lacks.append(f"no kernel form: {error}")
    try:
        plan = plan_of(lowered(derived, dense=False), lowered(derived, dense=True))
    except ValueError as error:
        lacks.append(f"no workspace form: {error}")
    return Derivation(
        name=name,
        network=network,
        functions=functions,
        rewritten=rewritten,
        stages=stages,
        first_order=first_order,
        rules=rules_of(derived),
        numbers=numbers_of(derived, stages[-1] if rewritten else None, first_order, network),
        plan=plan,
        lacks=tuple(lacks),
    )


def rewritten_in_stages(program: Program) -> tuple[Program, ...]:
    """A program as derived, and after each pass of the rewrite."""
    programs = [program]
    for apply in PASSES:
        programs.append(apply(programs[-1]))
    return tuple(programs)
