"""When a watch is due: every hour, day or week, or by a cron expression. All times are UTC.

What many watches have in common must not make them start at one moment. So each has a *spread*, a
number from 0 up to 1 of its own, that moves its times a little: by up to a tenth of its interval, and
within its minute if it goes by a cron expression. It is always the same for the same watch, so that a
restart of the program changes no plans.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from cronsim import CronSim, CronSimError

SPREAD: Final = 0.1
"""The share of an interval that watches of that interval are spread over."""

MAX_CRON: Final = 200
"""Characters of a cron expression."""

_INTERVALS: Final = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}
_SOME_DAY: Final = datetime(2000, 1, 1, tzinfo=UTC)
_SYNONYMS: Final = {"hourly": "hour", "daily": "day", "weekly": "week"}


class InvalidSchedule(ValueError):
    """A schedule that cannot be kept; the message says what is wrong and what is taken."""


def parse_schedule(text: str) -> str:
    """A schedule in the form in which it is kept: ``hour``, ``day``, ``week`` or five cron fields.

    ``hourly`` and ``@daily`` and their like mean the same. Cron expressions are those of Debian's cron
    in UTC, with ``L`` for the last day and ``#`` for the n-th weekday of a month.

    Raises:
        InvalidSchedule: it is neither, or a cron expression that never comes true.
    """
    words = text.split()
    name = words[0].lower().removeprefix("@") if len(words) == 1 else ""
    name = _SYNONYMS.get(name, name)
    if name in _INTERVALS:
        return name
    expression = " ".join(words)
    shown = expression[:60]
    if len(words) != 5 or len(expression) > MAX_CRON:
        raise InvalidSchedule(
            f"{shown!r} is no schedule: write hour, day, week or a cron expression of five fields "
            'such as "0 6 * * mon-fri" (UTC).'
        )
    try:
        next(CronSim(expression, _SOME_DAY))
    except CronSimError as error:
        raise InvalidSchedule(f"{shown!r} is no cron expression: {error}.") from None
    except StopIteration:
        raise InvalidSchedule(f"{shown!r} is a time that never comes.") from None
    return expression


def next_due(schedule: str, *, after: datetime, since: datetime, spread: float) -> datetime:
    """The first time later than ``after``.

    Args:
        schedule: from `parse_schedule`.
        after: usually now; what was missed before is not made up for.
        since: when the watch was made, and first ran: intervals are counted from there.
        spread: from 0 up to 1, see above.

    Raises:
        InvalidSchedule: it did not come from `parse_schedule`.
    """
    interval = _INTERVALS.get(schedule)
    if interval is not None:
        first = since + interval * (1 + SPREAD * spread)
        return first + max((after - first) // interval + 1, 0) * interval
    shift = timedelta(seconds=60 * spread)
    try:
        return next(CronSim(schedule, after - shift)) + shift
    except (CronSimError, StopIteration):
        raise InvalidSchedule(f"{schedule[:60]!r} is no schedule.") from None


def schedule_words(schedule: str) -> str:
    """A schedule from `parse_schedule` as people say it: ``Every day``, ``At 06:00 every day (UTC)``."""
    if schedule in _INTERVALS:
        return f"Every {schedule}"
    return f"{CronSim(schedule, _SOME_DAY).explain()} (UTC)"


def spread_of(watch_id: str) -> float:
    """The spread of a watch: its id is random at the end."""
    return int(watch_id[-8:], 16) / 2**32
