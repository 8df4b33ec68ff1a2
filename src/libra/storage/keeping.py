"""How long pages are kept: which of the old ones are pruned.

A page that nobody watches is pruned when it is older than that. Of a URL that is watched everything is
kept for so long, then one weigh-in a day for three times as long again, and one a week for ever: so its
history gets coarser and does not end. What a watch shows as its last weigh-in stays in any case, also
where it failed, or somebody weighed the page by hand on the same day: a watch may be paused for years.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

import msgspec

from libra.storage.rows.entries import WatchRow

DAILY: Final = 4
"""Until a URL's weigh-ins are so many times as old as everything is kept, one a day is kept."""

MARKS: Final = timedelta(days=30)
"""How long the marks of what was pruned or deleted stay, so that a Libra which was away finds them."""


class Thinning(msgspec.Struct, frozen=True):
    """From when on everything is kept of a URL, and from when on one weigh-in a day (UTC).

    ``shown`` are the weigh-ins that its watches show as their last ones.
    """

    all_since: datetime
    daily_since: datetime
    shown: frozenset[str] = frozenset()


EARLIEST: Final = datetime.min.replace(tzinfo=UTC)

FOR_EVER: Final = Thinning(EARLIEST, EARLIEST)
"""Where everything is kept."""


class Watched(NamedTuple):
    """What a watch means for how long pages of its URL are kept.

    Attributes:
        url: of the pages.
        keep: for how many seconds it wants everything kept, if it says.
        last: the weigh-in that it shows as its last one.
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
    """What is kept of each URL that is watched.

    Args:
        watched: the watches. Of two of one URL the longer counts.
        keep: the seconds of those that do not say; None for ever.
        now: the moment that ages are counted from.
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
    """The watches of a database, for `thinnings`."""
    found = []
    for row in rows:
        try:
            kept = msgspec.json.decode(row.data, type=_Kept)
        except msgspec.MsgspecError:
            kept = _Kept()  # of another Libra; its pages are as good as others
        found.append(Watched(row.url, kept.keep, None if kept.last is None else kept.last.page))
    return found


def superfluous(weigh_ins: Iterable[Dated], thinning: Thinning) -> list[str]:
    """Which weigh-ins of one URL are pruned.

    Of a day, or of a week, the last good one is kept, and the last of all if none is good. What a watch
    shows is kept beside them.
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
"""Where nothing is watched."""
