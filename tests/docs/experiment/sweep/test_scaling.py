"""The measurement of scaling: that it runs, and writes what it must; nothing about time."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from docs.experiment.sweep import scaling
from docs.experiment.sweep.scaling import BEYOND, Sizes, Timing
from docs.sinusoid.family import SINUSOIDS

TINY = Sizes(runs=3, iterations=3, tasks=2, workers=(1, 2), rounds=2)


def test_what_is_measured_of_processes() -> None:
    record = scaling.report(SINUSOIDS, TINY, ("processes",), (4, 3))
    assert json.loads(json.dumps(record))["cores"] >= 1
    assert set(record["versions"]) == {"python", "numpy", "distributed"}
    assert [case["workers"] for case in record["measured"]] == [1, 2]
    for case in record["measured"]:
        assert len(case["rounds"]) == 2
        assert case["seconds_per_run"] > 0
        total = TINY.runs * (case["seconds_per_run"] + case["overhead_per_run"])
        assert total == pytest.approx(case["wall"] * case["workers"])
    assert record["measured"][0]["efficiency"] == 1
    sweeps = record["foretold"]["sweeps"]
    assert [each["workers"] for each in sweeps] == [1, 2, BEYOND]
    assert ["extrapolated" in each["basis"] for each in sweeps] == [False, False, True]
    assert "processes" in scaling.table(SINUSOIDS, record)


def test_what_is_measured_of_dask() -> None:
    pytest.importorskip("distributed")
    sizes = TINY._replace(workers=(1,), rounds=1)
    (case,) = scaling.measure(SINUSOIDS, sizes, ("dask",))
    assert (case["executor"], case["workers"]) == ("dask", 1)


def test_the_arithmetic(monkeypatch: pytest.MonkeyPatch) -> None:
    # Two workers take 6 s for what takes one 10 s: 12 s of work time, of which the runs say 11.
    by_workers = {1: Timing(0.5, 10.0, 9.6, 1e6), 2: Timing(1.0, 6.0, 11.0, 1e6)}
    monkeypatch.setattr(scaling, "timed", lambda _, __, workers, *___: by_workers[workers])
    one, two = scaling.measure(SINUSOIDS, Sizes(runs=4), ("processes",))
    assert (one["overhead_per_run"], one["efficiency"]) == (pytest.approx(0.1), 1)
    assert (two["overhead_per_run"], two["efficiency"]) == (pytest.approx(0.25), 10 / 12)
    found = scaling.foretell([one, two], one_run=2.4)
    run = 2.4 * 11.0 / 9.6 + 0.25
    assert [each["seconds"] for each in found] == [
        pytest.approx(0.5 + 1000 * 2.5),
        pytest.approx(1.0 + 1000 * run / 2),
        pytest.approx(1.0 + 1000 * run / BEYOND),
    ]


def test_the_file_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    timing = Timing(0.5, 10.0, 9.6, 1e6)
    monkeypatch.setattr(scaling, "timed", lambda *_: timing)
    path = tmp_path / "new" / "scaling.json"
    assert scaling.main(SINUSOIDS, ["--out", str(path), "--runs", "4"]) == 0
    record = json.loads(path.read_text())
    assert record["command"] == f"python -m docs.sinusoid.sweep.scaling --out {path} --runs 4"
    assert record["sizes"]["runs"] == 4
    assert {case["executor"] for case in record["measured"]} == {"processes", "dask"}
    assert "1,000 runs of the recipe quick" in capsys.readouterr().out


def test_a_run_that_is_not_finished(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # At this outer step size training diverges.
    family = replace(SINUSOIDS, recipes={"quick": replace(SINUSOIDS.recipe(), beta=1e19)})
    arguments = ["--runs", "1", "--iterations", "40", "--rounds", "1", "--tasks", "2"]
    assert scaling.main(family, ["--out", str(tmp_path / "scaling.json"), *arguments]) == 2
    assert "error: a run did not finish: maml: the loss is" in capsys.readouterr().err
    assert not (tmp_path / "scaling.json").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: --out"),
        (["--out", "x.json", "--runs", "0"], "is '0'; it must be a whole number from 1 to"),
        (["--out", "x.json", "--rounds", "x"], "is 'x'; it must be a whole number from 1 to"),
        (["--out", "README.md/x.json"], "cannot write to README.md: it is a file; it must be"),
    ],
)
def test_it_refuses_in_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        status = scaling.main(SINUSOIDS, arguments)
    except SystemExit as end:
        status = int(str(end.code))
    said = capsys.readouterr().err
    assert status == 2
    assert message in said
    assert len(said.splitlines()) == 1
