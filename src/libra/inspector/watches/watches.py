"""The watches of one Libra, as callers use them: make, list, run and delete."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from libra.errors import WatchNotFound
from libra.ids import new_id
from libra.inspector.context import Context
from libra.inspector.records.watches.watch_changes import WantedChange
from libra.inspector.records.watches.watch_record import WatchRecord, WatchState
from libra.inspector.watches import steps
from libra.inspector.watches.watcher import Watcher, change, run, run_soon
from libra.otp import (
    Child,
    DynamicSupervisor,
    NotFound,
    ProcessException,
    ProcessExited,
    StartError,
)

log = logging.getLogger("libra.watch")

MAX_WATCHES = 10_000
"""The limit of watches."""


class Watchers(DynamicSupervisor):
    """The supervisor of the watches: each watch has its own restart budget."""

    __slots__ = ()

    def init(self, context: Context) -> None:  # type: ignore[override]  # as an __init__ may
        """Add itself to the context."""
        super().init(on_quarantine=partial(_quarantined, context))
        context.processes.watchers = self


def _quarantined(context: Context, child: Child) -> None:
    record = context.records.watches.get(str(child.id))
    if record is not None:
        record.error = f"quarantined: {child.reason}"
        context.records.followers.changed(record.id)


class Watches:
    """Makes watches and finds them.

    Args:
        context: the shared state.
    """

    def __init__(self, context: Context) -> None:
        self._context = context

    def full(self) -> bool:
        """Whether the limit of watches is reached."""
        return len(self._context.records.watches) >= MAX_WATCHES

    async def look_up(self, watch_id: str, at_least: int = 0) -> None:
        """Bring a watch into memory, no older than a client has seen it.

        A single node has all watches in memory, in their newest state.

        Raises:
            WatchUnknown: it is impossible to tell whether the watch exists.
            Behind: that version cannot be read now.
        """

    async def add(self, wanted: WantedChange) -> WatchRecord:
        """Make a watch, whose page is weighed at once.

        On return the watch is as safe as it says.
        """
        context = self._context
        record = WatchRecord(steps.made(new_id(), wanted, context.services.now()))
        context.records.watches.add(record)
        try:
            process = context.processes.watchers.start_child(Watcher.child_spec(context, record))
        except StartError:
            context.records.watches.discard(record.id)
            raise
        except ProcessExited as error:
            # The supervisor is being restarted. The restorer, which starts after it, finds the record.
            log.debug("watch %s is started later: %s", record.id, error)
        else:
            if process is not None and not record.state.paused:
                run_soon(process)
        await context.processes.durability.kept(record.id)
        return record

    async def change(
        self, watch_id: str, step: Callable[[WatchState], steps.Changes]
    ) -> WatchRecord:
        """Change the settings or the state of a watch; on return it is as safe as it says.

        Args:
            watch_id: the id of the watch.
            step: returns the changes for the present state; without side effects, as it may be called
                twice.

        Raises:
            WatchNotFound: it was deleted meanwhile.
        """
        context = self._context
        record = context.records.watches.get(watch_id)
        if record is None:
            raise WatchNotFound(watch_id)
        process = None
        try:
            child = context.processes.watchers.child(watch_id)
            process = None if child is None else child.process
            if process is not None:
                await change(process, step)
        except ProcessException as error:
            log.debug("watch %s is changed without its process: %s", watch_id, error)
            process = None
        if process is None:
            # It is quarantined or being restarted: nothing else writes to its record now.
            record.change(**step(record.state))
            context.processes.durability.keep(watch_id)
            context.records.followers.changed(watch_id)
        await context.processes.durability.kept(watch_id)
        return record

    async def remove(self, watch_id: str) -> None:
        """Delete a watch; a page that is being weighed for it becomes an ordinary page."""
        context = self._context
        # In this order: nobody finds the watch any more, its process ends, the database writer learns of
        # it.
        context.records.deletions.watches.add(watch_id)
        context.records.watches.discard(watch_id)
        context.records.followers.changed(watch_id)
        try:
            await context.processes.watchers.terminate_child(watch_id)
        except (NotFound, ProcessExited):
            log.debug("watch %s had no process", watch_id)
        await context.processes.durability.forget(watch_id)

    async def run(self, watch_id: str) -> str | None:
        """Have the page of a watch weighed now; return its id, or None if that is impossible now.

        This also starts a quarantined watch again, which then runs.
        """
        try:
            child = self._context.processes.watchers.child(watch_id)
            if not self.retry(watch_id) and child is not None and child.process is not None:
                return await run(child.process)
        except ProcessException as error:
            log.debug("watch %s cannot run now: %s", watch_id, error)
        return None

    def retry(self, watch_id: str) -> bool:
        """Start a quarantined watch again; False if no quarantined watch has this id."""
        child = self._context.processes.watchers.child(watch_id)
        if child is None or child.state != "quarantined":
            return False
        self._context.processes.watchers.retry_child(watch_id)
        return True
