"""The durability as its two writers see it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from libra.report import Backup as Level
from libra.storage import Deleted, Store
from libra.storage.recollection import Recollection


class WriterPort(Protocol):
    """What the writers of the journal and of the database tell and ask the durability.

    Attributes:
        store: the database.
        recollection: what this Libra remembers of the database.
        copies: whether the journal also holds entries that are in memory and stored in the database.
    """

    store: Store
    recollection: Recollection

    @property
    def copies(self) -> bool: ...  # noqa: D102 - above

    def may_store(self, entry_id: str) -> bool:
        """Whether the journal has already had its turn with an entry."""

    def journaled(self, entry_id: str, version: int) -> None:
        """Note that an entry is on the local disk as of this version."""

    def not_journaled(self, entry_id: str) -> None:
        """Note that the local disk cannot keep an entry at the moment."""

    def stored(self, entry_id: str, version: int) -> None:
        """Note that the database has an entry as of this version."""

    def refused(self, entry_id: str, version: int, reason: str) -> None:
        """Note that the database refuses this version of an entry, and always will."""

    def lost(self, entry_id: str, level: Level) -> None:
        """Note that the database or the journal has lost an entry."""

    def over(self, stored: list[tuple[str, int]], deleted: Sequence[Deleted]) -> None:
        """Note that the database has these entries, each as of a version."""
