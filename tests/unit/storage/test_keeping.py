"""Which weigh-ins of a watched URL are kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from libra.storage.keeping import (
    FOR_EVER,
    Dated,
    Thinning,
    Watched,
    superfluous,
    thinnings,
    watched_in,
)
from libra.storage.rows.entries import WatchRow

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
DAY = 86_400.0
NINETY = thinnings([Watched("https://a/", None)], 90 * DAY, NOW)["https://a/"]

weigh_ins = st.lists(
    st.builds(
        Dated,
        st.uuids().map(str),
        st.integers(0, 3 * 365 * 24 * 60).map(lambda minutes: NOW - timedelta(minutes=minutes)),
        st.booleans(),
    ),
    max_size=30,
    unique_by=lambda one: one.id,
)


def ago(days: float, name: str = "", *, good: bool = True) -> Dated:
    return Dated(name or str(days), NOW - timedelta(days=days), good)


@given(weigh_ins)
def test_the_young_and_the_last_of_all_are_kept_and_a_second_look_finds_nothing(
    every: list[Dated],
) -> None:
    gone = set(superfluous(every, NINETY))
    kept = [one for one in every if one.id not in gone]
    assert not any(one.id in gone for one in every if one.submitted_at >= NINETY.all_since)
    if every:
        # There is always one of the last day, and nothing that is good gives way to what is not.
        last = max(one.submitted_at for one in every)
        assert any(one.submitted_at.date() == last.date() for one in kept) or not kept
        assert kept
    assert superfluous(kept, NINETY) == []
    days = [one.submitted_at.date() for one in kept if one.submitted_at < NINETY.all_since]
    assert len(days) == len(set(days))


@given(weigh_ins, st.integers(0, 900))
def test_time_only_takes_away(every: list[Dated], days: int) -> None:
    later = Thinning(
        NINETY.all_since + timedelta(days=days), NINETY.daily_since + timedelta(days=days)
    )
    assert len(superfluous(every, later)) >= len(superfluous(every, NINETY))


def test_one_a_day_is_kept_for_four_times_as_long_and_one_a_week_after_that() -> None:
    hourly = [ago(hours / 24, str(hours)) for hours in range(24 * 800)]
    gone = set(superfluous(hourly, NINETY))
    kept = [one for one in hourly if one.id not in gone]
    ages = [(NOW - one.submitted_at).days for one in kept]
    assert sum(age < 90 for age in ages) == 90 * 24
    assert 268 <= sum(90 <= age < 360 for age in ages) <= 272
    assert 62 <= sum(age >= 360 for age in ages) <= 65


def test_of_a_day_the_last_good_one_is_kept() -> None:
    day = [ago(100.3, "early"), ago(100.2, "good"), ago(100.1, "failed", good=False)]
    assert sorted(superfluous(day, NINETY)) == ["early", "failed"]
    assert superfluous([ago(100.2, "a", good=False), ago(100.1, "b", good=False)], NINETY) == ["a"]


def test_what_a_watch_shows_as_its_last_weigh_in_is_kept_whatever_came_beside_it() -> None:
    day = [ago(100.3, "good"), ago(100.2, "failed", good=False), ago(100.1, "by hand")]
    for last in ("good", "failed", "by hand"):
        watched = [Watched("https://a/", 90 * DAY, last)]
        thinning = thinnings(watched, None, NOW)["https://a/"]
        gone = superfluous(day, thinning)
        assert last not in gone
        assert "by hand" not in gone
        kept = [one for one in day if one.id not in gone]
        assert superfluous(kept, thinning) == []


def test_of_two_watches_of_a_url_the_longer_counts() -> None:
    watched = [
        Watched("https://a/", None),
        Watched("https://a/", 300 * DAY),
        Watched("https://b/", 30 * DAY),
    ]
    found = thinnings(watched, 90 * DAY, NOW)
    assert found["https://a/"].all_since == NOW - timedelta(days=300)
    assert found["https://b/"] == Thinning(NOW - timedelta(days=30), NOW - timedelta(days=120))
    assert thinnings(watched, None, NOW)["https://a/"] == FOR_EVER
    assert thinnings([Watched("https://a/", 1e300)], None, NOW)["https://a/"] == FOR_EVER


def test_a_watch_of_another_libra_is_kept_as_others_are() -> None:
    rows = [
        WatchRow("1", "https://a/", 1, b'{"keep": 60.0, "every": "day"}'),
        WatchRow("2", "https://b/", 1, b'{"every": "day"}'),
        WatchRow("3", "https://c/", 1, b'{"keep": "often"}'),
        WatchRow("4", "https://d/", 1, b'{"last": {"page": "5", "at": "2026"}, "keep": null}'),
    ]
    assert watched_in(rows) == [
        ("https://a/", 60.0, None),
        ("https://b/", None, None),
        ("https://c/", None, None),
        ("https://d/", None, "5"),
    ]
