"""The C form: its values against the reference, its memory, its threads, and mistakes in it."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from itertools import pairwise, product
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derive.making import NETWORKS
from derive.package import trial
from generated.runtime import compiled
from tests.conftest import import_from, network, problem
from tests.native import FLAGS, compiling, needs_compiler
from tests.workspaces import ALPHA, NET, close, layers_of, of

ROOT = Path(__file__).parents[2]

pytestmark = needs_compiler

#: Every network that has one; its file is there because the build wrote it.
WITH_C = sorted(path.parent.name for path in (ROOT / "generated").glob("*/native.c"))
TOLERANCES: dict[Any, float] = {np.float64: 1e-12, np.float32: 5e-6}


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    place = tmp_path_factory.mktemp("cache", numbered=True)
    with compiling(place):
        yield place


class Asked(NamedTuple):
    """A network, what its meta-gradient is called with, and what that is."""

    net: Any
    given: dict[str, Any]
    expected: tuple[float, Any]


@cache
def asked(name: str) -> Asked:
    """The problem of the trial, whose sizes are distinct primes."""
    net, drawn = network(name), trial.problem(named(name), network(name), 0)
    known = {"weights": drawn.weights, "rates": drawn.rates, **drawn.data, **drawn.numbers}
    reference = net.reference.meta_loss_and_gradient
    given = {each: known[each] for each in inspect.signature(reference).parameters}
    return Asked(net, given, reference(**given))


def named(name: str) -> Any:
    """As much of a derivation as the trial's numbers need; deriving takes long."""
    return SimpleNamespace(network=NETWORKS[name])


def cast(value: Any, dtype: Any) -> Any:
    """Arrays, also in tuples, in another dtype."""
    if isinstance(value, tuple):
        return type(value)(*(cast(each, dtype) for each in value))
    return value.astype(dtype) if isinstance(value, np.ndarray) else value


def workspace(
    name: str, dtype: Any = np.float64, forms: tuple[bool, ...] | None = None, **more: Any
) -> Any:
    """The C form of a network for its `asked`, its layers dense where it is said."""
    inplace = import_module(f"generated.{name}.inplace")
    context = {"context": trial.CONTEXT} if NETWORKS[name].context else {}
    sizes = trial.sizes_of(named(name))
    with pytest.MonkeyPatch.context() as patch:
        if forms is not None:
            patch.setattr(inplace, "dense_layers", lambda *_: forms)
        counts = (trial.TASKS, trial.SHOTS, trial.QUERIES)
        return inplace.workspace(sizes, *counts, dtype, backend="c", **context, **more)


def flat(found: tuple[Any, ...]) -> np.ndarray:
    """A loss and all gradients as one vector."""
    loss, *groups = found
    return np.concatenate([[loss], *(np.ravel(array) for group in groups for array in group)])


def compare(found: tuple[Any, ...], expected: tuple[Any, ...], tolerance: float) -> None:
    ours, theirs = flat(found), flat(expected)
    assert ours[0] == pytest.approx(theirs[0], rel=tolerance)
    assert np.abs(ours - theirs).max() <= tolerance * np.abs(theirs[1:]).max()


def test_every_network_with_a_workspace_has_a_c_form() -> None:
    assert sorted(name for name in NETWORKS if hasattr(network(name), "workspace")) == WITH_C


def mixtures(name: str) -> list[tuple[bool, ...]]:
    """All mixtures of forms, or of a network with several steps two that alternate."""
    every = list(product((False, True), repeat=layers_of(network(name))))
    if NETWORKS[name].steps > 1:
        return [each for each in every if all(a != b for a, b in pairwise(each))]
    return every


@pytest.mark.parametrize("name", WITH_C)
def test_every_mixture_of_forms_is_the_reference(name: str) -> None:
    one = asked(name)
    for forms in mixtures(name):
        ws = workspace(name, forms=forms)
        assert ws.backend == "c"
        for _ in range(2):
            compare(ws.meta_loss_and_gradient(**one.given), one.expected, 1e-12)


@pytest.mark.parametrize("name", WITH_C)
def test_memory_that_is_full_of_nan_changes_nothing(name: str) -> None:
    for dtype in (np.float64, np.float32):
        ws, one = workspace(name, dtype), asked(name)
        given = {key: cast(value, dtype) for key, value in one.given.items()}
        found = flat(ws.meta_loss_and_gradient(**given)).copy()
        compare(ws.meta_loss_and_gradient(**given), one.expected, TOLERANCES[dtype])
        for memory in (*ws._contexts._memory, ws._contexts._gradients, ws.gradient):
            memory.view(np.uint8).fill(255)
        np.testing.assert_array_equal(flat(ws.meta_loss_and_gradient(**given)), found)


@pytest.mark.parametrize("name", ["relu2", "tanh2"])
def test_what_users_get_is_the_same(name: str, folder: Path) -> None:
    one = asked(name)
    given = {key: cast(value, np.float32) for key, value in one.given.items()}
    with compiling(folder, flags=FLAGS):
        found = workspace(name, np.float32).meta_loss_and_gradient(**given)
    compare(found, one.expected, TOLERANCES[np.float32])


@pytest.mark.parametrize("width", [16, 32, 64])
def test_vectors_of_any_width(width: int, folder: Path) -> None:
    with compiling(folder, f"-DBYTES={width}"):
        for dtype in (np.float64, np.float32):
            for forms in ((False, True, False), (True, False, True)):
                one = asked("relu2")
                given = {key: cast(value, dtype) for key, value in one.given.items()}
                found = workspace("relu2", dtype, forms).meta_loss_and_gradient(**given)
                compare(found, one.expected, TOLERANCES[dtype])


@settings(max_examples=20, derandomize=True)
@given(
    name=st.sampled_from(["relu1", "relu2", "tanh2"]),
    tasks=st.integers(1, 15),
    rows=st.tuples(st.integers(1, 19), st.integers(1, 19)),
    widths=st.tuples(*[st.integers(1, 34)] * 4),
    forms=st.tuples(*[st.booleans()] * 3),
    dtype=st.sampled_from([np.float64, np.float32]),
    seed=st.integers(0, 10**6),
)
def test_any_sizes(
    name: str,
    tasks: int,
    rows: tuple[int, int],
    widths: tuple[int, ...],
    forms: tuple[bool, ...],
    dtype: Any,
    seed: int,
) -> None:
    net = network(name)
    layers = layers_of(net)
    exact = problem(net, seed, tasks, *rows, (*widths[:layers], widths[-1]))
    # Far from the predictions: an error that is nearly zero is inexact in the reference, too.
    p = exact._replace(Y_s=exact.Y_s + 5, Y_q=exact.Y_q + 5).cast(dtype)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(net.inplace, "dense_layers", lambda *_: forms[:layers])
        ws = of(p, net, backend="c")
    expected = net.reference.meta_loss_and_gradient(*p.cast(np.float64), 0.01)
    close(ws.meta_loss_and_gradient(*p, 0.01), expected, TOLERANCES[dtype])


def test_the_gradient_is_what_differences_are() -> None:
    net = network("tanh2")
    p = problem(net)
    ws, rng = of(p, net, backend="c"), np.random.default_rng(0)
    along = [rng.normal(size=array.shape) for array in p.weights]

    def loss(by: float) -> float:
        moved = net.Weights(*(w + by * each for w, each in zip(p.weights, along, strict=True)))
        return float(ws.meta_loss_and_gradient(moved, *p[1:], ALPHA)[0])

    gradient = ws.meta_loss_and_gradient(*p, ALPHA)[1]
    slope = sum(float(np.vdot(g, each)) for g, each in zip(gradient, along, strict=True))
    assert (loss(1e-6) - loss(-1e-6)) / 2e-6 == pytest.approx(slope, rel=1e-7)


# --- calls ---


@pytest.mark.parametrize("name", ["relu2", "maml_plus_plus"])
def test_bits_do_not_depend_on_threads(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "TASKS", 29)
    asked.cache_clear()
    one = asked(name)
    found = workspace(name).meta_loss_and_gradient(**one.given)
    compare(found, one.expected, 1e-12)
    expected = flat(found)
    for threads in (2, 3, 7):
        ws = workspace(name, threads=threads)
        assert len(ws._contexts._memory) == min(threads, 4)
        for _ in range(10):
            np.testing.assert_array_equal(flat(ws.meta_loss_and_gradient(**one.given)), expected)
    asked.cache_clear()


FORKING = """
import os, sys
import numpy as np
from tests.conftest import problem
from tests.native import compiling
from tests.workspaces import ALPHA, NET, of
from pathlib import Path

p = problem(NET, tasks=29)
with compiling(Path(sys.argv[1])):
    ws = of(p, NET, backend="c", threads=2)
loss = ws.meta_loss_and_gradient(*p, ALPHA)[0]
child = os.fork()
same = ws.meta_loss_and_gradient(*p, ALPHA)[0] == loss
if not child:
    os._exit(0 if same else 1)
print(same, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(sys, "getdlopenflags"), reason="needs fork")
def test_a_forked_process_has_threads_of_its_own(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORKING, str(folder)],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stdout == "True 0\n"


@pytest.mark.parametrize("copied", [0, 2**30])
def test_strided_data_foreign_weights_and_an_earlier_call(
    copied: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled, "COPIED", copied)
    p, other = problem(NET, 1), problem(NET, 2)
    ws = of(p, NET, backend="c")
    expected = NET.reference.meta_loss_and_gradient(*p, ALPHA)
    close(ws.meta_loss_and_gradient(*p, ALPHA), expected, 1e-12)
    poisoned = other._replace(X_s=np.full_like(other.X_s, np.nan), Y_q=other.Y_q * 1e300)
    assert np.isnan(ws.meta_loss_and_gradient(*poisoned, ALPHA)[0])
    flipped = [np.ascontiguousarray(array[:, ::-1])[:, ::-1] for array in p[1:]]
    close(ws.meta_loss_and_gradient(p.weights, *flipped, ALPHA), expected, 1e-12)
    for own, array in zip(ws.weights, p.weights, strict=True):
        own[:] = array
    close(ws.meta_loss_and_gradient(ws.weights, *p[1:], ALPHA), expected, 1e-12)


def test_a_single_nan_is_seen() -> None:
    for name in WITH_C:
        one, ws = asked(name), workspace(name)
        for field in ("X_s", "Y_s", "X_q", "Y_q"):
            if name == "cross_entropy" and field[0] == "Y":
                continue  # a probability that is none is refused
            array = one.given[field].copy()
            array[0, 0, 0] = np.nan
            found = flat(ws.meta_loss_and_gradient(**{**one.given, field: array}))
            assert np.isnan(found[0]), (name, field)
            assert np.isnan(found[1:]).any(), (name, field)


# --- the checks can fail ---


def mutants(source: str) -> Iterator[tuple[str, bool]]:
    """The source with one mistake in one line, and the form of the layers that may find it."""
    lines = source.splitlines()
    start = next(at for at, line in enumerate(lines) if "--- support forward" in line)
    changes = [
        (r"PLAIN\((?=[HX]\w+\), W1_fast,)", "PLAIN(X_s); //"),
        (r"sloped", "same"),
        (r"activated", "same"),
        (r"PLAIN\(W\d\), same", "NONE, same"),
        (r"PLAIN\(W\d_bar\), same", "NONE, same"),
        (r"(W\d)_fast\b", r"\1"),
        (r"\(M \* O \* T\)", "(M * O)"),
        (r"\+=", "="),
        (r"(DOTS\([^)]*), (\w+) \+ 1\)", r"\1, \2)"),
        (r"(TERM\(PLAIN\(\w+\), W\w+, \w+) \+ 1\)", r"\1)"),
        (r"TERM\([^()]*\([^()]*\)[^()]*\), (?=TERM)", ""),
        (r"-2\.0 \*", "2.0 *"),
        (r"(CONSTANT\(.*), 1\);", r"\1, 2);"),
        (r"(CONSTANT\(.*), 0\);", r"\1, 2);"),
        (r"at\((\w+)\) - ", r"at(\1) + "),
        (r"DOTS\((\w+), (.*), NONE, (\w+), (\w+),", r"DOTS(\1, \2, NONE, \3, \3,"),
        (r"WRITE\((W\d_bar)\[j\]\[i\]", r"WRITE(\1[0][0]"),
    ]
    dense = True
    for at, line in enumerate(lines[start:], start):
        if line.strip().startswith(("if (", "} else")):
            dense = "(dense" in line
        for pattern, wrong in changes:
            if re.search(pattern, line):
                changed = re.sub(pattern, wrong, line, count=1)
                yield "\n".join([*lines[:at], changed, *lines[at + 1 :]]), dense


def test_a_mistake_in_a_line_is_found(tmp_path: Path) -> None:
    net = network("relu1")
    original = Path(str(net.__file__)).parent
    for file in original.glob("*.py"):
        (tmp_path / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    source = (original / "native.c").read_text(encoding="utf-8")
    found = list(mutants(source))
    assert len(found) > 50
    mutant = import_from(tmp_path, "generated.native_mutant")
    p = problem(net)
    expected = net.reference.meta_loss_and_gradient(*p, ALPHA)

    def survives(dense: bool) -> bool:
        mutant.inplace.dense_layers = lambda *_: (dense,) * 2
        try:
            close(of(p, mutant, backend="c").meta_loss_and_gradient(*p, ALPHA), expected, 1e-12)
        except (AssertionError, RuntimeError):
            return False
        return True

    for text, dense in ((source, True), *found):
        (tmp_path / "native.c").write_text(text, encoding="utf-8")
        assert (survives(dense) and survives(not dense)) is (text is source), text
