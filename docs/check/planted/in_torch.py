"""Codes in PyTorch, with the faults as people make them."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from ..adapters.torch_functional import adapted_by as adapted_by_func
from ..adapters.torch_functional import gradient_of
from ..adapters.torch_module import adapted_by, gradient_in, loss_of, weights_of
from .model import Model, Planted

ALPHA = 0.1
TASKS, SHOTS, QUERIES = 3, 5, 7

# --- networks ---


def mlp(*layers: int, activation: Callable[[], Any] = nn.ReLU) -> Any:
    """A multilayer perceptron."""
    parts: list[Any] = []
    for above, below in itertools.pairwise(layers):
        parts += [nn.Linear(above, below), activation()]
    return nn.Sequential(*parts[:-1])


def conv(*between: Callable[[int], Any]) -> Any:
    """Two blocks of convolution, something in between, relu and pooling; then five classes."""
    blocks: list[Any] = []
    for above, below in ((1, 6), (6, 8)):
        blocks += [nn.Conv2d(above, below, 3, padding=1), *(make(below) for make in between)]
        blocks += [nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*blocks, nn.Flatten(), nn.Linear(32, 5))


def normalised(width: int) -> Any:
    """Batch normalisation by the batch."""
    return nn.BatchNorm2d(width, track_running_stats=False)


class Recurrent(nn.Module):
    """A gated recurrent unit over a sequence of four."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.GRUCell(2, 6)
        self.head = nn.Linear(6, 2)

    def forward(self, X: Any) -> Any:
        """(N, 8) -> (N, 2)."""
        state = X.new_zeros(len(X), 6)
        for part in X.split(2, dim=1):
            state = self.cell(part, state)
        return self.head(state)


def regression(module: Any, inputs: int, outputs: int) -> tuple[Any, Any, Any]:
    """A module, its criterion, and tasks of numbers."""
    rows = (SHOTS, QUERIES)
    tasks = [
        tuple((torch.randn(n, inputs), torch.randn(n, outputs)) for n in rows) for _ in range(TASKS)
    ]
    return module, functional.mse_loss, tasks


def classification(module: Any, *shape: int) -> tuple[Any, Any, Any]:
    """A module, cross-entropy, and tasks of five classes."""
    rows = (SHOTS, QUERIES)
    tasks = [
        tuple((torch.randn(n, *shape), torch.randint(5, (n,))) for n in rows) for _ in range(TASKS)
    ]
    return module, functional.cross_entropy, tasks


NETWORKS: dict[str, Callable[[], tuple[Any, Any, Any]]] = {
    "1-40-40-1, relu": lambda: regression(mlp(1, 40, 40, 1), 1, 1),
    "3-8-6-2, tanh": lambda: regression(mlp(3, 8, 6, 2, activation=nn.Tanh), 3, 2),
    "4-9-5-3, gelu": lambda: regression(mlp(4, 9, 5, 3, activation=nn.GELU), 4, 3),
    "20-300-300-10, relu": lambda: regression(mlp(20, 300, 300, 10), 20, 10),
    "convolution, cross-entropy": lambda: classification(conv(), 1, 8, 8),
    "convolution, batch norm, cross-entropy": lambda: classification(conv(normalised), 1, 8, 8),
    "convolution, dropout off": lambda: classification(
        conv(lambda _: nn.Dropout2d()).eval(), 1, 8, 8
    ),
    "layer norm, softplus": lambda: regression(
        nn.Sequential(nn.Linear(3, 7), nn.LayerNorm(7), nn.Softplus(), nn.Linear(7, 2)), 3, 2
    ),
    "gated recurrent unit": lambda: regression(Recurrent(), 8, 2),
    "logistic regression": lambda: classification(nn.Linear(6, 5), 6),
}


def made(network: str) -> tuple[Any, Any, Any]:
    """A network with weights and tasks that are always the same."""
    with torch.random.fork_rng():
        torch.manual_seed(7)
        return NETWORKS[network]()


# --- MAML, with a place for every mistake ---

Inner = Callable[[Any, Any, Any], Any]


def stepped(
    loss: Any, weights: Any, support: Any, rate: float = ALPHA, create_graph: bool = True,
    treated: Callable[[str, Any], Any] = lambda _, g: g, decay: float = 0.0,
) -> Any:  # fmt: skip
    """One inner step; `treated` is what happens to the inner gradients."""
    own = list(weights.values())
    gradient = torch.autograd.grad(loss(weights, support), own, create_graph=create_graph)
    return {
        name: w - rate * (treated(name, g) + decay * w)
        for (name, w), g in zip(weights.items(), gradient, strict=True)
    }


def steps_of(loss: Any, steps: int, **how: Any) -> Callable[[Any, Any], Any]:
    """Several inner steps."""

    def adapt(weights: Any, support: Any) -> Any:
        for _ in range(steps):
            weights = stepped(loss, weights, support, **how)
        return weights

    return adapt


def outer(meta_loss: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """The gradient of a meta-loss."""

    def meta_gradient(weights: Any, tasks: Any) -> Any:
        own = list(weights.values())
        found = torch.autograd.grad(meta_loss(weights, tasks), own, allow_unused=True)
        return dict(zip(weights, found, strict=True))

    return meta_gradient


def mean_query_loss(loss: Any, adapt: Any) -> Callable[[Any, Any], Any]:
    """What MAML minimises."""
    return lambda weights, tasks: sum(loss(adapt(weights, s), q) for s, q in tasks) / len(tasks)


def model(
    network: str, steps: int = 1, meta_loss: Any = None, inner: Any = None, **how: Any
) -> Model:
    """A right `adapt`, and a meta-gradient with what is said of it."""
    module, criterion, tasks = made(network)
    loss = loss_of(module, criterion)
    adapt = adapted_by(loss, ALPHA, steps)
    used = inner(loss) if inner else steps_of(loss, steps, **how)
    whole = meta_loss(loss, used) if meta_loss else mean_query_loss(loss, used)
    return Model(outer(whole), adapt, loss, weights_of(module), tasks)


# --- right codes of other kinds ---


def with_adaptation(network: str, inner: Callable[[Any], Any]) -> Model:
    """MAML with another inner loop, which `adapt` has as well."""
    given = model(network)
    adapt = inner(given.loss)
    return given._replace(adapt=adapt, meta_gradient=outer(mean_query_loss(given.loss, adapt)))


def only_head(loss: Any) -> Any:
    """ANIL: the last two arrays are adapted."""

    def adapt(weights: Any, support: Any) -> Any:
        head = list(weights)[-2:]
        found = torch.autograd.grad(
            loss(weights, support), [weights[name] for name in head], create_graph=True
        )
        moved = {n: weights[n] - ALPHA * g for n, g in zip(head, found, strict=True)}
        return {**weights, **moved}

    return adapt


def with_momentum(loss: Any) -> Any:
    """Three steps with momentum."""

    def adapt(weights: Any, support: Any) -> Any:
        speed = dict.fromkeys(weights, 0.0)
        for _ in range(3):
            own = list(weights.values())
            found = torch.autograd.grad(loss(weights, support), own, create_graph=True)
            speed = {n: 0.9 * speed[n] + g for n, g in zip(weights, found, strict=True)}
            weights = {n: w - ALPHA * speed[n] for n, w in weights.items()}
        return weights

    return adapt


def learned_rates(treated: Callable[[Any], Any] = lambda rate: rate, second: bool = True) -> Model:
    """A step size for every array, which is learned too."""
    given = model("3-8-6-2, tanh")
    rates = {
        f"rate of {name}": torch.tensor(0.05 + 0.01 * at) for at, name in enumerate(given.weights)
    }

    def inner(create_graph: bool, use: Callable[[Any], Any]) -> Any:
        def adapt(weights: Any, support: Any) -> Any:
            net = {name: w for name, w in weights.items() if not name.startswith("rate")}
            own = list(net.values())
            found = torch.autograd.grad(given.loss(net, support), own, create_graph=create_graph)
            return {
                name: w - use(weights[f"rate of {name}"]) * g
                for (name, w), g in zip(net.items(), found, strict=True)
            }

        return adapt

    used = inner(second, treated)
    return given._replace(
        meta_gradient=outer(mean_query_loss(given.loss, used)),
        adapt=inner(True, lambda rate: rate),
        weights={**given.weights, **rates},
    )


def by_torch_func() -> Model:
    """Everything by ``torch.func``."""
    given = model("3-8-6-2, tanh")
    adapt = adapted_by_func(given.loss, ALPHA, 2)
    return given._replace(adapt=adapt, meta_gradient=gradient_of(adapt, given.loss))


def by_higher(network: str, **flags: Any) -> Model:
    """A training with `higher`."""
    from ..adapters.with_higher import training  # noqa: PLC0415

    module, criterion, _ = made(network)
    train = training(criterion, ALPHA, 2, **flags)
    return model(network, 2)._replace(meta_gradient=gradient_in(module, train))


# --- faults ---


def by_steps(network: str, steps: int, **how: Any) -> Model:
    """A right `adapt` as a list of steps, and a meta-gradient with what is said of it."""
    given = model(network, steps, **how)
    return given._replace(adapt=[adapted_by(given.loss, ALPHA)] * steps)


def some_steps(loss: Any, steps: int, constant: Sequence[int]) -> Any:
    """Some of the steps have no graph."""

    def adapt(weights: Any, support: Any) -> Any:
        for number in range(steps):
            weights = stepped(loss, weights, support, create_graph=number not in constant)
        return weights

    return adapt


def only_body(loss: Any) -> Any:
    """All but the last two arrays are adapted."""

    def adapt(weights: Any, support: Any) -> Any:
        return {**stepped(loss, weights, support), **dict(list(weights.items())[-2:])}

    return adapt


class Compiled(torch.autograd.Function):
    """A loss whose gradients have no graph, as those of ``torch.compile`` up to PyTorch 2.11."""

    @staticmethod
    def forward(ctx: Any, loss: Any, names: Any, batch: Any, *arrays: Any) -> Any:
        """The loss, and its gradient at once."""
        # Nobody sees the calls within what is compiled.
        with torch._C.DisableTorchFunction(), torch.enable_grad():
            own = [each.detach().requires_grad_() for each in arrays]
            value = loss(dict(zip(names, own, strict=True)), batch)
            ctx.gradient = torch.autograd.grad(value, own)
            return value.detach()

    @staticmethod
    def backward(ctx: Any, *above: Any) -> Any:
        """The gradient as numbers."""
        return (None, None, None, *(above[0].detach() * each for each in ctx.gradient))


def compiled(loss: Any) -> Any:
    """The inner loss compiled."""

    def without_graph(weights: Any, batch: Any) -> Any:
        return Compiled.apply(loss, tuple(weights), batch, *weights.values())

    return steps_of(without_graph, 1)


def multiplied(by: float) -> Callable[[Any, Any], Any]:
    """Something has come into the meta-loss."""

    def whole(loss: Any, adapt: Any) -> Any:
        right = mean_query_loss(loss, adapt)
        return lambda weights, tasks: by * right(weights, tasks)

    return whole


def fresh(loss: Any) -> Any:
    """Parameters created anew after the step."""

    def adapt(weights: Any, support: Any) -> Any:
        fast = stepped(loss, weights, support)
        return {name: nn.Parameter(w) for name, w in fast.items()}

    return adapt


def copies(loss: Any) -> Any:
    """Adaptation of a deep copy."""

    def adapt(weights: Any, support: Any) -> Any:
        return stepped(loss, copy.deepcopy(weights), support)

    return adapt


def without_grad(loss: Any) -> Any:
    """The step under ``torch.no_grad()``."""

    def adapt(weights: Any, support: Any) -> Any:
        with torch.enable_grad():
            value = loss(weights, support)
        gradient = torch.autograd.grad(value, list(weights.values()), create_graph=True)
        with torch.no_grad():
            return {
                name: (w - ALPHA * g).requires_grad_()
                for (name, w), g in zip(weights.items(), gradient, strict=True)
            }

    return adapt


def by_backward(loss: Any) -> Any:
    """The inner gradients from ``.grad``."""

    def adapt(weights: Any, support: Any) -> Any:
        fast = {name: w.clone() for name, w in weights.items()}
        for w in fast.values():
            w.retain_grad()
        loss(fast, support).backward()
        return {name: w - ALPHA * w.grad for name, w in fast.items()}

    return adapt


def summed(loss: Any, adapt: Any) -> Any:
    """The sum over tasks."""
    return lambda weights, tasks: sum(loss(adapt(weights, s), q) for s, q in tasks)


def negated(loss: Any, adapt: Any) -> Any:
    """The opposite sign."""
    return lambda weights, tasks: -mean_query_loss(loss, adapt)(weights, tasks)


def swapped(loss: Any, adapt: Any) -> Any:
    """Support and query in each other's role."""
    right = mean_query_loss(loss, adapt)
    return lambda weights, tasks: right(weights, [(q, s) for s, q in tasks])


def on_support(loss: Any, adapt: Any) -> Any:
    """The outer loss on the support set."""
    right = mean_query_loss(loss, adapt)
    return lambda weights, tasks: right(weights, [(s, s) for s, _ in tasks])


def unadapted(loss: Any, adapt: Any) -> Any:
    """The query loss at the shared weights."""

    def meta_loss(weights: Any, tasks: Any) -> Any:
        for support, _ in tasks:
            adapt(weights, support)
        return sum(loss(weights, q) for _, q in tasks) / len(tasks)

    return meta_loss


def last_task(loss: Any, adapt: Any) -> Any:
    """The loss of the last task, as ``zero_grad()`` within the loop leaves it."""
    return lambda weights, tasks: loss(adapt(weights, tasks[-1][0]), tasks[-1][1])


def both_sets(loss: Any, adapt: Any) -> Any:
    """Support and query loss together."""
    right = mean_query_loss(loss, adapt)
    return lambda weights, tasks: right(weights, tasks) + on_support(loss, adapt)(weights, tasks)


def left_in_grad(loss: Any, adapt: Any) -> Any:
    """Support gradients left in ``.grad``."""
    right = mean_query_loss(loss, adapt)
    return lambda weights, tasks: right(weights, tasks) + sum(loss(weights, s) for s, _ in tasks)


def hessian_times(c: float) -> Callable[..., Model]:
    """A hand derivation whose Hessian term has another factor."""

    def make(network: str) -> Model:
        right, first = model(network), model(network, create_graph=False)

        def meta_gradient(weights: Any, tasks: Any) -> Any:
            two, one = (each.meta_gradient(weights, tasks) for each in (right, first))
            return {name: one[name] + c * (two[name] - one[name]) for name in weights}

        return right._replace(meta_gradient=meta_gradient)

    return make


def except_for(network: str, chosen: Callable[[str], bool], other: Any = None) -> Model:
    """Some arrays have no gradient, or that of another code."""
    right = model(network)

    def meta_gradient(weights: Any, tasks: Any) -> Any:
        found = right.meta_gradient(weights, tasks)
        instead = other.meta_gradient(weights, tasks) if other else dict.fromkeys(weights)
        return {name: instead[name] if chosen(name) else found[name] for name in weights}

    return right._replace(meta_gradient=meta_gradient)


def constant(*names: str) -> Callable[[str, Any], Any]:
    """Detach some inner gradients."""
    return lambda name, g: g.detach() if name in names else g


MLP, TANH, SMALL = "1-40-40-1, relu", "3-8-6-2, tanh", "4-9-5-3, gelu"
LARGE, CONV = "20-300-300-10, relu", "convolution, cross-entropy"
NORM = "convolution, batch norm, cross-entropy"
SECOND, FIRST = "no: second order", "no: first order"


def planted(network: str, code: str, expected: str, make: Any = model, **how: Any) -> Planted:
    """A code of a network."""
    return Planted("PyTorch", network, code, partial(make, network, **how), expected)


RIGHT = [
    *(planted(network, "one step", "yes") for network in NETWORKS),
    planted(MLP, "five steps", "yes", steps=5),
    planted(NORM, "three steps", "yes", steps=3),
    planted(SMALL, "only the head adapted", "yes", with_adaptation, inner=only_head),
    planted(TANH, "three steps with momentum", "yes", with_adaptation, inner=with_momentum),
    planted(
        TANH,
        "inner weight decay",
        "yes",
        with_adaptation,
        inner=lambda loss: steps_of(loss, 2, decay=0.1),
    ),
    Planted("PyTorch", TANH, "learned step sizes", learned_rates, "yes"),
    Planted("torch.func", TANH, "two steps", by_torch_func, "yes"),
    Planted("higher", MLP, "two steps", partial(by_higher, MLP, copy_initial_weights=False), "yes"),
]

FAULTS = [
    planted(MLP, "no create_graph", FIRST, create_graph=False),
    planted(NORM, "no create_graph", FIRST, create_graph=False),
    planted(LARGE, "no create_graph", FIRST, create_graph=False),
    planted(TANH, "no create_graph, five steps", FIRST, steps=5, create_graph=False),
    planted(CONV, "gradients detached", FIRST, treated=lambda _, g: g.detach()),
    planted("gated recurrent unit", ".data of the gradients", FIRST, treated=lambda _, g: g.data),
    planted(SMALL, "backward() and .grad", FIRST, inner=by_backward),
    planted(MLP, "step under no_grad", "no: no gradient", inner=without_grad),
    planted(TANH, "parameters created anew", "no: no gradient", inner=fresh),
    planted(CONV, "adaptation of a copy", "no: no gradient", inner=copies),
    planted(
        CONV,
        "one layer's gradients detached",
        "no: second order, but for the inner gradients of 3.weight, 3.bias",
        treated=constant("3.weight", "3.bias"),
    ),
    planted(
        MLP,
        "one matrix's gradient detached",
        "no: second order, but for the inner gradients of 2.weight",
        treated=constant("2.weight"),
    ),
    *(
        planted(
            network,
            f"no graph in {which} of {steps} steps",
            f"{SECOND}, {name}",
            by_steps,
            steps=steps,
            inner=partial(some_steps, steps=steps, constant=constant),
        )
        for network, steps, constant, which, name in (
            (TANH, 5, (0, 1, 2, 3), "all but the last", "through the last step of 5 only"),
            (CONV, 3, (1,), "the second", "but for the inner gradients of step 2 of 3"),
            (MLP, 3, (0,), "the first", "but for the inner gradients of step 1 of 3"),
        )
    ),
    planted(
        SMALL,
        "one layer's gradients detached, three steps",
        f"{SECOND}, but for the inner gradients of 2.weight, 2.bias",
        by_steps,
        steps=3,
        treated=constant("2.weight", "2.bias"),
    ),
    planted(CONV, "only the head adapted", f"{SECOND}, only the head adapted", inner=only_head),
    planted(TANH, "only the body adapted", f"{SECOND}, only the body adapted", inner=only_body),
    planted(SMALL, "inner loss compiled in PyTorch 2.11", FIRST, inner=compiled),
    planted(
        TANH,
        "divided by the number of steps",
        f"{SECOND}, times 1 / steps",
        by_steps,
        steps=4,
        meta_loss=multiplied(1 / 4),
    ),
    planted(
        CONV, "times the inner step size", f"{SECOND}, times alpha", meta_loss=multiplied(ALPHA)
    ),
    planted(
        LARGE,
        "squares summed over outputs",
        f"{SECOND}, times O or 1 / alpha = 10",
        meta_loss=multiplied(10),
    ),
    planted(NORM, "summed over tasks", f"{SECOND}, times T", meta_loss=summed),
    planted(
        TANH,
        "summed over tasks, no create_graph",
        f"{FIRST}, times T",
        meta_loss=summed,
        create_graph=False,
    ),
    planted(MLP, "the opposite sign", f"{SECOND}, times -1", meta_loss=negated),
    planted(SMALL, "support and query swapped", "no: support and query swapped", meta_loss=swapped),
    planted(CONV, "outer loss on support", "no: outer loss on the support", meta_loss=on_support),
    planted(NORM, "query loss ignores fast weights", "no: joint training", meta_loss=unadapted),
    planted(TANH, "zero_grad() in the loop", f"{SECOND}, last task only", meta_loss=last_task),
    planted(
        "layer norm, softplus",
        "support and query loss",
        f"{SECOND}, and the support loss after adaptation",
        meta_loss=both_sets,
    ),
    planted(
        SMALL,
        "support gradients left in .grad",
        f"{SECOND}, and the support gradient",
        meta_loss=left_in_grad,
    ),
    planted(TANH, "Hessian halved", "no: first order + 0.5 (", hessian_times(0.5)),
    planted(CONV, "Hessian negated", "no: first order + -1 (", hessian_times(-1)),
    planted(
        "logistic regression",
        "Hessian without the step size",
        "no: first order + 10 (",
        hessian_times(10),
    ),
    planted(
        MLP,
        "biases have no gradient",
        f"{SECOND} in 0.weight, 2.weight, 4.weight; no gradient in 0.bias",
        except_for,
        chosen=lambda name: name.endswith("bias"),
    ),
    planted(
        TANH,
        "first order in one layer",
        f"{SECOND} in 0.weight, 0.bias, 4.weight, 4.bias; first order in 2.weight, 2.bias",
        partial(except_for, other=model(TANH, create_graph=False)),
        chosen=lambda name: name.startswith("2."),
    ),
    planted(TANH, "inner weight decay of 1e-4", "no: close to second order", decay=1e-4),
    planted(NORM, "step size off by 1e-4", "no: close to second order", rate=ALPHA * 1.0001),
    Planted(
        "PyTorch",
        TANH,
        "learned step sizes detached",
        partial(learned_rates, lambda rate: rate.detach()),
        "no: second order in 0.weight",
    ),
    Planted(
        "PyTorch",
        TANH,
        "learned step sizes, no create_graph",
        partial(learned_rates, second=False),
        FIRST,
    ),
    Planted(
        "higher", MLP, "flags left at their defaults", partial(by_higher, MLP), "no: no gradient"
    ),
]
