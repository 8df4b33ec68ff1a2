"""What a report comes to, in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.formats.sentences import beside_the_web
from libra.report import Score


def score(teledrin: int, **changes: str) -> Score:
    return Score(teledrin=teledrin, verdict="", lighthouse=0, **changes)  # type: ignore[arg-type]  # a test's shorthand


@pytest.mark.parametrize(
    ("teledrin", "words"),
    [
        (0, "Heavier than 99 % of the web."),
        (1, "Lighter than 1 % of the web."),
        (92, "Lighter than 92 % of the web."),
        (100, "Lighter than 99 % of the web."),
    ],
)
def test_a_score_says_how_much_of_the_web_is_heavier(teledrin: int, words: str) -> None:
    assert beside_the_web(score(teledrin)) == words


@given(st.integers(0, 100))
def test_a_page_that_was_seen_in_part_is_not_compared(teledrin: int) -> None:
    assert beside_the_web(score(teledrin, bound="at_most")) is None
