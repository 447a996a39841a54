"""The rewrite: what symbols see and automatic differentiation does not.

The inner step subtracts from a shared matrix one of rank N, the number of shots::

    W2_fast = W2 - alpha H1_s^T dZ2_s

Substituted instead of formed, it meets the rows of the query set, and the product is taken the
other way round::

    Z2_q = H1_q W2 + 1 b2 - alpha (H1_q H1_s^T + 1 1^T) dZ2_s

So no weight matrix per task ever exists. Each pass below is a pure function from programs to
programs, and `PASSES` is the list of them in order. A pass changes no value and, applied twice,
does nothing more.

SymPy's own ``cse``, ``collect`` and ``expand`` are not used: they do not know transposes, they
invent names, and they cannot prefer an order of a product.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from itertools import pairwise, starmap
from typing import TYPE_CHECKING

from sympy import (
    Dummy,
    Expr,
    HadamardProduct,
    MatAdd,
    MatMul,
    MatrixExpr,
    MatrixSymbol,
    OneMatrix,
    Trace,
    Transpose,
    cancel,
)
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction as Elementwise

from ..language import names
from ..language.cost import at_sizes, multiply_adds
from ..language.elementwise import body_of, elementwise, z
from ..language.program import (
    Equation,
    Program,
    flat,
    product_of,
    scalar_and_factors,
)
from .normal_form import (
    Factors,
    Term,
    changed,
    terms_of,
    total,
    transposed,
    value_of,
    with_equations,
)

if TYPE_CHECKING:
    from ..language.names import Named

Pass = Callable[[Program], Program]
Kept = Callable[[Equation], bool]


# --- the passes ---


def inline(program: Program, kept: Kept = lambda _: False) -> Program:
    """Substitute every matrix shaped like a weight where it is read, unless it is `kept`.

    These are the fast weights, the inner gradients of the weights and their adjoints. Sums are
    multiplied out, and the definitions stay behind, unread::

        dW2     = H1_s^T dZ2_s
        W2_fast = W2 - alpha dW2                  W2_fast = ...
        Z2_q    = H1_q W2_fast + 1 b2_fast   ->   Z2_q = H1_q W2 - alpha H1_q H1_s^T dZ2_s + ...

    What is made or read entry by entry is no product of rows, and stays as it is.
    """
    formed = _formed(prune(program))
    folded: dict[MatrixSymbol, Equation] = {}
    equations = []
    for equation in program:
        found = [folded[symbol] for symbol in equation.reads if symbol in folded]
        if not equation.shape:
            equations.append(equation)
            continue
        value = equation.value.xreplace({part.symbol: part.value for part in found})
        sources = [name for part in found for name in (part.name, *part.sources)]
        inlined = changed(equation, value_of(terms_of(value)), sources) if found else equation
        equations.append(inlined)
        weight_shaped = names.is_row_free(equation.shape) and equation.symbol not in formed
        if weight_shaped and equation.symbol not in program.outputs and not kept(equation):
            folded[equation.symbol] = inlined
    return with_equations(program, equations)


def _formed(program: Program) -> set[Named]:
    """What is shaped like a weight, and made or read entry by entry, or read by a number.

    A context, and a bias that changes while its weights do not, are but one row a task.
    """
    formed: set[Named] = set()
    defined = {equation.name for equation in program}
    if any(map(is_statistic, program)):
        # What is normalised takes a mean away again: its rows are no products of rows.
        formed |= {equation.symbol for equation in program if equation.shape[:1] == (1,)}
    for equation in program:
        beside = names.weights_beside(equation.symbol)
        alone = names.is_of_context(equation.symbol) or (beside and beside not in defined)
        if alone or equation.value.has(HadamardProduct):
            formed.add(equation.symbol)
        for node in equation.value.atoms(HadamardProduct, Trace):
            formed |= node.atoms(MatrixSymbol)
    return formed


def is_statistic(equation: Equation) -> bool:
    """Whether it is a row that a forward pass computes of the rows at hand, as their mean."""
    name = names.parse(equation.name)
    return equation.shape[:1] == (1,) and isinstance(name, names.Name) and name.kind == "value"


def prune(program: Program) -> Program:
    """Drop every equation that no output needs."""
    needed = set(program.outputs)
    kept = []
    for equation in reversed(program.equations):
        if equation.symbol in needed:
            needed.update((*equation.reads, *equation.scalars))
            kept.append(equation)
    return with_equations(program, kept[::-1])


def collect(program: Program) -> Program:
    """Add what meets the same matrix before multiplying.

    ::

        A X + B X  ->  (A + B) X        the bias joins the kernel: H1_q H1_s^T + 1 1^T
        A X + A Y  ->  A (X + Y)        several inner steps share their support inputs
    """
    return with_equations(
        program, [changed(line, _collected(line.value)) if line.shape else line for line in program]
    )


def _collected(value: MatrixExpr) -> MatrixExpr:
    terms = terms_of(value)
    joined = _join_firsts(_join_lasts(terms))
    return value if len(joined) == len(terms) else value_of(joined)


def _join_lasts(terms: list[Term]) -> list[Term]:
    """``A X + B X -> (A + B) X``, where the scalars agree."""
    groups: dict[tuple[Expr, MatrixExpr], list[Factors]] = {}
    joined: list[Term] = []
    for scalar, factors in terms:
        if len(factors) == 1:
            joined.append((scalar, factors))
        else:
            groups.setdefault((scalar, factors[-1]), []).append(factors[:-1])
    return joined + [
        (scalar, (total([product_of(first) for first in firsts]), last))
        for (scalar, last), firsts in groups.items()
    ]


def _join_firsts(terms: list[Term]) -> list[Term]:
    """``A X + A Y -> A (X + Y)``, where the scalars agree; column sums stay apart."""
    groups: dict[tuple[Expr, Factors], list[MatrixExpr]] = {}
    joined: list[Term] = []
    for scalar, factors in terms:
        if len(factors) == 1 or isinstance(factors[0], OneMatrix):
            joined.append((scalar, factors))
        else:
            groups.setdefault((scalar, factors[:-1]), []).append(factors[-1])
    return joined + [(scalar, (*rest, total(lasts))) for (scalar, rest), lasts in groups.items()]


def reassociate(program: Program) -> Program:
    """Name the inner product of a longer one, so that no product has more than two matrices.

    First comes the order that makes no matrix shaped like a weight, then the one with fewer
    multiplications. SymPy flattens products, so an order can only be kept by a name::

        (H1_q H1_s^T + 1 1^T) dZ2_s   ->   K_H1 = H1_q H1_s^T + 1 1^T,   K_H1 dZ2_s
    """
    equations: list[Equation] = []
    named: dict[MatrixSymbol, Equation] = {}
    for equation in program:
        parts = equation.value.args if isinstance(equation.value, MatAdd) else (equation.value,)
        rebuilt = []
        for part in parts:
            scalar, factors = scalar_and_factors(part)
            kernels, short = _two_factors(factors, equation)
            for kernel in kernels:
                if kernel.symbol not in named:
                    equations.append(kernel)
                if named.setdefault(kernel.symbol, kernel).value != kernel.value:
                    raise ValueError(
                        f"two products want the name `{kernel.name}`: {kernel.value} and "
                        f"{named[kernel.symbol].value}"
                    )
            rebuilt.append(product_of(short, scalar))
        equations.append(changed(equation, total(rebuilt) if equation.shape else equation.value))
    return with_equations(program, equations)


def _two_factors(factors: Factors, of: Equation) -> tuple[list[Equation], Factors]:
    """Name the pair to multiply first, until two factors are left."""
    if len(factors) == 2 and _is_sum_of_products(factors[0]):
        kernel = _named(factors[0], of)
        return [kernel], (kernel.symbol, factors[1])
    if len(factors) <= 2:
        return [], factors
    at = min(range(len(factors) - 1), key=lambda i: _cost_of_pair(factors, i))
    kernel = _named(product_of(factors[at : at + 2]), of)
    kernels, short = _two_factors((*factors[:at], kernel.symbol, *factors[at + 2 :]), of)
    return [kernel, *kernels], short


def _is_sum_of_products(value: MatrixExpr) -> bool:
    return isinstance(value, MatAdd) and any(isinstance(part, MatMul) for part in value.args)


def _cost_of_pair(factors: Factors, at: int) -> tuple[bool, int]:
    """Whether multiplying a pair first makes a weight-shaped matrix, then the multiplications."""
    pair = product_of(factors[at : at + 2])
    rest = (*factors[:at], pair, *factors[at + 2 :])
    chain = [multiply_adds(*factors[at : at + 2]), *starmap(multiply_adds, pairwise(rest))]
    return names.is_row_free(pair.shape), sum(map(at_sizes, chain))


def _named(value: MatrixExpr, of: Equation) -> Equation:
    """Define a kernel: a product of rows with rows, to which ``1 1^T`` may be added."""
    parts = [factors for _, factors in terms_of(value)]
    rows = [factors for factors in parts if not all(isinstance(f, OneMatrix) for f in factors)]
    match rows:
        case [(MatrixSymbol() as left, Transpose(arg=MatrixSymbol() as right))]:
            ones = [OneMatrix(*value.shape)] if len(parts) > 1 else []
            return Equation(
                names.kernel(left, right), total([product_of(rows[0]), *ones]), of.stage
            )
    raise ValueError(
        f"`{of.name}`: no rule names the product {value}; a kernel is one of rows with rows"
    )


def share(program: Program) -> Program:
    """Compute once what stands in several places, also up to a transpose.

    ::

        K_H1_s_q = H1_s H1_q^T + 1 1^T                 ->   K_H1^T
        tanh'(Z1_s) = 1 - tanh(Z1_s)**2, twice         ->   G1_s = 1 - H1_s**2
        tanh''(Z1_s) = 2 tanh(Z1_s)**3 - 2 tanh(Z1_s)  ->   -2 G1_s o H1_s
        Z3_q - Y_q in the loss and in its derivative   ->   E_q
    """
    steps = (_merge_equal, _reuse_functions, _name_slopes, _name_errors)
    shared = reduce(lambda program, step: step(program), steps, program)
    return program if shared == program else share(shared)


def _merge_equal(program: Program) -> Program:
    """Keep the first of two equal equations; a transpose is equal too, and so is another name."""
    known: dict[Expr, MatrixExpr] = {}
    instead: dict[Expr, Expr] = {}
    shapes = {equation.shape for equation in program}
    equations = []
    for equation in program:
        value = equation.value
        if not instead.keys().isdisjoint(equation.reads):
            value = value.xreplace(instead)
        if isinstance(value, MatrixSymbol) and equation.symbol not in program.outputs:
            instead[equation.symbol] = value
            continue
        if isinstance(value, MatAdd | MatMul) and equation.symbol not in program.outputs:
            if value in known:
                instead[equation.symbol] = known[value]
                continue
            known[value] = equation.symbol
            # Only what has the shape of a transpose can be one.
            if equation.shape[::-1] in shapes:
                known.setdefault(transposed(value), equation.symbol.T)
        equations.append(changed(equation, value))
    return with_equations(program, equations)


def _reuse_functions(program: Program) -> Program:
    """Express elementwise functions by those of the same matrix that have a name already."""
    known: dict[MatrixExpr, list[tuple[Expr, MatrixSymbol]]] = {}
    equations = []
    for equation in program:
        instead = {
            node: _reused(body_of(node), node.expr, known.get(node.expr, []))
            for node in equation.value.atoms(Elementwise)
        }
        value = flat(equation.value.xreplace(instead)) if instead else equation.value
        equations.append(changed(equation, value))
        if isinstance(value, Elementwise):
            known.setdefault(value.expr, []).append((body_of(value), equation.symbol))
    return with_equations(program, equations)


def _reused(body: Expr, argument: MatrixExpr, known: list[tuple[Expr, MatrixSymbol]]) -> MatrixExpr:
    stand_in = Dummy()
    for named, symbol in known:
        inside = body.xreplace({named: stand_in})
        if not inside.has(z):
            return elementwise(inside.xreplace({stand_in: z}), symbol)
        quotient = cancel(body / named)
        if quotient.is_polynomial(z) and quotient.count_ops() < body.count_ops():
            scalar, rest = quotient.as_coeff_Mul()
            return product_of((HadamardProduct(symbol, elementwise(rest, argument)),), scalar)
    return elementwise(body, argument)


def _name_slopes(program: Program) -> Program:
    """Name the functions of a pre-activation, or of its activation, that stand twice."""
    nodes = [
        node
        for equation in program
        if not isinstance(equation.value, Elementwise)
        for node in sorted(equation.value.atoms(Elementwise), key=str)
    ]
    repeated = dict.fromkeys(
        node for node in nodes if nodes.count(node) > 1 and names.has_slope(node.expr)
    )
    return _defined(program, [(names.slope(node.expr), node) for node in repeated])


def _name_errors(program: Program) -> Program:
    """Name the error whose square is the loss where something else reads it too."""
    errors = [
        part
        for equation in program
        for trace in equation.value.atoms(Trace)
        for part in trace.arg.args
        if isinstance(part, MatAdd) and any(isinstance(term, MatrixSymbol) for term in part.args)
    ]
    repeated = [
        error
        for error in errors
        if sum(line.value.has(error) for line in program if _may_have(line, error)) > 1
    ]
    pairs = dict.fromkeys((names.error(_prediction(error)), error) for error in repeated)
    return _defined(program, list(pairs))


def _may_have(equation: Equation, value: MatrixExpr) -> bool:
    """Whether an equation reads all that is in a value, which is quicker to see than the value."""
    return set(equation.reads).issuperset(value.atoms(MatrixSymbol))


def _prediction(error: MatAdd) -> MatrixSymbol:
    return next(term for term in error.args if isinstance(term, MatrixSymbol))


def _defined(program: Program, pairs: list[tuple[MatrixSymbol, MatrixExpr]]) -> Program:
    """Define each name before its first use, and use it."""
    values = dict(pairs)
    if len(values) < len(pairs):
        twice = next(symbol for symbol, value in pairs if values[symbol] != value)
        raise ValueError(f"two values want the name `{twice}`, which only one can have")
    instead = {value: symbol for symbol, value in values.items()}
    instead |= {transposed(value): symbol.T for symbol, value in values.items()}
    equations: list[Equation] = []
    read = {symbol: frozenset(value.atoms(MatrixSymbol)) for symbol, value in values.items()}
    defined: set[MatrixSymbol] = set()
    for equation in program:
        found = [
            symbol
            for symbol, value in values.items()
            if read[symbol].issubset(equation.reads) and equation.value.has(value)
        ]
        for symbol in found:
            if symbol not in defined:
                equations.append(Equation(symbol, values[symbol], equation.stage))
                defined.add(symbol)
        value = equation.value.xreplace(instead) if found else equation.value
        equations.append(changed(equation, value))
    return with_equations(program, equations)


#: The rewrite, in order.
PASSES: tuple[Pass, ...] = (inline, prune, collect, reassociate, share)


def is_fast(equation: Equation) -> bool:
    """Whether it defines weights after a step, or their adjoint."""
    name = names.parse(equation.name)
    return isinstance(name, names.Name) and bool(name.fast)


def inline_but_fast(program: Program) -> Program:
    """The same, but the weights after a step are formed, task by task, and their adjoints too."""
    return inline(program, kept=is_fast)


def stages(program: Program, dense: bool = False) -> tuple[Program, ...]:
    """A program as derived, and after each pass of the rewrite.

    Parameters
    ----------
    program
        A program as derived.
    dense
        Whether the weights after a step are formed.
    """
    programs = [program]
    for apply in (inline_but_fast if dense else inline, *PASSES[1:]):
        programs.append(apply(programs[-1]))
    return tuple(programs)


def rewrite(program: Program, dense: bool = False) -> Program:
    """Apply every pass, as `stages` does."""
    return stages(program, dense)[-1]
