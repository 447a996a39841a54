"""Sweeps: what they refuse, and what they write."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from docs.experiment import checkpoint, statistics
from docs.experiment.evaluate import STEPS
from docs.sinusoid.plot import __main__ as plot
from docs.sinusoid.sweep.__main__ import main
from docs.sinusoid.train import main as train_alone
from tests.docs.experiment.sweep.sweeps import BASE, COLUMNS, GRID, SMALL, rows

pytestmark = pytest.mark.usefixtures("threads")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--grid", "alfa=1"], "the setting is 'alfa'; it must be one of network, hidden,"),
        (["--grid", "seed=1"], "the setting is 'seed'; it must be one of network, hidden,"),
        (["--grid", "alpha"], "the grid is 'alpha'; it must be NAME=VALUE,VALUE"),
        (["--grid", ""], "the grid is ''; it must be NAME=VALUE,VALUE"),
        (["--grid", "alpha="], "the grid 'alpha=' has an empty value; it must be NAME=VALUE"),
        (["--grid", "alpha=1,,2"], "the grid 'alpha=1,,2' has an empty value; it must be"),
        (["--grid", "alpha=1,1e0"], "the grid 'alpha=1,1e0' has a value twice; it must have each"),
        (["--grid", "alpha=x"], "alpha is 'x'; it must be a finite number, at least 0"),
        (["--grid", "network=relu9"], "network is 'relu9'; it must be one of anil,"),
        (["--grid", "hidden=4+x"], "hidden is 'x'; it must be a whole number from 1 to"),
        (["--grid", "alpha=1", "--grid", "alpha=2"], "alpha is given by two grids; it must be"),
        (
            ["--grid", "reptile-steps=1", "--grid", "reptile_steps=2"],
            "reptile_steps is given by two grids; it must be given once",
        ),
        (["--alpha", "1", "--grid", "alpha=1"], "alpha is given by a flag and by the grid; it"),
        (
            ["--methods", "maml", "--grid", "methods=maml,joint"],
            "methods is given by a flag and by the grid; it must be given once",
        ),
        (
            ["--grid", "hidden=4,5+6", "--grid", "network=relu2"],
            "network=relu2,hidden=4: hidden has 1 numbers; relu2 has 2 hidden layers",
        ),
        (["--hidden", "4"], "hidden has 1 numbers; relu2 has 2 hidden layers"),
        (["--seeds", "0"], "argument --seeds: is '0'; it must be a whole number from 1 to"),
        (["--seed", "1"], "unrecognized arguments: --seed 1"),
        (["--workers", "0"], "argument --workers: is '0'; it must be a whole number from 1 to"),
        (["--tasks", "1"], "argument --tasks: is '1'; it must be a whole number from 2 to"),
        (["--executor", "ray"], "is 'ray'; it must be local or dask://HOST:PORT"),
        (["--executor", "dask://"], "is 'dask://'; it must be local or dask://HOST:PORT"),
        (["--executor", "dask://h"], "is 'dask://h'; it must be local or dask://HOST:PORT"),
        (["--executor", "dask://h:x"], "is 'dask://h:x'; it must be local or dask://HOST:PORT"),
        (["--executor", "dask://h:99999"], "it must be local or dask://HOST:PORT"),
        (["--executor", "dask://h:1/x"], "it must be local or dask://HOST:PORT"),
        (["--executor", "dask://a@h:1"], "it must be local or dask://HOST:PORT"),
        (["--run", "README.md"], "cannot write to README.md: it is a file; it must be"),
    ],
)
def test_a_sweep_refuses_in_one_line(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        status = main([*SMALL, "--run", str(tmp_path), *arguments])
    except SystemExit as end:
        status = int(str(end.code))
    assert status == 2
    said = capsys.readouterr()
    assert len(said.err.splitlines()) == 1
    assert message in said.err
    assert not list(tmp_path.iterdir())


def test_the_base_is_any_recipe(tmp_path: Path) -> None:
    arguments = ["--recipe", "paper-5shot", "--grid", "methods=maml,reptile+joint", "--seeds", "1"]
    changes = ["--iterations", "2", "--tasks", "2", "--quiet", "--grid", "initial=glorot,truncated"]
    assert main([*arguments, *changes, "--run", str(tmp_path)]) == 0
    record = json.loads((tmp_path / "sweep.json").read_text())
    assert (record["base"]["shots"], record["base"]["iterations"]) == (5, 2)
    assert record["grid"] == {
        "initial": ["glorot", "truncated"],
        "methods": ["maml", "reptile+joint"],
    }
    found = {(row["methods"], row["method"]) for row in rows(tmp_path)}
    both = {("maml", "random"), ("reptile+joint", "random")}
    assert found == both | {
        ("maml", "maml"),
        ("reptile+joint", "reptile"),
        ("reptile+joint", "joint"),
    }


def test_a_run_has_what_every_run_has(finished: Path) -> None:
    runs = sorted(path.name for path in (finished / "runs").iterdir())
    assert runs == sorted(
        f"network={network},alpha={alpha},seed={seed}"
        for network in ("relu2", "relu1")
        for alpha in ("0.005", "0.01")
        for seed in range(3)
    )
    needed = {"run.json", "maml.npz", "joint.npz", "metrics.csv", "evaluation.json"}
    for name in runs:
        folder = finished / "runs" / name
        assert needed | {checkpoint.CURRENT} <= {path.name for path in folder.iterdir()}


def test_a_run_is_the_same_as_without_a_sweep(finished: Path, tmp_path: Path) -> None:
    alone = ["--network", "relu1", "--alpha", "0.005", "--seed", "2", "--run", str(tmp_path)]
    assert train_alone([*BASE, "--quiet", *alone]) == 0
    ours = finished / "runs" / "network=relu1,alpha=0.005,seed=2"
    for name in ("run.json", "maml.npz", "joint.npz", "metrics.csv"):
        assert (tmp_path / name).read_bytes() == (ours / name).read_bytes()
    assert plot.main(["--run", str(shutil.copytree(ours, tmp_path / "copy"))]) == 0


def test_the_rows_are_tidy(finished: Path) -> None:
    found = rows(finished)
    columns = ["network", "alpha", "seed", "method", "step", *COLUMNS]
    assert list(found[0]) == columns
    keys = [tuple(row[name] for name in columns[:5]) for row in found]
    assert len(set(keys)) == len(keys) == 2 * 2 * 3 * 3 * (STEPS + 1)
    assert {row["method"] for row in found} == {"maml", "joint", "random"}
    for row in found:
        name = ",".join(f"{key}={row[key]}" for key in ("network", "alpha", "seed"))
        record = json.loads((finished / "runs" / name / "evaluation.json").read_text())
        for column in COLUMNS:
            value = record["methods"][row["method"]][column][int(row["step"])]
            assert row[column] == ("" if value is None else repr(value))


def test_the_table_is_that_of_the_rows(finished: Path) -> None:
    record = json.loads((finished / "sweep.json").read_text())
    found = rows(finished)
    assert len(record["groups"]) == 2 * 2 * 3
    assert record["failures"] == {}
    for group, shown in zip(record["groups"], record["table"][1:], strict=True):
        assert group["seeds"] == [0, 1, 2]
        wanted = {**group["settings"], "method": group["method"]}
        for step in range(STEPS + 1):
            values = np.array(
                [
                    float(row["capped"])
                    for row in found
                    if int(row["step"]) == step and wanted.items() <= row.items()
                ]
            )
            assert values.shape == (3,)
            mean, half = values.mean(), statistics.half_interval(values)
            assert group["summary"]["capped"][step] == pytest.approx(mean, rel=1e-12)
            assert group["summary"]["seeds_ci95"][step] == pytest.approx(float(half), rel=1e-9)
            if step == 1:
                assert shown[5].startswith(f"{mean:#.3g} \N{PLUS-MINUS SIGN} {half:#.2g}")


def test_the_record_says_how_it_was_made(finished: Path) -> None:
    record = json.loads((finished / "sweep.json").read_text())
    arguments = " ".join([*SMALL, *GRID, "--seeds", "3", "--run", str(finished)])
    assert record["command"] == f"python -m docs.sinusoid.sweep {arguments}"
    assert record["base"]["iterations"] == 6
    assert record["grid"] == {"network": ["relu2", "relu1"], "alpha": ["0.005", "0.01"]}
    assert (record["seeds"], record["tasks"]) == (3, 5)
    assert set(record["versions"]) == {"python", "numpy"}


def test_first_order_has_its_own_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--grid", "methods=maml,first-order", "--seeds", "1", "--run", str(tmp_path)]
    assert main([*SMALL, *arguments]) == 0
    shown = capsys.readouterr().out
    assert "first-order  first-order MAML" in shown
    assert "maml         MAML" in shown
    assert "\N{PLUS-MINUS SIGN}" not in shown  # one seed has no interval
