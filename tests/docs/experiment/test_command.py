"""What all commands share: how they end, and how files are written."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from docs.experiment.command import Refusal, printable, status
from docs.experiment.files import (
    WRITTEN,
    clear,
    content_of,
    is_ours,
    make_room,
    output,
    replacing,
    unaltered,
    unmarked,
    write_json,
    write_text,
)

ROOT = Path(__file__).parents[3]


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "weights.npz"
    with replacing(path) as file:
        file.write(b"old")

    def write_half() -> None:
        with replacing(path) as file:
            file.write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert path.read_bytes() == b"old"
    assert {each.name for each in tmp_path.iterdir()} == {path.name, WRITTEN}


def test_the_list_is_one_that_sha256sum_reads(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "a")
    result = subprocess.run(
        ["sha256sum", "--check", "--quiet", WRITTEN], cwd=tmp_path, check=False, capture_output=True
    )
    assert result.returncode == 0, result.stderr


def test_only_what_is_listed_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("mine")
    acts: list[Callable[[], None]] = [
        lambda: write_json(path, {}),
        lambda: make_room(tmp_path, unmarked(path.name)),
    ]
    for act in acts:
        with pytest.raises(Refusal, match=f"{path} is not what this program has written"):
            act()
    assert path.read_text() == "mine"
    path.unlink()
    write_json(path, {"a": 1})
    assert is_ours(path)
    write_json(path, {"a": 2})
    # In a folder of ours it is set aside, twice by two names.
    for text, name in (("mine", "a.refused.json"), ("too", "a.refused1.json")):
        path.write_text(text)
        with pytest.raises(Refusal, match=f"{path} is damaged or of another folder"):
            unaltered(path)
        make_room(tmp_path, unmarked(path.name))
        assert (tmp_path / name).read_text() == text
        assert not path.exists()


def test_a_line_of_the_list_that_is_torn_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "a")
    with (tmp_path / WRITTEN).open("a") as file:
        file.write("0123")
    write_text(path, "b")
    assert unaltered(path) == b"b"


def test_temporaries_that_are_ours_are_cleared(tmp_path: Path) -> None:
    ours = tmp_path / ".run.json.maml-derived-0123456789abcdef"
    others = [tmp_path / ".settings.json.original", tmp_path / ".weights.npz.20240101"]
    for path in (ours, *others):
        path.write_text("")
    clear(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted(others)


def test_one_file_that_is_asked_for_replaces_only_its_like(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    assert output(path, {"command"}) == path
    for text in ("mine", "[1]", '{"a": 1}', "[" * 10**6, "\xff"):
        path.write_text(text)
        with pytest.raises(Refusal, match="it must be a new file, or one made by this"):
            output(path, {"command"})
    path.write_text('{"command": "x"}')
    assert output(path, {"command"}) == path
    for strange in (Path("/dev/null"), tmp_path):
        with pytest.raises(Refusal, match="cannot read"):
            output(strange, {"command"})


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for name, reason in (("fifo", "it is no file"), ("loop", "Too many levels of symbolic")):
        with pytest.raises(Refusal, match=f"{name}: {reason}"):
            content_of(tmp_path / name)


def test_what_is_printed_is_one_line() -> None:
    assert printable("a\nb\x1b[31m\udcff \N{PLUS-MINUS SIGN}") == "a\\nb\\x1b[31m\\udcff \xb1"


def test_every_error_is_a_line_and_a_status(capsys: pytest.CaptureFixture[str]) -> None:
    def ended(error: BaseException) -> tuple[int, str]:
        def command() -> int:
            raise error

        code = status(command)
        return code, capsys.readouterr().err

    assert ended(KeyboardInterrupt()) == (130, "interrupted\n")
    assert ended(Refusal("a\nb")) == (2, "error: a\\nb\n")
    assert ended(OSError(28, "No space", "x")) == (2, "error: cannot write x: No space\n")
    assert ended(MemoryError("1 GB"))[0] == 2
    code, said = ended(ZeroDivisionError("of nothing"))
    assert code == 2
    assert said.startswith("error: ZeroDivisionError: of nothing, in ")


def in_process(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a few lines that end as a command does."""
    return subprocess.run(
        [sys.executable, "-c", f"from docs.experiment.command import status; {code}"],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_ascii_terminal_shows_what_it_can() -> None:
    signs = "\\N{PLUS-MINUS SIGN}1\\N{DEGREE SIGN}\\N{SNOWMAN}"
    result = in_process(f"status(lambda: print('{signs}') or 0)", PYTHONIOENCODING="ascii")
    assert (result.stdout, result.stderr, result.returncode) == ("+-1 deg?\n", "", 0)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device")
@pytest.mark.parametrize("verdict", [0, 1])
def test_output_that_cannot_be_written_ends_nothing(verdict: int, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    code = (
        "import sys, pathlib; sys.exit(status(lambda: print('x' * 99999, flush=True) or "
        f"pathlib.Path({str(kept)!r}).touch() or {verdict}))"
    )
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            [sys.executable, "-c", f"from docs.experiment.command import status; {code}"],
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert result.returncode == 2
    assert result.stderr == "error: cannot write the output: No space left on device\n"
    assert kept.exists()


def test_what_was_closed_takes_everything_and_its_number_is_not_taken(tmp_path: Path) -> None:
    code = (
        "from docs.experiment.command import begin; import sys; begin(); "
        "sys.stderr.write('lost'); print('lost', flush=True); "
        "file = open(sys.argv[1], 'w'); file.write(str(file.fileno() > 2))"
    )
    kept = tmp_path / "kept.txt"
    command = [sys.executable, "-c", code, str(kept)]
    subprocess.run(["sh", "-c", '"$@" <&- >&- 2>&-', "sh", *command], cwd=ROOT, check=True)
    assert kept.read_text() == "True"


@pytest.mark.parametrize(
    ("module", "text", "code", "said"),
    [
        ("numpy", "import os, signal; os.kill(os.getpid(), signal.SIGINT)", 130, "interrupted\n"),
        # Before there is a handler.
        ("signal", "import os; os.kill(os.getpid(), 2)", 130, "interrupted\n"),
        (
            "numpy",
            "raise ModuleNotFoundError(name='numpy')",
            2,
            "error: cannot import numpy; it must be installed\n",
        ),
    ],
)
def test_a_command_that_is_starting_ends_in_a_line(
    module: str, text: str, code: int, said: str, tmp_path: Path
) -> None:
    (tmp_path / f"{module}.py").write_text(text)
    for command in ("docs.diagnose", "docs.check", "docs.sinusoid"):
        result = subprocess.run(
            [sys.executable, "-m", command, "x.npz"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (result.returncode, result.stderr) == (code, said)


def test_the_umask_decides_who_may_read(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        write_text(tmp_path / "a.txt", "a")
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
