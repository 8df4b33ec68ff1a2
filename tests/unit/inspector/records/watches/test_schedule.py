"""When a watch is due."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.inspector.records.page_record import PageRecord
from libra.inspector.records.watches.schedule import (
    InvalidSchedule,
    next_due,
    parse_schedule,
    parse_zone,
    schedule_words,
    spread_of,
)

MADE = datetime(2026, 11, 23, 16, 7, 30, 250_000, tzinfo=UTC)
INTERVALS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}

moments = st.integers(0, 20 * 366 * 86_400_000).map(
    lambda ms: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
)
spreads = st.floats(0, 1, exclude_max=True)
field = st.sampled_from(["*", "*/5", "0", "1,2", "1-3", "*/2"])
crons = st.tuples(field, field, *[st.sampled_from(["*", "1", "1-5", "*/2", "3,5"])] * 3).map(
    " ".join
)
schedules = st.sampled_from(["hour", "day", "week", "1m", "30m", "2h", "3d"]) | crons
zones = st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Apia"])


@pytest.mark.parametrize(
    ("text", "schedule"),
    [
        ("day", "day"),
        (" Daily ", "day"),
        ("@hourly", "hour"),
        ("weekly", "week"),
        ("0 6 * * mon-fri", "0 6 * * mon-fri"),
        ("  */5  *  * * * ", "*/5 * * * *"),
        ("0 0 L * *", "0 0 L * *"),
        ("30m", "30m"),
        ("90 min", "90m"),
        ("2H", "2h"),
        ("60m", "hour"),
        ("48h", "2d"),
        ("7d", "week"),
    ],
)
def test_a_schedule_is_an_interval_or_a_cron_expression(text: str, schedule: str) -> None:
    assert parse_schedule(text) == schedule


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "write hour, day, week, an interval"),
        ("fortnight", "write hour, day, week, an interval"),
        ("* * * * * *", "five fields"),
        ("61 * * * *", "Bad minute"),
        ("0 0 * * funday", "Bad day-of-week"),
        ("0 0 31 2 *", "Bad day-of-month"),
        ("0 0 * 2 mon#5,tue#9", "Bad day-of-week"),
        (",".join(["0"] * 200) + " * * * *", "write hour"),
    ],
)
def test_another_schedule_is_refused_with_what_to_write(text: str, words: str) -> None:
    with pytest.raises(InvalidSchedule, match=words):
        parse_schedule(text)


@given(st.text(max_size=30) | st.text("0123456789*/,-#LWMONU ", max_size=25))
def test_whatever_is_written_is_a_schedule_or_refused(text: str) -> None:
    try:
        schedule = parse_schedule(text)
    except InvalidSchedule:
        return
    assert parse_schedule(schedule) == schedule
    assert next_due(schedule, after=MADE, since=MADE, spread=0.5) > MADE


@given(schedules, moments, moments, spreads)
def test_the_next_time_is_later_and_the_same_whenever_it_is_asked_for_before(
    schedule: str, made: datetime, after: datetime, spread: float
) -> None:
    def next_after(moment: datetime) -> datetime:
        return next_due(schedule, after=moment, since=made, spread=spread)

    due = next_after(after)
    assert due > after
    assert next_after(due - timedelta(microseconds=1)) == due
    assert next_after(after + (due - after) / 2) == due
    assert next_after(due) > due


@pytest.mark.parametrize("schedule", list(INTERVALS))
@given(spread=spreads)
def test_an_interval_is_counted_from_when_the_watch_was_made(schedule: str, spread: float) -> None:
    interval = INTERVALS[schedule]
    due = next_due(schedule, after=MADE, since=MADE, spread=spread)
    assert interval <= due - MADE <= interval * 1.1
    assert next_due(schedule, after=due, since=MADE, spread=spread) == due + interval


def test_a_cron_expression_is_kept_to_the_minute_in_utc() -> None:
    due = next_due("30 6 * * mon-fri", after=MADE, since=MADE, spread=0.5)
    assert due == datetime(2026, 11, 24, 6, 30, 30, tzinfo=UTC)


def test_what_was_missed_is_not_made_up_for() -> None:
    late = MADE + timedelta(days=100, minutes=5)
    assert next_due("hour", after=late, since=MADE, spread=0) == MADE + timedelta(days=100, hours=1)


def test_watches_that_are_made_in_one_moment_are_due_in_different_ones() -> None:
    ids = [PageRecord.submitted("http://a.test/", None, MADE).id for _ in range(1_000)]
    spread = sorted(map(spread_of, ids))
    assert 0 <= spread[0] < 0.05
    assert 0.95 < spread[-1] < 1
    gaps: Callable[[int], float] = lambda n: spread[n + 1] - spread[n]  # noqa: E731 - shorter so
    assert max(map(gaps, range(999))) < 0.05


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ("day", "Every day"),
        ("0 6 * * mon-fri", "At 06:00 on Monday through Friday (UTC)"),
        ("30 6 L * *", "At 06:30 on the last day of every month (UTC)"),
        ("*/5 * * * *", "Every fifth minute of every hour (UTC)"),
    ],
)
def test_a_schedule_is_told_in_words(schedule: str, words: str) -> None:
    assert schedule_words(schedule) == words


@given(schedules)
def test_every_schedule_that_is_taken_has_words(schedule: str) -> None:
    assert len(schedule_words(parse_schedule(schedule))) > 8


@given(st.integers(1, 366 * 24 * 60), moments, spreads)
def test_an_interval_is_as_long_as_it_says_however_it_is_written(
    minutes: int, made: datetime, spread: float
) -> None:
    schedule = parse_schedule(f"{minutes}m")
    assert parse_schedule(schedule) == schedule
    due = next_due(schedule, after=made, since=made, spread=spread)
    length = timedelta(minutes=minutes)
    assert made + length <= due <= made + length * 1.1
    assert next_due(schedule, after=due, since=made, spread=spread) == due + length
    assert schedule_words(schedule).startswith("Every ")


@given(crons, moments, spreads, zones)
def test_a_cron_expression_is_later_and_of_its_minute_in_every_zone(
    schedule: str, after: datetime, spread: float, zone: str
) -> None:
    try:
        schedule = parse_schedule(schedule)
    except InvalidSchedule:
        return
    due = next_due(schedule, after=after, since=after, spread=spread, zone=zone)
    assert due > after
    assert due.tzinfo is UTC


def test_six_in_the_morning_is_six_in_its_zone_in_summer_and_in_winter() -> None:
    for day, hour in (
        (datetime(2026, 1, 10, tzinfo=UTC), 5),
        (datetime(2026, 7, 10, tzinfo=UTC), 4),
    ):
        due = next_due("0 6 * * *", after=day, since=day, spread=0, zone="Europe/Berlin")
        assert due == day.replace(hour=hour)
    assert schedule_words("0 6 * * *", "Europe/Berlin") == "At 06:00 every day (Europe/Berlin)"


def test_a_zone_is_known_by_its_name_or_refused_with_one_that_is_alike() -> None:
    assert parse_zone(" europe/berlin ") == "Europe/Berlin"
    for name in ("Europe/Berlln", "Mars", "../etc/passwd", "America", "", "a\0b"):
        with pytest.raises(InvalidSchedule, match="not a known time zone"):
            parse_zone(name)
