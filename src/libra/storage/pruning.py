"""Which stored pages are removed, and in which order. Each engine has its own SQL for the steps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from libra.storage.keeping import FOR_EVER, MARKS, Dated, Thinning, superfluous

PRUNED_AT_ONCE: Final = 1000
"""Rows in one transaction; saves may run between two of them."""


class Pruning(ABC):
    """Removes pages that are older than the retention; each page leaves a mark."""

    async def prune(self, older_than: datetime | None, watched: Mapping[str, Thinning]) -> int:
        """Remove old pages: see `libra.storage.store.Store.prune`."""
        now = datetime.now(UTC)
        removed = 0
        if older_than is not None:
            # This comes first, so that a running Libra does not take the removed pages for lost.
            await self._note(older_than)
            while ids := await self._old(older_than, watched):
                removed += await self._remove(ids, now)
            marks = min(older_than, now - MARKS)
            for table in ("pages", "watches"):
                while await self._forget(table, marks) > 0:
                    pass
        for url, thinning in watched.items():
            if thinning == FOR_EVER:
                continue
            ids = superfluous(await self._dated(url, thinning.all_since), thinning)
            for start in range(0, len(ids), PRUNED_AT_ONCE):
                removed += await self._remove(ids[start : start + PRUNED_AT_ONCE], now)
        return removed

    @abstractmethod
    async def _note(self, older_than: datetime) -> None:
        """Note in the database up to which time pages are removed."""

    @abstractmethod
    async def _old(self, older_than: datetime, watched: Mapping[str, Thinning]) -> list[str]:
        """The ids of at most `PRUNED_AT_ONCE` old pages whose URLs are not watched."""

    @abstractmethod
    async def _dated(self, url: str, before: datetime) -> list[Dated]:
        """The pages of a URL that are older than this."""

    @abstractmethod
    async def _remove(self, ids: Sequence[str], now: datetime) -> int:
        """Empty the rows of pages and mark them as removed now; returns how many there were."""

    @abstractmethod
    async def _forget(self, table: str, before: datetime) -> int:
        """Delete at most `PRUNED_AT_ONCE` marks that are older than this; returns how many."""
