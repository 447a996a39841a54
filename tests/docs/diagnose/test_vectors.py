"""The vectors: the same bytes every time, and what is in them."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from docs.diagnose import vectors
from docs.diagnose.__main__ import main
from docs.diagnose.cases import ENTROPY, PLANS, SQUARED, Case, cases
from docs.experiment.files import WRITTEN, is_ours

LOSSES = (SQUARED, ENTROPY)
ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "docs/diagnose/vectors"


def test_the_committed_vectors_are_what_the_command_writes(tmp_path: Path) -> None:
    assert main(["vectors", "--out", str(tmp_path / "made")]) == 0
    # What is computed has last digits of its own on every machine, and is not committed.
    own = {"quantities.npz", WRITTEN}
    written = [path for path in sorted((tmp_path / "made").iterdir()) if path.name not in own]
    committed = {path.name for path in FOLDER.iterdir()} - own
    assert [path.name for path in written] == sorted(committed)
    for path in written:
        assert is_ours(FOLDER / path.name)
        assert path.read_bytes() == (FOLDER / path.name).read_bytes(), (
            f"{path.name} is stale; run: python -m docs.diagnose vectors --out {FOLDER}"
        )


def test_vectors_do_not_depend_on_the_hash_seed_nor_on_the_kernel_of_blas() -> None:
    code = (
        "from docs.diagnose import vectors; import hashlib; "
        "print(*(hashlib.sha256(v).hexdigest() for v in vectors.files().values()))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True,
            env={"PYTHONHASHSEED": seed, "OPENBLAS_CORETYPE": kernel},
        ).stdout
        for seed, kernel in (("1", ""), ("2", "Prescott"))
    }  # fmt: skip
    assert len(found) == 1


def test_the_keys_are_those_that_were_promised() -> None:
    with np.load(io.BytesIO(vectors.as_npz()), allow_pickle=False) as file:
        arrays = dict(file)
    for name, case in cases().items():
        wanted = [*case.net.Weights._fields, "X_s", "Y_s", "X_q", "Y_q"]
        keys = [key.partition("/")[2] for key in arrays if key.startswith(f"{name}/")]
        assert keys == [*wanted, "alpha", "steps", "activation", "loss"]
        for key, array in zip(wanted, (*case.weights, *case.batch), strict=True):
            assert arrays[f"{name}/{key}"].dtype == np.float64
            np.testing.assert_array_equal(arrays[f"{name}/{key}"], array)
        assert arrays[f"{name}/alpha"] == case.alpha
        assert arrays[f"{name}/steps"] == case.steps
        assert arrays[f"{name}/activation"] == case.activation
        assert arrays[f"{name}/loss"] == case.loss


def test_json_holds_the_same_numbers() -> None:
    record = json.loads(vectors.as_json())
    with np.load(io.BytesIO(vectors.as_npz()), allow_pickle=False) as file:
        for key, array in file.items():
            name, _, parameter = key.partition("/")
            np.testing.assert_array_equal(record[name][parameter], array)
            del record[name][parameter]
    assert {name: set(rest) for name, rest in record.items()} == {
        name: {"losses"} for name in cases()
    }


@pytest.mark.parametrize("case", cases().values(), ids=PLANS)
def test_the_losses_are_those_of_the_readme(case: Case) -> None:
    activations: dict[str, Any] = {"relu": lambda Z: np.maximum(Z, 0), "tanh": np.tanh}
    activation = activations[case.activation]

    def loss(weights: Any, X: np.ndarray, Y: np.ndarray) -> float:
        for W, b in zip(weights[:-2:2], weights[1:-2:2], strict=True):
            X = activation(X @ W + b)
        Z = X @ weights[-2] + weights[-1]
        if case.loss == SQUARED:
            return float(np.mean((Z - Y) ** 2))
        softmax = np.exp(Z) / np.exp(Z).sum(1, keepdims=True)
        return float(np.mean(-np.sum(Y * np.log(softmax), 1)))

    found = []
    for X_s, Y_s, X_q, Y_q in zip(*case.batch, strict=True):
        fast = case.net.adapt(case.weights, X_s, Y_s, case.alpha, case.steps)
        before = loss(case.weights, X_s, Y_s), loss(case.weights, X_q, Y_q)
        found.append([*before, loss(fast, X_q, Y_q)])
    written = json.loads(vectors.as_json())[case.name]["losses"]
    assert list(written) == ["support_loss", "query_loss", "meta_loss"]
    assert list(written.values()) == pytest.approx(np.mean(found, axis=0), rel=1e-9)
    # The emitted function, whose gradient is asked for, has the same meta-loss.
    assert case.unrolled is not None
    whole = case.unrolled.meta_loss(case.weights, *case.batch, case.alpha)
    assert written["meta_loss"] == pytest.approx(whole, rel=1e-9)


@pytest.mark.parametrize("case", cases().values(), ids=PLANS)
def test_what_another_machine_adds_is_rounded_away(case: Case) -> None:
    # A hundred times what sums in another order differ by; no loss is so near to a tie.
    for value in vectors.losses(case).values():
        for noise in (1e-12, -1e-12):
            assert vectors.rounded(value * (1 + noise)) == vectors.rounded(value)


def test_the_readme_has_twelve_lines_and_names_what_is_in_the_files() -> None:
    lines = [line for line in vectors.README.splitlines() if re.match(r"\d+\. ", line)]
    assert [int(line.partition(".")[0]) for line in lines] == list(range(1, 13))
    for word in (
        "vectors.npz",
        "vectors.json",
        "alpha",
        "steps",
        "activation",
        "X_s",
        "Y_q",
        "Z1_s",
        *LOSSES,
    ):
        assert word in vectors.README
