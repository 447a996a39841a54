"""JavaScript: what every task.js computes, what it refuses, and mistakes in it."""

from __future__ import annotations

import inspect
import json
import re
import shutil
from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sympy import Float, MatrixSymbol

from derive.language.elementwise import ACTIVATIONS, elementwise, slope_of, z
from derive.language.elementwise import FUNCTIONS as TABLE
from derive.making import NETWORKS
from derive.package import trial, webassembly
from derive.package.functions import Function, functions_of
from derive.package.task_module import KERNELS, camel
from derive.printers.javascript import FLAT
from tests.conftest import Problem, network, problem
from tests.javascript import needs_node, run, script
from tests.workspaces import ALPHA

ROOT = Path(__file__).parents[2]
GENERATED = ROOT / "generated"

pytestmark = needs_node

WITH_C = sorted(path.parent.name for path in GENERATED.glob("*/native.c"))
WITH_JAVASCRIPT = sorted(path.parent.name for path in GENERATED.glob("*/task.js"))

TOLERANCES = {"Float64Array": 1e-12, "Float32Array": 1e-5}
DTYPES = {"Float64Array": np.float64, "Float32Array": np.float32}

#: The functions of a package that task.js has, as the derivation calls them and as it does.
FUNCTIONS = {
    "predict": "predict",
    "loss_and_gradient": "lossAndGradient",
    "inner_step": "adapt",
    "meta_loss_and_gradient": "metaLossAndGradient",
    "first_order_meta_loss_and_gradient": "firstOrderMetaLossAndGradient",
}


def several(name: str) -> bool:
    """Whether there are several steps: then the first-order gradient has no such form."""
    return NETWORKS[name].steps > 1


def functions(name: str) -> list[str]:
    return list(FUNCTIONS)[: -1 if several(name) else None]


def flat(arrays: Any) -> np.ndarray:
    return np.concatenate([[], *map(np.ravel, arrays or ())]).astype(float)


@cache
def drawn(name: str) -> trial.Problem:
    """The problem of the trial: distinct primes."""
    return trial.problem(named(name), network(name), 0)


def named(name: str) -> Any:
    """As much of a derivation as the trial's problem and the interpreter need."""
    return SimpleNamespace(network=NETWORKS[name], name=name)


def interpreted(name: str, function: Function) -> list[dict[Any, Any]]:
    """The interpreter's values of a function as derived, for each task."""
    return trial._Trial(named(name), network(name), drawn(name), {}).interpreted(
        function.program, function
    )


def python(name: str, function: str) -> Any:
    """The function of the package, a gradient line by line."""
    net = network(name)
    if "meta" in function:
        return getattr(net.reference, function)
    return net.adapt if function == "inner_step" else getattr(net, function)


def arguments(name: str, function: str) -> dict[str, Any]:
    """What it is called with: the first task where it takes no meta-batch."""
    p = drawn(name)
    known = {"weights": p.weights, "rates": p.rates, "steps": 1, **p.data, **p.numbers}
    if "meta" not in function:
        known |= {key: array[0] for key, array in p.data.items()}
        known |= {"X": known["X_s"], "Y": known["Y_s"]}
    return {key: known[key] for key in inspect.signature(python(name, function)).parameters}


def call_of(name: str, function: str, dtype: Any) -> list[Any]:
    """The same in JavaScript, where weights and step sizes are those of the workspace."""
    given = arguments(name, function)
    return [
        FUNCTIONS[function],
        *(
            value.astype(dtype) if isinstance(value, np.ndarray) else value
            for key, value in given.items()
            if key not in ("weights", "rates")
        ),
    ]


def counts(name: str) -> dict[str, Any]:
    return {
        "sizes": trial.sizes_of(named(name)),
        "tasks": trial.TASKS,
        "shots": trial.SHOTS,
        "queries": trial.QUERIES,
        **({"context": trial.CONTEXT} if NETWORKS[name].context else {}),
    }


def parameters(p: trial.Problem) -> np.ndarray:
    """Weights, and learned step sizes."""
    return np.concatenate([flat(p.weights), flat(p.rates)])


def outputs(name: str, function: str) -> list[np.ndarray]:
    """What a function returns: from the interpreter, or where that takes long from the package.

    The build holds every function of a package against the interpreter.
    """
    if several(name):
        found = python(name, function)(**arguments(name, function))
        if function == "predict":
            return [found]
        loss, groups = ([], [found]) if function == "inner_step" else (found[:1], found[1:])
        return [*map(np.asarray, loss), *(array for group in groups for array in group)]
    (derived,) = (each for each in functions_of(NETWORKS[name]) if each.name == function)
    tasks = interpreted(name, derived)
    # A loss is a mean over the tasks; the gradient is a sum, and has the 1/T in it.
    return [
        np.sum([np.asarray(task[symbol], float) for task in tasks], axis=0)
        / (1 if symbol.is_Matrix or symbol in derived.gradient else len(tasks))
        for symbol in derived.program.outputs
    ]


@cache
def expected(name: str) -> dict[str, tuple[np.ndarray, np.ndarray | None]]:
    """For each function: what it returns, and what is in the gradient then."""
    p = drawn(name)
    found: dict[str, tuple[np.ndarray, np.ndarray | None]] = {}
    for function in functions(name):
        first, *rest = outputs(name, function)
        if function == "predict":
            found[function] = (flat([first]), None)
        elif function == "inner_step":
            found[function] = (flat([first, *rest, *(p.rates or ())]), None)
        else:
            vector = np.zeros_like(parameters(p))
            vector[: flat(rest).size] = flat(rest)
            found[function] = (flat([first]), vector)
    return found


def case(name: str, numbers: str, module: Path | None = None) -> dict[str, Any]:
    p = drawn(name)
    calls = [call_of(name, function, DTYPES[numbers]) for function in functions(name)]
    return {
        "module": str(module or GENERATED / name / "task.js"),
        "counts": counts(name),
        "numbers": numbers,
        "parameters": list(parameters(p)),
        "calls": calls,
    }


def wrong(name: str, found: Any, tolerance: float) -> list[str]:
    """The functions that are off, relative to the largest entry."""
    if "error" in found:
        return [found["error"]]
    bad = []
    for function, result in zip(functions(name), found, strict=True):
        if "error" in result:
            bad.append(f"{function}: {result['error']}")
            continue
        value, gradient = expected(name)[function]
        pairs = [(np.ravel(result["value"]).astype(float), value)]
        pairs += [(np.array(result["gradient"], float), gradient)] if gradient is not None else []
        for ours, theirs in pairs:
            gap = np.abs(ours - theirs).max() if ours.shape == theirs.shape else np.inf
            if not gap <= tolerance * np.abs(theirs).max():
                bad.append(function)
    return bad


def test_every_network_with_a_c_form_has_javascript() -> None:
    assert WITH_JAVASCRIPT == WITH_C


@pytest.mark.parametrize("name", WITH_C)
def test_every_function_is_the_interpreter(name: str) -> None:
    # In a process of its own for each kind of array, as the site has it.
    for numbers, tolerance in TOLERANCES.items():
        (found,) = run([case(name, numbers)])
        assert not wrong(name, found, tolerance)


# --- forms, sizes, functions ---


def flat_of(found: Any) -> np.ndarray:
    """A loss and its gradient."""
    return np.array([found["value"], *found["gradient"]], float)


def meta(p: Problem, dtype: Any = np.float64) -> list[Any]:
    """The call of the meta-gradient."""
    return ["metaLossAndGradient", *(array.astype(dtype) for array in p[1:]), ALPHA]


def of_problem(
    module: Path, p: Problem, calls: list[list[Any]], numbers: str = "Float64Array", **more: Any
) -> dict[str, Any]:
    """A case for a problem of MAML."""
    sizes = [*(W.shape[0] for W in p.weights[::2]), p.weights[-1].shape[1]]
    return {
        "module": str(module),
        "counts": {
            "sizes": sizes,
            "tasks": len(p.X_s),
            "shots": p.X_s.shape[1],
            "queries": p.X_q.shape[1],
        },
        "numbers": numbers,
        "parameters": list(flat(p.weights)),
        "calls": calls,
        **more,
    }


def reference(net: Any, p: Problem, name: str = "meta_loss_and_gradient") -> np.ndarray:
    loss, gradient = getattr(net.reference, name)(*p, ALPHA)
    return np.array([loss, *flat(gradient)])


def close(found: Any, wanted: np.ndarray, tolerance: float) -> bool:
    if "error" in found:
        return False
    ours = flat_of(found)
    near = np.abs(ours - wanted) <= tolerance * np.abs(wanted[1:]).max()
    return bool(near[1:].all()) and abs(ours[0] - wanted[0]) <= tolerance * abs(wanted[0])


def written(folder: Path, name: str, text: str) -> Path:
    """A changed module, beside the runtime that it imports."""
    if not (folder / "runtime").exists():
        shutil.copytree(GENERATED / "runtime", folder / "runtime")
        (folder / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    path = folder / name / "task.js"
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    return path


def chosen(text: str, forms: tuple[bool, ...]) -> str:
    """A module in which it is decided which layers are dense."""
    for layer, form in enumerate(forms, start=1):
        text, count = re.subn(
            rf"const dense{layer} = .*;", f"const dense{layer} = {str(form).lower()};", text
        )
        assert count == 2
    return text


def test_every_mixture_of_forms_is_the_reference(tmp_path: Path) -> None:
    net, p = network("relu2"), problem(network("relu2"))
    text = (GENERATED / "relu2" / "task.js").read_text(encoding="utf-8")
    calls = [meta(p), ["firstOrderMetaLossAndGradient", *meta(p)[1:]]]
    cases = [
        of_problem(written(tmp_path, f"mixture{at}", chosen(text, forms)), p, calls)
        for at, forms in enumerate(product((False, True), repeat=3))
    ]
    for second, first in run(cases):
        assert close(second, reference(net, p), 1e-12)
        assert close(first, reference(net, p, "first_order_meta_loss_and_gradient"), 1e-12)


def test_any_sizes() -> None:
    rng = np.random.default_rng(0)
    asked = []
    for seed in range(40):
        name = ("relu1", "relu2", "tanh2")[seed % 3]
        net = network(name)
        tasks, shots, queries, *sizes = (int(each) for each in rng.integers(1, 14, size=8))
        layers = net.NETWORK.hidden + 1
        p = problem(net, seed, tasks, shots, queries, (*sizes[:layers], sizes[-1]))
        # Far from the predictions: an error that is nearly zero is inexact in the reference, too.
        asked.append((net, name, p._replace(Y_s=p.Y_s + 5, Y_q=p.Y_q + 5)))
    cases = [of_problem(GENERATED / name / "task.js", p, [meta(p)]) for _, name, p in asked]
    for (net, _, p), (found,) in zip(asked, run(cases), strict=True):
        assert close(found, reference(net, p), 1e-12)


POINTS = (-1e4, -800.0, -89.0, -30.0, -1.0, -0.5, -1e-9, 1e-9, 0.5, 0.999, 1.5, 30.0, 89.0, 800.0)


def test_functions_and_their_slopes_also_far_out() -> None:
    Z = MatrixSymbol("Z1", 1, len(POINTS))
    bodies = {}
    for name in ACTIVATIONS:
        body = TABLE[name](z)
        for order in range(3):
            bodies[name, order] = body
            body = slope_of(body)
    values = list(bodies.values())
    texts = [FLAT.entry(elementwise(body, Z), Z) if body.has(z) else str(body) for body in values]
    points = json.dumps(POINTS)
    kernels = (GENERATED / "runtime" / "kernels.js").as_uri()
    names = ", ".join(KERNELS)
    found = json.loads(
        script(
            "--input-type=module",
            "-e",
            f"import {{ {names} }} from {kernels!r};"
            f"const all = [{', '.join(f'(Z1, k) => {text}' for text in texts)}];"
            f"const Z1 = {{ x: {points} }}, none = {{ x: [NaN] }};"
            "console.log(JSON.stringify(all.map((f) =>"
            " [Z1.x.map((_, k) => f(Z1, k)), Number.isNaN(f(none, 0))])));",
        )
    )
    for (name, order), body, (ours, passes) in zip(bodies, values, found, strict=True):
        wanted = [float(body.subs(z, Float(point, 60))) for point in POINTS]
        # The slope of tanh is 1 - tanh^2, which has the digits of 1; what is wanted has 60.
        digits = 1e-15 if name == "tanh" else 1e-60
        np.testing.assert_allclose(ours, wanted, 1e-12, digits, err_msg=f"{name} {order}")
        # A slope that is a gate or a number does not read its argument as a number.
        assert passes or order > 0, name


def test_a_single_nan_is_seen() -> None:
    cases = []
    for name in WITH_C:
        call = call_of(name, "meta_loss_and_gradient", np.float64)
        calls = []
        for at in range(1, 5):
            array = call[at].copy()
            array.flat[0] = np.nan
            calls.append([*call[:at], array, *call[at + 1 :]])
        cases.append({**case(name, "Float64Array"), "calls": calls})
    for name, results in zip(WITH_C, run(cases), strict=True):
        for result in results:
            assert np.isnan(flat_of(result)[0]), name
            assert np.isnan(flat_of(result)[1:]).any(), name


# --- adaptation ---


@pytest.mark.parametrize("name", ["relu2", "meta_sgd", "recipe"])
def test_adaptation_of_any_parameters_and_rows(name: str) -> None:
    net, p = network(name), drawn(name)
    X, Y = p.data["X_q"][1], p.data["Y_q"][1]  # not as many rows as the workspace is for
    rates, numbers = ([p.rates], []) if p.rates else ([], [trial.STEP_SIZE])
    steps = (0, 2, 7)  # also beyond the sets of step sizes
    others = parameters(p)[::-1].copy()
    given = case(name, "Float64Array")
    given["calls"] = [["adapt", X, Y, *numbers, each] for each in steps]
    given["calls"].append(["predict", X, others])
    *found, predicted = run([given])[0]
    for each, result in zip(steps, found, strict=True):
        adapted = net.adapt(p.weights, *rates, X, Y, *numbers, steps=each)
        wanted = np.concatenate([flat(adapted), flat(p.rates)])
        np.testing.assert_allclose(result["value"], wanted, rtol=1e-12)
    weights, at = [], 0
    for array in p.weights:
        weights.append(others[at : at + array.size].reshape(array.shape).copy())
        at += array.size
    wanted = net.predict(net.Weights(*weights), X).ravel()
    np.testing.assert_allclose(predicted["value"], wanted, rtol=1e-12)


def test_joint_training_takes_the_rows_of_all_tasks() -> None:
    net, p = network("relu2"), problem(network("relu2"))
    X, Y = (
        np.concatenate(pair, axis=1).reshape(-1, pair[0].shape[-1])
        for pair in ((p.X_s, p.X_q), (p.Y_s, p.Y_q))
    )
    loss, gradient = net.loss_and_gradient(p.weights, X, Y)
    ((found,),) = run([of_problem(GENERATED / "relu2" / "task.js", p, [["lossAndGradient", X, Y]])])
    assert close(found, np.array([loss, *flat(gradient)]), 1e-12)


# --- what is refused ---


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"counts": {"sizes": [1, 40, 1]}},
         "sizes is [1, 40, 1]; it must be 4 layer sizes, inputs first"),
        ({"counts": {"sizes": "40"}}, "sizes is '40'; it must be 4 layer sizes, inputs first"),
        ({"counts": {"sizes": [1, 40, 2.5, 1]}},
         "sizes[2] is 2.5; it must be a whole number, at least 1"),
        ({"counts": {"tasks": 0}}, "tasks is 0; it must be a whole number, at least 1"),
        ({"counts": {"shots": None}}, "shots is null; it must be a whole number, at least 1"),
        ({"numbers": "float32"},
         "numbers is 'float32'; it must be Float32Array or Float64Array"),
    ],
)  # fmt: skip
def test_a_wrong_size_is_one_line(changed: dict[str, Any], error: str) -> None:
    p = problem(network("relu2"))
    one = of_problem(GENERATED / "relu2" / "task.js", p, [])
    counts = {**one["counts"], **changed.get("counts", {})}
    assert run([{**one, **changed, "counts": counts}]) == [{"error": error}]


def test_a_wrong_argument_is_one_line() -> None:
    p = problem(network("relu2"))
    name, X_s, Y_s, X_q, Y_q, alpha = meta(p)
    wrong = {
        f"X_s is a Float64Array of {X_s.size - 1}; it must be a Float64Array of {X_s.size}":
            [name, X_s.ravel()[1:], Y_s, X_q, Y_q, alpha],
        f"Y_q is a Float32Array of {Y_q.size}; it must be a Float64Array of {Y_q.size}":
            [name, X_s, Y_s, X_q, Y_q.astype(np.float32), alpha],
        f"X_q is [1, 2]; it must be a Float64Array of {X_q.size}":
            [name, X_s, Y_s, [1, 2], Y_q, alpha],
        "alpha is -1; it must be a finite number, at least 0": [name, X_s, Y_s, X_q, Y_q, -1],
        "alpha is '1'; it must be a finite number, at least 0": [name, X_s, Y_s, X_q, Y_q, "1"],
        "beside the arrays [] is given; it must be alpha": [name, X_s, Y_s, X_q, Y_q],
        "steps is 0.5; it must be a whole number, at least 0":
            ["adapt", X_s[0], Y_s[0], alpha, 0.5],
        "X is a Float64Array of 3; it must be a Float64Array of rows of 2":
            ["predict", np.ones(3)],
        f"parameters is a Float64Array of 3; it must be a Float64Array of {flat(p.weights).size}":
            ["predict", X_s[0], np.ones(3)],
    }  # fmt: skip
    (found,) = run([of_problem(GENERATED / "relu2" / "task.js", p, list(wrong.values()))])
    assert [each.get("error") for each in found] == list(wrong)


def test_wrong_weights_of_the_losses_are_one_line() -> None:
    given = case("recipe", "Float64Array")
    (call,) = (each for each in given["calls"] if each[0] == "metaLossAndGradient")
    given["calls"] = [[*call[:-1], omegas] for omegas in ([1, 2], [0] * 5, [1, 1, 1, 1, None])]
    texts = ("[1, 2]", "[0, 0, 0, 0, 0]", "[1, 1, 1, 1, null]")
    for text, found in zip(texts, run([given])[0], strict=True):
        assert found == {"error": f"omegas is {text}; it must be 5 numbers, not all 0"}


# --- the checks can fail ---


def mutants(source: str) -> Iterator[str]:
    """The meta-gradient of a module with one mistake in one line."""
    lines = source.splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith("function metaLoss"))
    changes = [
        (r"relu\((.*?)\);", r"\1;"),
        (r"gate\((\w+\.x\[k\]), .*?\);", r"\1;"),
        (r"\((\w+), \1, ", r"(\1, null, "),
        (r"\((\w+_fast), \w+, ", r"(\1, null, "),
        (r"(W\d)_fast\b(?=,)", r"\1"),
        (r"\(M \* O \* T\)", "(M * O)"),
        (r"\+=", "="),
        (r"^( +product\(.*) \+ 1\);", r"\1);"),
        (r"-2 \*", "2 *"),
        (r"(constant\(\w+), [01]\);", r"\1, 2);"),
        (r"(\w\.x\[k\]) - ", r"\1 + "),
        (r"turned\((W\d_bar)\)", r"\1"),
        (r"return loss_q / T", "return loss_q"),
    ]
    end = next(at for at, line in enumerate(lines[start:], start) if "return { run" in line)
    for at, line in enumerate(lines[start:end], start):
        for pattern, wrong_text in changes:
            changed = re.sub(pattern, wrong_text, line, count=1)
            # The choice between two forms is left alone: this makes no mistake.
            if changed != line and not line.lstrip().startswith(("const", "//", "let")):
                yield "\n".join([*lines[:at], changed, *lines[at + 1 :]])


def test_a_mistake_in_a_line_is_found(tmp_path: Path) -> None:
    net, p = network("relu1"), problem(network("relu1"))
    source = (GENERATED / "relu1" / "task.js").read_text(encoding="utf-8")
    texts = [source, *mutants(source)]
    assert len(texts) > 45
    cases = []
    for at, text in enumerate(texts):
        for form in (False, True):
            module = written(tmp_path, f"{at}{form}", chosen(text, (form,) * 2))
            cases.append(of_problem(module, p, [meta(p)]))
    found = [
        isinstance(each, list) and bool(close(each[0], reference(net, p), 1e-12))
        for each in run(cases)
    ]
    for at, text in enumerate(texts):
        assert (found[2 * at] and found[2 * at + 1]) is (text is source), text


# --- WebAssembly ---

COMPILED = sorted(GENERATED.glob("*/wasm/*.wasm"))
IDS = [f"{path.parts[-3]}-{path.stem}" for path in COMPILED]


def test_there_is_a_module_for_all_that_the_site_trains() -> None:
    wanted = {
        GENERATED / name / "wasm" / f"{source}-{shots}.wasm"
        for name, sources in webassembly.FUNCTIONS.items()
        for source in sources
        for shots in webassembly.SHOTS
    }
    assert set(COMPILED) == wanted


def module_of(path: Path) -> webassembly.Module:
    """What a file was compiled from: the C beside it, in the forms that it names."""
    name, (source, _, shots) = path.parts[-3], path.stem.rpartition("-")
    text = (GENERATED / name / f"{source}.c").read_text(encoding="utf-8")
    header = (GENERATED / "runtime" / "kernels.h").read_text(encoding="utf-8")
    function = camel(webassembly.FUNCTIONS[name][source])
    return webassembly.Module(function, int(shots), known(path)["dense"], text, header)


def known(path: Path) -> Any:
    """What a module says of itself, in the section that it begins with."""
    content = path.read_bytes()
    start = content.index(b"maml") + len(b"maml")
    return json.JSONDecoder().raw_decode(content[start : start + 500].decode("latin-1"))[0]


@pytest.mark.parametrize("path", COMPILED, ids=IDS)
def test_compiled_functions_are_the_reference(path: Path) -> None:
    name, (source, _, text) = path.parts[-3], path.stem.rpartition("-")
    net, shots = network(name), int(text)
    p = problem(net, 1, 3, shots, shots, webassembly.SIZES).cast(np.float32)
    call = meta(p, np.float32)
    function = webassembly.FUNCTIONS[name][source]
    rates: tuple[Any, ...] = ()
    vector = flat(p.weights)
    if name == "meta_sgd":
        rates = (net.initial_rates(p.weights, ALPHA),)
        vector = np.concatenate([vector, flat(rates[0])])
        call.pop()
    call[0] = camel(function)
    exact = p.cast(np.float64)
    wide = [type(each)(*(a.astype(np.float64) for a in each)) for each in rates]
    numbers = [] if rates else [ALPHA]
    loss, *gradient = getattr(net.reference, function)(exact.weights, *wide, *exact[1:], *numbers)
    one = of_problem(
        GENERATED / name / "task.js", p, [call, call], "Float32Array",
        compiled=[str(path)], kernels=str(GENERATED / "runtime" / "webassembly.js"),
    )  # fmt: skip
    one["parameters"] = list(vector)
    ((found, again),) = run([one])
    assert close(found, np.array([loss, *(x for each in gradient for x in flat(each))]), 1e-5)
    assert again == found


@pytest.mark.parametrize("path", COMPILED, ids=IDS)
def test_every_module_is_of_the_c_beside_it(path: Path) -> None:
    assert module_of(path).is_of(path.read_bytes())


@pytest.mark.skipif(not webassembly.has_compiler(), reason="needs ziglang")
@pytest.mark.parametrize("path", COMPILED[::2], ids=IDS[::2])
def test_compiling_again_gives_the_same_bytes(path: Path) -> None:
    # Of every C one of the two sizes, with a cache that is empty.
    assert webassembly.compiled(module_of(path)) == path.read_bytes()


def test_what_is_older_than_its_source_is_told_without_a_compiler(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(webassembly, "has_compiler", lambda: False)
    path = COMPILED[0]
    content, module = path.read_bytes(), module_of(path)
    changed = module._replace(source=module.source.replace("M * O * T", "M * O"))
    for each, stale in ((module, []), (changed, ["it"])):
        assert webassembly.files_of({"it": each}, lambda _: content) == ({"it": content}, stale)
    assert webassembly.files_of({"it": module}, lambda _: b"") == ({}, ["it"])


def test_the_compiler_is_pinned() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'"ziglang=={webassembly.ZIGLANG}"' in text


def test_a_workspace_of_other_sizes_does_not_take_a_module() -> None:
    p = problem(network("relu2"), 1, 3, 5, 7, webassembly.SIZES).cast(np.float32)
    one = of_problem(
        GENERATED / "relu2" / "task.js", p, [meta(p, np.float32)], "Float32Array",
        compiled=[str(GENERATED / "relu2" / "wasm" / "native-10.wasm")],
        kernels=str(GENERATED / "runtime" / "webassembly.js"),
    )  # fmt: skip
    error = (
        "the workspace is of Float32Array,5,7,1,40,40,1; "
        "for this .wasm it must be of Float32Array,10,10,1,40,40,1"
    )
    assert run([one]) == [[{"error": error}]]
