"""Weighs the pages that were taken from the queues, and hands over their outcome.

The node that wrote that a life begins owns the page. Each write expects that nothing was written to the
page since the last one. So an owner that was taken for dead and is alive loses, and ends in silence. It
sends no acknowledgement and hands nothing back, as both would act on a delivery that another node holds.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec
import zstandard

from libra.cluster.engine.errors import Conflict, EngineAway, Misconfigured
from libra.cluster.engine.pulling import PulledMessage
from libra.cluster.node.ports import Bench
from libra.cluster.records.fitting import BESIDE, fitted
from libra.cluster.records.page_records import (
    Record,
    SubmissionRecord,
    failed_report,
    finished_record,
    first_record,
    of_submission,
)
from libra.cluster.weighing.following import Following
from libra.cluster.weighing.lease import Lease
from libra.cluster.weighing.passing import passed_on
from libra.cluster.weighing.patient_writes import pass_on, read_page, write_record
from libra.cluster.weighing.taking import Taking
from libra.inspector.pages.starting import CONVICTED
from libra.otp import NotFound, ProcessExited, StartError
from libra.report import Report
from libra.weighing.rendered import RenderUnavailable

if TYPE_CHECKING:
    from libra.cluster.node.node import ClusterNode

log = logging.getLogger("libra.cluster")

#: Seconds between two signs to the queue that a page is still under way; a fifth of the queue's wait.
PROGRESS: Final = 1.0


class NodeWeighing:
    """The pages that this node weighs.

    Args:
        node: this node.
        pages: starts the processes of the pages.
        places: how many pages are weighed concurrently.
        keep: whether pages stay in memory after they are handed over, so that clients can read them.
    """

    def __init__(self, node: ClusterNode, pages: Bench, *, places: int, keep: bool) -> None:
        self._node = node
        self._context = node.context
        self._pages = pages
        self._places = places
        self._keep = keep
        self._leases: dict[str, Lease] = {}
        self.free = asyncio.Event()
        self.free.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._browser = False
        self._following = Following(node, pages, self._leases, self._spawn)
        self._taking = Taking(node, self, self._spawn)
        self.weighed = 0

    def __len__(self) -> int:
        return len(self._leases)

    def has(self, page_id: str) -> bool:
        """Whether this node is weighing a page."""
        return page_id in self._leases

    def places(self) -> int:
        """How many places are free; may be zero or negative."""
        return self._places - len(self._leases)

    @property
    def second_lives(self) -> int:
        """How many pages began here that another node had."""
        return self._taking.second_lives

    def stopping(self) -> bool:
        """Whether the program is about to end, so that no page is taken any more."""
        return self._stopping

    def deaths(self, page_id: str) -> int:
        """How many times an owner of a page that is weighed here died over it."""
        lease = self._leases.get(page_id)
        return 0 if lease is None else lease.record.deaths

    # Taking

    async def serve(self) -> None:
        """Take pages while there is room, until the program ends."""
        node = self._node
        # Importing the browser's driver takes a second.
        self._browser = await asyncio.to_thread(self._look_for_browser)
        await node.ready.wait()

        def take_from(shard: int) -> None:
            tasks.create_task(self._taking.take(shard, "static"))
            if self.has_browser():
                tasks.create_task(self._taking.take(shard, "rendered"))
            tasks.create_task(self._taking.take_results(shard))

        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(node.each_shard(take_from))
                tasks.create_task(self._hold())
        finally:
            for task in list(self._tasks):
                task.cancel()

    def has_browser(self) -> bool:
        """Whether this node can render pages."""
        return self._browser

    def _look_for_browser(self) -> bool:
        try:
            self._context.services.browsers.check()
        except RenderUnavailable:
            return False
        return True

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a page could not be taken or handed over", exc_info=error)

    async def begin(
        self,
        sub: SubmissionRecord,
        delivery: PulledMessage,
        *,
        expect: int,
        before: Record | None = None,
        deaths: int = 0,
    ) -> None:
        """Write that a life of the page begins here, then begin it.

        Raises:
            Conflict: another program has written to the page since.
        """
        node = self._node
        if sub.id in self._leases:
            return  # it was delivered twice at nearly the same time
        life = 1 + (sub.lives if before is None else before.life)
        deaths = sub.deaths if before is None else deaths
        record = first_record(sub, delivery.sequence, life=life, node=node.name, epoch=node.epoch)
        record = msgspec.structs.replace(record, status="fetching", deaths=deaths)
        page = of_submission(sub)
        page.version = record.version
        if sub.read and before is None:
            page.growing = zstandard.decompress(sub.read)
        # From here on this node says that the page is its own, so that a late answer begins no second
        # life.
        lease = self._leases[sub.id] = Lease(record, expect, delivery, page)
        self._count()
        try:
            lease.sequence = await write_record(node, record, expect)
        except BaseException:
            # Another node has the page, or this service crashed and the queue delivers the page again.
            self._forget(sub.id)
            raise
        if self._leases.get(sub.id) is not lease:
            return  # it was deleted meanwhile
        lease.begun = True
        if deaths >= CONVICTED:
            self._convict(lease)
        else:
            self._start(lease)

    def _start(self, lease: Lease) -> None:
        try:
            self._pages.weigh_here(lease.page)
        except StartError as error:
            log.error("page %s cannot be started: %s", lease.page.id, error)
            self._forget(lease.page.id)

    # Holding

    async def _hold(self) -> None:
        """Tell the queue once a second that each page is still under way."""
        while True:
            for lease in list(self._leases.values()):
                await lease.delivery.progress()
                self._look_after(lease)
            await asyncio.sleep(PROGRESS)

    def _look_after(self, lease: Lease) -> None:
        """Restart a page whose process ended for good, or ended with its supervisor."""
        if not lease.begun or lease.is_finishing:
            return
        if lease.page.finished:
            self.finish(lease.page.id)
        elif lease.page.error is not None:
            # It crashed repeatedly, and its supervisor has given up.
            self._fail(lease, lease.page.error)
        else:
            with suppress(ProcessExited):
                if self._context.processes.inspectors.child(lease.page.id) is None:
                    self._start(lease)

    def _convict(self, lease: Lease) -> None:
        reason = (
            f"quarantined: {lease.record.deaths} inspectors died while they weighed this page; "
            "retry it by hand"
        )
        log.error("page %s is given up: %s", lease.page.id, reason)
        self._context.records.pages.add(lease.page)
        self._fail(lease, reason)

    def _fail(self, lease: Lease, reason: str) -> None:
        page, now = lease.page, self._node.now
        page.version += 1
        expires_at = now + timedelta(seconds=self._context.services.ttl)
        page.backup = "memory"
        base = page.base()
        data = failed_report(base, reason, now, expires_at)
        page.stored_version = page.version + self._context.processes.durability.steps("memory")
        page.status, page.error, page.expires_at = "failed", reason, expires_at
        page.rest_encoded(data)
        self.finish(page.id)

    # Passing on

    def pass_on(self, page_id: str, read: Report) -> bool:
        """Pass a page that needs a browser to a node with one, and end its process here.

        Returns False if there is no such node.
        """
        lease, living = self._leases.get(page_id), self._node.presence.living()
        if lease is None or not lease.begun or lease.is_finishing or self._stopping:
            return False
        if not any(here.browser and here.epoch != self._node.epoch for here in living):
            return False
        self._work_on(lease, self._pass_on(lease, read))
        return True

    async def _pass_on(self, lease: Lease, read: Report) -> None:
        node, page = self._node, lease.page
        await self._end(lease)
        sub = passed_on(lease, read, self._context.services.options, node.engine.max_payload // 2)
        await pass_on(node, lease, sub)
        self._forget(page.id)
        if self._context.records.pages.get(page.id) is page:
            # From here on the engine's version of the page counts.
            if node.replica is None:
                self._context.records.pages.discard(page.id)
            else:
                node.replica.take(page.id, await read_page(node, page.id))
        self._context.records.followers.changed(page.id)

    # Handing over

    def finish(self, page_id: str) -> None:
        """Write the outcome of a weighed page, for as long as that takes."""
        lease = self._leases.get(page_id)
        if lease is None or lease.is_finishing or not lease.page.finished:
            return
        self._work_on(lease, self._finish(lease))

    def _work_on(self, lease: Lease, work: Coroutine[Any, Any, None]) -> None:
        """Run the last work on a page, which no longer uses a place."""
        lease.finishing = self._spawn(work)
        self._count()

    async def _finish(self, lease: Lease) -> None:
        node, page = self._node, lease.page
        record = finished_record(lease.record, page, write=lease.record.write + 1)
        record = fitted(record, node.engine.max_payload - BESIDE)
        try:
            lease.sequence = await write_record(node, record, lease.sequence)
        except Conflict:
            log.warning("the result of page %s is dropped: another node has the page", page.id)
            await self._give_up(lease)
            return
        self.weighed += 1
        await lease.delivery.ack()
        await self._hand_over(lease, record)

    async def _hand_over(self, lease: Lease, record: Record) -> None:
        """The engine has the page, so end its process here."""
        await self._end(lease)
        page = lease.page
        page.learn(page.stored_version, "replicated", self._context.processes.durability.steps)
        if record.error != page.error:
            # The report did not fit: show the same cut report here as elsewhere.
            page.error = record.error
            page.rest_packed(record.report)
        self._forget(page.id)
        if not self._keep:
            self._context.records.pages.discard(page.id)
        self._context.records.followers.changed(page.id)

    async def _give_up(self, lease: Lease) -> None:
        await self._end(lease)
        page_id = lease.page.id
        self._forget(page_id)
        if self._context.records.pages.get(page_id) is lease.page:
            self._context.records.pages.discard(page_id)
        self._context.records.followers.changed(page_id)

    async def _end(self, lease: Lease) -> None:
        with suppress(NotFound, ProcessExited):
            await self._context.processes.inspectors.terminate_child(lease.page.id)

    def _forget(self, page_id: str) -> None:
        self._leases.pop(page_id, None)
        self._following.forget(page_id)
        self._count()

    def _count(self) -> None:
        """Open or close the room: pages that wait to be handed over use no place."""
        taken = sum(not lease.is_finishing for lease in self._leases.values())
        if taken < self._places and not self._stopping:
            self.free.set()
        else:
            self.free.clear()

    async def drop(self, page_id: str) -> None:
        """Stop weighing a deleted page."""
        lease = self._leases.get(page_id)
        if lease is None:
            return
        if lease.finishing is not None:
            lease.finishing.cancel()
        await lease.delivery.ack()
        await self._give_up(lease)

    def follow(self, page_id: str, to: str) -> None:
        """Send the progress of a page to a node, for the next seconds."""
        self._following.follow(page_id, to)

    # Ending

    async def retire(self) -> None:
        """Take no more pages, and hand back those under way, which other nodes begin at once."""
        self._stopping = True
        self.free.clear()
        if self._taking.receiving:
            # A life that is being written belongs to this node until it tells another that it does not.
            await asyncio.wait(set(self._taking.receiving), timeout=PROGRESS)
        leases = list(self._leases.values())
        await asyncio.gather(*(self._hand_back(lease) for lease in leases))
        finishing = [lease.finishing for lease in leases if lease.finishing is not None]
        if finishing:
            await asyncio.wait(finishing)

    async def _hand_back(self, lease: Lease) -> None:
        if lease.is_finishing or not lease.begun:
            return
        await self._end(lease)
        if lease.page.finished:
            self.finish(lease.page.id)
            return
        record = msgspec.structs.replace(
            lease.record, node="", epoch="", write=lease.record.write + 1, status="queued",
            version=max(lease.page.version, lease.record.version) + 1,
        )  # fmt: skip
        with suppress(Conflict, EngineAway, Misconfigured):
            await self._node.write_record(record, expect=lease.sequence)
            await lease.delivery.hand_back()
        self._forget(lease.page.id)
        if not self._keep:
            self._context.records.pages.discard(lease.page.id)
