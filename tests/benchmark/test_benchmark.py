"""The benchmark: that it compares equals, and that its statistics and figures are right."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from docs.experiment.adam import Adam
from tests.benchmark import clock, contenders, figures, iteration, part, patience, undone
from tests.benchmark.cases import ALPHA, Case, flops, problem
from tests.benchmark.environments import ONE_THREAD, described, environment
from tests.conftest import network
from tests.native import QUICK_FLAGS, compiling, needs_compiler

ROOT = Path(__file__).parents[2]
SMALL = Case(T=3, K=4, H=5)

#: The package that a contender needs.
NEEDS = {
    "JAX": "jax", "torch.func": "torch", "torch.compile": "torch", "autograd": "autograd"
}  # fmt: skip


# --- equals ---


@pytest.mark.parametrize("name", [each for each in contenders.CONTENDERS if "compile" not in each])
@pytest.mark.parametrize("case", [SMALL, Case(T=3, K=4, H=5, activation="tanh")], ids=str)
def test_a_contender_computes_the_meta_gradient(name: str, case: Case) -> None:
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    net, numbers = network(case.package), problem(case)
    result = contenders.CONTENDERS[name](net, case, numbers)()
    contenders.check(name, result, net, numbers)


def test_several_steps_are_the_same_for_all() -> None:
    pytest.importorskip("jax")
    case = Case(T=2, K=3, H=4, steps=5)
    net, numbers = network(case.package), problem(case)
    for name in ("workspace", "JAX"):
        contenders.check(name, contenders.CONTENDERS[name](net, case, numbers)(), net, numbers)


def test_another_gradient_is_no_contender() -> None:
    net, p = network("relu2"), problem(SMALL)
    weights = net.Weights(*p.weights)
    first_order = net.first_order_meta_loss_and_gradient(weights, *p[1:], ALPHA)
    with pytest.raises(ValueError, match=r"someone disagrees with the reference: relative error"):
        contenders.check("someone", first_order, net, p)


# --- techniques ---


def test_every_technique_can_be_undone_and_keeps_the_gradient(tmp_path: Path) -> None:
    for at, technique in enumerate(undone.TECHNIQUES):
        net = undone.edited(technique, tmp_path, f"test_undone{at}")
        numbers = problem(SMALL)
        contenders.check(technique.name, contenders.workspace(net, SMALL, numbers)(), net, numbers)
        assert changed(tmp_path / f"test_undone{at}") == edited(technique), technique.name


def edited(technique: undone.Technique) -> list[str]:
    return sorted({edit.file for edit in technique.edits})


def changed(copy: Path) -> list[str]:
    """The files of a copy that are not as they are."""
    names = [path.relative_to(copy).as_posix() for path in copy.glob("*/*.[chp]*")]
    return [
        name
        for name in sorted(names)
        if (copy / name).read_bytes() != (ROOT / "generated" / name).read_bytes()
    ]


@needs_compiler
def test_every_technique_of_c_can_be_undone_and_keeps_the_gradient(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for at, technique in enumerate(undone.NATIVE):
        name = f"test_undone_of_c{at}"
        net, numbers = undone.edited(technique, tmp_path, name), problem(SMALL)
        with compiling(tmp_path / "cache"):
            monkeypatch.setattr(sys.modules[f"{name}.runtime.compiled"], "FLAGS", QUICK_FLAGS)
            contenders.check(technique.name, contenders.native(net, SMALL, numbers)(), net, numbers)
        assert changed(tmp_path / name) == edited(technique), technique.name


def test_buffers_that_are_not_shared_have_one_name_each(tmp_path: Path) -> None:
    shared = next(each for each in undone.TECHNIQUES if each.name == "buffers shared")
    undone.edited(shared, tmp_path, "test_unshared")
    text = (tmp_path / "test_unshared" / undone.PACKAGE / "inplace.py").read_text(encoding="utf-8")
    buffers = [line for line in text.splitlines() if " = arena." in line]
    assert buffers
    assert not [line for line in buffers if line.count(" = ") > 1 and "ones" not in line]


def test_an_edit_that_finds_nothing_is_an_error(tmp_path: Path) -> None:
    nothing = undone.Technique("nothing", "", (undone.inplace("no such line", ""),))
    with pytest.raises(ValueError, match=r"nothing in relu2/inplace\.py matches 'no such line'"):
        undone.edited(nothing, tmp_path, "test_nothing")


# --- statistics ---


def test_medians_quartiles_and_ratios() -> None:
    assert clock.summary([1.0, 2.0, 3.0, 4.0, 5.0]) == {"median": 3.0, "low": 2.0, "high": 4.0}
    # Round by round: one slow round slows both.
    assert clock.ratios([2.0, 20.0, 6.0], [1.0, 10.0, 2.0]) == {
        "median": 2.0, "low": 2.0, "high": 2.5
    }  # fmt: skip
    assert clock.rounded(0.000123456) == 0.0001235


def test_rounds_take_turns() -> None:
    order: list[str] = []
    calls = {name: (lambda name=name: order.append(name)) for name in ("a", "b")}
    found = clock.rounds(calls, 3)
    assert [len(values) for values in found.values()] == [3, 3]
    runs = [name for at, name in enumerate(order) if not at or order[at - 1] != name]
    # Once to warm each, then in turns.
    assert runs == ["a", "b"] * 4


def test_long_rounds_are_fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "LONGEST", 0.0)
    found = clock.rounds({"a": lambda: None}, 99)
    assert len(found["a"]) == clock.FEWEST
    assert len(clock.rounds({"a": lambda: None}, 2)["a"]) == 2


def test_numbers_have_four_digits() -> None:
    record = {"a": [0.123456, {"b": 123456.7}], "c": 1234567, "d": None, "e": "0.123456"}
    expected = {"a": [0.1235, {"b": 123500.0}], "c": 1234567, "d": None, "e": "0.123456"}
    assert clock.tidy(record) == expected


def test_operations_are_those_of_the_products() -> None:
    # By hand, for one hidden layer and dense vectors: see `forms_of`. Everything grows with T.
    net = network("relu1")
    one, two = (flops(Case(T=T, K=3, H=8, hidden=1), net) for T in (1, 2))
    assert two == 2 * one
    products = {
        "Z1_s, Z2_s, uH1_s": 3, "W1_fast, Z1_q, W2_fast, Z2_q": 4, "H1_q_bar": 1,
        "W1_fast_bar, uZ1_s_bar, W2_fast_bar, uZ2_s_bar twice": 5, "H1_s_bar twice": 2,
        "W1_bar, W2_bar twice": 3,
    }  # fmt: skip
    squares_of_the_loss = 3
    assert one == 2 * (3 * 8 * sum(products.values()) + squares_of_the_loss)


# --- results ---


def results() -> Any:
    return json.loads((ROOT / "docs/speed/benchmark.json").read_text(encoding="utf-8"))


def drawing(path: Path) -> str:
    """An SVG with its clip paths numbered.

    matplotlib names them after every digit of their places, the last of which differ by machine.
    """
    text = path.read_text(encoding="utf-8")
    ids = list(dict.fromkeys(re.findall(r'<clipPath id="(p\w+)"', text)))
    for at, name in enumerate(ids):
        text = text.replace(name, f"clip{at}")
    return text


def test_the_figures_are_drawn_from_the_results(tmp_path: Path) -> None:
    assert figures.main(["--output", str(tmp_path)]) == 0
    for name in figures.FIGURES:
        drawn = drawing(tmp_path / f"{name}.svg")
        shown = drawing(ROOT / "docs/speed/figures" / f"{name}.svg")
        assert drawn == shown, f"{name}.svg is stale; run: python -m tests.benchmark.figures"


def test_the_results_are_whole() -> None:
    record = results()
    for name in ("free", "threads"):
        for case in record[name]["cases"]:
            assert {"workspace", "kernel", "JAX"} <= set(case["contenders"])
            assert case["contenders"]["JAX"]["ratio"]["median"] == 1
    for name in ("pinned", "found"):
        assert (name in record) != ("not measured" in record["environments"][name])
    assert "--quick" not in record["command"]
    assert [row["technique"] for row in record["undone"]] == [
        technique.name for technique in undone.TECHNIQUES
    ]


def test_each_rule_of_the_lowering_states_its_measured_gain() -> None:
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "derive").rglob("*.py")]
    stated = dict(re.findall(r"\[([^\]:]+): (\d+\.\d\d)\]", "\n".join(texts)))
    measured = {row["technique"]: row["ratio"]["median"] for row in results()["undone"]}
    assert set(stated) == set(measured)
    for name, text in stated.items():
        # Another run differs by noise; another rule by more.
        assert float(text) == pytest.approx(measured[name], rel=0.1), name


def test_memory_does_not_hold_a_weight_matrix_per_task() -> None:
    # Measured, not computed: at 1,024 units, the whole process.
    for row in results()["memory"]:
        if row["H"] == 1024 and row["contender"] == "workspace":
            assert row["bytes"] < row["weights of all tasks"]
    wide = {
        row["T"]: row["bytes"]
        for row in results()["memory"]
        if row["H"] == 1024 and row["contender"] == "workspace"
    }
    assert wide[100] < 2 * wide[25]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rounds", "1"], "--rounds is 1; it must be at least 2"),
        (["--output", "no/such/folder/x.json"], "its folder must exist"),
        (["--rounds", "many"], "invalid int value: 'many'"),
    ],
)
def test_a_wrong_option_is_one_line(arguments: list[str], message: str) -> None:
    needs_everything()
    result = subprocess.run(
        [sys.executable, "-m", "tests.benchmark", *arguments],
        cwd=ROOT, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 1
    assert message in result.stderr


def test_figures_of_no_results_are_one_line(tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "b.json").write_text("{}", encoding="utf-8")
    for name in ("a.json", "b.json"):
        assert figures.main(["--input", str(tmp_path / name), "--output", str(tmp_path)]) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1


def test_problems_are_float32_and_repeatable() -> None:
    first, second = problem(SMALL), problem(SMALL)
    for a, b in zip((*first.weights, *first[1:]), (*second.weights, *second[1:]), strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.dtype == np.float32


# --- running ---


def needs_everything() -> None:
    for package in ("jax", "torch", "autograd", "threadpoolctl"):
        pytest.importorskip(package)


def test_a_quick_run_has_what_the_figures_read(tmp_path: Path) -> None:
    needs_everything()
    output = tmp_path / "quick.json"
    command = [sys.executable, "-m", "tests.benchmark", "--quick", "--output", str(output)]
    result = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("BLAS is ") >= 2
    text = output.read_text(encoding="utf-8")
    record = json.loads(text)
    # Numbers of four digits, and keys in order: two runs can be compared line by line.
    assert text == json.dumps(clock.tidy(record), indent=2, sort_keys=True) + "\n"
    assert record["schema"] == 1
    assert len(record["free"]["cases"]) == 2
    assert figures.main(["--input", str(output), "--output", str(tmp_path)]) == 0
    assert {path.stem for path in tmp_path.glob("*.svg")} == set(figures.FIGURES)


def test_an_environment_has_one_thread_and_pins_nothing_unless_asked_to() -> None:
    user = {"HOME": "/", "OPENBLAS_CORETYPE": "Zen", "OMP_NUM_THREADS": "7", "XLA_FLAGS": "--x"}
    free, found, pinned, threads = (
        environment(name, user) for name in ("free", "found", "pinned", "threads")
    )
    for one in (free, found, pinned):
        assert {one[key] for key in ONE_THREAD if key.endswith("THREADS")} == {"1"}
    assert "OPENBLAS_CORETYPE" not in free
    assert found["OPENBLAS_CORETYPE"] == "Zen"
    assert pinned["OPENBLAS_CORETYPE"] == "Haswell"
    assert set(threads) == {"HOME", "JAX_PLATFORMS"}


def test_an_environment_that_is_not_measured_says_why() -> None:
    found = described({}, "openblas 0.3 Zen")["found"]
    assert found == {"not measured": "the same as free: nothing pins a kernel"}
    assert described({"OPENBLAS_L2_SIZE": "9"}, "mkl 1 Zen")["found"]["OPENBLAS_L2_SIZE"] == "9"
    reason = {"not measured": "the variable is for OpenBLAS on x86"}
    assert described({}, "mkl 2025 Zen")["pinned"] == reason


def test_what_takes_too_long_or_does_not_compile_is_skipped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    net, numbers = network("relu2"), problem(SMALL)
    ours = contenders.workspace(net, SMALL, numbers)

    def late() -> Any:
        time.sleep(0.05)
        return ours()

    def broken(*_: Any) -> Any:
        raise RuntimeError("no compiler\nand more")

    monkeypatch.setattr(part, "CALLING", 0.01)
    monkeypatch.setitem(contenders.CONTENDERS, "autograd", lambda *_: late)
    with pytest.raises(patience.Skipped, match=r"a call takes 0\.1 s"):
        part.ready("autograd", net, SMALL, numbers)
    monkeypatch.setitem(contenders.CONTENDERS, "torch.compile", broken)
    with pytest.raises(patience.Skipped, match=r"^not compiled: RuntimeError: no compiler$"):
        part.ready("torch.compile", net, SMALL, numbers)
    # Only what compiles may fail, and nothing may be wrong.
    monkeypatch.setitem(contenders.CONTENDERS, "JAX", broken)
    with pytest.raises(RuntimeError):
        part.ready("JAX", net, SMALL, numbers)
    loss, gradient = ours()
    monkeypatch.setitem(
        contenders.CONTENDERS, "torch.compile", lambda *_: lambda: (2 * loss, gradient)
    )
    with pytest.raises(ValueError, match="disagrees"):
        part.ready("torch.compile", net, SMALL, numbers)


def test_a_limit_stops_what_takes_longer() -> None:
    with pytest.raises(TimeoutError, match=r"more than 0\.01 s"), patience.limit(0.01):
        time.sleep(5)
    with patience.limit(5):
        pass


def test_three_steps_of_jax_are_ours() -> None:
    jax = pytest.importorskip("jax")
    net, case = network("relu2"), Case(T=4, K=5, H=8)
    step, state = iteration.jax_step(case)
    ws = iteration.prepared(net, case)
    adam = Adam(ws.parameters, iteration.BETA)
    for _ in range(3):
        _, own = jax.random.split(state[0])
        batch = [np.array(each) for each in iteration.jax_batch(case, own)]
        ws.meta_loss_and_gradient(ws.weights, *batch, ALPHA)
        adam.update(ws.gradient)
        state = step(state)
        for ours, theirs in zip(ws.weights, state[2], strict=True):
            np.testing.assert_allclose(ours, theirs, atol=2e-6)
