"""``inplace.py`` of a package, what users call: `workspace`, and the class of what it returns."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..model.losses import LOSSES
from .docstrings import docstring

if TYPE_CHECKING:
    from ..schedule.plan import Plan
    from .functions import Function


def workspace_function(function: Function, plan: Plan) -> str:
    """``workspace``, which makes the memory for the meta-gradient `function`."""
    network, layers = function.network, len(plan.choices)
    context = bool(network.context)
    widths = ["D", *(f"L{layer}" for layer in range(1, layers)), "O"]
    return WORKSPACE.format(
        names=", ".join(widths),
        argument=", context: int = 5" if context else "",
        described="\n    context\n        Units of the context, C." if context else "",
        counts="T, N, M, C" if context else "T, N, M",
        checked=f"sizes, {layers}, dtype, tasks=tasks, shots=shots, queries=queries"
        + (", context=context" if context else ""),
        classes="\n    check_outputs(known)" if LOSSES[network.loss].labels else "",
        sized=", ".join(
            f'"{name}": {value}'
            for name, value in [
                *((count, count) for count in (["N", "M", "C"] if context else ["N", "M"])),
                *((width, f"known[{at}]") for at, width in enumerate(widths)),
            ]
        ),
        kinds="(Weights, Rates)" if network.rates else "(Weights,)",
        more=(", context=C" if context else "") + (", rates=rate_shapes" if network.rates else ""),
    )


def workspace_class(function: Function) -> str:
    """The class: what it adds to `Repeated` is what a call takes."""
    network, names = function.network, function.arguments
    data = [str(symbol) for group in function.data for symbol in group.symbols]
    numbers = [name for name in names if name not in ("weights", "rates", *data)]
    checks = [
        f"{name} = {call.replace('weights', 'self.weights')}"
        for name, call in function.checks
        if name in numbers + data
    ]
    given = [f"{name}," for name in numbers if name != "omegas"]
    if "omegas" in names:
        given.append(f"*check_omegas(omegas, {network.steps}),")
    rates = "rates" if "rates" in names else "None"
    body = [
        *docstring(_of_workspace(function), raises=RAISES),
        *checks,
        f"loss = self.run(weights, {rates}, ({', '.join(data)}), ({' '.join(given)}))",
        "return (loss, *self.named_gradient)",
    ]
    return "\n".join(
        [
            "class Workspace(Repeated):",
            '    """Memory and plan for meta-gradients of meta-batches of one size.',
            "",
            "    A workspace serves one thread.",
            '    """',
            "",
            "    weights: Weights",
            *(["    rates: Rates"] if network.rates else []),
            "",
            f"    def meta_loss_and_gradient(self, {function.signature}) -> {function.returns}:",
            *(f"        {line}".rstrip() for line in body),
        ]
    )


def _of_workspace(function: Function) -> Function:
    """What the meta-gradient of a workspace says of itself."""
    before = "before adaptation"
    views = f"{before}: views of `gradient`,\n    valid until the next call"
    return replace(function, result=function.result.replace(before, views))


RAISES = [
    "ValueError",
    "    When an argument is not of this workspace's sizes or dtype.",
    "RuntimeError",
    "    When another thread is using this workspace.",
]

WORKSPACE = '''\
def workspace(
    sizes: Sequence[int],
    tasks: int,
    shots: int,
    queries: int,
    dtype: DTypeLike = np.float32{argument},
    backend: str = "numpy",
    threads: int = 1,
) -> Workspace:
    """Prepare for meta-gradients of many meta-batches of the same sizes.

    Parameters
    ----------
    sizes
        Layer sizes, inputs first: ``({names})``.
    tasks
        Tasks of a meta-batch, T.
    shots, queries
        Support rows N and query rows M of a task.
    dtype
        Of all arrays, float32 or float64.{described}
    backend
        ``numpy``; ``c``, which is compiled once for these sizes; or ``auto``, which is C where
        there is a compiler. The last bits of their results differ.
    threads
        Of C, how many compute tasks side by side. Results do not depend on it.

    Returns
    -------
    Workspace
        With `parameters`, `weights`, `gradient` and `meta_loss_and_gradient`.

    Raises
    ------
    ValueError
        When a size is not a whole number of at least 1, the dtype or the backend is another, or
        the backend is ``c`` and has no such form.
    RuntimeError
        When the backend is ``c``, and there is no compiler or it fails.
    """
    known, ({counts}), kind = check_sizes({checked}){classes}
    dense = dense_layers(N, M, known)

    def of_chunk(arena: Arena) -> Run:
        return plan(arena, {counts}, known, dense)

    named = {{{sized}}}
    source = Path(__file__).with_name("native.c")
    made = compiled(backend, threads, source, kind, named, dense)
    return Workspace({kinds}, of_chunk, known, T, N, M, kind, made{more})'''
