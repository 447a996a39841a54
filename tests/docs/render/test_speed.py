"""What pages show of speed, and what chapter 14 says of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from docs.render.manifest import PageError
from docs.render.speed import RESULTS, TITLES, speed, time_table
from tests.docs.render.pages import PAGES

PAGE = PAGES["14-speed.md"]


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


@pytest.mark.parametrize(
    ("text", "message"),
    [
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


# --- sentences ---


def test_the_results_are_what_the_page_says_of_them() -> None:
    found = record()
    assert "`OPENBLAS_CORETYPE` was not set" in PAGE
    assert found["machine"]["coretype as found"] is None
    # Else there would be another paragraph to write.
    assert "found" not in found
    assert "The kernel that BLAS uses matters." in PAGE
    free, pinned = (float(speed(f"median/{name}")) for name in ("free", "pinned"))
    assert abs(pinned / free - 1) > 0.1
    assert "{{speed:median/free/hidden=1}} with 25\ntasks, 10 points and one hidden layer" in PAGE
    slow = [
        (case["T"], case["K"], case["H"], case["hidden"])
        for case in found["free"]["cases"]
        if case["contenders"]["workspace"]["ratio"]["median"] < 1
    ]
    assert slow == [(25, 10, 40, 1)]
    assert (speed("slower/workspace"), speed("cases")) == ("1", str(len(found["free"]["cases"])))


def test_the_wider_the_layers_the_larger_is_the_share_of_the_products() -> None:
    assert "The wider the layers, the larger is the\nshare of the products." in PAGE
    shares = {
        case["H"]: case["contenders"]["workspace"]["share of sgemm"]
        for case in record()["free"]["cases"]
        if (case["T"], case["K"], case["hidden"], case["steps"]) == (25, 10, 2, 1)
    }
    assert len(shares) > 2
    assert [shares[units] for units in sorted(shares)] == sorted(shares.values())
