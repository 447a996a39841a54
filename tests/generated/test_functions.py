"""Every emitted function: values, gradients, dtypes; and that the checks can fail."""

from __future__ import annotations

import importlib
import inspect
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derive.making import NETWORKS
from docs.experiment.gradcheck import relative_error
from docs.experiment.networks import names
from tests.conftest import NAMES, TASKS, Problem, import_from, network, problem
from tests.finite_differences import ALPHA, CHECKS, check_meta_loss_and_gradient, emitted

ALL = [
    pytest.param(name, form, function, id=f"{name}-{form}-{function}")
    for name in NAMES
    for form in ("kernel", "reference")
    for function in emitted(importlib.import_module(f"generated.{name}.{form}"))
]


@pytest.mark.parametrize("tasks", [1, TASKS])
@pytest.mark.parametrize(("name", "form", "function"), ALL)
def test_finite_differences(name: str, form: str, function: str, tasks: int) -> None:
    module = importlib.import_module(f"generated.{name}.{form}")
    net = network(name)
    CHECKS[function](net, getattr(module, function), problem(net, seed=tasks, tasks=tasks))


# --- fast against reference, float32 against float64 ---


def public_pairs(net: Any) -> list[str]:
    return [name for name in emitted(net.reference) if name.endswith("meta_loss_and_gradient")]


@settings(max_examples=25)
@given(
    name=st.sampled_from(["relu1", "relu2", "tanh2"]),
    tasks=st.integers(1, 5),
    shots=st.integers(1, 12),
    queries=st.integers(1, 12),
    width=st.integers(1, 20),
    inputs=st.integers(1, 4),
    columns=st.integers(1, 4),
    seed=st.integers(0, 10**6),
)
def test_fast_is_the_reference(
    name: str,
    tasks: int,
    shots: int,
    queries: int,
    width: int,
    inputs: int,
    columns: int,
    seed: int,
) -> None:
    net = network(name)
    hidden = [width] * (len(net.Weights._fields) // 2 - 1)
    p = problem(net, seed, tasks, shots, queries, (inputs, *hidden, columns))
    compare_forms(net, p, 1e-12)


def test_five_steps_are_the_reference() -> None:
    net = network("relu2_5steps")
    for seed in range(3):
        compare_forms(net, problem(net, seed), 1e-12)


def compare_forms(net: Any, p: Problem, tolerance: float) -> None:
    for function in public_pairs(net):
        loss, gradient = getattr(net, function)(*p, ALPHA)
        expected_loss, expected = getattr(net.reference, function)(*p, ALPHA)
        assert loss == pytest.approx(expected_loss, rel=tolerance)
        # Relative to the whole gradient: a bias's own may cancel to nothing.
        scale = max(np.linalg.norm(array) for array in expected)
        for ours, theirs in zip(gradient, expected, strict=True):
            assert ours.shape == theirs.shape
            assert np.linalg.norm(ours - theirs) <= tolerance * scale


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("form", ["kernel", "reference"])
def test_single_precision(name: str, form: str) -> None:
    net = network(name)
    module = importlib.import_module(f"generated.{name}.{form}")
    p = problem(net).cast(np.float32)
    for function in public_pairs(net):
        loss, gradient = getattr(module, function)(*p, np.float64(ALPHA))
        exact_loss, exact = getattr(module, function)(*p.cast(np.float64), ALPHA)
        assert loss == pytest.approx(exact_loss, rel=1e-5)
        for ours, theirs in zip(gradient, exact, strict=True):
            assert ours.dtype == np.float32
            assert relative_error(ours, theirs) < 2e-5


# --- the checks can fail ---


def test_first_order_fails_the_second_order_check() -> None:
    for name in NAMES:
        net = network(name)
        with pytest.raises(AssertionError, match="relative error"):
            check_meta_loss_and_gradient(net, net.first_order_meta_loss_and_gradient, problem(net))


def mutations(source: str) -> list[int]:
    """Lines of meta_loss_and_gradient with a minus sign to flip."""
    lines = source.splitlines()
    start = lines.index("def meta_loss_and_gradient(")
    end = next(i for i in range(start, len(lines)) if lines[i].startswith("    return"))
    body = next(i for i in range(start, end) if lines[i].lstrip().startswith("# ---"))
    return [i for i in range(body, end) if re.search(r"-alpha| - ", lines[i].split("  #")[0])]


@pytest.mark.parametrize("name", ["relu2", "tanh2"])
def test_a_flipped_sign_fails(name: str, tmp_path: Path) -> None:
    folder = Path(str(network(name).__file__)).parent
    source = (folder / "kernel.py").read_text(encoding="utf-8")
    flipped = mutations(source)
    assert len(flipped) >= 10
    net = network(name)
    for count, line in enumerate(flipped):
        lines = source.splitlines()
        lines[line] = re.sub(r"-alpha| - ", lambda m: m[0].replace("-", "+"), lines[line], count=1)
        copy = tmp_path / f"mutant{count}"
        copy.mkdir()
        for file in folder.glob("*.py"):
            (copy / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
        (copy / "kernel.py").write_text("\n".join(lines), encoding="utf-8")
        mutant = import_from(copy, f"generated.mutant_{name}_{count}")
        with pytest.raises(AssertionError):
            check_meta_loss_and_gradient(net, mutant.meta_loss_and_gradient, problem(net))


# --- what there is ---


def test_every_default_network_is_emitted() -> None:
    assert names() == sorted(NETWORKS)


def test_the_public_contract() -> None:
    for name in NAMES:
        net = network(name)
        assert set(CHECKS) - {"inner_step"} <= set(net.__all__)
        assert list(inspect.signature(net.adapt).parameters) == [
            "weights", "X_s", "Y_s", "alpha", "steps",
        ]  # fmt: skip
        for function in ("meta_loss", "meta_loss_and_gradient"):
            assert list(inspect.signature(getattr(net, function)).parameters) == [
                "weights", "X_s", "Y_s", "X_q", "Y_q", "alpha",
            ]  # fmt: skip
        assert net.NETWORK._asdict() == asdict(NETWORKS[name])
