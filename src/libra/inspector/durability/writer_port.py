"""What the two writers tell, and ask, the one who knows the order of things."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from libra.report import Backup as Level
from libra.storage import Deleted, Store
from libra.storage.recollection import Recollection


class WriterPort(Protocol):
    """The durability, as the writers of the journal and of the database see it.

    Attributes:
        store: the database.
        recollection: what is remembered of it.
        copies: whether the journal holds what is in memory and the database has, too.
    """

    store: Store
    recollection: Recollection

    @property
    def copies(self) -> bool: ...  # noqa: D102 - above

    def may_store(self, entry_id: str) -> bool:
        """Whether the journal has had its turn with an entry."""

    def journaled(self, entry_id: str, version: int) -> None:
        """An entry is on the local disk as of this version."""

    def not_journaled(self, entry_id: str) -> None:
        """The local disk cannot keep an entry at the moment."""

    def stored(self, entry_id: str, version: int) -> None:
        """The database has an entry as of this version."""

    def refused(self, entry_id: str, version: int, reason: str) -> None:
        """The database does not take this version of an entry, and never will."""

    def lost(self, entry_id: str, level: Level) -> None:
        """The database, or the journal, has lost what it had of an entry."""

    def over(self, stored: list[tuple[str, int]], deleted: Sequence[Deleted]) -> None:
        """The database has these, each as of a version."""
