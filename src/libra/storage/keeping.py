"""Retention: which old pages are pruned.

A page without a watch is pruned when it is older than the retention. For a URL with a watch, all
weigh-ins are kept for that time, then one a day for three times as long again, and one a week for
ever. So the history gets coarser and does not end. The weigh-in that a watch shows as its last one
always stays, even if it failed, or somebody weighed the page by hand on the same day: a watch may be
paused for years.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

import msgspec

from libra.storage.rows.entries import WatchRow

DAILY: Final = 4
"""The age at which one weigh-in a week replaces one a day, as a multiple of the full retention."""

MARKS: Final = timedelta(days=30)
"""How long the marks of pruned or deleted pages stay, so that a Libra that was away sees them."""


class Thinning(msgspec.Struct, frozen=True):
    """All weigh-ins of a URL since `all_since` are kept, and one a day (UTC) since `daily_since`.

    ``shown`` has the weigh-ins that its watches show as their last ones.
    """

    all_since: datetime
    daily_since: datetime
    shown: frozenset[str] = frozenset()


EARLIEST: Final = datetime.min.replace(tzinfo=UTC)

FOR_EVER: Final = Thinning(EARLIEST, EARLIEST)
"""Keep all weigh-ins."""


class Watched(NamedTuple):
    """What a watch says about the retention of its URL.

    Attributes:
        url: the URL of the pages.
        keep: seconds for which all weigh-ins are kept; None if the watch does not say.
        last: the weigh-in that the watch shows as its last one.
    """

    url: str
    keep: float | None
    last: str | None = None


class Dated(msgspec.Struct, frozen=True):
    """A stored weigh-in of a URL."""

    id: str
    submitted_at: datetime
    good: bool = True


def thinnings(watched: Iterable[Watched], keep: float | None, now: datetime) -> dict[str, Thinning]:
    """What is kept of each watched URL.

    Args:
        watched: the watches. Of two with the same URL the longer retention counts.
        keep: the retention in seconds for watches without their own; None for ever.
        now: the time from which ages are counted.
    """
    longest: dict[str, float | None] = {}
    shown: dict[str, set[str]] = {}
    for url, own, last in watched:
        if last is not None:
            shown.setdefault(url, set()).add(last)
        seconds = keep if own is None else own
        if url in longest:
            before = longest[url]
            seconds = None if None in (before, seconds) else max(before or 0, seconds or 0)
        longest[url] = seconds
    return {
        url: FOR_EVER
        if seconds is None
        else Thinning(
            _before(now, seconds), _before(now, seconds * DAILY), frozenset(shown.get(url, ()))
        )
        for url, seconds in longest.items()
    }


def watched_in(rows: Iterable[WatchRow]) -> list[Watched]:
    """Decode the watches of a database for `thinnings`."""
    found = []
    for row in rows:
        try:
            kept = msgspec.json.decode(row.data, type=_Kept)
        except msgspec.MsgspecError:
            kept = _Kept()  # from another version of Libra; its pages are treated like others
        found.append(Watched(row.url, kept.keep, None if kept.last is None else kept.last.page))
    return found


def superfluous(weigh_ins: Iterable[Dated], thinning: Thinning) -> list[str]:
    """The weigh-ins of one URL to prune.

    Of each day or week, the last good weigh-in is kept, or the last one if none is good. The
    weigh-ins that a watch shows are kept in addition.
    """
    kept: dict[tuple[int, ...], Dated] = {}
    surplus: list[str] = []
    for one in sorted(weigh_ins, key=lambda one: (one.submitted_at, one.id)):
        if one.submitted_at >= thinning.all_since or one.id in thinning.shown:
            continue
        day = one.submitted_at.toordinal()
        daily = one.submitted_at >= thinning.daily_since
        bucket = (1, day) if daily else (0, *one.submitted_at.isocalendar()[:2])
        other = kept.get(bucket)
        if other is not None and other.good and not one.good:
            surplus.append(one.id)
            continue
        if other is not None:
            surplus.append(other.id)
        kept[bucket] = one
    return surplus


def _before(now: datetime, seconds: float) -> datetime:
    try:
        return now - timedelta(seconds=seconds)
    except OverflowError:
        return EARLIEST


class _Last(msgspec.Struct):
    page: str


class _Kept(msgspec.Struct):
    keep: float | None = None
    last: _Last | None = None


NOTHING: Final[Mapping[str, Thinning]] = {}
"""No watched URLs."""
