"""The first wrong equation: every kind of mistake, planted in every equation that can have it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from sympy import Add, MatAdd

from derive.printers.numpy import statement
from docs.diagnose.__main__ import main
from docs.diagnose.cases import cases
from docs.diagnose.quantities import Derivation, Equation, derivation, derived
from docs.diagnose.walk import walk
from generated.runtime.rows import repeated
from tests import conftest
from tests.docs.diagnose.test_command import refused

#: What anybody's line may use.
NUMPY = {"np": np, "repeated": repeated}


class Planted(NamedTuple):
    """A mistake: what it must be called, words that must be said of it, and what it makes."""

    kind: str
    words: str
    value: Any


def computed(code: str, values: dict[str, Any]) -> Any:
    """What a line of numpy comes to."""
    return eval(code.partition(" = ")[2], NUMPY, values)


def without_terms(network: str, equation: Equation, values: Any) -> Iterator[Planted]:
    """The equation without each of its terms, printed from the derivation itself."""
    line = conftest.derivation(network).derived[equation.name]
    for term in line.terms:
        others = [each for each in line.terms if each is not term]
        if others:
            total = MatAdd(*others) if line.shape else Add(*others)
            less = replace(line, value=total, gains=())
            alone = statement(replace(line, value=term, gains=()), "batched").partition(" = ")[2]
            # Beside other terms, numpy repeats a row by itself.
            alone = re.sub(r"repeated\((\w+), .*\)", r"\1", alone)
            value = np.broadcast_to(
                computed(statement(less, "batched"), values), values[equation.name].shape
            )
            yield Planted("missing term", f"the term `{alone}` is missing", value)


def mistakes(network: str, equation: Equation, values: Any) -> Iterator[Planted]:
    """Every mistake that makes sense in an equation."""
    value, code = values[equation.name], equation.code
    yield from without_terms(network, equation, values)
    yield Planted("sign", "opposite sign", -value)
    yield Planted("factor", "multiplied by 2", 2 * value)
    yield Planted("factor", "multiplied by 1 / T", value / values["T"])
    yield Planted("factor", "multiplied by 0.37", 0.37 * value)
    yield Planted("missing term", "it is zero", 0 * value)
    if value.ndim > 1:
        yield Planted("transposed", "it is transposed", value.mT)
        yield Planted("broadcasting", "by itself", 1.5 * value[..., :1])
        yield Planted("wrong axis", "summed over the columns", value.sum(-1, keepdims=True))
    if equation.stage != "meta-gradient" and equation.name != "loss_q":
        yield Planted("wrong axis", "summed over the tasks", value.sum(0))
    if code.endswith(".sum(-2, keepdims=True)") and " + " not in code:
        other = computed(code.replace("-2", "-1"), values)
        yield Planted("wrong axis", "over axis -1 where axis -2 is meant", other)
        yield Planted("wrong axis", "over axis -1 where axis -2 is meant", other[..., 0])
    for gate in (" * (Z1_s > 0)", " * (Z2_q > 0)", " * (1 - np.tanh(Z2_s) ** 2)"):
        if code.endswith(gate):
            less = computed(code.removesuffix(gate), values)
            yield Planted("missing factor", f"the factor `{gate[4:-1]}` is missing", less)
    if "W2_fast.mT" in code:
        other = computed(code.replace("W2_fast.mT", "W2.mT"), values)
        yield Planted("another quantity", "`W2` stands where `W2_fast` is meant", other)
    if "@ dZ2_s" in code and " + " not in code:
        other = computed(code.replace("dZ2_s", "dZ3_s").replace("dW2 ", "_ "), values)
        yield Planted("another quantity", "`dZ3_s` stands where `dZ2_s` is meant", other)


CASES = [(name, dtype) for name in ("relu2", "tanh2") for dtype in (np.float64, np.float32)]


@pytest.mark.parametrize(("name", "dtype"), CASES)
def test_every_mistake_is_named_in_every_equation(name: str, dtype: type) -> None:
    found = derivation(name)
    right: dict[str, Any] = {key: a.astype(dtype) for key, a in found.quantities.items()}
    kinds: dict[str, int] = {}
    for equation in found.equations:
        for planted in mistakes(name, equation, found.values):
            said = walk(name, {**right, equation.name: np.asarray(planted.value, dtype)})
            text = str(said)
            where = f"{equation.name}: {planted.kind}: {planted.words}\n{text}"
            assert said.difference is not None, where
            assert said.difference.between == (equation,), where
            assert said.difference.kind == planted.kind, where
            assert f"({equation.number}) is the first wrong equation" in text, where
            assert planted.words in text, where
            assert equation.latex in text, where
            assert found.page(equation) in text, where
            assert said.agreeing == tuple(list(right)[: list(right).index(equation.name)])
            kinds[planted.kind] = kinds.get(planted.kind, 0) + 1
    terms = sum(
        len(each.terms) for each in conftest.derivation(name).derived if len(each.terms) > 1
    )
    assert kinds["missing term"] == terms + len(found.equations)
    assert kinds["sign"] == len(found.equations)
    assert kinds["transposed"] == len(found.equations) - 2
    assert kinds["missing factor"] >= 2
    assert kinds["another quantity"] == 2


def run(name: str, wrong: str, line: str, dtype: type = np.float64) -> dict[str, Any]:
    """The whole program with another line in it; everything after it goes on from there."""
    found = derivation(name)
    values: dict[str, Any] = {
        key: value.astype(dtype) if np.ndim(value) else value for key, value in found.inputs.items()
    }
    for equation in found.equations:
        code = line if equation.name == wrong else equation.code
        values[equation.name] = computed(code, values)
    return {each.name: values[each.name] for each in found.equations}


WRONG = {
    "Z1_s_bar": "Z1_s_bar = H1_s_bar * (1 - np.tanh(Z1_s) ** 2)",
    "H1_s_bar": "H1_s_bar = Z2_s_bar @ W2.mT",
    "dZ3_s_bar": "dZ3_s_bar = dH2_s_bar @ W3 - H2_s @ dW3_bar + db3_bar",
    "W1_fast": "W1_fast = W1 - alpha / 2 * dW1",
    "dZ3_s": "dZ3_s = 2 / N * (Z3_s - Y_s)",
    "H2_q_bar": "H2_q_bar = Z3_q_bar @ W3.mT",
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("wrong", WRONG)
def test_what_follows_from_a_mistake_is_not_blamed(wrong: str, dtype: type) -> None:
    given = run("tanh2", wrong, WRONG[wrong], dtype)
    found = walk("tanh2", given).difference
    assert found is not None
    assert found.equation.name == wrong
    assert len(found.explanations) == 1


@pytest.mark.parametrize("wrong", WRONG)
def test_a_mistake_is_found_from_the_meta_gradient_alone(wrong: str) -> None:
    given = run("tanh2", wrong, WRONG[wrong])
    said = walk("tanh2", {key: given[key].sum(0) for key in ("W1_bar", "b1_bar", "W2_bar")})
    assert said.difference is not None
    assert said.difference.right == ()
    assert wrong in {each.name for each in said.difference.between}
    number = next(each.number for each in said.derivation.equations if each.name == wrong)
    if wrong == "W1_fast":
        # A length of any size is found only where the value itself was given.
        assert not said.difference.explanations
    else:
        assert wrong in {each.equation.name for each in said.difference.explanations}
        assert f"in ({number})" in str(said)


def test_a_subset_says_where_the_mistake_lies() -> None:
    given = run("relu2", "H1_s_bar", "H1_s_bar = Z2_s_bar @ W2.mT")
    names = ("dZ2_s", "Z2_s_bar", "dW2_bar", "Z1_s", "Z1_s_bar", "W1_bar")
    said = walk("relu2", {key: given[key] for key in names})
    assert said.difference is not None
    assert [each.name for each in said.difference.between] == ["H1_s_bar", "Z1_s_bar"]
    assert said.difference.right == ("Z1_s", "dZ2_s", "dW2_bar", "Z2_s_bar")
    assert said.agreeing == said.difference.right
    assert said.after == 1
    lines = str(said).splitlines()
    assert lines[0] == (
        "relu2: the mistake lies between Z1_s, dZ2_s, dW2_bar, Z2_s_bar (right) "
        "and Z1_s_bar (wrong)"
    )
    assert "  in between     (7.26) H1_s_bar to (7.27) Z1_s_bar" in lines
    assert (
        "  mistake        missing term: the term `dZ2_s @ dW2_bar.mT` is missing, in (7.26)"
        in lines
    )


@pytest.mark.parametrize("name", derived())
def test_what_is_right_is_right_in_either_precision(name: str) -> None:
    for dtype in (np.float64, np.float32):
        given = run(name, "", "", dtype)
        assert given["W1_bar"].dtype == dtype
        said = walk(name, given)
        assert said.right, said
        assert len(said.agreeing) == len(given)
        # Each alone, too: nothing that is right hangs on another.
        for key, value in given.items():
            assert walk(name, {key: value}).right, key
        # Saved after an operation in float64.
        summed = {**given, "W1_bar": given["W1_bar"].astype(np.float64).sum(0)}
        assert walk(name, summed).right


def test_layouts_that_are_no_mistake() -> None:
    values = derivation("relu2").quantities
    given = {
        "db1": values["db1"][:, 0],
        "b1_fast": values["b1_fast"][:, 0],
        "loss_q": values["loss_q"].mean(),
        "loss_s": values["loss_s"][:, None, None],
        "W1_bar": values["W1_bar"].sum(0),
        "b1_bar": values["b1_bar"].sum((0, 1)),
    }
    assert walk("relu2", given).right
    said = walk("relu2", {**given, "W1_bar": given["W1_bar"].T})
    assert said.difference is not None
    assert said.difference.kind == "transposed"


def near(value: Any) -> Any:
    """A value with more noise than rounding leaves in float64."""
    return value * (1 + 1e-8 * np.sin(np.arange(value.size)).reshape(value.shape))


@pytest.mark.parametrize(
    ("name", "change", "kind", "words"),
    [
        ("dW2", near, "rounding", "as much as float32 leaves"),
        ("dW2", lambda v: v + np.sin(np.arange(v.size)).reshape(v.shape), "unknown", "explains it"),
        ("dZ3_s", lambda v: v * 15, "factor", "multiplied by N O = 15"),
        ("dZ3_s", lambda v: v / 2, "factor", "multiplied by 1 / 2 = 0.5"),
        ("Z3_q_bar", lambda v: -v * 7 / 11, "factor", "multiplied by -T / M"),
        ("dW1_bar", lambda v: v / cases()["relu2"].alpha, "factor", "multiplied by 1 / alpha"),
    ],
)
def test_what_is_said_of_a_value(
    name: str, change: Callable[[Any], Any], kind: str, words: str
) -> None:
    right = derivation("relu2").quantities
    said = walk("relu2", {**right, name: change(right[name])})
    assert said.difference is not None
    assert said.difference.equation.name == name
    assert said.difference.kind == kind
    assert words in str(said)


def test_a_step_size_that_is_off_by_little_is_no_rounding() -> None:
    found = derivation("relu2")
    W1, dW1, alpha = (found.values[name] for name in ("W1", "dW1", "alpha"))
    said = walk("relu2", {**found.quantities, "W1_fast": W1 - alpha * (1 + 1e-4) * dW1})
    assert "the term `-alpha * dW1` is multiplied by 1 +1.0e-04" in str(said)


def test_a_shape_that_numpy_hides() -> None:
    # With one output this is the mistake of the page: the error of the output for that of layer 2.
    values = derivation("relu2").values
    wrong = values["H1_s"].mT @ values["dZ3_s"][..., :1]
    said = walk("relu2", {"H1_s": values["H1_s"], "dW2": wrong})
    assert said.difference is not None
    assert said.difference.broadcast
    assert "numpy fits (7, 9, 1) to (7, 9, 8) by itself, so that nothing fails" in str(said)


# --- files ---


def saved(folder: Path, **arrays: Any) -> str:
    named = {key.replace("__", "/"): value for key, value in arrays.items()}
    np.savez(folder / "q.npz", **named)
    return str(folder / "q.npz")


def values_of(name: str) -> dict[str, Any]:
    return derivation(name).quantities


def test_the_exit_status_and_several_cases(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    relu, tanh = values_of("relu2"), values_of("tanh2")
    right = {"relu2__dW2": relu["dW2"], "tanh2__Z1_s": tanh["Z1_s"]}
    assert main([saved(tmp_path, **right)]) == 0
    assert main([saved(tmp_path, **{**right, "tanh2__Z1_s": -tanh["Z1_s"]})]) == 1
    output = capsys.readouterr().out
    assert output.count("relu2: no equation is wrong\n  given          1 of 62, right\n") == 2
    assert output.count("tanh2: (3.1) is the first wrong equation") == 1
    path = tmp_path / "q.json"
    path.write_text(json.dumps({"relu2": {"dW2": relu["dW2"].tolist()}}), encoding="utf-8")
    assert main([str(path)]) == 0


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"relu2__Z1s": np.zeros(3)}, "relu2/Z1s is no quantity of the derivation; the nearest is"),
        ({"relu2__z1_s_bar": np.zeros(3)}, "the nearest is Z1_s_bar"),
        ({"relu2__W1": np.zeros((4, 9)), "relu2__dW2": np.zeros(3)}, "relu2/W1 is given with the"),
        ({"relu2__dW2": np.zeros((7, 9, 8)), "tanh2__W1": np.zeros(3)}, "tanh2/W1 is given with"),
        ({"relu2__dW2": np.ones((3, 4))}, "relu2/dW2 is (3, 4); it must be (7, 9, 8), the first"),
        ({"relu2__dW2": np.zeros((9, 8))}, "relu2/dW2 is (9, 8); it must be (7, 9, 8), the first"),
        ({"relu2__dW2": np.zeros(0)}, "relu2/dW2 is (0,); it must be (7, 9, 8)"),
        ({"relu2__dW2": np.full((7, 9, 8), np.nan)}, "relu2/dW2 is not finite; it must be"),
        ({"relu2__dW2": np.full((7, 9, 8), "x")}, "relu2/dW2 is <U1; it must be real numbers"),
        ({"relu2__dW2": np.zeros((7, 9, 8), complex)}, "relu2/dW2 is complex128; it must be real"),
        ({"relu2__dW2": np.array([None])}, "relu2/dW2 is a Python object; it must be real numbers"),
        ({"relu9__dW2": np.zeros(3)}, "the case is 'relu9'; it must be one of"),
        ({"dW2": np.zeros(3)}, "a key is 'dW2'; keys must be CASE/W1"),
        ({"tanh2__dW2": values_of("relu2")["dW2"]}, "tanh2/dW2 is (7, 9, 8); it must be (3, 6, 9)"),
    ],
)
def test_what_is_no_file_of_quantities(
    arrays: dict[str, Any], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refused([saved(tmp_path, **arrays)], message, capsys)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([[1], [1, 2]], "relu2/dW2 cannot be made a numpy array"),
        (None, "relu2/dW2 is object; it must be real numbers"),
        ("np.ones(3)", "relu2/dW2: Expected `float | array | null`, got `str`; it must be real"),
        (float("nan"), "relu2/dW2 is not finite"),
    ],
)
def test_what_is_no_json_of_quantities(
    value: Any, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "q.json"
    path.write_text(json.dumps({"relu2": {"dW2": value}}), encoding="utf-8")
    refused([str(path)], message, capsys)


def test_a_file_of_gradients_stays_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = derivation("relu2").case
    arrays = {f"relu2__{key}": value for key, value in case.weights._asdict().items()}
    refused([saved(tmp_path, **arrays, relu2__loss=1.0)], "relu2/loss is no parameter", capsys)


def test_values_of_the_derivation_are_not_written_over() -> None:
    found: Derivation = derivation("relu2")
    before = {key: np.array(value) for key, value in found.values.items()}
    walk("relu2", {key: value.astype(np.float32) for key, value in found.quantities.items()})
    walk("relu2", {"W1_bar": -found.values["W1_bar"]})
    for key, value in before.items():
        np.testing.assert_array_equal(found.values[key], value)
