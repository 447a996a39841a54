"""What the pages claim, measured while the site is built.

``python -m docs.render.measure`` prints the figures; the site publishes them as ``measured.json``.
Given the name of some, as in ``finite_differences/relu2``, it prints what a page shows of them.
"""

from __future__ import annotations

import json
import random
import sys
import warnings
from contextlib import redirect_stdout
from io import StringIO
from typing import TYPE_CHECKING, Any

import numpy as np
from sympy import ImmutableMatrix, MatrixSymbol, Rational

from derive.language.names import D, M, N, O, T, alpha, width
from derive.language.program import evaluate
from derive.making import NETWORKS
from derive.model.network import Network
from derive.model.programs import meta_gradient_program
from derive.package.proof import largest_gap
from derive.package.warm_up import EXAMPLE
from derive.passes.rewrite import PASSES, rewrite, stages
from docs import by_hand, calls
from docs.experiment.command import Parser, Refusal, status
from docs.experiment.gradcheck import central_difference, gradients, relative_error
from docs.experiment.networks import initial_weights, load_network
from docs.experiment.parameters import Parameters
from docs.experiment.randomness import stream
from docs.render.manifest import PageError
from docs.render.tables import is_table, measured, part_of
from docs.sinusoid import tasks
from generated.warm_up import scalar

if TYPE_CHECKING:
    from collections.abc import Callable

    from docs.experiment.family import Batch
    from docs.experiment.networks import Network as Package
    from docs.experiment.networks import WeightTuple

#: The packages of the chapters; those of the family are held against an implementation in JAX.
PACKAGES = [
    name for name, each in NETWORKS.items() if (each.algorithm, each.loss) == ("maml", "squared")
]

ALPHA = 0.01
DTYPE = np.dtype(np.float64)


def measure() -> dict[str, Any]:
    """Every figure, by the name under which a page asks for it."""
    return {name: figure() for name, figure in figures().items()}


def figures() -> dict[str, Callable[[], Any]]:
    """What is measured, by its name."""
    return {
        "warm_up": warm_up,
        "network": forward,
        "finite_differences": lambda: {name: finite_differences(name) for name in PACKAGES},
        "step": step,
        "meta_loss": meta_loss,
        "second_order": second_order,
        "passes": passes,
        "agreement": lambda: {name: agreement(name) for name in PACKAGES},
        "proof": proof,
        "by_hand": by_hand.measure,
        "calls": printed,
    }


def problem(
    name: str, units: tuple[int, ...] = (7, 9), shots: int = 5
) -> tuple[Package, WeightTuple, Batch]:
    """A generated network with few units, its weights, and three tasks."""
    net = load_network(name)
    weights = initial_weights(net, [1, *units[: net.NETWORK.hidden], 1], stream(0, 0), DTYPE)
    return net, weights, tasks.sample(stream(0, 2), 3, shots, shots + 2, DTYPE)


def named(net: Package, found: WeightTuple, expected: WeightTuple) -> dict[str, float]:
    """The relative error of each parameter's gradient."""
    pairs = zip(net.Weights._fields, found, expected, strict=True)
    return {field: relative_error(ours, theirs) for field, ours, theirs in pairs}


def warm_up() -> dict[str, float]:
    """The derivative of the worked example against a central difference."""
    given = [float(value) for value in EXAMPLE.values()]
    h = 1e-5
    above = scalar.meta_loss_and_gradient(given[0] + h, *given[1:])[0]
    below = scalar.meta_loss_and_gradient(given[0] - h, *given[1:])[0]
    derived = scalar.meta_loss_and_gradient(*given)[1]
    difference = (above - below) / (2 * h)
    return {
        "derived": derived,
        "central difference": difference,
        "relative error": abs(derived - difference) / abs(difference),
    }


def forward() -> dict[str, float]:
    """The prediction against sums written out entry by entry."""
    net, weights, batch = problem("relu2")
    X = batch.X_q[0]
    expected = []
    for row in X:
        values = list(row)
        for layer in range(0, len(weights), 2):
            W, b = weights[layer], weights[layer + 1]
            values = [
                sum(v * W[i, j] for i, v in enumerate(values)) + b[0, j] for j in range(b.shape[1])
            ]
            if layer + 2 < len(weights):
                values = [max(0.0, v) for v in values]
        expected.append(values)
    return {"prediction": relative_error(net.predict(weights, X), np.array(expected))}


def finite_differences(name: str) -> dict[str, dict[str, float]]:
    """Each generated gradient against central differences: the relative error a parameter."""
    net, weights, batch = problem(name)
    start = Parameters(weights)
    return {
        gradient: named(net, found.weights, expected.weights)
        for gradient, (found, expected) in gradients(net, start, batch, ALPHA).items()
    }


def step() -> dict[str, float]:
    """The step against weights minus alpha times gradient, and the rank of what it subtracts."""
    net, weights, batch = problem("relu2", units=(40, 40), shots=10)
    fast = net.adapt(weights, batch.X_s[0], batch.Y_s[0], ALPHA)
    gradient = net.loss_and_gradient(weights, batch.X_s[0], batch.Y_s[0])[1]
    plain = [w - ALPHA * g for w, g in zip(weights, gradient, strict=True)]
    worst = max(relative_error(f, p) for f, p in zip(fast, plain, strict=True))
    return {
        "difference": worst,
        "units": weights[2].shape[0],
        "shots": batch.X_s.shape[1],
        "rank": int(np.linalg.matrix_rank(gradient[2])),
    }


def meta_loss() -> dict[str, float]:
    """The meta-loss against a loop that fine-tunes task by task."""
    net, weights, batch = problem("relu2")
    losses = [
        net.loss(net.adapt(weights, X_s, Y_s, ALPHA), X_q, Y_q)
        for X_s, Y_s, X_q, Y_q in zip(*batch, strict=True)
    ]
    loop = float(np.mean(losses))
    whole = net.meta_loss(weights, *batch, ALPHA)
    return {"meta-loss": whole, "loop over tasks": loop, "difference": abs(whole - loop) / loop}


def second_order() -> dict[str, Any]:
    """The first-order gradient against central differences of the meta-loss: it must fail."""
    net, weights, batch = problem("relu2")
    differences = central_difference(lambda w: net.meta_loss(w, *batch, ALPHA), weights)
    wrong = net.first_order_meta_loss_and_gradient(weights, *batch, ALPHA)[1]
    return {"first order": named(net, wrong, differences)}


def passes() -> dict[str, str]:
    """Whether each pass leaves all outputs what they were, on fractions and with relu."""
    derived = meta_gradient_program(NETWORKS["relu2"])
    sizes = {N: 2, M: 3, D: 1, O: 1, T: 2, width(1): 2, width(2): 3}
    rng = random.Random(0)
    given: dict[Any, Any] = {**sizes, alpha: Rational(1, 7)}
    for symbol in derived.inputs:
        if isinstance(symbol, MatrixSymbol):
            rows, columns = (int(size.subs(sizes)) for size in symbol.shape)
            entries = [
                Rational(rng.randint(-9, 9), rng.randint(2, 7)) for _ in range(rows * columns)
            ]
            given[symbol] = ImmutableMatrix(rows, columns, entries)
    found = [
        [evaluate(program, given)[output] for output in program.outputs]
        for program in stages(derived)
    ]
    names = [apply.__name__ for apply in PASSES]
    return {
        name: "equal" if after == before else "not equal"
        for name, before, after in zip(names, found[:-1], found[1:], strict=True)
    }


def agreement(name: str) -> dict[str, float]:
    """``kernel.py`` against ``reference.py``, at the sizes of the experiment."""
    net, weights, batch = problem(name, units=(40, 40), shots=10)
    reference: Any = net.reference
    return named(
        net,
        net.meta_loss_and_gradient(weights, *batch, ALPHA)[1],
        reference.meta_loss_and_gradient(weights, *batch, ALPHA)[1],
    )


def proof() -> dict[str, float]:
    """The derivation against SymPy's derivative of the composed meta-loss, in 50 digits."""
    program = meta_gradient_program(Network(hidden=1, activation="tanh"))
    forms = {"derived": program, "rewritten": rewrite(program)}
    return {form: float(largest_gap(each, steps=1, seed=0)) for form, each in forms.items()}


def printed() -> str:
    """What the calls of chapter 9 print."""
    with redirect_stdout(StringIO()) as out:
        calls.main()
    return out.getvalue().strip()


def shown(path: str, record: dict[str, Any]) -> str:
    """What a page shows under a path, or everything below it, each under its own."""
    part = part_of(path, record)
    if not isinstance(part, dict) or is_table(part):
        return measured(path, record)
    below = (f"{path}/{name}" for name in part)
    return "\n\n".join(f"{each}\n{shown(each, record)}" for each in below)


def run(path: str | None) -> int:
    """Print all figures, or the number or table of a page."""
    if path is None:
        print(json.dumps(measure(), indent=1))
        return 0
    name = path.partition("/")[0]
    if name not in figures():
        raise Refusal(
            f"figures of {name!r} are asked for; it must be one of {', '.join(figures())}"
        )
    try:
        print(shown(path, {name: figures()[name]()}))
    except PageError as error:
        raise Refusal(str(error)) from None
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Run ``python -m docs.render.measure``."""
    options = Parser(
        prog="python -m docs.render.measure", description="Measure the site's figures."
    )
    options.add_argument("path", nargs="?", help="which, as in finite_differences/relu2")
    return status(lambda: run(options.parse_args(arguments).path))


if __name__ == "__main__":
    warnings.simplefilter("error")
    sys.exit(main())
