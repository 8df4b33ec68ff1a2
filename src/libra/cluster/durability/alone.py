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

    def recall(self, begun: dict[str, Begun]) -> None:
        """Set the pages that a former program began, as the journal has them."""
        self._begun = dict(begun)

    def has(self, page_id: str) -> bool:
        """Whether this node weighs a page without the engine, or has and still must hand it over."""
        return page_id in self._ids

    def life(self, page_id: str) -> int:
        """The last life of a page that began here; 0 for none."""
        begun = self._begun.get(page_id)
        return 0 if begun is None else begun.life

    def deaths(self, page_id: str) -> int:
        """How many times this program died over a page."""
        begun = self._begun.get(page_id)
        return 0 if begun is None or page_id in self._ids else begun.times

    def weigh(self, record: PageRecord) -> None:
        """Weigh a page here: the engine does not know of it and cannot be reached now."""
        life = self.life(record.id) + 1
        record.version = max(first_version(life), record.version)
        deaths = self.deaths(record.id)
        self._begun[record.id] = Begun(life, deaths)
        self._ids.add(record.id)
        try:
            self._pages.weigh_here(record)
        except StartError as error:
            log.error("page %s cannot be started: %s", record.id, error)
            self._ids.discard(record.id)

    def keep(self, page_id: str) -> None:
        """Note a page that a former program weighed here and that is still to be handed over."""
        self._ids.add(page_id)

    def begin(self, page_id: str) -> None:
        """Journal that the life of a page begins; the journal writer then tells the page."""
        record = self._context.records.pages.get(page_id)
        if record is None:
            self._context.processes.tell_may_begin(page_id)
            return
        before = self._begun.get(page_id, Begun(0, 0))
        begun = self._begun[page_id] = Begun(life_of(record.version), before.times + 1)
        self._context.processes.journal_writer.begin(page_id, begun)

    async def handed_over(self, page_id: str) -> None:
        """The engine has the page, so end its process here."""
        self._ids.discard(page_id)
        self._begun.pop(page_id, None)
        self._context.processes.journal_writer.begin(page_id, None)
        with suppress(NotFound, ProcessExited):
            await self._context.processes.inspectors.terminate_child(page_id)
