"""What pages show of speed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from docs.render.manifest import PageError
from docs.render.speed import IN_C, RESULTS, TITLES, speed, time_table


def record() -> dict[str, Any]:
    return json.loads(RESULTS.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


# --- numbers ---


def test_a_number_is_that_of_the_file() -> None:
    machine, pinned = record()["machine"], record()["pinned"]
    assert speed("machine/cores") == str(machine["cores"])
    assert speed("machine/fma:.0f") == f"{machine['fma']:.0f}"
    assert speed("pinned/blas") == pinned["blas"]
    for points in (10, 5):
        (case,) = (each for each in pinned["cases"] if each["K"] == points)
        found = case["contenders"]["workspace"]["ratio"]
        said = speed(f"ratio/pinned/K={points}")
        assert said == f"{found['median']:.2f} ({found['low']:.2f}\N{EN DASH}{found['high']:.2f})"
        assert said.startswith(speed(f"median/pinned/K={points}"))
    assert speed("ratio/pinned") == speed("ratio/pinned/K=10/H=40")


def test_c_stands_beside_jax_with_one_core_and_with_all() -> None:
    _, _, *rows = [line for line in speed("in C").splitlines() if line.startswith("|")]
    both = zip(record()["free"]["cases"], record()["threads"]["cases"], strict=True)
    pairs = [pair for pair in both if "C" in pair[0]["contenders"]]
    assert len(rows) == len(pairs)
    for row, (one, all_) in zip(rows, pairs, strict=True):
        cells = [cell.strip() for cell in row.strip("| ").split("|")]
        assert cells[:3] == [f"{one['T']:,}", f"{one['K']}", f"{one['H']:,}"]
        for cell, case in ((cells[5], one), (cells[6], all_)):
            assert cell.startswith(f"{case['contenders']['C']['ratio']['median']:.2f}")


def test_the_techniques_of_c_are_those_of_its_file() -> None:
    found = json.loads(IN_C.read_text(encoding="utf-8"))
    for row in found["C undone"]:
        (line,) = (
            each
            for each in speed("native/techniques").splitlines()
            if f"| {row['technique']} |" in each
        )
        assert f" {row['ratio']['median']:.2f} " in line
    assert speed("native/machine/fma:.0f") == f"{found['machine']['fma']:.0f}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("native/colour", "nothing was measured under 'colour'"),
        ("colour", "nothing was measured under 'colour'"),
        ("machine/colour", "nothing was measured under 'machine/colour'"),
        ("machine", "there is no number and no word under 'machine'"),
        ("machine/coretype as found", "there is no number and no word under"),
        ("machine/processor:.0f", "what is under 'machine/processor' cannot be printed as '.0f'"),
        ("ratio/pinned/K=99", "no case is 'pinned/K=99', or several"),
        ("ratio/pinned/K", "no case is 'pinned/K', or several"),
        ("median/pinned/colour=1", "no case is 'pinned/colour=1', or several"),
        ("ratio", "no case is '', or several"),
        ("median/nowhere", "no case is 'nowhere', or several"),
    ],
)
def test_a_page_cannot_ask_for_what_is_not_there(text: str, message: str) -> None:
    with pytest.raises(PageError, match=message):
        speed(text)


def test_a_cell_without_a_time_says_why() -> None:
    found = record()
    del found["free"]["cases"][0]["contenders"]["autograd"]
    found["free"]["cases"][0]["skipped"] = {"autograd": "a call takes 9 s"}
    _, _, first, *_ = [line for line in time_table(found).splitlines() if line.startswith("|")]
    assert first.split(" | ")[4 + list(TITLES).index("autograd")].rstrip(" |") == "a call takes 9 s"
