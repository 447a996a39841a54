"""The commands as a user runs them, and what they refuse."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from docs.characters import __main__ as experiment
from docs.characters import evaluate, gradcheck, train
from docs.characters.sweep import __main__ as sweep
from docs.experiment import checkpoint
from tests.docs.characters.images import ROOT, folder_of, omniglot

#: Every method whose network is in ``generated/``.
HERE = ["--methods", "maml", "first-order", "pretrained"]
TINY = ["--hidden", "16", "8", "--meta-batch", "4", "--quiet"]


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of images of one's own."""
    return folder_of(tmp_path_factory.mktemp("own") / "images", classes=24)


@pytest.fixture(scope="module")
def finished(own: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A run with two seeds, and what it printed."""
    folder = tmp_path_factory.mktemp("run")
    arguments = [*HERE, *TINY, "--iterations", "150", "--data", str(own), "--way", "3"]
    result = subprocess.run(
        [
            *(sys.executable, "-m", "docs.characters", *arguments),
            *("--tasks", "30", "--seeds", "2", "--run", str(folder)),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return folder, result.stdout


def test_its_last_line_but_one_is_the_accuracy_of_maml(finished: tuple[Path, str]) -> None:
    folder, printed = finished
    *_, said, wrote = printed.splitlines()
    assert wrote.startswith(f"wrote {folder}/figures/: ")
    record = json.loads((folder / "seeds.json").read_text())["methods"]["maml"]
    assert said.startswith("accuracy of MAML after 0 steps ")
    assert said.endswith(" (2 seeds)")
    for step in (0, 1, 3, 5, 10):
        name = f"{step} step" + "s" * (step != 1)
        mean, half = (100 * record[key][step] for key in ("capped", "seeds_ci95"))
        assert f"{name} {mean:.1f} \N{PLUS-MINUS SIGN} {half:.1f} %" in said
    assert record["seeds"] == [0, 1]


def test_a_run_has_its_files(finished: tuple[Path, str]) -> None:
    folder, _ = finished
    for name in ("run.json", "evaluation.json", "seeds.json", "metrics.csv", "maml.npz"):
        assert (folder / name).is_file()
    drawn = {path.stem for path in (folder / "figures").glob("*.svg")}
    assert drawn == {
        "contact_sheet", "test_task", "accuracy_by_step", "learning_curve", "confusion",
        "movement", "angle",
    }  # fmt: skip
    found = json.loads((folder / "evaluation.json").read_text())
    assert set(found["methods"]) == {"maml", "first-order", "pretrained", "random"}
    assert set(found["baselines"]) == {
        "nearest centroid, pixels", "nearest centroid, features of MAML",
    }  # fmt: skip
    chance = found["methods"]["random"]["accuracy"][0]
    assert abs(chance - 1 / 3) < 0.15
    assert found["methods"]["maml"]["accuracy"][1] > chance + 0.2
    with np.load(folder / "pretrained.npz") as file:
        assert file["W3"].shape == (8, 18)  # an output for each class of the training


def test_a_run_knows_its_images(finished: tuple[Path, str], tmp_path: Path) -> None:
    folder, _ = finished
    before = (folder / "evaluation.json").read_bytes()
    assert evaluate.main(["--tasks", "30", "--run", str(folder)]) == 0
    assert (folder / "evaluation.json").read_bytes() == before
    record = json.loads((folder / "run.json").read_text())
    for name, value in (("data", "other images"), ("family", "sinusoids")):
        (tmp_path / "run.json").write_text(json.dumps({**record, name: value}))
        assert evaluate.main(["--run", str(tmp_path)]) == 2


def test_its_gradients_are_checked(
    finished: tuple[Path, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from docs.experiment import gradcheck as checking

    monkeypatch.setattr(checking, "MOST", 20)
    assert gradcheck.main(["--run", str(finished[0])]) == 0
    printed = capsys.readouterr().out
    assert printed.count("meta-gradient, 1 inner step") == 2
    assert printed.endswith("every relative error is at most 1e-05\n")


def test_a_killed_training_goes_on_bit_for_bit(own: Path, tmp_path: Path) -> None:
    flags = [*HERE, *TINY, "--iterations", "400", "--data", str(own), "--checkpoint", "20"]
    cut, whole = tmp_path / "cut", tmp_path / "whole"
    process = subprocess.Popen(
        [sys.executable, "-m", "docs.characters.train", *flags, "--run", str(cut)], cwd=ROOT
    )
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if (cut / checkpoint.PREVIOUS).exists() and (cut / "metrics.csv").stat().st_size > 2000:
            break
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert train.main(["--resume", "--run", str(cut), "--quiet"]) == 0
    assert train.main([*flags, "--run", str(whole)]) == 0
    for name in ("maml.npz", "first-order.npz", "pretrained.npz", "metrics.csv", "run.json"):
        assert (cut / name).read_bytes() == (whole / name).read_bytes()


def test_a_sweep_over_ways_and_sizes(own: Path, tmp_path: Path) -> None:
    flags = ["--methods", "maml", *TINY, "--iterations", "20", "--data", str(own), "--tasks", "5"]
    grid = ["--grid", "way=3,5", "--grid", "size=14,28", "--seeds", "1", "--workers", "1"]
    assert sweep.main([*flags, *grid, "--run", str(tmp_path)]) == 0
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == [
        f"way={way},size={size},seed=0" for way in (3, 5) for size in (14, 28)
    ]
    with np.load(tmp_path / "runs" / "way=5,size=28,seed=0" / "maml.npz") as file:
        assert (file["W1"].shape, file["W3"].shape) == ((784, 16), (8, 5))


def test_other_images_are_another_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = folder_of(tmp_path / "images")
    flags = ["--methods", "maml", *TINY, "--iterations", "5", "--data", str(place), "--way", "3"]
    folder = tmp_path / "run"
    assert train.main([*flags, "--run", str(folder)]) == 0
    for path in sorted(place.glob("*/0.png")):
        path.unlink()
    from docs.characters import family, images

    for each in (family.bound, images.load, images.at_full_size):
        each.cache_clear()
    for main in (evaluate.main, gradcheck.main):
        assert main(["--run", str(folder)]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.endswith("run.json is of other characters; they have changed since")
    assert train.main(["--resume", "--run", str(folder)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "is of other characters: they have changed since" in line


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--way", "30"], "way is 30; it must be at most 6, the classes of the test"),
        (["--shots", "5"], "shots and queries are 5 + 5; they must be at most the 8 images of"),
        (["--size", "20"], "argument --size: is '20'; it must be one of 28, 14"),
        (["--way", "1"], "argument --way: is '1'; it must be a whole number from 2"),
        (["--data", "nowhere"], "nowhere, which is not there; it must be glyphs, a folder"),
        (["--network", "relu2"], "network is relu2, of the loss squared; for characters it must"),
        (["--network", "relu2", "--methods", "oracle"], "characters have nothing to tell"),
        (["--methods", "oracle"], "characters have nothing to tell; the methods must be others"),
        (
            ["--network", "tanh2-cross_entropy"],
            "argument --network: is 'tanh2-cross_entropy'; it must",
        ),
    ],
)
def test_bad_input_is_one_line(
    flags: list[str], message: str, own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    given = ["--data", str(own), *HERE, *TINY, *flags, "--run", str(folder)]
    try:
        code: Any = experiment.main(given)
    except SystemExit as end:
        code = end.code
    assert code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert message in line
    left = {path.name for path in folder.rglob("*") if path.is_file()}
    assert left <= {".maml-derived.lock"}


def test_the_minimal_splits_end_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--methods", "maml", "--iterations", "30", "--quiet", "--data", str(omniglot())]
    assert experiment.main([*flags, "--tasks", "20", "--seeds", "1", "--run", str(tmp_path)]) == 0
    *_, said, _ = capsys.readouterr().out.splitlines()
    assert said.startswith("accuracy of MAML after 0 steps ")
    record = json.loads((tmp_path / "evaluation.json").read_text())["methods"]["maml"]["accuracy"]
    assert record[3] > record[0] + 0.05


def test_a_short_training_on_glyphs_beats_the_nearest_centroid(tmp_path: Path) -> None:
    flags = ["--methods", "maml", "--iterations", "400", "--quiet", "--run", str(tmp_path)]
    assert train.main(flags) == 0
    assert evaluate.main(["--tasks", "200", "--run", str(tmp_path)]) == 0
    record = json.loads((tmp_path / "evaluation.json").read_text())
    pixels = record["baselines"]["nearest centroid, pixels"]["accuracy"]
    assert record["methods"]["maml"]["accuracy"][5] > pixels + 0.02
