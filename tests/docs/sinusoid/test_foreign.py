"""Folders that are no runs, or whose files are not theirs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from docs.experiment.networks import initial_weights, load_network
from docs.experiment.parameters import Parameters, save_parameters
from docs.experiment.randomness import stream
from docs.sinusoid import evaluate, gradcheck, train
from docs.sinusoid.plot import __main__ as plot
from tests.docs.sinusoid.commands import SMALL, run

FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 cut short"])
def test_an_unreadable_weight_file(finished: Path, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "run.json").write_bytes((finished / "run.json").read_bytes())
    (tmp_path / "maml.npz").write_bytes(content)
    result = run(".evaluate", "--run", str(tmp_path))
    assert result.returncode == 2
    assert "maml.npz is not readable as arrays; it must be a .npz file" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_foreign_weight_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train.main([*SMALL, "--run", str(tmp_path)]) == 0
    path = tmp_path / "maml.npz"
    net = load_network("relu1")
    save_parameters(path, Parameters(initial_weights(net, [1, 40, 1], stream(0, 0), FLOAT64)))
    assert evaluate.main(["--run", str(tmp_path)]) == 2
    assert "holds W1, W2, b1, b2; it must be a .npz file with the arrays W1, b1, W2" in (
        capsys.readouterr().err
    )
    squares = {name: np.ones((2, 2)) for name in ("W1", "b1", "W2", "b2", "W3", "b3")}
    np.savez(path, allow_pickle=False, **squares)
    assert evaluate.main(["--run", str(tmp_path)]) == 2
    assert "maml.npz is damaged or of another folder: written.txt" in capsys.readouterr().err
    (tmp_path / "written.txt").unlink()  # then the folder is not ours to vouch for
    assert evaluate.main(["--run", str(tmp_path)]) == 2
    assert "maml.npz: W1 is float64 (2, 2); it must be float32 (1, 40)" in capsys.readouterr().err
    hollow = initial_weights(load_network("relu2"), [1, 40, 40, 1], stream(0, 0), FLOAT32)
    hollow[2][:] = np.nan
    path.unlink()
    save_parameters(path, Parameters(hollow))
    (tmp_path / "written.txt").unlink()
    assert evaluate.main(["--run", str(tmp_path)]) == 2
    assert "maml.npz: W2 is not finite; it must be" in capsys.readouterr().err
    np.savez(path, W1=np.array([{}], dtype=object))
    assert evaluate.main(["--run", str(tmp_path)]) == 2
    assert "is not readable as arrays" in capsys.readouterr().err


def test_a_run_that_is_not_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "run.json").write_text("{")
    assert evaluate.main(["--run", str(tmp_path)]) == 2
    assert "run.json is not JSON" in capsys.readouterr().err
    (tmp_path / "run.json").write_text("[]")
    assert evaluate.main(["--run", str(tmp_path)]) == 2
    assert (
        "run.json: Expected `object`, got `array`; it must be as python -m docs"
        in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"arguments": {}}, "lacks the argument network"),
        ({"arguments": []}, "Expected `object`, got `array` - at `$.arguments`; it must be as"),
        # As a run.json had it when this was a setting.
        ({"first_order": True}, "has the argument first_order; it must have only network, hidden"),
        ({"hidden": [3]}, "hidden has 1 numbers; relu2 has 2 hidden layers"),
        ({"hidden": "ab"}, "hidden is 'ab'; it must be a whole number from 1 to"),
        ({"dtype": "int8"}, "dtype is 'int8'; it must be one of float32, float64"),
        ({"alpha": "nan"}, "alpha is 'nan'; it must be a finite number, at least 0"),
        ({"trained": {"maml": 1}, "seed": None}, "Expected `int`, got `null` - at `$.seed`"),
        ({"network": "relu9"}, "network is 'relu9'; it must be one of"),
        ({"trained": {}}, "has no weights yet; python -m docs.sinusoid.train --resume goes on"),
        ({"trained": {"maml": -1}}, "Expected `int` >= 0 - at `$.trained[...]`; it must be"),
    ],
)
def test_a_foreign_run(
    change: dict[str, Any],
    message: str,
    finished: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    record = json.loads((finished / "run.json").read_text())
    target = record if {"arguments", "trained"} & set(change) else record["arguments"]
    target.update(change)
    (tmp_path / "run.json").write_text(json.dumps(record))
    for command in (evaluate, plot, gradcheck):
        assert command.main(["--run", str(tmp_path)]) == 2
        assert message in capsys.readouterr().err
