"""A few hostile inputs of every kind, as drawn for this test; ``make attack`` tries many."""

from __future__ import annotations

import random
from itertools import islice
from pathlib import Path

import pytest

from tests.attack.attempts import DONE, KINDS, REFUSED

#: Attempts of a kind, as many as a second or two has.
COUNTS = {
    "files of a run": 12,
    "members of a sweep": 1,
    "gradient files": 20,
    "kills": 1,
    "command lines": 20,
    "command lines of a build": 150,
}


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_lost_or_wrong(kind: str, tmp_path: Path) -> None:
    found = list(islice(KINDS[kind](tmp_path, random.Random(kind)), COUNTS[kind]))
    assert set(found) <= {DONE, REFUSED}
