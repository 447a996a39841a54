"""What a checkpoint holds, and what happens to a damaged one."""

from __future__ import annotations

import hashlib
import io
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from docs.experiment import checkpoint
from docs.experiment.checkpoint import CURRENT, PREVIOUS, REFUSED, packed, unpacked
from docs.experiment.command import Refusal
from docs.experiment.recipes import Recipe
from docs.sinusoid.family import SINUSOIDS
from docs.sinusoid.train import main
from tests.docs.experiment.trainings import SHORT, results


def test_a_checkpoint_comes_back_as_it_was(half: Path) -> None:
    content = (half / CURRENT).read_bytes()
    assert packed(unpacked(content, SINUSOIDS)) == content


@pytest.mark.parametrize("block", [64, 512])
def test_a_truncated_checkpoint_is_refused(block: int, half: Path) -> None:
    content = (half / CURRENT).read_bytes()
    for length in range(0, len(content), block):
        with pytest.raises(Refusal, match=r"is not a checkpoint|is damaged"):
            unpacked(content[:length], SINUSOIDS)


def test_a_flipped_byte_is_found(half: Path) -> None:
    content = (half / CURRENT).read_bytes()
    places = [*range(120), *range(120, len(content), 101), len(content) - 1]
    for place in places:
        damaged = bytearray(content)
        damaged[place] ^= 1 << place % 8
        with pytest.raises(Refusal, match=r"is not a checkpoint|is damaged"):
            unpacked(bytes(damaged), SINUSOIDS)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def foreign(path: Path) -> None:
    np.savez(path, W1=np.zeros(3))


def in_the_way(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (cut, "is damaged: its digest is not that of its content"),
        (emptied, "is not a checkpoint of this program"),
        (foreign, "is not a checkpoint of this program"),
        (in_the_way, "Is a directory"),
    ],
)
def test_the_checkpoint_before_a_damaged_one_is_used(
    damage: Callable[[Path], None],
    reason: str,
    half: Path,
    whole: dict[str, bytes],
    capsys: pytest.CaptureFixture[str],
) -> None:
    damage(half / CURRENT)
    assert main(["--resume", "--run", str(half), "--quiet"]) == 0
    said = capsys.readouterr().err
    assert said.endswith(f"{reason}; it is now {REFUSED}, and {PREVIOUS} is used\n")
    assert str(half / CURRENT) in said
    assert (half / REFUSED).exists()
    assert results(half) == whole


def test_without_a_usable_checkpoint_nothing_is_touched(
    half: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut(half / CURRENT)
    cut(half / PREVIOUS)
    before = results(half)
    for arguments in (["--resume"], SHORT):
        assert main([*arguments, "--run", str(half)]) == 2
        message = capsys.readouterr().err
        assert len(message.splitlines()) == 1
        assert f"{CURRENT} is damaged" in message
        assert f"{PREVIOUS} is damaged" in message
    assert results(half) == before


def test_the_checkpoint_of_another_run_is_refused(
    half: Path, tmp_path: Path, whole: dict[str, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    assert main([*SHORT, "--alpha", "0.02", "--run", str(other), "--quiet"]) == 0
    shutil.copy(other / CURRENT, half / CURRENT)
    assert main(["--resume", "--run", str(half), "--quiet"]) == 0
    assert "is of another run: run.json has other arguments; it is now" in capsys.readouterr().err
    assert results(half) == whole


def test_a_checkpoint_of_an_unknown_network_is_refused(half: Path) -> None:
    state = unpacked((half / CURRENT).read_bytes(), SINUSOIDS)
    object.__setattr__(state.recipe, "network", "relu9")
    with pytest.raises(Refusal, match="network is 'relu9'; it must be one of"):
        unpacked(packed(state), SINUSOIDS)


def test_a_checkpoint_with_another_content_is_refused(half: Path) -> None:
    state = unpacked((half / CURRENT).read_bytes(), SINUSOIDS)
    state.good = state.good[:7]
    with pytest.raises(Refusal, match="has parameters of size 7; its recipe has 1761"):
        unpacked(packed(state), SINUSOIDS)
    body = b"PK no arrays"
    head = checkpoint.MARK + hashlib.sha256(body).hexdigest().encode() + b"\n"
    with pytest.raises(Refusal, match="has not the content of a checkpoint"):
        unpacked(head + body, SINUSOIDS)
    file = io.BytesIO()
    np.savez(file, record=np.array("{}"))
    body = file.getvalue()
    head = checkpoint.MARK + hashlib.sha256(body).hexdigest().encode() + b"\n"
    with pytest.raises(Refusal, match="has not the content of a checkpoint"):
        unpacked(head + body, SINUSOIDS)


def test_a_checkpoint_holds_the_rest_of_the_run(half: Path) -> None:
    state = unpacked((half / CURRENT).read_bytes(), SINUSOIDS)
    assert state.recipe == Recipe(iterations=40, meta_batch=3, shots=4, queries=5)
    assert state.metrics.bytes == (half / "metrics.csv").stat().st_size
    assert not np.array_equal(state.parameters, state.good)
    assert np.abs(state.mean).max() > 0
    assert state.square.max() > 0
