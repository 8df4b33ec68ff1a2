"""Prunes pages that are older than the retention, once an hour.

It works on the database only. Pruned pages must leave memory too, and do so by the marks that every
pruning leaves (see `libra.inspector.durability.pruned_pages`).
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any, Final

from libra.inspector.context import Context
from libra.inspector.records.watches.watch_record import WatchState
from libra.otp import GenServer, TaskDone, TaskFailed
from libra.storage import Store, Unavailable
from libra.storage.keeping import FOR_EVER, Watched, thinnings
from libra.wording import count, size

log = logging.getLogger("libra.retention")

FIRST: Final = 60.0
"""Seconds from the start to the first run, so that it does not compete with the restore."""

INTERVAL: Final = 3600.0
"""Seconds between two runs."""

RETRY: Final = 60.0
"""Seconds until the next try while the database or the watches are not available."""


class Retention(GenServer):
    """Prunes once an hour."""

    __slots__ = ("_context", "_keep", "_store")

    def init(self, context: Context, store: Store, keep: float | None) -> None:
        """Schedule the first run.

        Args:
            context: the shared state.
            store: the database.
            keep: seconds that pages are kept; None for no limit.
        """
        self._context = context
        self._store = store
        self._keep = keep
        self.send_after(FIRST, "look")

    def handle_info(self, message: Any) -> None:
        """Prune, if the database is available and this is the Libra that writes to it."""
        context = self._context
        match message:
            case "look":
                known = (
                    context.availability.watches_known.is_set()
                    and context.availability.opened.is_set()
                )
                if (
                    not known
                    or context.availability.outage is not None
                    or context.availability.standby is not None
                ):
                    self.send_after(RETRY, "look")
                else:
                    self.start_task(self._prune())
            case TaskDone(_, _, (removed, given_back)):
                if removed:
                    log.info(
                        "pruned %s, freed %s of disk space",
                        count(removed, "old page"),
                        size(given_back),
                    )
                self.send_after(INTERVAL, "look")
            case TaskFailed(_, _, Unavailable() as error):
                log.debug("cannot prune now: %s", error)
                self.send_after(RETRY, "look")
            case TaskFailed(_, _, error):
                raise error

    async def _prune(self) -> tuple[int, int]:
        now, keep = self._context.services.now(), self._keep
        watched = thinnings(
            (_watched(record.state) for record in self._context.records.watches),
            keep,
            now,
        )
        if keep is None and all(thinning == FOR_EVER for thinning in watched.values()):
            return 0, 0
        older_than = None if keep is None else now - timedelta(seconds=keep)
        removed = await self._store.prune(older_than=older_than, watched=watched)
        return removed, await self._store.give_back() if removed else 0


def _watched(state: WatchState) -> Watched:
    return Watched(state.url, state.keep, None if state.last is None else state.last.page)
