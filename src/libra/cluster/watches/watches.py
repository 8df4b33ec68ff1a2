"""The watches of a cluster: each is a record in the engine, which any web node may advance.

A turn is a scheduled message of the engine. The node that gets it reads the record from the leader and
takes the next step by compare-and-set. If two nodes have a turn at the same time, one of them does
nothing. Then the node schedules the next turn. A sweep finds turns that were lost. A watch has no
process and belongs to no node.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec

from libra.cluster.engine.errors import Conflict, EngineAway, Misconfigured
from libra.cluster.engine.pulling import Pull, PulledMessage
from libra.cluster.records.layout import TOMBSTONES, WATCHES
from libra.cluster.records.watch_records import WatchEntry, watch_of
from libra.cluster.watches.taking_over import take_over
from libra.cluster.watches.watch_entries import WatchEntries
from libra.errors import Behind, EngineUnavailable, WatchNotFound, WatchUnknown
from libra.ids import new_id
from libra.inspector.durability.database_reader import DatabaseReader
from libra.inspector.records.page_record import PageRecord, first_version
from libra.inspector.records.restored_page import restore
from libra.inspector.records.watches.watch_changes import WantedChange
from libra.inspector.records.watches.watch_record import WatchRecord, WatchState
from libra.inspector.watches import steps
from libra.inspector.watches.log_lines import log_delivery, log_run
from libra.inspector.watches.watches import Watches
from libra.report import FINISHED, Report
from libra.storage import Store, Unavailable, UnreadableRow

if TYPE_CHECKING:
    from libra.cluster.node.node import ClusterNode

log = logging.getLogger("libra.watch")

#: A turn that is this early is in time: clocks are not exact.
TOLERANCE: Final = timedelta(milliseconds=500)

#: Seconds between two looks at a page that is being weighed for a watch.
LOOK: Final = 2.0

#: Seconds between two sweeps, and how late a turn must be for a sweep to make up for it.
SWEEP: Final = 60.0
LATE: Final = timedelta(seconds=60)

#: Seconds that a client waits for the engine.
PATIENCE: Final = 1.0

#: Tries of a step that another node is taking, and steps of one turn.
TRIES: Final = 12

#: Turns that are taken concurrently.
AT_ONCE: Final = 16

#: Seconds between two tries of a step that another node is taking.
AGAIN: Final = 0.15

#: Seconds between two attempts to take turns, or to take over the watches of the database.
RETRY: Final = 0.5

TURNS: Final = "turns"
"""The consumer that gives the turns."""


class ClusterWatches(Watches):
    """Makes watches, finds them, and advances them.

    Args:
        node: this node.
        reader: reads the pages that are not in memory.
        store: the database; watches from before the cluster are taken over from it.
    """

    def __init__(self, node: ClusterNode, reader: DatabaseReader, store: Store) -> None:
        super().__init__(node.context)
        self._node = node
        self._entries = WatchEntries(node)
        self._reader = reader
        self._store = store
        self._tasks: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(AT_ONCE)

    # For clients

    async def look_up(self, watch_id: str, at_least: int = 0) -> None:
        """Read a watch from the leader: another node may have made it a moment ago.

        Raises:
            WatchUnknown: the engine cannot be asked.
            Behind: the engine cannot be asked, and this node has an earlier version of the watch.
        """
        try:
            _, kept = await self._entries.read(watch_id, PATIENCE)
        except (EngineAway, Misconfigured):
            if self._context.records.watches.get(watch_id) is not None:
                raise Behind(watch_id) from None
            raise WatchUnknown(watch_id) from None
        if kept is not None and kept.state is not None:
            self._entries.show(watch_id, kept)
        else:
            self._entries.gone(watch_id)

    async def add(self, wanted: WantedChange) -> WatchRecord:
        """Make a watch, whose first page is weighed at once.

        Raises:
            EngineUnavailable: the engine cannot keep it now.
        """
        now = self._context.services.now()
        state = steps.made(new_id(), wanted, now)
        kept = WatchEntry(first_version(1), state)
        try:
            # Schedule the turn before the watch exists: this node may end at any moment, and a turn
            # without a watch does no harm.
            await self._entries.arm(state.id, now + timedelta(seconds=LOOK), patience=PATIENCE)
            await self._entries.write(state.id, kept, expect=0, patience=PATIENCE)
        except (Conflict, EngineAway, Misconfigured) as error:
            raise EngineUnavailable(str(error)) from None
        record = self._entries.show(state.id, kept)
        self._spawn(self._turn(state.id))
        return record

    async def change(
        self, watch_id: str, step: Callable[[WatchState], steps.Changes]
    ) -> WatchRecord:
        """Change the settings of a watch, or what it does next.

        Raises:
            WatchNotFound: it was deleted meanwhile.
            EngineUnavailable: the engine cannot change it now.
        """
        try:
            for _ in range(TRIES):
                sequence, kept = await self._entries.read(watch_id, PATIENCE)
                if kept is None or kept.state is None:
                    raise WatchNotFound(watch_id)
                state = msgspec.structs.replace(kept.state, **step(kept.state))
                after = WatchEntry(kept.version + 1, state)
                try:
                    await self._entries.write(watch_id, after, expect=sequence, patience=PATIENCE)
                except Conflict:
                    # Another node has taken a step: apply the change to the new state.
                    await asyncio.sleep(AGAIN)
                else:
                    record = self._entries.show(watch_id, after)
                    # Does what is due now, and schedules the turn after that.
                    self._spawn(self._turn(watch_id))
                    return record
        except (EngineAway, Misconfigured) as error:
            raise EngineUnavailable(str(error)) from None
        raise EngineUnavailable("the watch keeps changing: try again")

    async def remove(self, watch_id: str) -> None:
        """Delete a watch; a page that is being weighed for it becomes a page like any other.

        Raises:
            EngineUnavailable: the engine cannot delete it now.
        """
        try:
            for _ in range(TRIES):
                sequence, kept = await self._entries.read(watch_id, PATIENCE)
                if kept is None or kept.state is None:
                    break
                gone = WatchEntry(kept.version + 1)
                try:
                    await self._entries.write(
                        watch_id, gone, expect=sequence, ttl=TOMBSTONES, patience=PATIENCE
                    )
                except Conflict:
                    await asyncio.sleep(AGAIN)
                else:
                    break
            else:
                raise EngineUnavailable("the watch keeps changing: try again")
            await self._node.engine.api(
                f"STREAM.PURGE.{WATCHES}", {"filter": f"libra.watch.at.{watch_id}"}, PATIENCE
            )
        except (EngineAway, Misconfigured) as error:
            raise EngineUnavailable(str(error)) from None
        self._entries.gone(watch_id)

    async def run(self, watch_id: str) -> str | None:
        """Weigh the page of a watch now; returns its id, or None if there is no room.

        Raises:
            EngineUnavailable: it is not known whether the page is being weighed already.
        """
        try:
            return await self._step(watch_id, force=True, patience=PATIENCE)
        except (EngineAway, Misconfigured, Unavailable) as error:
            raise EngineUnavailable(str(error)) from None
        except LookupError:
            raise WatchNotFound(watch_id) from None

    def retry(self, watch_id: str) -> bool:
        """False: no watch is quarantined, as there is no process that could crash repeatedly."""
        return False

    # Advancing

    async def serve(self) -> None:
        """Follow all watches and take turns, until the program ends."""
        await self._node.ready.wait()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._entries.hear())
                tasks.create_task(self._take_turns())
                tasks.create_task(self._sweep())
                tasks.create_task(take_over(self._node, self._entries, self._store))
        finally:
            for task in list(self._tasks):
                task.cancel()

    async def _take_turns(self) -> None:
        pull = Pull(self._node.engine, WATCHES, TURNS)
        while not self._node.closing:
            try:
                deliveries = await pull.take(AT_ONCE)
            except EngineAway as error:
                log.debug("cannot take turns of watches: %s", error)
                await asyncio.sleep(RETRY)
                continue
            for delivery in deliveries:
                self._spawn(self._turn(watch_of(delivery.subject), delivery))

    async def _turn(self, watch_id: str, delivery: PulledMessage | None = None) -> None:
        """Advance a watch as far as possible now; the queue delivers a failed turn again."""
        async with self._room:
            try:
                await self._step(watch_id)
            except LookupError:
                pass  # it was deleted
            except (EngineAway, Misconfigured, Unavailable) as error:
                log.debug("watch %s continues later: %s", watch_id, error)
                return
            if delivery is not None:
                await delivery.ack()

    async def _step(
        self, watch_id: str, *, force: bool = False, patience: float = 2.0
    ) -> str | None:
        """Do what is due, step by step; returns the page that is being weighed now, if any.

        Args:
            watch_id: the id of the watch.
            force: whether to weigh its page now even if it is not due, unless it is being weighed
                already.
            patience: seconds for each answer of the engine.

        Raises:
            LookupError: the watch no longer exists.
            EngineAway: as in `ClusterNode.read`.
            Unavailable: the outcome of its page cannot be read.
        """
        for _ in range(TRIES):
            sequence, kept = await self._entries.read(watch_id, patience)
            if kept is None or kept.state is None:
                raise LookupError(watch_id)
            state = kept.state
            changes = await self._due(state, force=force)
            if changes is None:
                await self._entries.arm(watch_id, self._next_turn(state))
                return state.page
            changed = msgspec.structs.replace(state, **changes)
            after = WatchEntry(kept.version + 1, changed)
            try:
                await self._entries.write(watch_id, after, expect=sequence, patience=patience)
            except Conflict:
                # Another node has a turn: something else may be due now.
                await asyncio.sleep(AGAIN)
                continue
            self._entries.show(watch_id, after)
            self._log(state, changed)
            if changed.page is not None and changed.page != state.page:
                await self._entries.arm(watch_id, self._next_turn(changed))
                await self._context.processes.weigh_ins.submit(changed.page, changed)
                if force:
                    # Somebody waits for this: what else is due, such as an alert, needs nobody to wait.
                    self._spawn(self._turn(watch_id))
                    return changed.page
        # One turn does not do all of it: there are many alerts, or many nodes that take steps.
        await self._entries.arm(watch_id, self._context.services.now() + timedelta(seconds=LOOK))
        return None

    async def _due(self, state: WatchState, *, force: bool) -> steps.Changes | None:
        """Do the part of the next step that may be done twice; returns its changes, None for no step."""
        now = self._context.services.now()
        soon = now + TOLERANCE
        if state.page is not None:
            report, gone = await self._outcome(state.page, state)
            if gone:
                return {"page": None}
            if report is not None:
                return steps.judged(state, report, now, self._context.services.public_url)
            if steps.due_at(state) <= now:
                # It takes longer than the watch's interval: missed turns are not made up for.
                return {"next_at": steps.next_of(state, now)}
        elif force or steps.due_at(state) <= soon:
            return steps.begun(state, new_id(), now, due=steps.due_at(state) <= soon)
        alert = steps.next_alert(state)
        if alert is not None and alert.due_at <= soon:
            error = await self._context.processes.weigh_ins.deliver(state, alert)
            return steps.tried(state, alert, error, self._context.services.now())
        return None

    async def _outcome(self, page_id: str, state: WatchState) -> tuple[Report | None, bool]:
        """The report of a page once it is finished, and whether there will be none: a client deleted it.

        A page that is not found is submitted: the node that chose its id died before it did.
        """
        record = self._context.records.pages.get(page_id)
        if record is None:
            if (await self._node.read(page_id)).kind == "del":
                return None, True
            try:
                row = await self._reader.load(page_id)
            except UnreadableRow:
                return None, True  # nobody will ever read it, so the watch goes on without it
            if row is None:
                await self._context.processes.weigh_ins.submit(page_id, state)
                return None, False
            if row.status not in FINISHED:
                return None, False
            record = restore(row)
        return (record.report() if record.finished else None), False

    def _next_turn(self, state: WatchState) -> datetime:
        moments = [steps.due_at(state)]
        if state.page is not None:
            moments.append(self._context.services.now() + timedelta(seconds=LOOK))
        if (alert := steps.next_alert(state)) is not None:
            moments.append(alert.due_at)
        return min(moments)

    async def _sweep(self) -> None:
        """Take the turns that are late."""
        while True:
            # Nodes must not all do so at the same moment.
            await asyncio.sleep(SWEEP * random.uniform(0.5, 1.5))
            now = self._context.services.now()
            for record in self._context.records.watches:
                state = record.state
                late = self._next_turn(state) < now - LATE or (
                    state.page is not None and _is_over(self._context.records.pages.get(state.page))
                )
                if late:
                    self._spawn(self._turn(state.id))
                    await asyncio.sleep(0)

    def _log(self, before: WatchState, after: WatchState) -> None:
        """Log the outcome of this step."""
        if after.last is not None and after.last != before.last:
            log_run(after)
        if after.delivery is not None and after.deliveries != before.deliveries:
            tried = after.delivery
            log_delivery(after, next(one for one in before.alerts if one.to == tried.to))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a watch could not be advanced", exc_info=error)


def _is_over(record: PageRecord | None) -> bool:
    return record is not None and record.finished
