"""The table of the trial on the page."""

from __future__ import annotations

import pytest

from docs.render.check import checked
from docs.render.manifest import PageError


def test_a_table_has_a_row_for_every_code() -> None:
    rows = int(checked("faults/named").split(" of ")[1])
    assert len(checked("faults").splitlines()) == rows + 2


@pytest.mark.parametrize("what", ["", "wrong", "right/said"])
def test_what_does_not_exist_is_an_error(what: str) -> None:
    with pytest.raises(PageError):
        checked(what)
