"""What the database still lacks: ids, in the order of their arrival."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from itertools import islice

from libra.inspector.records.messages import DatabaseBacklog
from libra.inspector.records.records import Records


class Backlog:
    """Pages and watches to save, and deletions; one key for each, however often it changes.

    Args:
        records: the records in memory.
        now: seconds of the runtime's clock; everything that is not stored counts as waiting since then.
        gap: whether the database is known to lack something that it had.
    """

    __slots__ = ("_in_hand", "_lacking", "_records", "_waiting")

    def __init__(self, records: Records, now: float, *, gap: bool) -> None:
        self._records = records
        self._waiting: dict[str, float] = {}
        self._in_hand: dict[str, float] = {}
        for record in records.everything():
            if record.backup != "stored":
                self._waiting[record.id] = now
        for deleted in records.deletions.pages | records.deletions.watches:
            self._waiting[deleted] = now
        self._lacking: set[str] = set(self._waiting) if gap else set()

    def __len__(self) -> int:
        """How many entries wait, without those that are being saved."""
        return len(self._waiting)

    @property
    def owes(self) -> bool:
        """Whether anything is not saved yet."""
        return bool(self._waiting or self._in_hand)

    def state(self, now: float, also: AbstractSet[str]) -> DatabaseBacklog:
        """The backlog at this moment, including entries that will be offered later."""
        # Both keep the order of arrival: the entries in hand arrived before the waiting ones.
        times = [*islice(self._in_hand.values(), 1), *islice(self._waiting.values(), 1)]
        oldest = now - min(times) if times else None
        return DatabaseBacklog(len(self._in_hand.keys() | self._waiting.keys() | also), oldest)

    def offer(self, entry_id: str, now: float) -> None:
        """Add an entry that has changed; one that already waits keeps its place."""
        self._waiting.setdefault(entry_id, now)

    def offer_all(self, now: float) -> None:
        """Add everything that is in memory, to be saved again."""
        for record in self._records.everything():
            self.offer(record.id, now)

    def take(self, most: int) -> list[str]:
        """Take the first ``most`` entries in hand, to be saved together."""
        for entry_id in self._records.batch(self._waiting, most):
            self._in_hand[entry_id] = self._waiting.pop(entry_id)
        return list(self._in_hand)

    def saved(self, held: AbstractSet[str]) -> None:
        """Drop the entries in hand, which are saved; offer those again that were held back."""
        self._lacking -= self._in_hand.keys() - held
        self._in_hand.clear()

    def put_back(self) -> None:
        """Put the entries in hand back in their old place, since they could not be saved."""
        for entry_id in self._in_hand:
            self._waiting.pop(entry_id, None)
        self._waiting = self._in_hand | self._waiting
        self._in_hand = {}

    def lost(self, lacking: Sequence[str], now: float) -> None:
        """Add the entries that the database had and may have lost."""
        for entry_id in lacking:
            self.offer(entry_id, now)
        self._lacking = set(lacking)

    def lacks_records(self) -> bool:
        """Whether the database still lacks pages or watches that are in memory."""
        return any(self._records.find(one) is not None for one in self._lacking)

    def lacks_anything(self) -> bool:
        """Whether the database still lacks entries that are in memory, or deletions."""
        records = self._records
        return any(
            records.find(one) is not None or records.deletions.of(one) is not None
            for one in self._lacking
        )
