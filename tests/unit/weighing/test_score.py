"""Both scores follow Lighthouse's formula through their own control points."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.weighing.score import (
    LIGHTHOUSE_MEDIAN,
    LIGHTHOUSE_P10,
    TELEDRIN_MEDIAN,
    TELEDRIN_P10,
    score,
)


@pytest.mark.parametrize(
    ("kib", "teledrin"),
    [(250, 98), (607, 90), (1000, 79), (1500, 67), (2000, 56), (2412, 50), (4000, 31), (9179, 10)],
)
def test_the_teledrin_score_is_the_share_of_the_web_that_is_heavier(
    kib: int, teledrin: int
) -> None:
    assert score(kib * 1024).teledrin == pytest.approx(teledrin, abs=1)


@pytest.mark.parametrize(
    ("kib", "lighthouse"),
    [(0, 100), (1000, 100), (2412, 94), (2667, 90), (4000, 50), (5000, 24), (8000, 1)],
)
def test_the_lighthouse_score_is_lighthouses(kib: int, lighthouse: int) -> None:
    assert score(kib * 1024).lighthouse == pytest.approx(lighthouse, abs=1)


def test_the_control_points_are_met_exactly() -> None:
    assert score(TELEDRIN_P10).teledrin == 90
    assert score(TELEDRIN_P10 + 1_000).teledrin == 89
    assert score(TELEDRIN_MEDIAN).teledrin == 50
    assert score(TELEDRIN_MEDIAN + 1_000).teledrin == 49
    assert score(LIGHTHOUSE_P10).lighthouse == 90
    assert score(LIGHTHOUSE_MEDIAN).lighthouse == 50


def test_the_verdict_goes_with_the_score() -> None:
    assert score(0).verdict == "A for effort."
    assert score(TELEDRIN_P10).verdict == "A for effort."
    assert score(TELEDRIN_P10 + 10_000).verdict == "Could be better."
    assert score(TELEDRIN_MEDIAN).verdict == "Could be better."
    assert score(TELEDRIN_MEDIAN + 10_000).verdict == "Not great."


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_more_bytes_never_score_better(one: int, other: int) -> None:
    lighter, heavier = score(min(one, other)), score(max(one, other))
    assert 0 <= heavier.teledrin <= lighter.teledrin <= 100
    assert 0 <= heavier.lighthouse <= lighter.lighthouse <= 100
