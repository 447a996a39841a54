"""Codes in PyTorch and JAX: some of those on the page, the adapters, and where a graph is cut."""

from __future__ import annotations

import copy
import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from docs.check import check
from docs.check.__main__ import main


def planted(where: str, kind: str, code: str) -> Any:
    module = importlib.import_module(f"docs.check.planted.{where}")
    return next(each for each in getattr(module, kind) if each.code == code)


def said(where: str, kind: str, code: str) -> Any:
    chosen = planted(where, kind, code)
    verdict = check(*chosen.model())
    assert verdict.answer.startswith(chosen.expected), str(verdict)
    assert verdict.right == (kind == "RIGHT")
    return verdict


@pytest.mark.parametrize("code", ["one step", "learned step sizes", "only the head adapted"])
def test_right_codes_of_torch(code: str) -> None:
    pytest.importorskip("torch")
    said("in_torch", "RIGHT", code)


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("no create_graph", "torch.autograd.grad without create_graph=True"),
        ("gradients detached", "detach"),
        (".data of the gradients", "data"),
        ("backward() and .grad", ".grad holds no graph"),
        ("step under no_grad", "under torch.no_grad()"),
        ("parameters created anew", "created anew"),
        ("one layer's gradients detached, three steps", "detach"),
        ("no graph in all but the last of 5 steps", "without create_graph=True"),
        ("inner loss compiled in PyTorch 2.11", "torch.compile drops it in some versions"),
    ],
)
def test_where_the_graph_of_torch_is_cut(code: str, line: str) -> None:
    pytest.importorskip("torch")
    assert line in "\n".join(said("in_torch", "FAULTS", code).cut)


def test_no_cut_is_named_where_nothing_is_lost() -> None:
    pytest.importorskip("torch")
    assert said("in_torch", "FAULTS", "the opposite sign").cut == ()


def test_torch_func() -> None:
    pytest.importorskip("torch")
    said("in_torch", "RIGHT", "two steps")


def test_a_training_that_leaves_its_gradient_names_its_line() -> None:
    torch = pytest.importorskip("torch")
    from docs.check.adapters.torch_module import gradient_in
    from docs.check.planted.in_torch import ALPHA, TANH, made, model

    module, criterion, _ = made(TANH)
    module[0].register_buffer("buffer", torch.zeros(1))

    def train(own: Any, tasks: Any) -> None:
        # With the weights a buffer is copied, which cuts nothing.
        buffer = copy.deepcopy(own)[0].buffer
        for (X_s, Y_s), (X_q, Y_q) in tasks:
            weights = dict(own.named_parameters())
            inner = criterion(torch.func.functional_call(own, weights, (X_s,)), Y_s)
            gradient = torch.autograd.grad(inner, list(weights.values()), create_graph=True)
            pairs = zip(weights.items(), gradient, strict=True)
            fast = {name: w - ALPHA * g.detach() for (name, w), g in pairs}
            outer = criterion(torch.func.functional_call(own, fast, (X_q,)) + buffer, Y_q)
            (outer / len(tasks)).backward()

    threads = torch.get_num_threads()
    verdict = check(*model(TANH)._replace(meta_gradient=gradient_in(module, train)))
    assert verdict.answer == "no: first order"
    assert len(verdict.cut) == 1
    assert "g.detach() for" in verdict.cut[0]
    assert torch.get_num_threads() == threads


def test_higher() -> None:
    pytest.importorskip("torch")
    pytest.importorskip("higher")
    said("in_torch", "FAULTS", "flags left at their defaults")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("kind", "code"),
    [("RIGHT", "one step"), ("FAULTS", "stop_gradient"), ("FAULTS", "stop_gradient on the body")],
)
def test_jax(kind: str, code: str) -> None:
    pytest.importorskip("jax")
    verdict = said("in_jax", kind, code)
    assert "float64" not in str(verdict)
    assert verdict.matches[0].worst < 1e-5


@pytest.mark.parametrize("first_order", [False, True])
def test_learn2learn(first_order: bool) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("learn2learn")
    from docs.check.adapters.torch_module import gradient_in
    from docs.check.adapters.with_learn2learn import training
    from docs.check.planted.in_torch import ALPHA, MLP, made, model

    module, criterion, _ = made(MLP)
    train = training(criterion, ALPHA, 2, first_order)
    verdict = check(*model(MLP, 2)._replace(meta_gradient=gradient_in(module, train)))
    assert torch.is_grad_enabled()
    assert verdict.answer == ("no: first order" if first_order else "yes")


def test_the_example_names_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    assert main(["docs/check/example.py"]) == 1
    printed = capsys.readouterr().out
    assert "the meta-gradient? no: first order" in printed
    assert "the graph is cut: example.py:" in printed


def test_what_the_page_says_was_found() -> None:
    record = json.loads(Path("docs/check/results.json").read_text(encoding="utf-8"))
    right, faults = record["right"], record["faults"]
    assert len(right) >= 20
    assert all(row["said"] == "yes" for row in right)
    assert len(faults) >= 25
    assert sum(row["said"].startswith(row["expected"]) for row in faults) >= 0.95 * len(faults)
    assert all(row["said"] != "yes" for row in faults)


CUT = """
import torch

torch.manual_seed(0)
weights = {"W": torch.randn(4, 2).double(), "b": torch.zeros(2).double()}
tasks = [
    tuple((torch.randn(r, 4).double(), torch.randn(r, 2).double()) for r in (5, 7))
    for _ in range(3)
]

def loss(w, batch):
    return ((batch[0] @ w["W"] + w["b"] - batch[1]) ** 2).mean()

def adapt(w, support, wrong=lambda step, w: w):
    m = {k: torch.zeros_like(x) for k, x in w.items()}
    for step in range(3):
        g = torch.autograd.grad(loss(w, support), list(w.values()), create_graph=True)
        w = wrong(step, {k: x + m[k] - 0.1 * g for (k, x), g in zip(w.items(), g)})
    return w

def WRONG

def meta_gradient(w, tasks):
    w = {k: x.requires_grad_() for k, x in w.items()}
    total = sum(loss(adapt(w, s, wrong), q) for s, q in tasks) / len(tasks)
    return dict(zip(w, torch.autograd.grad(total, list(w.values()))))
"""

EVERYTHING = "wrong(step, w): return {k: x.detach().requires_grad_() for k, x in w.items()}"
SOME = "wrong(step, w): return w if step != 1 else w | {'W': 0.7 * w['W'] + 0.3 * w['W'].detach()}"


@pytest.mark.parametrize(
    ("wrong", "status", "sentence"),
    [
        (EVERYTHING, 2, "the graph is cut: cut.py:21: def wrong(step, w): return {k: x.detach()"),
        (SOME, 1, "A part is lost where the graph is cut."),
    ],
)
def test_weights_detached_between_steps_are_found(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    wrong: str,
    status: int,
    sentence: str,
) -> None:
    pytest.importorskip("torch")
    (tmp_path / "cut.py").write_text(CUT.replace("WRONG", wrong), encoding="utf-8")
    assert main([str(tmp_path / "cut.py")]) == status
    said = capsys.readouterr()
    printed = said.out + said.err
    assert sentence in printed
    assert "cut.py:21: def wrong" in printed
    assert "zeros_like" not in printed
    assert status == 1 or said.err.count("\n") == 1
