"""The sinusoid experiment: its parts, its files, its refusals."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
import tempfile
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from docs.sinusoid import __main__ as whole
from docs.sinusoid import evaluate, gradcheck, tasks, train
from docs.experiment.adam import Adam
from docs.experiment.checkpoint import CURRENT, PREVIOUS
from docs.experiment.methods import TITLES
from docs.experiment.networks import initial_weights, load_network, save_weights
from docs.sinusoid.plot import __main__ as plot

ROOT = Path(__file__).parent.parent
SMALL = ["--iterations", "6", "--meta-batch", "3", "--shots", "4", "--queries", "5"]
HUGE = str(Path(tempfile.gettempdir()) / "huge")
FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)


def run(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a user does."""
    return subprocess.run(
        [sys.executable, "-m", f"docs.sinusoid{module}", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def files(folder: Path) -> dict[str, bytes]:
    """What a run has left; the empty file that is locked is none of it."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short run of everything."""
    folder = tmp_path_factory.mktemp("run")
    result = run("", *SMALL, "--tasks", "20", "--run", str(folder))
    assert result.returncode == 0, result.stderr
    for method in ("maml", "joint", "random"):
        assert TITLES[method] in result.stdout
    return folder


def test_the_files_of_a_run(finished: Path) -> None:
    tables = {"evaluation.json", "joint.npz", "maml.npz", "metrics.csv", "run.json"}
    found = {name for name in files(finished) if not name.startswith("figures/")}
    assert found == tables | {CURRENT, PREVIOUS}
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


def test_tasks_are_those_of_the_paper() -> None:
    batch = tasks.sample(np.random.default_rng(0), 2000, 10, 10, FLOAT64)
    assert batch.X_s.min() > -5
    assert batch.X_q.max() < 5
    largest = np.abs(np.concatenate([batch.Y_s, batch.Y_q], axis=1)).max(axis=1)
    assert largest.max() <= 5
    assert largest.min() < 0.2
    y = tasks.sinusoid(np.array([1.5]), 2.0, 0.5)
    assert y == pytest.approx(2 * np.sin(1.0))


@pytest.mark.parametrize("dtype", [FLOAT32, FLOAT64])
def test_blocks_have_the_stream_of_single_draws(dtype: np.dtype) -> None:
    sizes = (3, 4, 5)
    blocks = tasks.batches(tasks.stream(7, 1), *sizes, dtype, block=4)
    rng = tasks.stream(7, 1)
    for drawn in islice(blocks, 9):
        for ours, theirs in zip(drawn, tasks.sample(rng, *sizes, dtype), strict=True):
            np.testing.assert_array_equal(ours, theirs)
            assert ours.dtype == dtype
            assert ours.flags.c_contiguous


@pytest.mark.parametrize("start", [1, 3, 4, 6, 9])
def test_a_stream_begins_anywhere(start: int) -> None:
    sizes = (3, 4, 5, FLOAT32)
    whole = islice(tasks.batches(tasks.stream(7, 1), *sizes, block=4), start, start + 6)
    later = tasks.batches(tasks.stream(7, 1), *sizes, block=4, start=start)
    for ours, theirs in zip(islice(later, 6), whole, strict=True):
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(a, b)


def test_only_a_generator_that_can_skip_begins_anywhere() -> None:
    rng = np.random.Generator(np.random.MT19937(0))
    with pytest.raises(TypeError, match="the generator is MT19937; it must be PCG64 to skip"):
        next(tasks.batches(rng, 3, 4, 5, FLOAT32, block=2, start=2))


def test_a_network_that_is_told_gets_amplitude_and_phase() -> None:
    sizes = (3, 4, 5, FLOAT64)
    plain = next(tasks.batches(tasks.stream(7, 1), *sizes))
    told = next(tasks.batches(tasks.stream(7, 1), *sizes, told=True))
    for X, shown, Y in ((plain.X_s, told.X_s, told.Y_s), (plain.X_q, told.X_q, told.Y_q)):
        x, amplitude, phase = np.split(shown, 3, axis=-1)
        np.testing.assert_array_equal(x, X)
        np.testing.assert_allclose(amplitude * np.sin(x - phase), Y)
        assert np.ptp(amplitude, axis=1).max() == np.ptp(phase, axis=1).max() == 0


def test_unseen_tasks_are_fixed() -> None:
    ten, five = (tasks.unseen(0, 200, shots, FLOAT64, told=True) for shots in (10, 5))
    # The same sinusoids whatever is shown of them, on a hundred evenly spaced inputs.
    np.testing.assert_array_equal(ten.Y_q, five.Y_q)
    assert ten.X_s.shape == (200, 10, 3)
    np.testing.assert_allclose(ten.X_q[0, :, 0], np.linspace(-5, 5, 100))
    half = tasks.unseen(0, 200, 10, FLOAT64, inputs=(-5, 0))
    np.testing.assert_array_equal(half.Y_q, ten.Y_q)
    assert half.X_s.max() < 0
    assert not np.array_equal(tasks.unseen(1, 200, 10, FLOAT64).Y_q, ten.Y_q)


def test_unseen_tasks_are_stratified() -> None:
    told = tasks.unseen(0, 50, 3, FLOAT64, told=True).X_q[:, 0]
    for column, (low, high) in ((1, tasks.AMPLITUDE), (2, tasks.PHASE)):
        strata = np.floor((told[:, column] - low) / (high - low) * 50)
        np.testing.assert_array_equal(np.sort(strata), np.arange(50))
    assert abs(np.corrcoef(told[:, 1], told[:, 2])[0, 1]) < 0.4


def test_float32_draws_the_tasks_of_float64() -> None:
    ours, theirs = (
        tasks.sample(np.random.default_rng(3), 4, 5, 6, dtype) for dtype in (FLOAT32, FLOAT64)
    )
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_a_block_is_bounded() -> None:
    # A meta-batch of any size is drawn, one at a time if need be.
    big = next(tasks.batches(tasks.stream(0, 1), 2000, 10, 10, FLOAT32))
    assert big.X_s.base is not None
    assert big.X_s.base.shape[0] == 1


def test_adam_takes_the_steps_of_the_paper() -> None:
    # Algorithm 1 of arXiv:1412.6980, written out for one number.
    parameters, w, m, v = np.full(3, 3.0), 3.0, 0.0, 0.0
    adam = Adam(parameters, 0.1)
    for t, g in enumerate([0.5, -2.0, 0.25, 0.0, 1e-9], start=1):
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        w -= 0.1 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        adam.update(np.full(3, g))
        np.testing.assert_allclose(parameters, w, rtol=1e-12)
    assert adam.parameters is parameters


def test_the_example_of_the_page_about_speed(capsys: pytest.CaptureFixture[str]) -> None:
    from docs.speed import example

    assert example.main() == 0
    before, after = re.findall(r"\d+\.\d+", capsys.readouterr().out)
    assert float(after) < float(before)


def test_adam_wants_a_vector_it_can_write_to() -> None:
    frozen = np.zeros(3)
    frozen.flags.writeable = False
    cases = [
        (frozen, r"parameters is contiguous, read-only, \(3,\); it must be a contiguous vector"),
        (np.zeros(6)[::2], r"parameters is strided, \(3,\); it must be a contiguous vector"),
        (np.zeros((2, 2)), r"parameters is contiguous, \(2, 2\); it must be a contiguous vector"),
    ]
    for parameters, message in cases:
        with pytest.raises(ValueError, match=message):
            Adam(parameters)


def test_gradcheck_finds_a_wrong_gradient(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    net = load_network("relu1")
    first_order = net.first_order_meta_loss_and_gradient
    monkeypatch.setattr(net, "meta_loss_and_gradient", first_order)
    assert gradcheck.main(["--network", "relu1"]) == 1
    shown = capsys.readouterr().out
    assert "FAILED" in shown
    assert shown.splitlines()[-1] == "4 failed"


# --- refusals ---


@pytest.mark.parametrize(
    ("module", "arguments", "message"),
    [
        (".train", ["--network", "relu9"], "--network: is 'relu9'; it must be one of relu1,"),
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
            "too large",
        ),
        (".evaluate", ["--run", "nowhere"], "cannot read nowhere/run.json"),
        (".evaluate", ["--tasks", "1"], "--tasks: is '1'; it must be a whole number from 2 to"),
        (".evaluate", ["--points", "0"], "--points: is '0'; it must be a whole number from 1 to"),
        (".results", ["--only", "all"], "argument --only: invalid choice: 'all'"),
        (".plot", ["--run", "nowhere"], "cannot read nowhere/run.json"),
        (".gradcheck", ["--network", "relu9"], "the network is 'relu9'; it must be one of relu1,"),
        (".gradcheck", ["--run", "nowhere"], "cannot read nowhere/run.json"),
    ],
)
def test_a_command_refuses_in_one_line(module: str, arguments: list[str], message: str) -> None:
    result = run(module, *arguments)
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 1
    assert message in result.stderr


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
    save_weights(path, initial_weights(net, [40], tasks.stream(0, 0), FLOAT64))
    assert evaluate.main(["--run", str(tmp_path)]) == 2
    assert "holds W1, W2, b1, b2; it must be a .npz file with the arrays W1, b1, W2" in (
        capsys.readouterr().err
    )
    squares = {name: np.ones((2, 2)) for name in ("W1", "b1", "W2", "b2", "W3", "b3")}
    np.savez(path, allow_pickle=False, **squares)
    assert evaluate.main(["--run", str(tmp_path)]) == 2
    assert "maml.npz: W1 is float64 (2, 2); it must be float32 (1, 40)" in capsys.readouterr().err
    hollow = initial_weights(load_network("relu2"), [40, 40], tasks.stream(0, 0), FLOAT32)
    hollow[2][:] = np.nan
    save_weights(path, hollow)
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
    assert "run.json lacks arguments, trained" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"arguments": {}}, "lacks the argument network"),
        ({"arguments": []}, "lacks the argument network"),
        # As a run.json had it when this was a setting.
        ({"first_order": True}, "has the argument first_order; it must have only network, hidden"),
        ({"hidden": [3]}, "hidden has 1 numbers; relu2 has 2 hidden layers"),
        ({"hidden": "ab"}, "hidden is 'ab'; it must be a whole number from 1 to"),
        ({"dtype": "int8"}, "dtype is 'int8'; it must be one of float32, float64"),
        ({"alpha": "nan"}, "alpha is 'nan'; it must be a finite number, at least 0"),
        ({"seed": None}, "seed is 'None'; it must be a whole number from 0 to"),
        ({"network": "relu9"}, "network is 'relu9'; it must be one of"),
        ({"trained": {}}, "has no weights yet; python -m docs.experiment.train --resume goes on"),
        ({"trained": 5}, "trained is 5; it must be as"),
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


def test_an_evaluation_of_other_weights_is_not_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = ["--run", str(tmp_path)]
    assert train.main([*SMALL, *folder]) == 0
    assert evaluate.main([*folder, "--tasks", "3"]) == 0
    assert train.main([*SMALL, "--iterations", "7", *folder]) == 0
    assert plot.main(folder) == 2
    assert "evaluation.json is of other weights; it must be made again" in capsys.readouterr().err


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    from docs.experiment.command import replacing

    path = tmp_path / "weights.npz"
    path.write_bytes(b"old")

    def write_half() -> None:
        with replacing(path) as file:
            file.write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
