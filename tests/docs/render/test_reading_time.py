"""How long a page takes to read."""

from __future__ import annotations

import pytest

from docs.render.manifest import PageError
from docs.render.reading_time import AN_EQUATION, WORDS, in_words, minutes, reading_time
from tests.docs.render.pages import PAGES

PROSE = "word " * WORDS


def test_words_and_equations_take_time() -> None:
    assert minutes(PROSE) == 1
    assert minutes(PROSE * 3) == 3
    assert minutes(f"{PROSE}\n{{{{eq:Z1_s H1_s}}}}\n\n{{{{eq:Z2_s}}}}") == 1 + 3 * AN_EQUATION


@pytest.mark.parametrize(
    "folded",
    [
        f"---\ntitle: {PROSE}\n---\n",
        f"\n```text\n{PROSE}\n```\n",
        f"\n{{{{diagram:relu2/step {PROSE}}}}}\n",
        f'\n<div title="{PROSE}"></div>\n',
        f'\n    ??? success "Answer"\n        {PROSE}\n\n        {PROSE}\n\n',
    ],
)
def test_what_is_no_prose_takes_none(folded: str) -> None:
    assert minutes(folded) == 0
    assert minutes(f"{folded}{PROSE}") == 1


def test_an_answer_ends_where_the_next_question_begins() -> None:
    answer = '    ??? success "Answer"\n        The answer.\n\n'
    assert minutes(f"1. {PROSE}\n\n{answer}2. {PROSE}\n\n{answer}") == pytest.approx(2, abs=0.02)


@pytest.mark.parametrize(
    ("time", "words"),
    [
        (0.5, "5 minutes"), (12.4, "10 minutes"), (12.6, "15 minutes"), (57, "55 minutes"),
        (58, "an hour"), (89, "an hour and a half"), (121, "2 hours"), (150, "2 and a half hours"),
    ],
)  # fmt: skip
def test_times_are_said_in_words(time: float, words: str) -> None:
    assert in_words(time) == words


def test_pages_add_up_and_one_that_is_missing_is_named() -> None:
    texts = {"a.md": PROSE * 8, "b.md": PROSE * 7}
    assert reading_time(["a.md", "b.md"], texts) == "15 minutes"
    with pytest.raises(PageError, match=r"^there is no page 'c\.md' to read$"):
        reading_time(["a.md", "c.md"], texts)


def test_the_three_ways_are_of_three_lengths() -> None:
    long = [name for name, text in PAGES.items() if minutes(text) > 30]
    assert "7-meta-gradient.md" in long
    assert "1-maml.md" not in long
