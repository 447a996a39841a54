"""A run that goes on where it was."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from docs.experiment import checkpoint, train
from docs.experiment.checkpoint import CURRENT, unpacked
from docs.experiment.files import own
from docs.experiment.recipes import Recipe
from docs.sinusoid.family import SINUSOIDS
from docs.sinusoid.train import main
from tests.docs.experiment.trainings import SHORT, results


def test_resuming_goes_on_where_it_was(half: Path, whole: dict[str, bytes]) -> None:
    state = checkpoint.load(half, SINUSOIDS)
    assert state is not None
    assert (state.method, state.iteration) == ("maml", 26)
    assert main(["--resume", "--run", str(half), "--quiet"]) == 0
    assert results(half) == whole


def test_an_unfinished_run_is_not_overwritten(
    half: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = results(half)
    assert main([*SHORT, "--run", str(half)]) == 2
    assert capsys.readouterr().err == (
        f"error: {half} holds an unfinished run (maml, iteration 26 of 40); --resume continues "
        f"it, --run takes another folder\n"
    )
    assert results(half) == before


def test_a_run_that_never_began_is_in_nobodys_way(tmp_path: Path) -> None:
    own(tmp_path)
    checkpoint.save(tmp_path, train.fresh(SINUSOIDS, Recipe(), 0, {}))
    assert main([*SHORT, "--quiet", "--run", str(tmp_path)]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--alpha", "0.02"], "alpha is 0.02, not 0.01"),
        (["--seed", "3"], "seed is 3, not 0"),
        (["--recipe", "quick"], "iterations is 10000, not 40, meta_batch is 25, not 3"),
    ],
)
def test_resuming_another_run_is_refused(
    arguments: list[str], message: str, half: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = results(half)
    assert main(["--resume", *arguments, "--run", str(half)]) == 2
    assert f"{half} holds another run: {message}" in capsys.readouterr().err
    assert results(half) == before


def test_resuming_nothing_begins(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*SHORT, "--resume", "--run", str(tmp_path)]) == 0
    assert "has no checkpoint: a new run begins" in capsys.readouterr().err


def test_lines_after_the_checkpoint_are_written_again(half: Path, whole: dict[str, bytes]) -> None:
    with (half / "metrics.csv").open("a") as file:
        file.write("maml,26,0.1,\nmaml,2")
    assert main(["--resume", "--run", str(half), "--quiet"]) == 0
    assert results(half) == whole


@pytest.mark.parametrize("damage", ["cut", "flipped", "zeroed", "another's", "a link", "gone"])
def test_damaged_metrics_are_set_aside_and_the_run_goes_on(
    damage: str,
    half: Path,
    whole: dict[str, bytes],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path, kept = half / "metrics.csv", half / "metrics.refused.csv"
    content = path.read_bytes()
    elsewhere = tmp_path / "elsewhere.csv"
    elsewhere.write_bytes(content)
    flipped = content[:60] + bytes([content[60] ^ 1]) + content[61:]
    damaged: dict[str, bytes] = {
        "cut": content[:40],
        "flipped": flipped,
        "zeroed": content[:40] + bytes(40) + content[80:],
        "another's": whole["metrics.csv"][::-1],
    }
    if damage in damaged:
        path.write_bytes(damaged[damage])
    else:
        path.unlink()
        if damage == "a link":
            path.symlink_to(elsewhere)
    assert main(["--resume", "--run", str(half), "--quiet"]) == 0
    said = capsys.readouterr().err
    if damage == "gone":
        assert said == f"{path} is gone; it begins again\n"
    else:
        assert said == f"{path} is not what was written; it is now {kept.name}\n"
        assert kept.read_bytes() == damaged.get(damage, content)
    # What the metrics are no part of is what it would have been.
    assert results(half)["maml.npz"] == whole["maml.npz"]
    assert elsewhere.read_bytes() == content


def test_other_versions_are_said(half: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = unpacked((half / CURRENT).read_bytes(), SINUSOIDS)
    state.versions = {"python": "3.11.0", "numpy": "1.0"}
    checkpoint.save(half, state)
    assert main(["--resume", "--run", str(half), "--quiet"]) == 0
    assert "was begun with {'python': '3.11.0', 'numpy': '1.0'} and goes on with" in (
        capsys.readouterr().err
    )
    record = json.loads((half / "run.json").read_text())
    assert record["versions"] == checkpoint.versions()


def test_a_lost_record_is_written_again(
    half: Path, whole: dict[str, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    (half / "run.json").write_text("{")
    assert main(["--resume", "--run", str(half), "--quiet"]) == 0
    assert (half / "run.refused.json").read_text() == "{"
    assert capsys.readouterr().err == (
        f"{half / 'run.json'} is not what was written; it is now run.refused.json\n"
    )
    (half / "run.refused.json").unlink()
    assert results(half) == whole


def test_two_files_of_another_run_are_refused(
    half: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    assert main([*SHORT, "--alpha", "0.02", "--run", str(other), "--quiet"]) == 0
    for name in ("run.json", CURRENT):
        shutil.copy(other / name, half / name)
    before = results(half)
    assert main(["--resume", "--run", str(half)]) == 2
    assert "are not those of the checkpoint; it is of another run" in capsys.readouterr().err
    assert results(half) == before


def test_another_run_whose_checkpoints_are_gone_is_not_begun_over(
    half: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in half.glob("checkpoint*"):
        path.unlink()
    before = results(half)
    assert main(["--resume", "--run", str(half)]) == 2
    assert "run.json is of another run, whose checkpoints are gone" in capsys.readouterr().err
    assert results(half) == before
