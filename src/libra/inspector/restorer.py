"""Brings pages back after a start, or after a crash of their supervisor.

First those whose records are still in memory (their processes died with the supervisor, their
records did not), then those that the database holds. A start never waits for this: what has not
come back yet is looked up when it is asked for.
"""

from __future__ import annotations

import asyncio
import logging
from enum import Enum, auto
from typing import Any

from libra.inspector.context import Context
from libra.inspector.page import PageInspector
from libra.inspector.record import PageRecord, restore
from libra.otp import NORMAL, Continue, GenServer, Stop, TaskDone, TaskFailed
from libra.storage import Store, Unavailable
from libra.storage.snapshot import Snapshot

#: Pages that are brought back between two looks at the event loop: well under 10 ms of work.
SLICE = 50

#: Seconds until a database that could not be read is tried again.
RETRY = 2.0

log = logging.getLogger("libra.restore")


class Step(Enum):
    """What the restorer tells itself."""

    RECORDS = auto()
    DATABASE = auto()


class Restorer(GenServer):
    """Starts a process for every page that should have one; then it is done and stops."""

    __slots__ = ("_context", "_eager", "_max_pages", "_orphans", "_restored", "_store")

    def init(self, context: Context, store: Store, *, eager: bool, max_pages: int) -> Continue:
        """Begin with what is in memory."""
        self._context = context
        self._store = store
        self._eager = eager
        self._max_pages = max_pages
        self._restored = 0
        self._orphans = list(context.records)
        return Continue(Step.RECORDS)

    def handle_continue(self, token: Any) -> Stop | None:
        """The records first, a slice at a time."""
        return self._adopt()

    def handle_info(self, message: Any) -> Stop | None:
        """Go on."""
        match message:
            case Step.RECORDS:
                return self._adopt()
            case Step.DATABASE:
                self._read_database()
            case TaskDone():
                log.info("restored %d pages from the database", self._restored)
                return Stop(NORMAL)
            case TaskFailed(_, _, Unavailable() as error):
                log.debug("cannot restore yet: %s", error)
                self.send_after(RETRY, Step.DATABASE)
            case TaskFailed(_, _, error):
                raise error
        return None

    def _adopt(self) -> Stop | None:
        for record in self._orphans[-SLICE:]:
            if self._context.registry.whereis(record.id) is None:
                self._bring_up(record)
        del self._orphans[-SLICE:]
        if self._orphans:
            self.send(Step.RECORDS)
            return None
        if not self._eager:
            return Stop(NORMAL)
        self._read_database()
        return None

    def _read_database(self) -> None:
        if self._context.outage is not None:
            # The backup's prober is the only one that touches a database that is known to be down.
            self.send_after(RETRY, Step.DATABASE)
        else:
            self.start_task(self._restore())

    async def _restore(self) -> None:
        await self._context.opened.wait()
        async for rows in self._store.batches(now=self._context.now()):
            for number, row in enumerate(rows):
                if len(self._context.records) >= self._max_pages:
                    return
                self._bring_back(row)
                if number % SLICE == SLICE - 1:
                    await asyncio.sleep(0)

    def _bring_back(self, row: Snapshot) -> None:
        context = self._context
        if context.records.get(row.id) is not None or row.id in context.forgotten:
            return
        try:
            record = restore(row)
        except ValueError as error:
            # One page that cannot be read must not keep the others from coming back.
            log.error("page %s is set aside, its stored report cannot be read: %s", row.id, error)
            return
        context.records.add(record)
        self._bring_up(record)
        self._restored += 1

    def _bring_up(self, record: PageRecord) -> None:
        self._context.inspectors.start_child(PageInspector.child_spec(self._context, record))
