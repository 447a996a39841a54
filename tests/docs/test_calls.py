"""The calls of chapter 9."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from docs import calls

if TYPE_CHECKING:
    import pytest


def test_the_calls_give_what_the_page_says(capsys: pytest.CaptureFixture[str]) -> None:
    assert calls.main() == 0
    printed = capsys.readouterr().out
    before, after = (
        float(re.findall(f"{what} (\\d.*\\d)", printed)[0].split(",")[0])
        for what in ("\nloss", "steps")
    )
    assert after < before
    meta, again = re.findall(r"meta-loss ([\d.]+)", printed)
    assert meta == again
    assert "gradient by W2 (40, 40)" in printed
    assert "parameters (1761,), gradient (1761,)" in printed
