"""The header of the C form: its functions at every kind of number, and no step out of memory."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sympy import Float

from derive.disk import write
from derive.language.elementwise import TABLE
from derive.model.network import Network
from derive.package.derivation import derive
from derive.package.modules import files_of
from generated.runtime import compiled
from tests.conftest import import_from, layer_sizes, network, problem
from tests.native import compiling, needs_compiler, program
from tests.workspaces import close, of

ROOT = Path(__file__).parents[2]

pytestmark = needs_compiler


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    place = tmp_path_factory.mktemp("cache")
    with compiling(place):
        yield place


# --- functions ---

WITH_C = {name: row for name, row in TABLE.items() if row.c and name != "step"}

#: Numbers at which a function may do something else, and some between.
EDGES = [0.0, 1e-30, 1e-8, 1e-3, 0.34, 0.35, 0.5, 1.0, 1.5, 9.9, 10.1, 19.9, 20.1, 80.0, 87.0,
         100.0, 700.0, 708.0, 800.0, 1e4, 1e30, np.inf]  # fmt: skip
NUMBERS = np.concatenate(
    [EDGES, np.negative(EDGES), np.random.default_rng(0).normal(size=40) * 5, [np.nan]]
)


@pytest.fixture(scope="module")
def functions(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Every function of the table, over an array."""
    source = tmp_path_factory.mktemp("functions") / "functions.c"
    texts = [
        f"void of_{name}(F (*x)[LD({len(NUMBERS)})]) "
        f"{{ EACH(x, 1, {len(NUMBERS)}, {row.c.format('at(x)')}); }}"
        for name, row in WITH_C.items()
    ]
    source.write_text("\n".join(['#include "kernels.h"', *texts]), encoding="utf-8")
    return {
        dtype: compiled.loaded(source, {"WIDE": 8 * np.dtype(dtype).itemsize})
        for dtype in (np.float32, np.float64)
    }


@pytest.mark.parametrize("name", WITH_C)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_function_is_that_of_numpy(name: str, dtype: Any, functions: Any) -> None:
    given = NUMBERS.astype(dtype)
    memory = compiled.aligned(1024).view(dtype)
    memory[: len(given)] = given
    getattr(functions[dtype], f"of_{name}")(ctypes.c_void_p(memory.ctypes.data))
    found = memory[: len(given)].astype(np.float64)
    with np.errstate(all="ignore"):
        rounded = eval(TABLE[name].numpy.format("given"), {"np": np, "given": given})
    assert np.isnan(found[-1]), "NaN does not pass"
    finite = np.isfinite(rounded)
    np.testing.assert_array_equal(found[~finite], rounded[~finite])
    plain = np.isfinite(given) & finite
    exact = np.array([float(TABLE[name].at(Float(float(x), 400))) for x in given[plain]])
    found = found[plain]
    accuracy, smallest = np.finfo(dtype).eps, np.finfo(dtype).tiny
    assert (np.abs(found - exact) <= 4 * accuracy * np.abs(exact) + 4 * smallest).all()


def test_every_function_with_code_of_its_own_has_c() -> None:
    assert [name for name, row in TABLE.items() if row.numpy and not row.c] == []


@pytest.mark.parametrize("activation", ["softplus", "sigmoid", "elu", "gelu", "sin"])
def test_gradients_where_an_activation_is_saturated(activation: str, tmp_path: Path) -> None:
    made = derive("mine", Network(hidden=1, activation=activation))
    write(tmp_path, files_of(made, "..runtime"))
    net = import_from(tmp_path, f"generated.native_{activation}")
    p = problem(net)
    for scale in (1.0, 30.0, 1e4, 1e8):
        # Some units far out, some not, and targets that are as far.
        wide = p.weights._replace(W1=p.weights.W1 * np.geomspace(1, scale, p.weights.W1.shape[1]))
        q = p._replace(weights=wide, Y_s=p.Y_s + 5, Y_q=p.Y_q + 5)
        with np.errstate(all="ignore"):
            expected = net.reference.meta_loss_and_gradient(*q, 1e-3)
        close(of(q, net, backend="c").meta_loss_and_gradient(*q, 1e-3), expected, 1e-9)


def test_another_loss_and_a_penalty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = derive("mine", Network(hidden=1, activation="tanh", loss="huber", penalty=True))
    write(tmp_path, files_of(made, "..runtime"))
    net = import_from(tmp_path, "generated.native_huber")
    p = problem(net)
    # Some errors are beyond the bend of the loss, and some are not.
    scales = np.linspace(0.1, 5, len(p.Y_q)).reshape(-1, 1, 1)
    q = p._replace(Y_s=p.Y_s * scales, Y_q=p.Y_q * scales)
    expected = net.reference.meta_loss_and_gradient(*q, alpha=0.1, lam=0.3)
    for forms in ((False, True), (True, False)):
        monkeypatch.setattr(net.inplace, "dense_layers", lambda *_, forms=forms: forms)
        close(
            of(q, net, backend="c").meta_loss_and_gradient(*q, alpha=0.1, lam=0.3), expected, 1e-11
        )


# --- memory ---

DRIVER = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define TAKE(name, rows, columns) \\
    F(*const name)[LD(columns)] = taken((rows) * LD(columns) * sizeof(F));
static void *taken(long size) {{
    void *memory = aligned_alloc(64, (size + 63) / 64 * 64);
    memset(memory, 255, size);
    return memory;
}}
#include "{source}"
static F *drawn(long count) {{
    F *x = malloc(count * sizeof(F));
    for (long i = 0; i < count; i++) x[i] = (F)((i * 7919 + 13) % 1009) / 1009 - (F)0.4;
    return x;
}}
int main(void) {{
    const int tasks = 13, blocks = 2;
    const double numbers[] = {{0.1, 0.2, 0.3, 0.2, 0.1}};
    double losses[2];
    F *gradients = malloc(blocks * {parameters}L * sizeof(F)), gradient[{parameters}];
    run(0, blocks, blocks, tasks, numbers, drawn({weights}), drawn({rates} + 1),
        drawn(tasks * N * D), drawn(tasks * N * O), drawn(tasks * M * D), drawn(tasks * M * O),
        gradients, losses, 0);
    double loss = total(blocks, {parameters}, gradients, gradient, losses), norm = 0;
    for (int i = 0; i < {parameters}; i++) norm += gradient[i] * gradient[i];
    printf("%.9g %.9g\\n", loss, norm);
}}
"""


@pytest.mark.parametrize(
    ("name", "dense"),
    [("relu2", 0b010), ("relu2", 0b101), ("cross_entropy", 0b011), ("meta_sgd", 0), ("cavia", 0)],
)
def test_sanitizers_find_nothing(name: str, dense: int, tmp_path: Path) -> None:
    net = network(name)
    sizes, context = layer_sizes(net), 3
    layers = list(pairwise(sizes))
    weights = sum((above + 1) * below for above, below in layers)
    weights += context * sizes[1] * (name == "cavia")
    rates = weights * (name == "meta_sgd")
    counted = {"parameters": weights + rates, "weights": weights, "rates": rates}
    source = DRIVER.format(source=ROOT / f"generated/{name}/native.c", **counted)
    named = dict(zip(["D", "L1", "L2", "O"], sizes, strict=True)) | {"N": 5, "M": 7, "C": context}
    defines: dict[str, Any] = {f"SIZE_{size}": value for size, value in named.items()}
    defines |= {f"DENSE{layer + 1}": dense >> layer & 1 for layer in range(3)}
    defines |= {"WIDE": 64, "INLINE": "static inline"}
    plain = program(tmp_path / "plain", source, defines, "-O0")
    options = ("-O1", "-fno-sanitize-recover=all", "-fsanitize=address,undefined")
    sanitized = program(tmp_path / "sanitized", source, defines, *options)
    numbers = [float(each) for each in plain.split()]
    assert np.isfinite(numbers).all()
    assert [float(each) for each in sanitized.split()] == pytest.approx(numbers, rel=1e-8)
