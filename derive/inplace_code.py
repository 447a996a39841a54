"""``inplace.py``: the workspace form as straight-line code on preallocated buffers."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING

from sympy import Expr, MatrixSymbol, Mul

from derive import notation
from derive.buffers import ALWAYS
from derive.choice import dense_if
from derive.plan import plan_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from derive.buffers import Buffer, Choice
    from derive.calls import Call
    from derive.derivation import Derivation
    from derive.lower import Line

WIDTH = 100

#: What calls are made of.
NUMPY = {
    "add", "bitwise_and", "copyto", "exp", "logaddexp", "matmul", "maximum", "multiply",
    "negative", "right_shift", "subtract", "tanh", "vdot",
}  # fmt: skip


def plan_function(derivation: Derivation) -> str:
    """``plan``: the buffers of a chunk of tasks, and the function that runs on them."""
    plan = plan_of(derivation.derived)
    layers = derivation.network.hidden + 1
    body = [
        ", ".join(f"W{layer}" for layer in range(1, layers + 1)) + " = layers",
        ", ".join(f"W{layer}_bar" for layer in range(1, layers + 1)) + " = gradients",
        *(f"copyto({s}.task[:, :, :{s.shape[1]}], {s}_given)" for s in plan.data),
        *_body(plan.steps, derivation),
        "return loss_q",
    ]
    text = [
        *_signature(layers),
        *_indented(_buffer_lines(plan.buffers)),
        "",
        *_indented(_run_signature(plan.data)),
        *_indented(body, 2),
        "",
        "    return run",
    ]
    return "\n".join(line.rstrip() for line in text)


def _indented(lines: Iterable[str], levels: int = 1) -> list[str]:
    return [f"{'    ' * levels}{line}" for line in lines]


def widths_of(layers: int) -> list[str]:
    """The names of the layers' sizes: D, L1, L2, ..., O."""
    return ["D", *(f"L{layer}" for layer in range(1, layers)), "O"]


def _signature(layers: int) -> list[str]:
    sizes = ", ".join(widths_of(layers))
    inside = "arena: Arena, T: int, N: int, M: int, sizes: Sequence[int], dense: Sequence[bool]"
    return [
        f"def plan({inside}) -> Run:",
        '    """Lay out the buffers of a chunk of tasks, and return what runs on them.',
        "",
        "    Parameters",
        "    ----------",
        "    arena",
        "        Gives the memory; it knows the number of tasks of the chunk.",
        "    T",
        "        Tasks of the whole meta-batch, whose mean the gradient is of.",
        "    N, M",
        "        Support and query rows of a task.",
        "    sizes",
        f"        Layer sizes {sizes}.",
        "    dense",
        "        For each layer, whether its fast weights are formed.",
        '    """',
        f"    {sizes} = sizes",
        "    " + ", ".join(f"dense{layer}" for layer in range(1, layers + 1)) + " = dense",
    ]


def _run_signature(given: Sequence[MatrixSymbol]) -> list[str]:
    return [
        "def run(",
        "    layers: Sequence[Layer],",
        "    gradients: Sequence[Array],",
        *(f"    {symbol}_given: Array," for symbol in given),
        "    alpha: float,",
        ") -> float:",
    ]


# --- buffers ---


def _buffer_lines(buffers: Sequence[Buffer]) -> list[str]:
    """A line a buffer; what shares one is defined together."""
    made: dict[Choice, list[str]] = {}
    for buffer in buffers:
        names = [str(symbol.name) for symbol in buffer.holds]
        made.setdefault(buffer.choice, []).extend(_assignment(names, buffer.kind[0]))
    lines = made.pop(ALWAYS)
    for layer in sorted({layer for layer, _ in made}):
        lines += _chosen(layer, made.get((layer, True), []), made.get((layer, False), []))
    return ["zero, ones, sign = arena.zero, arena.ones, arena.sign", *lines]


def _assignment(names: Sequence[str], value: str) -> list[str]:
    line = f"{' = '.join(names)} = {value}"
    if len(line) + 8 <= WIDTH:
        return [line]
    first, *rest = names
    return [f"{first} = {value}", *(f"{name} = {first}" for name in rest)]


# --- calls ---


def _body(each: Sequence[tuple[Line, tuple[Call, ...]]], derivation: Derivation) -> list[str]:
    """The calls in order, under the headings of their stages."""
    lines: list[str] = []
    stage = ""
    for (layer, _), group in groupby(each, key=lambda pair: (pair[0].layer, _stage(pair[0]))):
        pairs = list(group)
        of_last = pairs[-1][0].equation.stage
        if of_last != stage:
            stage = of_last
            lines += ["", f"# --- {notation.STAGES[stage].title} ---"]
        lines += _chosen(layer, *_by_form(pairs, derivation))
    return lines


def _stage(line: Line) -> str:
    """Lines of a choice stay together, whatever stage they came from."""
    return "" if line.layer else line.equation.stage


def _by_form(
    pairs: Sequence[tuple[Line, tuple[Call, ...]]], derivation: Derivation
) -> tuple[list[str], list[str]]:
    """The lines of dense form, and the others."""
    dense: list[str] = []
    others: list[str] = []
    for line, calls in pairs:
        (dense if line.dense else others).extend(_call_lines(line, calls, derivation))
    return dense, others


def _chosen(layer: int, dense: list[str], others: list[str]) -> list[str]:
    """Lines under the choice for a layer."""
    if not layer:
        return others
    if not dense:
        return [f"if not dense{layer}:", *_indented(others)]
    return [
        f"if dense{layer}:",
        *_indented(dense),
        *(["else:", *_indented(others)] if others else []),
    ]


def _call_lines(line: Line, calls: Sequence[Call], derivation: Derivation) -> list[str]:
    number = _number(line, derivation)
    texts = [call.text for call in calls]
    return [f"{texts[0]}  # ({number})" if number else texts[0], *texts[1:]]


def _number(line: Line, derivation: Derivation) -> str:
    """The number of the page's equation that a line computes."""
    known = derivation.numbers if line.dense else derivation.rewritten_numbers
    return known.get(notation.before_step(line.equation.name), "")


# --- kernel or dense ---


def dense_function(derivation: Derivation) -> str:
    """``dense_layers``: for each layer, whether forming its fast weights takes less work."""
    layers = derivation.network.hidden + 1
    sides = [dense_if(derivation.derived, layer) for layer in range(1, layers + 1)]
    return "\n".join(
        [
            "def dense_layers(N: int, M: int, sizes: Sequence[int]) -> tuple[bool, ...]:",
            '    """For each layer, whether its dense form has fewer multiply-adds.',
            "",
            "    What both forms have has been cancelled; sizes are with the constant unit.",
            '    """',
            f"    {', '.join(widths_of(layers)[:-1])} = (size + 1 for size in sizes[:-1])",
            "    O = max(sizes[-1], 2)",
            "    return (",
            *(f"        {polynomial(less)} < {polynomial(more)}," for less, more in sides),
            "    )",
        ]
    )


def polynomial(value: Expr) -> str:
    """A sum of products, as Python."""
    terms = (" * ".join(map(str, Mul.make_args(term))) for term in value.as_ordered_terms())
    return " + ".join(terms)


WORKSPACE = '''\
def workspace(
    sizes: Sequence[int], tasks: int, shots: int, queries: int, dtype: DTypeLike = np.float32
) -> Workspace[Weights]:
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
        Of all arrays, float32 or float64.

    Returns
    -------
    Workspace
        With `parameters`, `weights`, `gradient` and `meta_loss_and_gradient`.

    Raises
    ------
    ValueError
        When a size is not a whole number of at least 1, or the dtype is another.
    """
    known, (T, N, M), kind = check_sizes({checked})
    dense = dense_layers(N, M, known)

    def of_chunk(arena: Arena) -> Run:
        return plan(arena, T, N, M, known, dense)

    return Workspace(Weights, of_chunk, known, T, N, M, kind)'''


def numpy_functions(blocks: Iterable[str]) -> list[str]:
    """The functions of numpy that some code calls by their bare names."""
    called = set(re.findall(r"(?<![\w.])([a-z_]+)\(", "\n".join(blocks)))
    return sorted(called & NUMPY)


def inplace_blocks(derivation: Derivation) -> list[str]:
    """The functions of ``inplace.py``."""
    layers = derivation.network.hidden + 1
    checked = f"sizes, {layers}, dtype, tasks=tasks, shots=shots, queries=queries"
    made = WORKSPACE.format(names=", ".join(widths_of(layers)), checked=checked)
    return [made, dense_function(derivation), plan_function(derivation)]
