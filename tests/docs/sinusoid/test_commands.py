"""The commands: what they leave, and what they refuse."""

from __future__ import annotations

import csv
import json
import tempfile
from pathlib import Path

import numpy as np
import pytest

from docs.experiment.checkpoint import CURRENT, PREVIOUS
from docs.sinusoid import __main__ as whole
from docs.sinusoid import evaluate, gradcheck, train
from docs.sinusoid.plot import __main__ as plot
from tests.docs.sinusoid.commands import SMALL, files, run

HUGE = str(Path(tempfile.gettempdir()) / "huge")


def test_the_files_of_a_run(finished: Path) -> None:
    tables = {"evaluation.json", "joint.npz", "maml.npz", "metrics.csv", "run.json"}
    found = {name for name in files(finished) if not name.startswith("figures/")}
    assert found == tables | {CURRENT, PREVIOUS, "written.txt"}
    drawn = {
        f"figures/{name}.{suffix}"
        for name in ("error_by_step", "fits", "learning_curve")
        for suffix in ("png", "svg")
    }
    assert drawn <= set(files(finished))
    record = json.loads((finished / "run.json").read_text())
    assert record["seed"] == 0
    assert record["arguments"]["network"] == "relu2"
    assert record["arguments"]["hidden"] == [40, 40]
    assert record["trained"] == {"maml": 6, "joint": 6}
    assert set(record["versions"]) == {"python", "numpy"}
    with np.load(finished / "maml.npz", allow_pickle=False) as arrays:
        assert list(arrays) == ["W1", "b1", "W2", "b2", "W3", "b3"]
    with (finished / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["method"] for row in rows] == ["maml"] * 6 + ["joint"] * 6
    assert [int(row["iteration"]) for row in rows] == [*range(6), *range(6)]
    # The angle is measured now and then, and of MAML alone.
    assert [bool(row["angle"]) for row in rows] == [True, *[False] * 11]


def test_the_same_seed_gives_the_same_bytes(finished: Path, tmp_path: Path) -> None:
    assert whole.main([*SMALL, "--tasks", "20", "--run", str(tmp_path)]) == 0
    assert files(tmp_path) == files(finished)
    other = tmp_path / "other"
    assert train.main([*SMALL, "--seed", "1", "--run", str(other)]) == 0
    assert files(other)["maml.npz"] != files(finished)["maml.npz"]


def test_the_parts_alone(tmp_path: Path) -> None:
    folder = ["--run", str(tmp_path)]
    arguments = [*SMALL, "--network", "tanh2", "--hidden", "7", "5", "--dtype", "float64"]
    assert train.main([*arguments, "--methods", "first-order", *folder]) == 0
    assert evaluate.main([*folder, "--tasks", "3", "--seed", "4"]) == 0
    assert plot.main(folder) == 0
    assert gradcheck.main(folder) == 0
    record = json.loads((tmp_path / "evaluation.json").read_text())
    assert set(record["methods"]) == {"first-order", "random"}
    assert record["table"][1][0] == "first-order MAML"
    assert {path.name for path in tmp_path.glob("*.npz")} == {"first-order.npz", CURRENT, PREVIOUS}


@pytest.mark.parametrize("module", ["", ".train", ".evaluate", ".plot", ".gradcheck"])
def test_help(module: str) -> None:
    result = run(module, "--help")
    assert result.returncode == 0
    for option in ("--seed", "--run"):
        assert option in result.stdout


@pytest.mark.parametrize(
    ("module", "arguments", "message"),
    [
        (".train", ["--network", "relu9"], "--network: is 'relu9'; it must be one of anil,"),
        (".train", ["--hidden", "40"], "hidden has 1 numbers; relu2 has 2 hidden layers"),
        (".train", ["--iterations", "0"], "is '0'; it must be a whole number from 1 to"),
        (".train", ["--shots", "many"], "is 'many'; it must be a whole number from 1 to"),
        (".train", ["--alpha", "nan"], "is 'nan'; it must be a finite number, at least 0"),
        (".train", ["--beta", "-1"], "is '-1'; it must be a finite number, at least 0"),
        (".train", ["--dtype", "float16"], "is 'float16'; it must be one of float32,"),
        (".train", ["--seed", "-1"], "is '-1'; it must be a whole number from 0 to"),
        (".train", ["--run", "README.md"], "cannot write to README.md: it is a file; it must be"),
        (".train", ["--iterations", "1" + "0" * 21], "it must be a whole number from 1 to"),
        (
            ".train",
            ["--hidden", "9999999", "9999999", "--run", HUGE],
            "the training would take about 4,8",
        ),
        (".evaluate", ["--run", "nowhere"], "cannot read nowhere/run.json"),
        (".evaluate", ["--tasks", "1"], "--tasks: is '1'; it must be a whole number from 2 to"),
        (".evaluate", ["--points", "0"], "--points: is '0'; it must be a whole number from 1 to"),
        (".results", ["--only", "all"], "argument --only: invalid choice: 'all'"),
        (".plot", ["--run", "nowhere"], "cannot read nowhere/run.json"),
        (".gradcheck", ["--network", "relu9"], "the network is 'relu9'; it must be one of anil,"),
        (".gradcheck", ["--run", "nowhere"], "cannot read nowhere/run.json"),
    ],
)
def test_a_command_refuses_in_one_line(module: str, arguments: list[str], message: str) -> None:
    result = run(module, *arguments)
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 1
    assert message in result.stderr


def test_an_evaluation_of_other_weights_is_not_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = ["--run", str(tmp_path)]
    assert train.main([*SMALL, *folder]) == 0
    assert evaluate.main([*folder, "--tasks", "3"]) == 0
    assert train.main([*SMALL, "--iterations", "7", *folder]) == 0
    assert plot.main(folder) == 2
    assert "evaluation.json is of other weights; it must be made again" in capsys.readouterr().err
