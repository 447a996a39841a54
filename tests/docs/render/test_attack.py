"""The table of hostile inputs on the page."""

from __future__ import annotations

import pytest

from docs.render.attack import KINDS, attacked
from docs.render.manifest import PageError
from tests.attack import attempts


def test_the_table_has_every_kind_that_is_tried() -> None:
    assert set(KINDS) == set(attempts.KINDS)
    assert len(attacked("table").splitlines()) == len(KINDS) + 2


def test_the_last_attack_found_nothing() -> None:
    assert attacked("all").endswith("attempts, 0 faults")


def test_what_does_not_exist_is_an_error() -> None:
    with pytest.raises(PageError):
        attacked("wrong")
