"""Weighs pages while the engine is away, on a node that serves and weighs.

It takes only pages that were never sent to the engine, or that the engine clearly refused: another node
may weigh any other page. Such a page goes through the journal, as on a single node. Once it is finished
and the engine is back, the node hands it over, under the id that the client already has.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from libra.cluster.node.ports import Bench
from libra.inspector.records.page_record import PageRecord, first_version, life_of
from libra.otp import NotFound, ProcessExited, StartError
from libra.storage.journal.journal import Begun

if TYPE_CHECKING:
    from libra.cluster.node.node import ClusterNode

log = logging.getLogger("libra.cluster")


class Alone:
    """The pages that this node weighs without the engine.

    Args:
        node: this node.
        pages: starts the processes of the pages.
    """

    def __init__(self, node: ClusterNode, pages: Bench) -> None:
        self._node = node
        self._context = node.context
        self._pages = pages
        self._ids: set[str] = set()
        self._begun: dict[str, Begun] = {}
        self._deaths: dict[str, int] = {}
        self._settled = False

    def recall(self, begun: dict[str, Begun]) -> None:
        """Set the pages that a former program began, as the journal has them."""
        self._begun = dict(begun)
        self._deaths = {page_id: one.times for page_id, one in begun.items()}

    def has(self, page_id: str) -> bool:
        """Whether this node weighs a page without the engine, or has and still must hand it over."""
        return page_id in self._ids

    def life(self, page_id: str) -> int:
        """The last life of a page that began here; 0 for none."""
        begun = self._begun.get(page_id)
        return 0 if begun is None else begun.life

    def deaths(self, page_id: str) -> int:
        """How many times a program died over a page: what the journal held when this one started."""
        return self._deaths.get(page_id, 0)

    def weigh(self, record: PageRecord) -> None:
        """Weigh a page here: the engine does not know of it and cannot be reached now."""
        if self.has(record.id):
            return  # it was submitted while this node waited for the engine after its start
        life = self.life(record.id) + 1
        record.version = max(first_version(life), record.version)
        self._begun[record.id] = Begun(life, self.deaths(record.id))
        self._ids.add(record.id)
        self._start(record)

    def _start(self, record: PageRecord) -> None:
        try:
            self._pages.weigh_here(record)
        except StartError as error:
            log.error("page %s cannot be started: %s", record.id, error)
            self._ids.discard(record.id)

    def restart(self) -> None:
        """Start the processes again that ended with their supervisor: nobody else has these pages."""
        for page_id in list(self._ids):
            record = self._context.records.pages.get(page_id)
            has_process = self._context.processes.inspectors.child(page_id) is not None
            if record is not None and not record.finished and not has_process:
                self._start(record)

    def keep(self, page_id: str) -> None:
        """Note a page that a former program weighed here and that is still to be handed over."""
        self._ids.add(page_id)

    def begin(self, page_id: str) -> None:
        """Journal that the life of a page begins; the journal writer then tells the page."""
        record = self._context.records.pages.get(page_id)
        if record is None or self._settled:
            self._context.processes.tell_may_begin(page_id)
            return
        # Lives of one program count once: only its end is a death.
        begun = self._begun[page_id] = Begun(life_of(record.version), self.deaths(page_id) + 1)
        self._context.processes.journal_writer.begin(page_id, begun)

    def end(self, page_id: str) -> None:
        """Count no death of a page any more: it has ended, or somebody wants it tried again.

        Its last life stays noted, as the next one must be higher.
        """
        self._deaths.pop(page_id, None)
        begun = self._begun.get(page_id)
        if begun is not None:
            begun = self._begun[page_id] = begun._replace(times=0)
            self._context.processes.journal_writer.begin(page_id, begun)

    def settle(self) -> None:
        """Take back the lives under way, in the journal: a polite stop is no page's fault."""
        self._settled = True
        for page_id, begun in self._begun.items():
            before = begun._replace(times=self.deaths(page_id))
            self._context.processes.journal_writer.begin(page_id, before)

    async def stop(self, page_id: str) -> None:
        """End the process of a page here. Its lives and deaths stay known until the engine has them."""
        self._ids.discard(page_id)
        with suppress(NotFound, ProcessExited):
            await self._context.processes.inspectors.terminate_child(page_id)

    def forget(self, page_id: str) -> None:
        """Forget a page that the engine has, or that is no more, and its note in the journal."""
        self._ids.discard(page_id)
        self._deaths.pop(page_id, None)
        if self._begun.pop(page_id, None) is not None:
            self._context.processes.journal_writer.begin(page_id, None)
