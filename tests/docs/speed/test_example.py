"""The example of the page about speed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def test_the_example_of_the_page_about_speed(capsys: pytest.CaptureFixture[str]) -> None:
    from docs.speed import example

    assert example.main() == 0
    before, after = re.findall(r"\d+\.\d+", capsys.readouterr().out)
    assert float(after) < float(before)
