"""Filters and orders the list of watches."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import nsmallest
from typing import Literal, get_args

from libra.inspector.records.watches.watch_record import Watch, WatchRecord, WatchStatus

WatchOrder = Literal["newest", "broken"]

_RANKS = {status: rank for rank, status in enumerate(get_args(WatchStatus))}


def select(
    records: Iterable[WatchRecord],
    *,
    limit: int,
    after: str | None = None,
    url: str | None = None,
    tag: str | None = None,
    status: WatchStatus | None = None,
    order: WatchOrder = "newest",
) -> tuple[tuple[Watch, ...], str | None]:
    """A page of the list, and the cursor of the next one; None at the end.

    With the broken ones first, a client that pages through the list may miss a watch that breaks between
    two pages: the watch is then at the beginning of the list.

    Args:
        records: the records of all watches.
        limit: the size of a page of the list.
        after: the cursor.
        url: only watches of this URL.
        tag: only watches with this tag; upper and lower case are equal.
        status: only watches with this status.
        order: which watches come first.
    """
    begin = None if after is None else _place(after, order)
    found: list[tuple[tuple[int, int], WatchRecord]] = []
    for record in records:
        state = record.state
        if url not in (None, state.url) or status not in (None, record.status):
            continue
        if tag is not None and not record.has_tag(tag):
            continue
        place = _RANKS[record.status] if order == "broken" else 0, -_number(record.id)
        if begin is None or place > begin:
            found.append((place, record))
    first = nsmallest(limit + 1, found, key=lambda one: one[0])
    shown = tuple(record.shown() for _, record in first[:limit])
    if len(first) <= limit:
        return shown, None
    (rank, _), last = first[limit - 1]
    return shown, last.id if order == "newest" else f"{rank}.{last.id}"


def _place(cursor: str, order: WatchOrder) -> tuple[int, int]:
    # A cursor of the other order leads to its watch, too: an empty list would look like the end.
    rank, _, watch_id = cursor.rpartition(".")
    return int(rank) if order == "broken" and rank.isdecimal() else 0, -_number(watch_id)


def _number(watch_id: str) -> int:
    """The id as a number with the same order."""
    try:
        return int(watch_id.replace("-", ""), 16)
    except ValueError:
        return 0
