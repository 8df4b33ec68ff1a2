"""The pages of a node of a cluster: submits, finds and removes them.

A web node starts no processes for pages. A submission is a record in its table and a message in the
engine, and any inspector may weigh it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Final

import msgspec

from libra.cluster.engine.errors import Conflict, EngineAway, Misconfigured
from libra.cluster.records.layout import KEYS, KEYS_KNOWN
from libra.cluster.records.page_records import SubmissionRecord, is_quarantined, read_submission
from libra.cluster.replica.page_reader import READING
from libra.errors import Behind, CannotRender, EngineUnavailable, Full, Stopping
from libra.ids import is_page_id
from libra.inspector.durability.database_reader import DatabaseReader
from libra.inspector.pages.pages import Pages
from libra.inspector.records.page_record import PageRecord, life_of
from libra.inspector.records.submission_keys import SubmissionKey, Used
from libra.storage import Unavailable, UnreadableRow
from libra.weighing.options import DESKTOP, Options, Viewport

if TYPE_CHECKING:
    from libra.cluster.node.node import ClusterNode

log = logging.getLogger("libra.cluster")

#: Seconds between two tries to take a key.
AGAIN: Final = 0.15

#: Seconds for which no submission waits for keys again, after the engine did not answer for one.
SILENT: Final = 1.0

#: Seconds that a request to retry a page waits for each of a few answers.
RETRYING: Final = 0.3


class _KeptKey(msgspec.Struct, frozen=True):
    """The page of an idempotency key, and the body of its request."""

    page: str
    body: str
    at: float
    format: int = 1


class ClusterPages(Pages):
    """Makes pages and finds them.

    Args:
        node: this node.
        reader: reads the engine and the database.
        max_pages: how many pages there may be in memory.
    """

    def __init__(self, node: ClusterNode, reader: DatabaseReader, *, max_pages: int) -> None:
        super().__init__(node.context, reader, max_pages=max_pages, recall=False)
        self._node = node
        self._silent_until = 0.0

    async def submit(self, url: str, options: Options | None, key: str | None = None) -> str:
        """Take a page in for an inspector to weigh; returns its id.

        If another node has just taken the same idempotency key, the id is that of its page.

        Raises:
            CannotRender: the options require a browser and no living inspector has one.
            Stopping: the program is about to end.
            Full: memory has as many pages as allowed, and none may leave yet.
        """
        context = self._context
        options = options or context.services.options_of_its_own()
        if options is not None and options.method == "rendered":
            self.require_browser()
        if self.closing:
            raise Stopping
        if self._node.full or not await self._make_room():
            raise Full
        record = PageRecord.submitted(url, options, context.services.now(), key)
        taken: _KeptKey | None = None
        if key is not None:
            wanted = SubmissionKey.parse(key)
            taken = await self._claim(wanted, record.id)
            if taken is not None and taken.page != record.id:
                if taken.body != wanted.body or self._is_here(taken.page):
                    return taken.page
                # The node that took the key is about to submit the page, or died before it did, or has
                # the page on its disk. Submitting it once more under its id does no harm.
                record = PageRecord(taken.page, url, options, record.submitted_at)
                record.key = key
        self.bring_up(record)
        context.services.tally.submit(record.id, url, record.method)
        await context.processes.durability.kept(record.id)
        if taken is None and self._node.weighs and self._node.owing.in_doubt(record.id):
            # With a key in the engine other clients may know the id already: then the page waits.
            return await self._instead_of(record)
        return record.id

    async def enter(self, record: PageRecord) -> None:
        """Take in a result of CI; an inspector writes its record.

        Raises:
            Stopping: the program is about to end.
            Full: memory has as many pages as allowed, and none may leave yet.
        """
        if self.closing:
            raise Stopping
        if self._node.full or not await self._make_room():
            raise Full
        self.bring_up(record)
        await self._context.processes.durability.kept(record.id)

    async def _instead_of(self, doubtful: PageRecord) -> str:
        """Weigh the same page here under another id, and delete the one that may be in the engine."""
        await self._context.processes.durability.forget(doubtful.id)
        again = PageRecord.submitted(
            doubtful.url, doubtful.options, self._context.services.now(), doubtful.key
        )
        self.bring_up(again)
        await self._context.processes.durability.kept(again.id)
        return again.id

    def bring_up(self, record: PageRecord) -> None:
        """Enter a page; the inspector that takes it from the queue starts its process."""
        self._context.records.pages.add(record)
        self._context.records.followers.changed(record.id)

    def weigh_here(self, record: PageRecord) -> None:
        """Enter a page that this node has taken, and start its process.

        Raises:
            StartError: the process could not start; the page is not there then.
        """
        super().bring_up(record)

    async def submitted(self, name: str) -> Used | None:
        """The page of an idempotency key, at any node.

        While the engine is away, only this node's keys are known: a page that is weighed twice does no
        harm. A key whose page cannot be read now counts as unknown: `submit` finds it again, and takes
        the page in under the same id.
        """
        used = self._context.records.pages.keys.find(name)
        if used is not None:
            return used
        try:
            known = await self._key(name)
        except EngineAway:
            # The engine will not answer the submission that follows either.
            self._silent_until = time.monotonic() + SILENT
            return None
        if known is None or not await self._is_known(known.page):
            return None
        return Used(known.body, known.page, known.at)

    def quarantined(self) -> dict[str, str]:
        """The quarantined pages of all nodes, which only a retry weighs again, and the reasons."""
        replica = self._node.replica
        return super().quarantined() | ({} if replica is None else replica.quarantined)

    async def retry(self, page_id: str) -> bool:
        """Give a quarantined page another life, at any node; False if no such page is quarantined.

        Raises:
            EngineUnavailable: the engine cannot tell now, or cannot take the write.
        """
        if await super().retry(page_id):
            return True
        if not is_page_id(page_id):
            return False
        try:
            return await self._submit_again(page_id)
        except (EngineAway, Misconfigured) as error:
            raise EngineUnavailable(str(error)) from None
        except Conflict:
            raise EngineUnavailable("the page is being stored at this moment: try again") from None

    async def _submit_again(self, page_id: str) -> bool:
        node, context = self._node, self._context
        known = await node.read(page_id, RETRYING)
        record = known.record
        if record is None or not is_quarantined(record):
            return False
        layout = node.require_layout()
        left = await node.engine.last(
            layout.stream(page_id), layout.subject(page_id, "sub.>"), patience=RETRYING
        )
        if left is not None and not left.is_marker:
            options = read_submission(left.data).options
        else:
            # Its options went when it was stored.
            viewport = Viewport.parse(record.viewport) if record.viewport else DESKTOP
            options = context.services.options_for(record.method, viewport)
        again = SubmissionRecord(
            page_id,
            record.url,
            record.submitted_at,
            options,
            record.key,
            lives=record.life,
            version=record.version + 1,
        )
        data, what = node.encoded(again), f"sub.{record.method}"
        await node.write(page_id, what, data, expect=known.sequence, patience=RETRYING)
        if node.replica is not None:
            node.replica.take(page_id, await node.read(page_id, RETRYING))
        return True

    async def catch_up(self, page_id: str, version: int) -> None:
        """Read a page from the leader whose given version a client has seen, perhaps at another node.

        Raises:
            Behind: the page is being weighed, and only its followers saw that version; or the engine
                cannot be asked.
        """
        node, records = self._node, self._context.records.pages
        if node.replica is None or (node.weighing is not None and node.weighing.has(page_id)):
            return  # no node knows more of it than this one
        try:
            known = await node.read(page_id, READING)
        except EngineAway:
            raise Behind(page_id) from None
        node.replica.take(page_id, known)
        record = records.get(page_id)
        if (
            record is not None
            and not record.finished
            and record.version < version
            and life_of(record.version) == life_of(version)
        ):
            raise Behind(page_id)

    async def finish(self) -> None:
        """Hand back the pages under way; other nodes begin them at once."""
        if self._node.weighing is not None:
            await self._node.weighing.retire()

    async def _make_room(self) -> bool:
        replica = self._node.replica
        return True if replica is None else replica.make_room(1)

    def require_browser(self) -> None:
        """Check that some inspector can render a page.

        Raises:
            CannotRender: no living inspector has a browser.
        """
        if not any(here.browser for here in self._node.presence.living()):
            raise CannotRender("no running inspector has a browser")

    async def _key(self, name: str) -> _KeptKey | None:
        self._node.require_layout()
        found = await self._node.engine.last(KEYS, f"libra.key.{name}", patience=READING)
        if found is None or found.is_marker:
            return None
        return msgspec.json.decode(found.data, type=_KeptKey)

    async def _claim(self, key: SubmissionKey, page_id: str) -> _KeptKey | None:
        """Claim a key: returns its entry, new or earlier; None if the engine cannot tell."""
        if time.monotonic() < self._silent_until:
            return None
        entry = _KeptKey(page_id, key.body, self._node.now.timestamp())
        subject = f"libra.key.{key.name}"
        expect = 0
        for _ in range(3):
            try:
                self._node.require_layout()
                await self._node.engine.write(
                    subject,
                    msgspec.json.encode(entry),
                    expect=expect,
                    ttl=KEYS_KNOWN,
                    patience=READING,
                )
            except Conflict:
                try:
                    found = await self._node.engine.last(KEYS, subject, patience=READING)
                except EngineAway:
                    return None
                if found is not None and not found.is_marker:
                    return msgspec.json.decode(found.data, type=_KeptKey)
                expect = 0 if found is None else found.sequence
                await asyncio.sleep(AGAIN)
            except (EngineAway, Misconfigured):
                return None
            else:
                return entry
        return None

    async def _is_known(self, page_id: str) -> bool:
        """Whether any source can tell about a page now, if only that it was deleted."""
        if self._is_here(page_id):
            return True
        try:
            return await self._reader.load(page_id) is not None
        except UnreadableRow:
            return True
        except Unavailable:
            return False

    def _is_here(self, page_id: str) -> bool:
        context = self._context
        return (
            context.records.pages.get(page_id) is not None
            or page_id in context.records.deletions.pages
        )
