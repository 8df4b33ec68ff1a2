"""When a watch is due: at an interval, or by a cron expression in a time zone.

Times are UTC. The time zone decides what six o'clock means in a cron expression, and what happens on
a day on which that comes twice or not at all (as in Debian's cron). An interval does not depend on
the zone.

Watches with the same schedule must not all start at once. So each watch has a *spread*, a number from
0 up to 1, that moves its times a little: by up to a tenth of its interval, or within the minute of a
cron expression. It is always the same for the same watch, so a restart of the program changes no
plans.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

SPREAD: Final = 0.1
"""The share of an interval over which its watches are spread."""

MAX_CRON: Final = 200
"""The limit of characters in a cron expression."""

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
    """A schedule that is invalid; the message says why and which forms are accepted."""


def parse_schedule(text: str) -> str:
    """Normalise a schedule: ``hour``, ``day``, ``week``, ``30m``, ``2h`` or five cron fields.

    ``hourly`` and ``@daily`` and their like mean the same, and so do ``60m`` and ``hour``. Cron
    expressions are those of Debian's cron, with ``L`` for the last day and ``#`` for the n-th weekday
    of a month.

    Raises:
        InvalidSchedule: it has none of these forms, or is a cron expression that never matches.
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
            f"{shown!r} is not a schedule: write hour, day, week, an interval such as 30m or 2h, or a "
            'cron expression of five fields such as "0 6 * * mon-fri".'
        )
    try:
        next(CronSim(expression, _SOME_DAY))
    except CronSimError as error:
        raise InvalidSchedule(f"{shown!r} is not a cron expression: {error}.") from None
    except StopIteration:
        raise InvalidSchedule(f"{shown!r} is a time that never comes.") from None
    return expression


def parse_zone(text: str) -> str:
    """The name of a time zone as in the IANA database: ``UTC``, ``Europe/Berlin``.

    Raises:
        InvalidSchedule: this machine does not know that name.
    """
    name = text.strip()
    try:
        return ZoneInfo(name).key
    except (ValueError, OSError, LookupError):  # ZoneInfoNotFoundError is a KeyError
        known = {one.lower(): one for one in available_timezones()}
    if name.lower() in known:
        return known[name.lower()]
    near = get_close_matches(name.lower().replace(" ", "_"), known, 1)
    meant = f"did you mean {known[near[0]]}?" if near else "write one such as Europe/Berlin or UTC."
    raise InvalidSchedule(f"{name[:60]!r} is not a known time zone: {meant}")


def next_due(
    schedule: str, *, after: datetime, since: datetime, spread: float, zone: str = "UTC"
) -> datetime:
    """The first time later than ``after``, in UTC.

    Args:
        schedule: from `parse_schedule`.
        after: usually now; missed times are skipped.
        since: when the watch was made and first ran; intervals count from then.
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
    # UTC needs no database of zones, which a small system may lack.
    where = UTC if zone == "UTC" else ZoneInfo(parse_zone(zone))
    try:
        due = next(CronSim(schedule, (after - shift).astimezone(where)))
    except (CronSimError, StopIteration):
        raise InvalidSchedule(f"{schedule[:60]!r} is not a schedule.") from None
    return due.astimezone(UTC) + shift


def schedule_words(schedule: str, zone: str = "UTC") -> str:
    """A schedule from `parse_schedule` in words: ``Every day``, ``At 06:00 every day (UTC)``."""
    if schedule in _INTERVALS:
        return f"Every {schedule}"
    if match := _INTERVAL.fullmatch(schedule):
        return f"Every {match[1]} {_NAMES[match[2]]}s" if match[1] != "1" else "Every minute"
    return f"{CronSim(schedule, _SOME_DAY).explain()} ({zone})"


def _interval(minutes: int, shown: str) -> str:
    """An interval in its normal form: in the largest unit that divides it."""
    if timedelta(minutes=minutes) > LONGEST:
        raise InvalidSchedule(f"{shown!r} is too long: at most {LONGEST.days} days.")
    unit = next(unit for unit in ("w", "d", "h", "m") if minutes % _MINUTES[unit] == 0)
    number = minutes // _MINUTES[unit]
    return _NAMES[unit] if number == 1 and unit != "m" else f"{number}{unit}"


def _length(schedule: str) -> timedelta | None:
    if match := _INTERVAL.fullmatch(schedule):
        return timedelta(minutes=int(match[1]) * _MINUTES[match[2]])
    return _INTERVALS.get(schedule)


def spread_of(watch_id: str) -> float:
    """The spread of a watch, from the random end of its id."""
    return int(watch_id[-8:], 16) / 2**32
