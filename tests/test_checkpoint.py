"""Runs that survive: checkpoints, whatever ends a run, whatever happens to its files."""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import pty
import random
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from docs.sinusoid import checkpoint, evaluate, tasks, train
from docs.experiment.adam import Adam
from docs.experiment.checkpoint import CURRENT, PREVIOUS, REFUSED, packed, unpacked
from docs.experiment.command import Refusal
from docs.experiment.metrics import read_metrics
from docs.experiment.recipes import Recipe

ROOT = Path(__file__).parent.parent
SIZES = ["--meta-batch", "3", "--shots", "4", "--queries", "5"]
#: A second and a half of training, a checkpoint every few hundredths.
LONG = ["--iterations", "4000", "--methods", "maml", "joint", *SIZES, "--checkpoint", "150"]
SHORT = ["--iterations", "40", *SIZES, "--checkpoint", "10"]


def started(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """A training in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "docs.experiment.train", "--run", str(folder), *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def results(folder: Path) -> dict[str, bytes]:
    """What a finished run must have the same, however it came to its end."""
    return {
        path.name: path.read_bytes()
        for path in sorted(folder.iterdir())
        if path.suffix in (".csv", ".json") or path.name in ("maml.npz", "joint.npz")
    }


def reached(folder: Path, iterations: int) -> None:
    """Wait until a run has a checkpoint of so many iterations, those of all methods together."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            state = unpacked((folder / CURRENT).read_bytes())
        except (FileNotFoundError, Refusal):
            pass
        else:
            if 4000 * len(state.finished) + state.iteration >= iterations:
                return
        time.sleep(0.005)
    raise TimeoutError


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The results of `LONG`, from one go."""
    folder = tmp_path_factory.mktemp("whole")
    assert train.main([*LONG, "--run", str(folder), "--quiet"]) == 0
    return results(folder)


@pytest.fixture
def half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose run was ended after 25 of 40 iterations, and its two checkpoints."""
    original = tasks.batches

    def ending(*arguments: Any, **options: Any) -> Iterator[tasks.Batch]:
        batches = original(*arguments, **options)
        yield from islice(batches, 25)
        os.kill(os.getpid(), signal.SIGTERM)
        yield from batches

    monkeypatch.setattr(tasks, "batches", ending)
    folder = tmp_path / "half"
    assert train.main([*SHORT, "--run", str(folder), "--quiet"]) == 143
    monkeypatch.undo()
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The results of `SHORT`, from one go."""
    folder = tmp_path_factory.mktemp("short")
    assert train.main([*SHORT, "--run", str(folder), "--quiet"]) == 0
    return results(folder)


# --- ends ---


@pytest.mark.parametrize("seed", range(3))
def test_a_run_that_is_killed_goes_on_bit_for_bit(
    seed: int, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    moment = random.Random(seed)
    resume: list[str] = []
    for least in (0, moment.randrange(150, 3500), moment.randrange(4000, 7500)):
        process = started(tmp_path, *LONG, *resume)
        reached(tmp_path, least)
        time.sleep(moment.uniform(0, 0.03))
        process.kill()
        assert ended(process)[0] == -signal.SIGKILL
        resume = ["--resume"]
    code, _, err = ended(started(tmp_path, *LONG, *resume))
    assert code == 0, err
    assert results(tmp_path) == undisturbed
    assert not list(tmp_path.glob(".*.npz.*"))


@pytest.mark.parametrize("seconds", [0.05, 0.2, 0.35])
def test_a_run_that_is_killed_as_it_begins(
    seconds: float, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    process = started(tmp_path, *LONG)
    time.sleep(seconds)
    process.kill()
    ended(process)
    assert ended(started(tmp_path, *LONG, "--resume"))[0] == 0
    assert results(tmp_path) == undisturbed


def test_what_a_killed_process_was_writing_is_cleared_away(tmp_path: Path) -> None:
    left = [tmp_path / ".checkpoint.npz.a1b2c3d4", tmp_path / ".run.json.a1b2c3d4"]
    for path in left:
        path.write_bytes(b"half")
    assert train.main([*SHORT, "--run", str(tmp_path), "--quiet"]) == 0
    assert not any(path.exists() for path in left)


def test_a_second_signal_does_not_wait() -> None:
    before = signal.getsignal(signal.SIGINT)
    with train.signals() as caught:
        os.kill(os.getpid(), signal.SIGINT)
        assert caught == [signal.SIGINT]
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert caught == [signal.SIGINT]
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_run_between_two_iterations(
    number: signal.Signals, code: int, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    process = started(tmp_path, *LONG)
    reached(tmp_path, 300)
    process.send_signal(number)
    status, _, err = ended(process)
    assert status == code
    assert len(err.splitlines()) == 1
    assert "interrupted at iteration" in err
    assert "the last good weights are saved" in err
    state = checkpoint.load(tmp_path)
    assert state is not None
    assert state.iteration >= 300 or state.finished
    assert evaluate.load_run(tmp_path).starts["maml"]
    status, _, err = ended(started(tmp_path, "--resume"))
    assert (status, err) == (0, "")
    assert results(tmp_path) == undisturbed


def test_a_finished_run_is_not_trained_again(tmp_path: Path) -> None:
    folder = ["--run", str(tmp_path)]
    assert train.main([*SHORT, *folder, "--quiet"]) == 0
    before = results(tmp_path)
    assert train.main(["--resume", *folder]) == 0
    assert results(tmp_path) == before
    # Without --resume it begins anew, which gives the same again.
    assert train.main([*SHORT, *folder, "--quiet"]) == 0
    assert results(tmp_path) == before


def test_a_loss_that_is_not_finite_stops_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = ["--run", str(tmp_path)]
    assert train.main([*SHORT, "--beta", "1e19", *folder]) == 1
    message = capsys.readouterr().err
    assert "maml: the loss is" in message
    assert "at iteration" in message
    assert "the last good weights are saved" in message
    weights = evaluate.load_run(tmp_path).starts["maml"]
    assert all(np.isfinite(array).all() for array in weights)
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["stopped"].startswith("maml: the loss is")
    # The weights are those before the last step, and so is the number of steps.
    done = record["trained"]["maml"]
    assert f"at iteration {done + 1};" in message
    # It is over: there is nothing to resume, and it says why.
    assert train.main(["--resume", *folder]) == 1
    assert "maml: the loss is" in capsys.readouterr().err


def test_the_last_good_weights_are_those_of_the_last_finite_loss() -> None:
    ws = load_workspace()
    start = ws.parameters.copy()
    good, adam = start.copy(), Adam(ws.parameters)
    losses = iter([2.0, 1.0, float("nan")])
    seen = []

    def objective(_: Any) -> float:
        seen.append(ws.parameters.copy())
        ws.gradient[:] = 1
        return next(losses)

    loop = train.outer_loop(objective, ws, adam, iter([None] * 3), good)  # type: ignore[list-item]
    assert [next(loop), next(loop)] == [2.0, 1.0]
    with pytest.raises(train.Diverged, match="the loss is nan"):
        next(loop)
    np.testing.assert_array_equal(ws.parameters, seen[1])
    assert not np.array_equal(seen[1], seen[2])


def load_workspace() -> Any:
    from generated import relu1

    return relu1.workspace((1, 3, 1), 2, 3, 4, np.float64)


def test_a_divergence_after_a_checkpoint_is_the_same_as_without_one(tmp_path: Path) -> None:
    # The weights before the last step are part of a checkpoint: they are needed when the first
    # loss after it is not finite.
    folder = tmp_path / "a"
    arguments = ["--run", str(folder), "--quiet", "--checkpoint", "1"]
    assert train.main([*SHORT, "--beta", "1e19", *arguments]) == 1
    last = json.loads((folder / "run.json").read_text())["trained"]["maml"] + 1
    expected = (folder / "maml.npz").read_bytes()
    state = unpacked((folder / PREVIOUS).read_bytes())
    assert (state.iteration, state.stopped) == (last, "")
    shutil.copy(folder / PREVIOUS, folder / CURRENT)
    assert train.main(["--resume", *arguments]) == 1
    assert (folder / "maml.npz").read_bytes() == expected


# --- resuming ---


def test_resuming_goes_on_where_it_was(half: Path, whole: dict[str, bytes]) -> None:
    state = checkpoint.load(half)
    assert state is not None
    assert (state.method, state.iteration) == ("maml", 26)
    assert train.main(["--resume", "--run", str(half), "--quiet"]) == 0
    assert results(half) == whole


def test_an_unfinished_run_is_not_overwritten(
    half: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = results(half)
    assert train.main([*SHORT, "--run", str(half)]) == 2
    assert capsys.readouterr().err == (
        f"error: {half} holds an unfinished run (maml, iteration 26 of 40); --resume continues "
        f"it, --run takes another folder\n"
    )
    assert results(half) == before


def test_a_run_that_never_began_is_in_nobodys_way(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, train.fresh(Recipe(), 0, {}, 0))
    assert train.main([*SHORT, "--quiet", "--run", str(tmp_path)]) == 0


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
    assert train.main(["--resume", *arguments, "--run", str(half)]) == 2
    assert f"{half} holds another run: {message}" in capsys.readouterr().err
    assert results(half) == before


def test_resuming_nothing_begins(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train.main([*SHORT, "--resume", "--run", str(tmp_path)]) == 0
    assert "has no checkpoint: a new run begins" in capsys.readouterr().err


def test_lines_after_the_checkpoint_are_written_again(half: Path, whole: dict[str, bytes]) -> None:
    with (half / "metrics.csv").open("a") as file:
        file.write("maml,26,0.1,\nmaml,2")
    assert train.main(["--resume", "--run", str(half), "--quiet"]) == 0
    assert results(half) == whole


def test_lines_before_the_checkpoint_must_be_there(
    half: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = half / "metrics.csv"
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[:40])
    assert train.main(["--resume", "--run", str(half)]) == 2
    assert f"{path} has 40 bytes; it must have the {size} of the checkpoint" in (
        capsys.readouterr().err
    )


# --- damage ---


def test_a_checkpoint_comes_back_as_it_was(half: Path) -> None:
    content = (half / CURRENT).read_bytes()
    assert packed(unpacked(content)) == content


@pytest.mark.parametrize("block", [64, 512])
def test_a_truncated_checkpoint_is_refused(block: int, half: Path) -> None:
    content = (half / CURRENT).read_bytes()
    for length in range(0, len(content), block):
        with pytest.raises(Refusal, match=r"is not a checkpoint|is damaged"):
            unpacked(content[:length])


def test_a_flipped_byte_is_found(half: Path) -> None:
    content = (half / CURRENT).read_bytes()
    places = [*range(120), *range(120, len(content), 101), len(content) - 1]
    for place in places:
        damaged = bytearray(content)
        damaged[place] ^= 1 << place % 8
        with pytest.raises(Refusal, match=r"is not a checkpoint|is damaged"):
            unpacked(bytes(damaged))


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
        (in_the_way, "cannot be read: Is a directory"),
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
    assert train.main(["--resume", "--run", str(half), "--quiet"]) == 0
    expected = f"{half / CURRENT} {reason}; it is now {REFUSED}, and {PREVIOUS} is used\n"
    assert capsys.readouterr().err == expected
    assert (half / REFUSED).exists()
    assert results(half) == whole


def test_without_a_usable_checkpoint_nothing_is_touched(
    half: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut(half / CURRENT)
    cut(half / PREVIOUS)
    before = results(half)
    for arguments in (["--resume"], SHORT):
        assert train.main([*arguments, "--run", str(half)]) == 2
        message = capsys.readouterr().err
        assert len(message.splitlines()) == 1
        assert f"{CURRENT} is damaged" in message
        assert f"{PREVIOUS} is damaged" in message
    assert results(half) == before


def test_the_checkpoint_of_another_run_is_refused(
    half: Path, tmp_path: Path, whole: dict[str, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    assert train.main([*SHORT, "--alpha", "0.02", "--run", str(other), "--quiet"]) == 0
    shutil.copy(other / CURRENT, half / CURRENT)
    assert train.main(["--resume", "--run", str(half), "--quiet"]) == 0
    assert "is of another run: run.json has other arguments; it is now" in capsys.readouterr().err
    assert results(half) == whole


def test_a_checkpoint_of_an_unknown_network_is_refused(half: Path) -> None:
    state = unpacked((half / CURRENT).read_bytes())
    object.__setattr__(state.recipe, "network", "relu9")
    with pytest.raises(Refusal, match="network is 'relu9'; it must be one of"):
        unpacked(packed(state))


def test_a_checkpoint_with_another_content_is_refused(half: Path) -> None:
    state = unpacked((half / CURRENT).read_bytes())
    state.good = state.good[:7]
    with pytest.raises(Refusal, match="has parameters of size 7; its recipe has 1761"):
        unpacked(packed(state))
    body = b"PK no arrays"
    head = checkpoint.MARK + hashlib.sha256(body).hexdigest().encode() + b"\n"
    with pytest.raises(Refusal, match="has not the content of a checkpoint"):
        unpacked(head + body)
    file = io.BytesIO()
    np.savez(file, record=np.array("{}"))
    body = file.getvalue()
    head = checkpoint.MARK + hashlib.sha256(body).hexdigest().encode() + b"\n"
    with pytest.raises(Refusal, match="has not the content of a checkpoint"):
        unpacked(head + body)


def test_other_versions_are_said(half: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = unpacked((half / CURRENT).read_bytes())
    state.versions = {"python": "3.11.0", "numpy": "1.0"}
    checkpoint.save(half, state)
    assert train.main(["--resume", "--run", str(half), "--quiet"]) == 0
    assert "was begun with {'python': '3.11.0', 'numpy': '1.0'} and goes on with" in (
        capsys.readouterr().err
    )
    record = json.loads((half / "run.json").read_text())
    assert record["versions"] == checkpoint.versions()


def test_a_lost_record_is_written_again(half: Path, whole: dict[str, bytes]) -> None:
    (half / "run.json").write_text("{")
    assert train.main(["--resume", "--run", str(half), "--quiet"]) == 0
    assert results(half) == whole


def test_a_checkpoint_holds_the_rest_of_the_run(half: Path) -> None:
    state = unpacked((half / CURRENT).read_bytes())
    assert state.recipe == Recipe(iterations=40, meta_batch=3, shots=4, queries=5)
    assert state.metrics == (half / "metrics.csv").stat().st_size
    assert not np.array_equal(state.parameters, state.good)
    assert np.abs(state.mean).max() > 0
    assert state.square.max() > 0


# --- disks and other processes ---


#: A training in which no file may grow beyond so many bytes. The limit is set in the new process:
#: this one may have threads of JAX, and must not fork.
LIMITED = """
import resource, runpy, sys
limit = int(sys.argv.pop(1))
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
runpy.run_module("docs.experiment.train", run_name="__main__")
"""


@pytest.mark.parametrize(
    ("size", "name"), [(60_000, "metrics.csv"), (20_000, CURRENT), (10, "metrics.csv")]
)
def test_a_full_disk_loses_nothing(
    size: int, name: str, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    result = subprocess.run(
        [sys.executable, "-c", LIMITED, str(size), "--run", str(tmp_path), *LONG],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2
    assert result.stderr == f"error: cannot write {tmp_path / name}: File too large\n"
    assert not list(tmp_path.glob(".checkpoint*"))
    assert ended(started(tmp_path, *LONG, "--resume"))[0] == 0
    assert results(tmp_path) == undisturbed


def test_a_read_only_folder_is_refused(tmp_path: Path) -> None:
    assert train.main([*SHORT, "--run", str(tmp_path), "--quiet"]) == 0
    before = results(tmp_path)
    command = [sys.executable, "-m", "docs.experiment.train", "--run", str(tmp_path), *SHORT]
    if os.getuid() == 0:  # who may write anywhere, unless it gives that up
        if not shutil.which("setpriv"):
            pytest.skip("setpriv is not installed")
        command = ["setpriv", "--inh-caps=-all", "--bounding-set=-dac_override", *command]
    tmp_path.chmod(0o555)
    try:
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    finally:
        tmp_path.chmod(0o755)
    assert result.returncode == 2
    assert result.stderr == (
        f"error: cannot write to {tmp_path}: Permission denied; "
        f"it must be a folder that can be written\n"
    )
    assert results(tmp_path) == before


def test_two_processes_do_not_share_a_folder(undisturbed: dict[str, bytes], tmp_path: Path) -> None:
    first = started(tmp_path, *LONG)
    reached(tmp_path, 0)
    for arguments in (LONG, ["--resume"]):
        code, _, err = ended(started(tmp_path, *arguments))
        assert code == 2
        assert err == (f"error: {tmp_path} is in use by another process; it must be alone there\n")
    assert ended(first)[0] == 0
    assert results(tmp_path) == undisturbed


# --- what is shown ---


def test_metrics_stream_as_they_come(tmp_path: Path) -> None:
    process = started(tmp_path, *LONG[:-1], "100000")
    deadline = time.monotonic() + 60
    path = tmp_path / "metrics.csv"
    while not (path.exists() and path.read_bytes().count(b"\n") > 50):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    assert process.poll() is None
    process.kill()
    ended(process)
    curve = read_metrics(path)["maml"]
    assert len(curve.losses) >= 50
    assert curve.iterations[0] == 0
    assert 0 < curve.angles[0] < 90


def test_progress_is_shown_to_a_terminal_only(tmp_path: Path) -> None:
    shown = {}
    for name, extra in (("terminal", []), ("quiet", ["--quiet"])):
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
        process = subprocess.Popen(
            [sys.executable, "-m", "docs.experiment.train", "--run", str(tmp_path / name), *LONG,
             *extra],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=theirs,
        )  # fmt: skip
        os.close(theirs)
        shown[name] = b""
        with os.fdopen(ours, "rb", buffering=0) as terminal:
            try:
                while part := terminal.read(4096):
                    shown[name] += part
            except OSError:
                pass  # the other end is closed
        assert process.wait() == 0
    for word in (b"maml", b"loss", b"it/s", b"4000/4000", b"<"):
        assert word in shown["terminal"]
    assert shown["quiet"] == b""
    code, out, err = ended(started(tmp_path / "pipe", *LONG, "--quiet"))
    assert (code, out, err) == (0, "", "")
