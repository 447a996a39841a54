"""A file of weights alone is evaluated, as the playground saves one."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs.sinusoid import evaluate, train

FLAGS = ["--methods", "maml", "--hidden", "4", "4"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights") / "run"
    assert train.main([*FLAGS, "--iterations", "3", "--run", str(folder), "--quiet"]) == 0
    return folder


def test_its_table_is_that_of_its_run(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "maml.npz"
    file.write_bytes((run / "maml.npz").read_bytes())
    assert evaluate.main(["--run", str(run), "--tasks", "5"]) == 0
    expected = capsys.readouterr().out
    assert evaluate.main(["--weights", str(file), *FLAGS, "--tasks", "5"]) == 0
    assert capsys.readouterr().out == expected
    assert [*tmp_path.iterdir()] == [file]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--weights", "{file}"], "methods is maml joint; it must be that of the weights"),
        (["--weights", "{file}", "--methods", "maml"], "W1 is float32 (1, 4); it must be"),
        (["--weights", "{folder}/none.npz", *FLAGS], "cannot read "),
        (["--run", "{folder}", "--hidden", "4"], "--hidden: only with --weights"),
    ],
)
def test_what_does_not_fit_is_one_line(
    run: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    places = {"file": run / "maml.npz", "folder": run}
    assert evaluate.main([each.format(**places) for each in arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
