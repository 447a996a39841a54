"""What all commands share."""

from __future__ import annotations

from pathlib import Path

import pytest


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    from docs.experiment.files import replacing

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
    assert {each.name for each in tmp_path.iterdir()} == {path.name, "written.txt"}
