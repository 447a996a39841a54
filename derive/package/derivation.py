"""Everything that is derived for one network: what follows it only prints.

::

    network -> functions, as derived -> rewritten -> plan of the workspace form
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from ..language.cost import cost_of
from ..language.names import on_page, parse
from ..model.algorithms import ALGORITHMS, inner_gradients
from ..model.losses import LOSSES
from ..model.programs import without_gauss_newton
from ..passes.before import from_zero, rates_on_rows
from ..passes.rewrite import PASSES, rewrite, stages
from ..passes.workspace import lowered
from ..printers.c import check_calls
from ..printers.javascript import check_statements
from ..printers.numpy import check_sums
from ..schedule.plan import plan_of
from ..schedule.task import task_plan_of
from .functions import functions_of
from .numbers import PRIME, numbers_of
from .rules import rules_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..language.cost import Cost
    from ..language.names import Named
    from ..language.program import Program
    from ..model.network import Network
    from ..schedule.forms import Line
    from ..schedule.plan import Plan
    from ..schedule.task import TaskPlan
    from .functions import Function
    from .numbers import Numbers
    from .rules import Rule


#: The learned step sizes of which there is one for all weights and biases of a layer.
ROW_RATES = ("one", "layer")

#: What the functions of a package are rewritten to.
Form: TypeAlias = Literal["kernel", "dense"]


#: The functions that there are for one task at a time, beside the meta-gradient.
OF_TASKS = ("predict", "inner_step", "loss_and_gradient")
#: This one is as long as the meta-gradient where there are several steps, and nobody trains so.
OF_ONE_STEP = "first_order_meta_loss_and_gradient"


class TaskFunction(NamedTuple):
    """A function in the form for one task at a time.

    Attributes
    ----------
    function
        What it computes.
    outputs
        What it returns.
    plan, task
        The form.
    """

    function: Function
    outputs: tuple[Named, ...]
    plan: Plan
    task: TaskPlan


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
        The programs of the same functions after the rewrite.
    form
        Which form these have: ``kernel``, where no weight matrix per task exists, or ``dense``.
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
    task
        The same for one task at a time, or nothing.
    javascript
        Whether that can be printed in JavaScript, too.
    lacks
        For each form that there is not, why.
    """

    name: str
    network: Network
    functions: tuple[Function, ...]
    rewritten: tuple[Program, ...]
    form: Form
    stages: tuple[Program, ...]
    first_order: Program
    rules: tuple[Rule, ...]
    numbers: Numbers
    plan: Plan | None
    task: TaskPlan | None
    javascript: bool
    lacks: tuple[str, ...]

    def number_of(self, line: Line) -> str:
        """The number of the equation that a line of the workspace form computes, or nothing."""
        known = self.numbers.derived if line.dense else self.numbers.rewritten
        return known.get(str(parse(line.equation.name).before_step), "")

    def number_in(self, function: Function, line: Line) -> str:
        """The same for a line of any function that there is for one task at a time."""
        if not function.over_tasks:
            name = on_page(parse(line.equation.name).before_step, self.network.steps)
            return self.numbers.derived.get(str(name), "")
        number = self.number_of(line)
        lacks = line.equation.name in self.numbers.first_order
        return f"{number}{PRIME}" if number and lacks and function.name == OF_ONE_STEP else number

    @cached_property
    def of_tasks(self) -> tuple[TaskFunction, ...]:
        """The functions for one task at a time, the meta-gradient last.

        Raises
        ------
        ValueError
            When one of them has no such form.
        """
        if self.plan is None or self.task is None:
            return ()
        found = []
        for each in _on_rows(self.network):
            if each.name in OF_TASKS or (each.name == OF_ONE_STEP and self.network.steps == 1):
                kernel, dense = (lowered(each.program, dense=form) for form in (False, True))
                plan = plan_of(kernel, dense)
                found.append(TaskFunction(each, kernel.outputs, plan, task_plan_of(plan)))
        meta = next(each for each in self.functions if each.name == "meta_loss_and_gradient")
        outputs = (*self.plan.outputs, *self.plan.slopes)
        return (*found, TaskFunction(meta, outputs, self.plan, self.task))

    @property
    def derived(self) -> Program:
        """The meta-gradient as derived."""
        return meta_gradient_of(self.functions)

    @cached_property
    def without_gauss_newton(self) -> Program:
        """The meta-gradient without the Gauss-Newton part, as derived."""
        return without_gauss_newton(self.network)

    @property
    def costs(self) -> dict[str, Cost]:
        """The cost of the meta-gradient as derived, and after each pass."""
        names = ["derived", *(apply.__name__ for apply in PASSES)]
        return dict(zip(names, map(cost_of, self.stages), strict=False))

    @property
    def method(self) -> str:
        """The algorithm by its title, or MAML where only derivatives are left out."""
        rule = self.network.rule
        return ALGORITHMS["maml"].title if rule.constants is inner_gradients else rule.title

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
            *(["batch normalisation"] if network.normalised else []),
            LOSSES[network.loss].title,
            *(["penalty"] if network.rule.penalty else []),
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
    derived, first_order = meta_gradient_of(functions), meta_gradient_of(functions, "first_order_")
    form: Form = "kernel"
    plan, task, lacks = None, None, []
    on_rows = functions
    try:
        on_rows = _on_rows(network)
        staged = stages(from_zero(meta_gradient_of(on_rows)))
        check_sums(staged[-1])
        rewritten = rewritten_beside(on_rows, staged, dense=False)
    except ValueError as error:
        lacks.append(f"no kernel form: {error}")
        form, staged = "dense", stages(from_zero(derived), dense=True)
        rewritten = rewritten_beside(functions, staged, dense=True)
    try:
        program = meta_gradient_of(on_rows)
        plan = plan_of(lowered(program, dense=False), lowered(program, dense=True))
    except ValueError as error:
        lacks.append(f"no workspace form: {error}")
    try:
        task = _task_of(plan) if plan else None
    except ValueError as error:
        lacks.append(f"no C form: {error}")
    javascript = task is not None
    try:
        check_statements(call for _, calls in (task.works if task else ()) for call in calls)
    except ValueError as error:
        javascript = False
        lacks.append(f"no JavaScript form: {error}")
    return Derivation(
        name=name,
        network=network,
        functions=functions,
        rewritten=rewritten,
        form=form,
        stages=staged,
        first_order=first_order,
        rules=rules_of(derived),
        numbers=numbers_of(derived, staged[-1], first_order, network),
        plan=plan,
        task=task,
        javascript=javascript,
        lacks=tuple(lacks),
    )


def _on_rows(network: Network) -> tuple[Function, ...]:
    """The functions with learned step sizes on the rows, so that kernels are left.

    A number for each layer acts on rows, one for each entry does not.
    """
    return functions_of(network, *([rates_on_rows] if network.rule.rate in ROW_RATES else []))


def _task_of(plan: Plan) -> TaskPlan:
    """The form for one task at a time, of which every call has C."""
    task = task_plan_of(plan)
    check_calls(call for _, calls in task.works for call in calls)
    return task


def meta_gradient_of(functions: Sequence[Function], prefix: str = "") -> Program:
    """The program of the meta-gradient, or of the first-order one."""
    name = f"{prefix}meta_loss_and_gradient"
    return next(each.program for each in functions if each.name == name)


def rewritten_beside(
    functions: Sequence[Function], staged: tuple[Program, ...], dense: bool
) -> tuple[Program, ...]:
    """Every function after all passes, the meta-gradient as it has been staged."""
    derived = meta_gradient_of(functions)
    return tuple(
        staged[-1] if each.program is derived else rewrite(from_zero(each.program), dense)
        for each in functions
    )
