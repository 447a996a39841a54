"""Steps of the workspace form as numpy calls that write into buffers: straight-line code.

The rows of all tasks stand under one another, a constant unit is the last column of every layer,
and each quantity has the views that its products need::

    H.all    (T*N, L+1)     H.task        (T, N, L+1)
    H.units  (T*N, L)       H.task_units  (T, N, L)       without the constant unit

    W.forward   (L+1, L')   the weights, their bias the last row; (T, L+1, L') of fast weights
    W.backward  (L', L)     transposed, without the bias
    W.stored                as it lies in memory: like `forward`, the output layer's transposed

What is written here as a rule was measured. In brackets is how many times as long a call of the
sinusoid experiment takes where the rule is undone; `tests/benchmark/undone.py` undoes each once.

* A product with shared weights is one flat product over the rows of all tasks; what differs from
  task to task is a batched one, and never ``einsum``. [kernels by batched matmul: 2.09]
* Where all is contiguous the method ``dot`` is called, which has less to dispatch, also for sums
  over tasks, with a vector of ones. [the method dot, also for sums over tasks: 1.03]
* A product is written to the units of its result, so the constant unit is never computed, and every
  elementwise call runs over a contiguous array, constant unit and all.
* A gate is all bits or none, shifted down from the sign of ``0 - H``, and what passes it is
  ``and``-ed: no ``where=``, no product with booleans. Unlike a product with 0, a shut gate lets
  no NaN or infinity through. [gates as bits: 1.04]
* The maximum with zero is one with an array of zeros: numpy has a faster loop for that.
  [a maximum with an array of zeros: 1.05]
* What a call makes goes into a buffer (`buffers`), so that nothing is allocated.
  [buffers made once: 1.34]

Like every printer this one is closed: a step without a rule is an error.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from sympy import Expr, MatrixSymbol, Mul, Transpose

from derive.language.elementwise import TABLE
from derive.language.names import ROWS, STAGES, O, is_row_free
from derive.printers.numpy import scalar_text
from derive.schedule.buffers import ALWAYS
from derive.schedule.operations import InnerProduct
from derive.schedule.plan import in_order
from derive.schedule.steps import GATE, Apply, Multiply, Total, Unit, is_total, untransposed
from derive.schedule.storage import Kind, is_shared

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from derive.schedule.buffers import Buffer, Under
    from derive.schedule.forms import Line
    from derive.schedule.plan import Plan
    from derive.schedule.steps import Step
    from derive.schedule.storage import Storage

WIDTH = 100

#: What a step computes as a function of numpy, where it is no row of the table.
ARITHMETIC = {"add": "add", "subtract": "subtract", "multiply": "multiply", GATE: "bitwise_and"}


class Code(NamedTuple):
    """A module's functions.

    Attributes
    ----------
    blocks
        Their text.
    imports
        What they call by its bare name in numpy.
    """

    blocks: list[str]
    imports: list[str]


def inplace_code(plan: Plan, number_of: Callable[[Line], str]) -> Code:
    """The functions of ``inplace.py``.

    Parameters
    ----------
    plan
        What to print.
    number_of
        The number of the page's equation that a line computes, or nothing.
    """
    calls = [[_calls(step) for step in steps] for _, steps in plan.lines]
    used = {call.function for line in calls for step in line for call in step}
    lines = [
        (line, _numbered([call.text for step in made for call in step], number_of(line)))
        for (line, _), made in zip(plan.lines, calls, strict=True)
    ]
    widths = ["D", *(f"L{choice.layer}" for choice in plan.choices[:-1]), "O"]
    blocks = [
        _workspace(widths),
        _dense_function(plan, widths),
        _plan_function(plan, lines, widths),
    ]
    return Code(blocks, sorted((used | {"copyto"}) - {""}))


def _numbered(texts: list[str], number: str) -> list[str]:
    return [f"{texts[0]}  # ({number})" if number else texts[0], *texts[1:]]


# --- calls ---


class Call(NamedTuple):
    """A call as it stands in the code, and the function of numpy that it calls by name."""

    function: str
    text: str


def _calls(step: Step) -> list[Call]:
    match step:
        case Multiply():
            return [_product(step)]
        case Apply():
            return _applied(step)
        case Total(writes=out, of=of):
            return [Call("", f"ones.dot({of}.each, {out}.reshape(-1))")]
        case Unit(writes=symbol):
            return [Call("", f"{symbol}.constant.fill(1)")]
        case InnerProduct():
            return [_inner_product(step)]


def _inner_product(step: InnerProduct) -> Call:
    above, below = step.scalar.as_numer_denom()
    factor = "" if above == 1 else f"{scalar_text(above)} * "
    inner = f"float(vdot({step.left}.all, {step.right}.all))"
    return Call("vdot", f"{step.result} = {factor}{inner} / ({scalar_text(below)})")


def _product(step: Multiply) -> Call:
    """A product: flat over the rows of all tasks, or for each task."""
    out = step.writes
    right = untransposed(step.right)
    flat = is_total(out) or (is_row_free(right.shape) and is_shared(right))
    first, second, into = _operands(step, flat)
    if flat and O in out.shape:
        # The method has less to dispatch, but copies what is not contiguous.
        return Call("", f"{first}.dot({second}, {into})")
    return Call("matmul", f"matmul({first}, {second}, out={into})")


def _operands(step: Multiply, flat: bool) -> tuple[str, str, str]:
    """The views of two factors and of their product."""
    left, right, out = step.left, step.right, step.writes
    a, b = untransposed(left), untransposed(right)
    whole, units = ("all", "units") if flat else ("task", "task_units")
    turned = "T" if flat else "mT"
    # The output layer has no constant unit.
    into = f"{out}.{'all' if flat and out.shape[1] == O else units}"
    match left, right:
        case Transpose(), MatrixSymbol() if is_row_free(out.shape):
            stored = str(out) if flat else f"{out}.stored"
            if b.shape[1] == O:
                return f"{b}.{whole}.{turned}", f"{a}.{whole}", stored
            return f"{a}.{whole}.{turned}", f"{b}.{units}", stored
        case MatrixSymbol(), Transpose() if set(out.shape) <= ROWS:
            return f"{a}.task", f"{b}.task.mT", str(out)
        case _ if is_row_free(a.shape):
            pass
        case MatrixSymbol(), MatrixSymbol() if is_row_free(b.shape):
            return f"{a}.{whole}", f"{b}.forward", into
        case MatrixSymbol(), Transpose() if is_row_free(b.shape):
            return f"{a}.{units}", f"{b}.backward", into
        case _, MatrixSymbol() if set(a.shape) <= ROWS:
            kernel = f"{a}.mT" if isinstance(left, Transpose) else str(a)
            return kernel, f"{b}.task_units", into
    raise ValueError(f"`{out}`: the workspace form has no call for the product {left * right}")


def _applied(step: Apply) -> list[Call]:
    """A function entry by entry; a row of the table may be several calls."""
    out = _whole(step.writes)
    texts = [
        _whole(each) if isinstance(each, MatrixSymbol) else signed(each) for each in step.operands
    ]
    if step.function == "copy":
        return [Call("copyto", f"copyto({out}, {step.operands[0]}.stored)")]
    if step.function == GATE:
        out, texts = f"{step.writes}.bits", [f"{each}.bits" for each in step.operands]
    if step.function in ARITHMETIC:
        name = ARITHMETIC[step.function]
        return [Call(name, f"{name}({', '.join(texts)}, out={out})")]
    words = {
        "z": texts[0], "out": out, "bits": f"{step.writes}.bits", "zeros": _zeros_for(step),
        "zero": "zero", "sign": "sign",
    }  # fmt: skip
    return [
        Call(
            name,
            f"{name}({', '.join(words[word] for word in arguments)}, "
            f"out={words['bits' if 'bits' in arguments else 'out']})",
        )
        for name, *arguments in TABLE[step.function].inplace
    ]


def _whole(symbol: MatrixSymbol) -> str:
    """A quantity as elementwise calls take it."""
    if is_total(symbol):
        return str(symbol)
    return f"{symbol}.stored" if is_row_free(symbol.shape) else f"{symbol}.all"


def _zeros_for(step: Apply) -> str:
    rows, columns = step.writes.shape
    return f"zeros_{rows}_{columns}"


def signed(scalar: Expr) -> str:
    """A scalar with its sign."""
    minus = scalar.could_extract_minus_sign()
    return ("-" if minus else "") + scalar_text(-scalar if minus else scalar)


# --- buffers ---


def _buffer_lines(plan: Plan) -> list[str]:
    """A line a buffer, where it is first needed; what shares one is defined together."""
    made = [
        (buffer.first, str(buffer.holds[0]), buffer.under, _made(buffer)) for buffer in plan.buffers
    ]
    lines: dict[Under, list[str]] = {}
    for _, _, under, text in sorted([*made, *_zeros(plan)]):
        lines.setdefault(under, []).extend(text)
    code = ["zero, ones, sign = arena.zero, arena.ones, arena.sign", *lines.pop(ALWAYS)]
    for layer in sorted({layer for layer, _ in lines}):
        code += _chosen(layer, lines.get((layer, True), []), lines.get((layer, False), []))
    return code


def _made(buffer: Buffer) -> list[str]:
    line = f"{' = '.join(map(str, buffer.holds))} = arena.{_constructor(buffer.storage)}"
    if len(line) + 8 <= WIDTH:
        return [line]
    # No formatter breaks a chain of names.
    first, *rest = map(str, buffer.holds)
    return [
        f"{first} = arena.{_constructor(buffer.storage)}",
        *(f"{name} = {first}" for name in rest),
    ]


def _constructor(storage: Storage) -> str:
    """The call that makes the memory of a quantity."""
    match storage.kind:
        case Kind.ROWS:
            constant = ", 1" if storage.constant else ""
            return f"rows({storage.rows}, {storage.columns}{constant})"
        case Kind.PREDICTIONS:
            return f"predictions({storage.rows})"
        case kind if storage.last:
            return f"last_{kind.value}({storage.rows})"
    return f"{storage.kind.value}({storage.rows}, {storage.columns})"


def _zeros(plan: Plan) -> list[tuple[int, str, Under, list[str]]]:
    """A line for the zeros of each shape with which something is compared."""
    found: dict[str, tuple[int, str, Under, list[str]]] = {}
    for at, (under, step) in enumerate(in_order(plan.lines)):
        if isinstance(step, Apply) and step.function in TABLE:
            calls = TABLE[step.function].inplace
            if any("zeros" in call for call in calls):
                name = _zeros_for(step)
                known = found.get(name, (at, name, under))
                where = under if known[2] == under else ALWAYS
                found[name] = (known[0], name, where, [f"{name} = {_zeros_of(step.writes)}"])
    return list(found.values())


def _zeros_of(symbol: MatrixSymbol) -> str:
    rows, columns = symbol.shape
    # A single output has a second one beside it, where others have their constant unit.
    return f"arena.zeros({rows}, {'max(O, 2) - 1' if columns == O else columns})"


# --- the functions ---


def _plan_function(
    plan: Plan, lines: Sequence[tuple[Line, list[str]]], widths: Sequence[str]
) -> str:
    """``plan``: the buffers of a chunk of tasks, and the function that runs on them."""
    sizes = ", ".join(widths)
    dense = ", ".join(f"dense{choice.layer}" for choice in plan.choices)
    weights = ", ".join(f"W{choice.layer}" for choice in plan.choices)
    body = [
        f"{weights} = layers",
        f"{', '.join(map(str, plan.outputs))} = gradients",
        *(f"copyto({s}.task[:, :, :{s.shape[1]}], {s}_given)" for s in plan.data),
        *_body(lines),
        "return loss_q",
    ]
    text = [
        "def plan(",
        "    arena: Arena, T: int, N: int, M: int, sizes: Sequence[int], dense: Sequence[bool]",
        ") -> Run:",
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
        f"    {dense} = dense",
        *_indented(_buffer_lines(plan)),
        "",
        "    def run(",
        "        layers: Sequence[Layer],",
        "        gradients: Sequence[Array],",
        *(f"        {symbol}_given: Array," for symbol in plan.data),
        "        alpha: float,",
        "    ) -> float:",
        *_indented(body, 2),
        "",
        "    return run",
    ]
    return "\n".join(line.rstrip() for line in text)


def _indented(lines: Iterable[str], levels: int = 1) -> list[str]:
    return [f"{'    ' * levels}{line}" for line in lines]


def _body(each: Sequence[tuple[Line, list[str]]]) -> list[str]:
    """The calls in order, under the headings of their stages."""
    lines: list[str] = []
    stage = ""
    for (layer, _), group in groupby(each, key=lambda pair: (pair[0].layer, _stage(pair[0]))):
        pairs = list(group)
        of_last = pairs[-1][0].equation.stage
        if of_last != stage:
            stage = of_last
            lines += ["", f"# --- {STAGES[stage]} ---"]
        dense, others = (
            [text for line, texts in pairs if line.dense is form for text in texts]
            for form in (True, False)
        )
        lines += _chosen(layer, dense, others)
    return lines


def _stage(line: Line) -> str:
    """Lines of a choice stay together, whatever stage they came from."""
    return "" if line.layer else line.equation.stage


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


def _dense_function(plan: Plan, widths: Sequence[str]) -> str:
    """``dense_layers``: for each layer, whether forming its fast weights takes less work."""
    return "\n".join(
        [
            "def dense_layers(N: int, M: int, sizes: Sequence[int]) -> tuple[bool, ...]:",
            '    """For each layer, whether its dense form has fewer multiply-adds.',
            "",
            "    What both forms have has been cancelled; sizes are with the constant unit.",
            '    """',
            f"    {', '.join(widths[:-1])} = (size + 1 for size in sizes[:-1])",
            "    O = max(sizes[-1], 2)",
            "    return (",
            *(
                f"        {polynomial(choice.dense)} < {polynomial(choice.kernel)},"
                for choice in plan.choices
            ),
            "    )",
        ]
    )


def polynomial(value: Expr) -> str:
    """A sum of products, as Python."""
    terms = (" * ".join(map(str, Mul.make_args(term))) for term in value.as_ordered_terms())
    return " + ".join(terms)


def _workspace(widths: Sequence[str]) -> str:
    """``workspace``: what users call."""
    checked = f"sizes, {len(widths) - 1}, dtype, tasks=tasks, shots=shots, queries=queries"
    return WORKSPACE.format(names=", ".join(widths), checked=checked)


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
