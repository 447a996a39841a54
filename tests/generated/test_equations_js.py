"""equations.js: every equation of every package, against the interpreter, and mistakes in it."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from derive.making import NETWORKS
from derive.model.programs import without_gauss_newton
from derive.package import trial
from derive.package.functions import Function, functions_of
from tests.conftest import network
from tests.generated.test_task_js import drawn, interpreted
from tests.javascript import needs_node, script

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("equations.mjs")

pytestmark = needs_node

META = "meta_loss_and_gradient"


def function(name: str, called: str) -> Function:
    """A function of a package as derived."""
    return next(each for each in functions_of(NETWORKS[name]) if each.name == called)


def programs(name: str) -> list[Function]:
    """What the file has, in its order, each as a function of the package."""
    whole = function(name, META)
    without = replace(whole, program=without_gauss_newton(NETWORKS[name]))
    return [whole, function(name, f"first_order_{META}"), without]


def found(
    name: str, folder: Path | None = None, runtime: str = "../runtime"
) -> list[list[dict[str, Any]]]:
    """Every quantity for each task of the trial's problem, of each of the programs."""
    given = [
        {
            str(symbol): value
            for symbol, value in drawn(name).values(function(name, META), at).items()
        }
        for at in range(trial.TASKS)
    ]
    text = json.dumps(given, default=lambda value: np.asarray(value, float).tolist())
    path = (folder or ROOT / "generated" / name) / "equations.js"
    printed = script(str(SCRIPT), str(path), f"{runtime}/matrices.js", given=text)
    each: list[list[dict[str, Any]]] = json.loads(printed)
    return each


def disagreements(name: str, whole: Function, tasks: list[dict[str, Any]]) -> list[str]:
    """The quantities that differ from the interpreter's, or that only one of the two has."""
    wrong = []
    for values, expected in zip(tasks, interpreted(name, whole), strict=True):
        names = {equation.name: equation.symbol for equation in whole.program}
        wrong += [*({*names} ^ {*values})]
        for each in names.keys() & values.keys():
            value, right = np.array(values[each], float), np.asarray(expected[names[each]], float)
            if value.shape != right.shape or not np.allclose(value, right, rtol=1e-11, atol=1e-13):
                wrong.append(each)
    return wrong


@pytest.mark.parametrize("name", [name for name in NETWORKS if NETWORKS[name].steps == 1])
def test_every_equation_is_that_of_the_interpreter(name: str) -> None:
    for whole, tasks in zip(programs(name), found(name), strict=True):
        assert disagreements(name, whole, tasks) == []


@pytest.mark.parametrize("name", [name for name in NETWORKS if NETWORKS[name].steps > 1])
def test_the_sum_over_tasks_is_the_gradient_of_the_package(name: str) -> None:
    """The build holds every function of a package against the interpreter."""
    derived, first_order, _ = found(name)
    for tasks, called in ((derived, META), (first_order, f"first_order_{META}")):
        whole, p = function(name, called), drawn(name)
        loss, *groups = getattr(network(name).reference, called)(**p.given(whole))
        losses, *gradients = whole.program.outputs
        assert np.mean([each[str(losses)] for each in tasks]) == pytest.approx(loss, rel=1e-11)
        sums = [np.sum([each[str(output)] for each in tasks], axis=0) for output in gradients]
        arrays = [array for group in groups for array in group]
        flat = np.concatenate([np.ravel(each) for each in sums])
        expected = np.concatenate([np.ravel(each) for each in arrays])
        assert sorted(flat) == pytest.approx(sorted(expected), rel=1e-9, abs=1e-13)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("transpose(W3)", "W3"),
        ("subtract(Z3_s, Y_s)", "subtract(Y_s, Z3_s)"),
        ("scale(-alpha, W2_fast_bar)", "scale(alpha, W2_fast_bar)"),
        ("(z) => gate(1, z)", "(z) => gate(1, -z)"),
        ('["W1_bar", ({ W1_fast_bar }) => W1_fast_bar]', '["W1_bar", ({ W1 }) => W1]'),
        ("=> matmul(dZ3_s, transpose(dW3_bar))]", "=> matmul(dZ3_s, transpose(W3_fast_bar))]"),
        ('["db3_bar", "dZ3_s_bar", "Z3_s_bar"]', '["dZ3_s_bar", "Z3_s_bar"]'),
    ],
)
def test_a_mistake_in_it_is_found(tmp_path: Path, right: str, wrong: str) -> None:
    shutil.copytree(ROOT / "generated/runtime", tmp_path / "runtime")
    (tmp_path / "relu2").mkdir()
    text = (ROOT / "generated/relu2/equations.js").read_text(encoding="utf-8")
    assert right in text
    (tmp_path / "relu2/equations.js").write_text(text.replace(right, wrong), encoding="utf-8")
    try:
        every = zip(programs("relu2"), found("relu2", tmp_path / "relu2"), strict=True)
    except (AssertionError, ValueError):
        return  # the shapes do not fit
    assert [each for whole, tasks in every for each in disagreements("relu2", whole, tasks)]


def test_a_wrong_shape_is_named() -> None:
    text = json.dumps([{"W1": [[1], [2]], "X_s": [[1, 2, 3]]}])
    path = ROOT / "generated/linear/equations.js"
    with pytest.raises(AssertionError, match="X_s is 1 x 3; it must be N x D"):
        script(str(SCRIPT), str(path), "../runtime/matrices.js", given=text)
