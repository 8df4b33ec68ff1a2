"""When a watch is due: every so often, or by a cron expression in a time zone.

Moments are UTC. A time zone decides what a cron expression means by six o'clock, and how it goes about a
day that has that twice or not at all (as Debian's cron does); an interval is as long everywhere.

What many watches have in common must not make them start at one moment. So each has a *spread*, a
number from 0 up to 1 of its own, that moves its times a little: by up to a tenth of its interval, and
within its minute if it goes by a cron expression. It is always the same for the same watch, so that a
restart of the program changes no plans.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

SPREAD: Final = 0.1
"""The share of an interval that watches of that interval are spread over."""

MAX_CRON: Final = 200
"""Characters of a cron expression."""

LONGEST: Final = timedelta(days=366)
"""The longest interval."""

_INTERVALS: Final = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}
_INTERVAL: Final = re.compile(r"([1-9]\d{0,5})\s*(m|min|h|d|w)", re.ASCII | re.IGNORECASE)
_MINUTES: Final = {"m": 1, "min": 1, "h": 60, "d": 24 * 60, "w": 7 * 24 * 60}
_NAMES: Final = {"m": "minute", "h": "hour", "d": "day", "w": "week"}
_SOME_DAY: Final = datetime(2000, 1, 1, tzinfo=UTC)
_SYNONYMS: Final = {"hourly": "hour", "daily": "day", "weekly": "week"}


class InvalidSchedule(ValueError):
    """A schedule that cannot be kept; the message says what is wrong and what is taken."""


def parse_schedule(text: str) -> str:
    """A schedule in its one form: ``hour``, ``day``, ``week``, ``30m``, ``2h`` or five cron fields.

    ``hourly`` and ``@daily`` and their like mean the same, and so do ``60m`` and ``hour``. Cron
    expressions are those of Debian's cron, with ``L`` for the last day and ``#`` for the n-th weekday of
    a month.

    Raises:
        InvalidSchedule: it is none of them, or a cron expression that never comes true.
    """
    words = text.split()
    name = words[0].lower().removeprefix("@") if len(words) == 1 else ""
    name = _SYNONYMS.get(name, name)
    if name in _INTERVALS:
        return name
    expression = " ".join(words)
    shown = expression[:60]
    if match := _INTERVAL.fullmatch(expression):
        return _interval(int(match[1]) * _MINUTES[match[2].lower()], shown)
    if len(words) != 5 or len(expression) > MAX_CRON:
        raise InvalidSchedule(
            f"{shown!r} is no schedule: write hour, day, week, an interval such as 30m or 2h, or a "
            'cron expression of five fields such as "0 6 * * mon-fri".'
        )
    try:
        next(CronSim(expression, _SOME_DAY))
    except CronSimError as error:
        raise InvalidSchedule(f"{shown!r} is no cron expression: {error}.") from None
    except StopIteration:
        raise InvalidSchedule(f"{shown!r} is a time that never comes.") from None
    return expression


def parse_zone(text: str) -> str:
    """The name of a time zone, as the IANA database has it: ``UTC``, ``Europe/Berlin``.

    Raises:
        InvalidSchedule: this machine knows none of that name.
    """
    name = text.strip()
    try:
        return ZoneInfo(name).key
    except (ValueError, OSError, LookupError):  # ZoneInfoNotFoundError is a KeyError
        known = {one.lower(): one for one in available_timezones()}
    if name.lower() in known:
        return known[name.lower()]
    near = get_close_matches(name.lower().replace(" ", "_"), known, 1)
    meant = f", perhaps {known[near[0]]} is meant" if near else ", such as Europe/Berlin or UTC"
    raise InvalidSchedule(f"{name[:60]!r} is no time zone that is known here{meant}.")


def next_due(
    schedule: str, *, after: datetime, since: datetime, spread: float, zone: str = "UTC"
) -> datetime:
    """The first time later than ``after``, in UTC.

    Args:
        schedule: from `parse_schedule`.
        after: usually now; what was missed before is not made up for.
        since: when the watch was made, and first ran: intervals are counted from there.
        spread: from 0 up to 1, see above.
        zone: from `parse_zone`.

    Raises:
        InvalidSchedule: it did not come from `parse_schedule`, or this machine lacks the zone.
    """
    interval = _length(schedule)
    if interval is not None:
        first = since + interval * (1 + SPREAD * spread)
        return first + max((after - first) // interval + 1, 0) * interval
    shift = timedelta(seconds=60 * spread)
    # UTC without a database of zones, which a small system may lack.
    where = UTC if zone == "UTC" else ZoneInfo(parse_zone(zone))
    try:
        due = next(CronSim(schedule, (after - shift).astimezone(where)))
    except (CronSimError, StopIteration):
        raise InvalidSchedule(f"{schedule[:60]!r} is no schedule.") from None
    return due.astimezone(UTC) + shift


def schedule_words(schedule: str, zone: str = "UTC") -> str:
    """A schedule from `parse_schedule` as people say it: ``Every day``, ``At 06:00 every day (UTC)``."""
    if schedule in _INTERVALS:
        return f"Every {schedule}"
    if match := _INTERVAL.fullmatch(schedule):
        return f"Every {match[1]} {_NAMES[match[2]]}s" if match[1] != "1" else "Every minute"
    return f"{CronSim(schedule, _SOME_DAY).explain()} ({zone})"


def _interval(minutes: int, shown: str) -> str:
    """An interval in its one form: of the largest unit that it has a whole number of."""
    if timedelta(minutes=minutes) > LONGEST:
        raise InvalidSchedule(f"{shown!r} is too long: {LONGEST.days} days are the longest.")
    unit = next(unit for unit in ("w", "d", "h", "m") if minutes % _MINUTES[unit] == 0)
    number = minutes // _MINUTES[unit]
    return _NAMES[unit] if number == 1 and unit != "m" else f"{number}{unit}"


def _length(schedule: str) -> timedelta | None:
    if match := _INTERVAL.fullmatch(schedule):
        return timedelta(minutes=int(match[1]) * _MINUTES[match[2]])
    return _INTERVALS.get(schedule)


def spread_of(watch_id: str) -> float:
    """The spread of a watch: its id is random at the end."""
    return int(watch_id[-8:], 16) / 2**32
