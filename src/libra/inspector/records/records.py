"""State that survives a crash of any process: the records of pages and watches, and notes on them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Final

from libra.inspector.records.deletions import Deletions
from libra.inspector.records.eviction_queue import EvictionQueue
from libra.inspector.records.followers import Followers
from libra.inspector.records.page_record import PageRecord
from libra.inspector.records.page_records import PageRecords
from libra.inspector.records.ports import Pictures
from libra.inspector.records.watches.watch_record import WatchRecord, WatchRecords

#: Bytes of reports after which a batch takes no more, as each is in memory several times.
BATCH_BYTES: Final = 16_000_000


class Records:
    """Everything that is in memory, and the deletions.

    Args:
        now: the wall clock.

    Attributes:
        pages: the records of pages.
        watches: the records of watches.
        evictions: which page leaves first when memory is full.
        followers: clients that wait for changes.
        deletions: deleted pages and watches, for as long as the database may still have them.
        pictures: stores pictures of rendered pages; None if Libra takes none.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.pages = PageRecords()
        self.watches = WatchRecords()
        self.evictions = EvictionQueue(self.pages)
        self.followers = Followers()
        self.deletions = Deletions(now)
        self.pictures: Pictures | None = None

    def find(self, entry_id: str) -> PageRecord | WatchRecord | None:
        """The record of a page or a watch, or None: their ids have the same form."""
        return self.pages.get(entry_id) or self.watches.get(entry_id)

    def everything(self) -> Iterator[PageRecord | WatchRecord]:
        """Every record of a page or a watch, as of now."""
        yield from self.pages
        yield from self.watches

    def batch(self, entry_ids: Iterable[str], most: int) -> list[str]:
        """The first of these ids, at most ``most``, and within the bytes that one write should have."""
        chosen: list[str] = []
        size = 0
        for entry_id in islice(entry_ids, most):
            record = self.pages.get(entry_id)
            size += 0 if record is None else record.report_bytes
            if chosen and size > BATCH_BYTES:
                break
            chosen.append(entry_id)
        return chosen

    def forget(self, page_id: str) -> None:
        """Forget a deleted page: nobody finds it any more, even if the database still has it."""
        self.deletions.add_page(page_id)
        self.pages.discard(page_id)
        if self.pictures is not None:
            self.pictures.forget(page_id)
