"""Whatever ends a run: a kill, a signal, a loss that is not finite."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import time
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest

from docs.experiment import checkpoint, train
from docs.experiment.adam import Adam
from docs.experiment.checkpoint import CURRENT, PREVIOUS, unpacked
from docs.experiment.evaluate import load_run
from docs.experiment.recipes import Recipe
from docs.sinusoid.family import SINUSOIDS
from docs.sinusoid.train import main
from tests.docs.experiment.trainings import LONG, SHORT, ended, reached, results, started

if TYPE_CHECKING:
    from docs.experiment.family import Batch


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
    state = checkpoint.load(tmp_path, SINUSOIDS)
    assert state is not None
    assert state.iteration >= 300 or state.finished
    assert load_run(SINUSOIDS, tmp_path).starts["maml"]
    status, _, err = ended(started(tmp_path, "--resume"))
    assert (status, err) == (0, "")
    assert results(tmp_path) == undisturbed


def test_a_finished_run_is_not_trained_again(tmp_path: Path) -> None:
    folder = ["--run", str(tmp_path)]
    assert main([*SHORT, *folder, "--quiet"]) == 0
    before = results(tmp_path)
    assert main(["--resume", *folder]) == 0
    assert results(tmp_path) == before
    # Without --resume it begins anew, which gives the same again.
    assert main([*SHORT, *folder, "--quiet"]) == 0
    assert results(tmp_path) == before


def test_a_loss_that_is_not_finite_stops_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = ["--run", str(tmp_path)]
    assert main([*SHORT, "--beta", "1e19", *folder]) == 1
    message = capsys.readouterr().err
    assert "maml: the loss is" in message
    assert "at iteration" in message
    assert "the last good weights are saved" in message
    weights = load_run(SINUSOIDS, tmp_path).starts["maml"]
    assert all(np.isfinite(array).all() for array in weights.arrays)
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["stopped"].startswith("maml: the loss is")
    # The weights are those before the last step, and so is the number of steps.
    done = record["trained"]["maml"]
    assert f"at iteration {done + 1};" in message
    # It is over: there is nothing to resume, and it says why.
    assert main(["--resume", *folder]) == 1
    assert "maml: the loss is" in capsys.readouterr().err


def test_the_last_good_weights_are_those_of_the_last_finite_loss() -> None:
    ws = load_workspace()
    start = ws.parameters.copy()
    good, adam = start.copy(), Adam(ws.parameters)
    losses = iter([2.0, 1.0, float("nan")])
    seen: list[Any] = []

    def objective(_: Any, progress: float) -> float:
        assert progress == len(seen) / 3
        seen.append(ws.parameters.copy())
        ws.gradient[:] = 1
        return next(losses)

    batches, recipe = repeat(cast("Batch", None)), Recipe(iterations=3)
    loop = train.outer_loop(objective, ws, adam, recipe, batches, good)
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
    assert main([*SHORT, "--beta", "1e19", *arguments]) == 1
    last = json.loads((folder / "run.json").read_text())["trained"]["maml"] + 1
    expected = (folder / "maml.npz").read_bytes()
    state = unpacked((folder / PREVIOUS).read_bytes(), SINUSOIDS)
    assert (state.iteration, state.stopped) == (last, "")
    shutil.copy(folder / PREVIOUS, folder / CURRENT)
    assert main(["--resume", *arguments]) == 1
    assert (folder / "maml.npz").read_bytes() == expected
