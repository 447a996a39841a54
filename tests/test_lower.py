"""What the workspace form is lowered from: its passes, its two forms, its shared buffers."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from sympy import ImmutableMatrix, MatrixSymbol, OneMatrix, Rational, sin

from derive import notation
from derive.buffers import ALWAYS, buffers_of, lifetimes
from derive.calls import Call, calls_of
from derive.choice import dense_if, work_of
from derive.equations import Network, meta_gradient_program
from derive.lower import absorb_step, forms_of, gate, homogeneous, lowered, sink
from derive.notation import M, N, O, alpha, width
from derive.plan import plan_of
from derive.program import Equation, Program, elementwise, evaluate, z
from derive.rewrite import rewrite
from derive.storage import constant_of, is_gate, is_zeros
from docs.experiment.networks import names
from tests.conftest import QUERIES, SHOTS, TASKS, derivation, layer_sizes, network, problem
from tests.test_rewrite import given, outputs

if TYPE_CHECKING:
    from collections.abc import Callable

    from derive.buffers import Buffer, Choice

NETWORKS = [Network(1, "relu"), Network(2, "tanh"), Network(2, "relu", 3), Network(3, "softplus")]


# --- passes ---


@pytest.mark.parametrize("apply", [gate, absorb_step, sink])
@pytest.mark.parametrize("steps", [1, 2])
def test_a_pass_keeps_the_values_exactly(apply: Callable[[Program], Program], steps: int) -> None:
    program = rewrite(meta_gradient_program(Network(2, "relu", steps)))
    values = given(program, seed=steps + 3)
    expected = outputs(program, values)
    after = apply(program)
    assert outputs(after, values) == expected
    assert apply(after) == after


def test_a_step_of_zero_is_not_divided_by() -> None:
    program = rewrite(meta_gradient_program(Network(2, "relu")))
    values = {**given(program, 4), alpha: Rational(0)}
    assert outputs(absorb_step(program), values) == outputs(program, values)
    for network_ in NETWORKS:
        for dense in (False, True):
            for line in lowered(meta_gradient_program(network_), dense):
                assert not line.value.has(1 / alpha), line.name


@pytest.mark.parametrize("which", NETWORKS, ids=str)
@pytest.mark.parametrize("dense", [False, True])
def test_the_step_size_stands_at_the_ends_of_the_inner_gradient_only(
    which: Network, dense: bool
) -> None:
    last = which.hidden + 1
    program = lowered(meta_gradient_program(which), dense)
    with_alpha = {line.name for line in program if line.value.has(alpha)}
    labels = [f"s{k}" for k in range(1, which.steps + 1)] if which.steps > 1 else ["s"]
    ends = {
        f"{start}Z{last}_{label}{end}"
        for label in labels
        for start, end in [("u", ""), ("", "_bar")]
    }
    assert with_alpha == ends


@pytest.mark.parametrize("which", NETWORKS, ids=str)
def test_no_bias_and_no_ones_are_left(which: Network) -> None:
    program = homogeneous(meta_gradient_program(which))
    symbols = {symbol for line in program for symbol in (line.symbol, *line.reads)}
    assert not [symbol for symbol in symbols if "b" in str(symbol)[:2]]
    assert not any(line.value.has(OneMatrix) for line in program)


def test_a_bias_without_its_weights_is_an_error() -> None:
    b, Z = MatrixSymbol("b1", 1, width(1)), MatrixSymbol("Z1_s", N, width(1))
    alone = Program((b,), (Equation(Z, OneMatrix(N, 1) * b, "support"),), (Z,))
    with pytest.raises(ValueError, match="`Z1_s` reads `b1` without its weights"):
        homogeneous(alone)
    ones = Program(
        (Z,), (Equation(MatrixSymbol("H1_s", N, width(1)), Z + OneMatrix(*Z.shape), "support"),), ()
    )
    with pytest.raises(ValueError, match="`H1_s` has a matrix of ones that is no bias"):
        homogeneous(ones)


def test_homogeneous_coordinates_are_the_network_with_biases() -> None:
    # Exactly: [X 1] [W; b] = X W + 1 b, and [X 1]^T dZ has dW above db.
    program = meta_gradient_program(Network(1, "relu"))
    values = evaluate(program, given(program, 9))
    X, W, b, Z, dZ, dW, db = (
        next(values[symbol] for symbol in values if str(symbol) == name)
        for name in ("X_s", "W1", "b1", "Z1_s", "dZ1_s", "dW1", "db1")
    )
    wide = ImmutableMatrix.hstack(X, ImmutableMatrix(X.rows, 1, lambda _i, _j: 1))
    assert wide * ImmutableMatrix.vstack(W, b) == Z
    assert wide.T * dZ == ImmutableMatrix.vstack(dW, db)
    kept = {line.name: line.value for line in homogeneous(program)}
    assert str(kept["Z1_s"]) == "X_s*W1"
    assert str(kept["dW1"]) == "X_s.T*dZ1_s"


def test_what_no_default_network_has_is_an_error() -> None:
    Z, H = MatrixSymbol("Z1_s", N, width(1)), MatrixSymbol("H1_s", N, width(1))
    strange = Equation(H, elementwise(sin(z), Z), "support")
    with pytest.raises(ValueError, match="no numpy call for the function"):
        calls_of(strange, [], [])
    A, W = MatrixSymbol("W1", notation.D, width(1)), MatrixSymbol("W2", width(1), width(2))
    chain = Equation(MatrixSymbol("H2_s", notation.D, width(2)), A * W, "support")
    with pytest.raises(ValueError):
        calls_of(chain, [], [])


# --- kernel or dense ---


def test_a_dense_layer_pays_from_half_its_width_in_rows() -> None:
    L1, L2 = width(1), width(2)
    for steps in (1, 2, 5):
        less, more = dense_if(meta_gradient_program(Network(2, "relu", steps)), 2)
        rows = M + (steps - 1) * N
        assert less == L1 * L2
        assert (more - (L1 + L2) * rows).expand() == 0


@settings(deadline=None)
@drawn(
    which=st.sampled_from(["relu1", "relu2", "relu2_5steps"]),
    sizes=st.lists(st.integers(1, 60), min_size=6, max_size=6),
)
def test_the_choice_is_the_smaller_count(which: str, sizes: list[int]) -> None:
    shots, queries, *widths = sizes
    record = derivation(which)
    layers = record.network.hidden + 1
    known = (*widths[:layers], widths[-1])
    chosen = network(which).inplace.dense_layers(shots, queries, known)
    numbers = {N: shots, M: queries, notation.D: known[0] + 1, O: max(known[-1], 2)}
    numbers |= {width(i): size + 1 for i, size in enumerate(known[1:-1], start=1)}
    for layer, dense in enumerate(chosen, start=1):
        counts = {
            form: sum(
                int(work_of(line.equation).xreplace(numbers))
                for line in forms_of(record.derived)
                if (line.layer, line.dense) == (layer, form)
            )
            for form in (False, True)
        }
        assert dense is (counts[True] < counts[False])


# --- buffers ---


def calls_and_given(name: str) -> tuple[list[tuple[Choice, Call]], tuple[MatrixSymbol, ...]]:
    plan = plan_of(derivation(name).derived)
    return plan.calls, plan.data


def misread(
    calls: list[tuple[Choice, Call]], data: tuple[MatrixSymbol, ...], buffers: list[Buffer]
) -> list[str]:
    """Run every mixture of forms on names, and list who reads a buffer that holds another."""
    place = {symbol: at for at, buffer in enumerate(buffers) for symbol in buffer.holds}
    layers = max(layer for (layer, _), _ in calls)
    wrong = []
    for dense in product((False, True), repeat=layers):
        holds: dict[int, MatrixSymbol] = {place[symbol]: symbol for symbol in data}
        for (layer, form), call in calls:
            if layer and dense[layer - 1] != form:
                continue
            wrong += [
                f"{call.text}: {symbol}"
                for symbol in call.reads
                if symbol in place and not is_zeros(symbol) and holds.get(place[symbol]) != symbol
            ]
            if call.writes is not None:
                inputs = {place[symbol] for symbol in call.reads if symbol in place}
                same = call.writes in call.reads
                if not call.elementwise and place[call.writes] in inputs and not same:
                    wrong.append(f"{call.text}: a product over its own factor")
                holds[place[call.writes]] = call.writes
    return wrong


@pytest.mark.parametrize("name", names())
def test_no_buffer_is_read_for_something_else(name: str) -> None:
    calls, data = calls_and_given(name)
    buffers = buffers_of(calls, data)
    assert misread(calls, data, buffers) == []
    quantities = sum(len(buffer.holds) for buffer in buffers)
    assert len(buffers) < 0.8 * quantities, "nothing is shared"


def test_a_lifetime_that_is_too_short_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    calls, data = calls_and_given("relu2")

    def shortened(*arguments: Any) -> Any:
        first, last, choices = lifetimes(*arguments)
        return first, {symbol: max(first[symbol], at - 12) for symbol, at in last.items()}, choices

    monkeypatch.setattr("derive.buffers.lifetimes", shortened)
    assert misread(calls, data, buffers_of(calls, data))


def test_only_an_elementwise_call_may_write_over_what_it_reads() -> None:
    A, B = (MatrixSymbol(name, N, width(1)) for name in ("Z1_s", "H1_s"))
    for elementwise_, count in ((True, 1), (False, 2)):
        calls = [Call("A", A, ()), Call("B", B, (A,), elementwise_)]
        assert len(buffers_of([(ALWAYS, call) for call in calls], [])) == count


def test_what_shares_a_buffer_is_of_one_shape() -> None:
    for name in names():
        for buffer in buffers_of(*calls_and_given(name)):
            assert len({symbol.shape for symbol in buffer.holds}) == 1


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("form", [False, True])
def test_every_buffer_has_its_quantitys_shape(
    name: str, form: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = network(name)
    sizes = layer_sizes(net)
    inplace = net.inplace
    monkeypatch.setattr(inplace, "dense_layers", lambda *_: (form,) * (len(sizes) - 1))
    p = problem(net)
    ws = net.workspace(sizes, TASKS, SHOTS, QUERIES, np.float64)
    ws.meta_loss_and_gradient(*p, 0.1)
    _, _, run = ws._chunks[0]
    cells = dict(zip(run.__code__.co_freevars, run.__closure__ or (), strict=True))
    known = {N: SHOTS, M: QUERIES, notation.D: sizes[0], O: sizes[-1]}
    known |= {width(i): size for i, size in enumerate(sizes[1:-1], start=1)}
    seen = 0
    for line in lowered(derivation(name).derived, form):
        if not line.shape or line.name not in cells:
            continue
        rows, columns = (int(known[size]) for size in line.shape)
        found = cells[line.name].cell_contents
        if set(line.shape) <= notation.ROWS:
            assert found.shape == (TASKS, rows, columns), line.name
        elif notation.is_row_free(line.shape):
            assert found.forward.shape == (TASKS, rows + 1, columns), line.name
        else:
            assert found.units.shape == (TASKS * rows, columns), line.name
            assert found.task_units.shape == (TASKS, rows, columns), line.name
            # A gate is bits, no number.
            if line.shape[1] != O and not is_gate(line.value):
                constant = found.constant
                slope = str(line.symbol)[0] == "G"
                expected = constant[0] if slope else constant_of(line.symbol)
                assert (constant == expected).all(), line.name
        seen += 1
    assert seen > 20
