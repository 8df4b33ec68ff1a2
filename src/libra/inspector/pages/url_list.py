"""The list of URLs and the history of a URL, from the database and memory as if they were one.

Memory has newer states than the database. So this asks the database for its rows and for as many more as
there are URLs with a newer state in memory: those replace the rows of the database. While the
database is down, the list comes from memory alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime
from itertools import islice
from typing import Final, NamedTuple

import msgspec

from libra.inspector.context import Context
from libra.inspector.durability.database_reader import DatabaseReader
from libra.inspector.pages.page_finder import SEARCHED, matches
from libra.inspector.records.page_record import PageRecord
from libra.report import Summary, decode_summary
from libra.storage import Unavailable
from libra.storage.rows.entries import Snapshot, bare_host_of
from libra.storage.rows.urls import ASCENDING, PAST, Key, Past, UrlQuery, UrlRow

#: Records to look at in one go: that takes a few milliseconds at most.
AT_ONCE: Final = 5_000

#: Summaries to unpack in one go.
UNPACKED: Final = 50

#: The limit of URLs with a newer state in memory for which the database adds rows.
NEWER: Final = 1_000


class Weighed(msgspec.Struct, frozen=True):
    """A URL and its latest weigh-ins.

    Attributes:
        newest: its newest weigh-in, whatever its status.
        weights: transfer sizes in bytes of the weigh-ins done in the same way as the last one, oldest
            first.
        key: its place in the list.
    """

    newest: Summary
    weights: tuple[int, ...]
    key: Key


class UrlListing:
    """Reads the list of URLs."""

    def __init__(self, context: Context, reader: DatabaseReader) -> None:
        self._context = context
        self._reader = reader

    async def read(self, query: UrlQuery) -> tuple[tuple[Weighed, ...], bool, bool]:
        """Return the rows, whether there are more, and whether they are from memory alone."""
        context = self._context
        with context.records.deletions.meanwhile() as deleted:
            rows: list[UrlRow] = []
            partial = False
            newer = await self._in_memory(query, every=False)
            room = min(len(newer.places) + len(context.records.deletions.pages), NEWER)
            try:
                rows = await self._reader.urls(
                    msgspec.structs.replace(query, limit=query.limit + 1 + room)
                )
            except Unavailable:
                partial = True
            # Memory is read after the database, because a newer state may be stored by now.
            newer = await self._in_memory(query, every=partial)
        listed: dict[Key, tuple[PageRecord | None, UrlRow | None]]
        listed = {key: (record, None) for key, record in newer.places.items()}
        gone = deleted | context.records.deletions.pages
        for row in rows:
            if row.newest.url in newer.urls:
                continue  # memory's state counts, if the query wants it at all
            # Whether it is stored by now is not asked again: since memory was read it may have become
            # so, and be listed twice, or have been weighed anew, and be missed.
            record = context.records.pages.by_url.newest(row.newest.url)
            if record is not None or row.newest.id not in gone:
                listed[query.key(row.newest)] = (record, row)
        keys = sorted(listed, reverse=query.sort not in ASCENDING)
        chosen = [_weighed(key, *listed[key]) for key in keys[: query.limit]]
        return tuple(chosen), len(keys) > query.limit, partial

    async def timeline(
        self, url: str, *, since: datetime | None, until: datetime, spans: int
    ) -> tuple[tuple[Summary, ...], bool]:
        """The weigh-ins of a URL over a time, newest first: the heaviest of each span.

        The arguments are those of `libra.storage.Store.timeline`. The second value tells whether the
        answer is from memory alone.
        """
        partial = False
        rows: list[Snapshot] = []
        with self._context.records.deletions.meanwhile() as deleted:
            try:
                rows = await self._reader.timeline(url, since=since, until=until, spans=spans)
            except Unavailable:
                partial = True
        stored = {row.id: row for row in rows if row.id not in deleted}
        places = [
            _Place(row.submitted_at, row.transfer_bytes, row.id)
            for row in stored.values()
            if row.submitted_at is not None
        ]
        # Memory may have newer weigh-ins; those that the database has thinned out were not the heaviest.
        for number, record in enumerate(list(self._context.records.pages.by_url.of(url))):
            at, weight = record.submitted_at, record.weighed()
            if weight is not None and at < until and (since is None or at >= since):
                places.append(_Place(at, weight.transfer_bytes, record.id))
            if number % UNPACKED == UNPACKED - 1:
                await asyncio.sleep(0)
        found: list[Summary] = []
        for page_id in _heaviest(places, since, until, spans):
            kept = self._context.records.pages.get(page_id)
            if kept is not None and kept.finished:
                found.append(kept.summary())
            elif page_id in stored:
                found.append(decode_summary(stored[page_id].report))
        return tuple(found), partial

    async def _in_memory(self, query: UrlQuery, *, every: bool) -> _Newer:
        """The newest weigh-ins of the URLs in memory, by their place in the list.

        Without ``every``, only those whose newest version the database may lack.
        """
        by_url = self._context.records.pages.by_url
        if query.urls is None:
            newest = by_url.newest_of_each()
        else:
            newest = [one for url in query.urls if (one := by_url.newest(url)) is not None]
        chosen: list[PageRecord] = []
        urls: set[str] = set()
        for start in range(0, len(newest), AT_ONCE):
            for one in newest[start : start + AT_ONCE]:
                if every or one.backup != "stored":
                    urls.add(one.url)
                    if query.status in (None, one.status):
                        chosen.append(one)
            await asyncio.sleep(0)  # let other tasks run
        if query.host is not None or query.text is not None:
            chosen = await _matching(chosen, query.host, query.text)
        places: dict[Key, PageRecord] = {}
        for number, one in enumerate(chosen, 1):
            key = _key(query, one, alone=every)
            if query.follows(key):
                places[key] = one
            if number % UNPACKED == 0:
                await asyncio.sleep(0)  # a weight may have to be unpacked
        return _Newer(places, urls)


class _Newer(NamedTuple):
    """What memory has at one moment that the database may lack.

    Attributes:
        places: the weigh-ins that the query wants, by their place in the list.
        urls: the URLs of all of them, wanted or not.
    """

    places: dict[Key, PageRecord]
    urls: set[str]


class _Place(NamedTuple):
    at: datetime
    weight: int
    page_id: str


def _heaviest(
    places: Iterable[_Place], since: datetime | None, until: datetime, spans: int
) -> list[str]:
    """The ids of the heaviest weigh-in of each span, newest first."""
    places = list(places)
    begin = since or min((place.at for place in places), default=until)
    width = max((until - begin).total_seconds() / spans, 1e-6)
    heaviest: dict[int, _Place] = {}
    for place in places:
        span = int((place.at - begin).total_seconds() / width)
        known = heaviest.get(span)
        if known is None or (known.weight, known.page_id) < (place.weight, place.page_id):
            heaviest[span] = place
    return sorted((place.page_id for place in heaviest.values()), reverse=True)


async def _matching(
    records: list[PageRecord], host: str | None, text: str | None
) -> list[PageRecord]:
    """The records of a host and with a text; titles are searched in the newest `SEARCHED` only."""
    records.sort(key=lambda record: record.id, reverse=True)
    found = []
    for number, record in enumerate(islice(records, SEARCHED), 1):
        if matches(record.summary(), host, text):
            found.append(record)
        if number % UNPACKED == 0:
            await asyncio.sleep(0)
    return found


def _key(query: UrlQuery, record: PageRecord, *, alone: bool) -> Key:
    """The place of a record; ``alone`` means memory only, where too many would have to be unpacked."""
    weight = record.weighed() if query.sort == "heaviest" else None
    return query.key(
        Snapshot(
            record.id,
            record.url,
            0,
            b"",
            host=_host(record, alone) if query.sort == "site" else "",
            status=record.status,
            transfer_bytes=0 if weight is None else weight.transfer_bytes,
        )
    )


def _host(record: PageRecord, alone: bool) -> str:
    if alone or not record.finished:
        return bare_host_of(record.url)
    summary = record.summary()
    return bare_host_of(summary.final_url or summary.url)


def _weighed(key: Key, record: PageRecord | None, row: UrlRow | None) -> Weighed:
    past: dict[str, Past] = {}
    if row is not None:
        past = {one.id: one for one in row.past}
    newest = None if row is None else row.newest
    if record is not None:
        each: PageRecord | None = record
        for _ in range(2 * PAST):
            if each is None:
                break
            if (weight := each.weighed()) is not None:
                past[each.id] = Past(each.id, weight.transfer_bytes, weight.way)
            each = each.older
    weighed = [past[page_id] for page_id in sorted(past, reverse=True)[:PAST]]
    way = next((one.way for one in weighed), None)
    alike = [one.transfer_bytes for one in weighed if None in (way, one.way) or one.way == way]
    if record is not None and (newest is None or newest.id <= record.id):
        summary = record.summary()
    elif newest is not None:
        summary = decode_summary(newest.report)
    else:
        raise ValueError("a row needs a record or a row of the database")
    return Weighed(summary, tuple(reversed(alike)), key)
