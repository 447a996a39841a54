"""Codes in PyTorch and JAX: some of those on the page, the adapters, and where a graph is cut."""

from __future__ import annotations

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
        ("one matrix's gradient detached", "detach"),
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
