"""What a node that serves and weighs does by itself while the engine is away.

Only pages that the engine was never asked for, or that it clearly refused: any other may be weighed by
somebody else. Such a page goes the way of a single node, through the journal, and is handed over when
it is finished and the engine is back, under the id that people were told.
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
    """The pages that this node weighs on its own account.

    Args:
        node: this one.
        pages: where they are brought up.
    """

    def __init__(self, node: ClusterNode, pages: Bench) -> None:
        self._node = node
        self._context = node.context
        self._pages = pages
        self._ids: set[str] = set()
        self._begun: dict[str, Begun] = {}

    def recall(self, begun: dict[str, Begun]) -> None:
        """What a former program began, as the journal has it."""
        self._begun = dict(begun)

    def has(self, page_id: str) -> bool:
        """Whether a page is weighed here on this node's own account, or was and is not handed over."""
        return page_id in self._ids

    def life(self, page_id: str) -> int:
        """The last life of a page that was begun here; 0 for none."""
        begun = self._begun.get(page_id)
        return 0 if begun is None else begun.life

    def deaths(self, page_id: str) -> int:
        """How often this program died over a page."""
        begun = self._begun.get(page_id)
        return 0 if begun is None or page_id in self._ids else begun.times

    def weigh(self, record: PageRecord) -> None:
        """Weigh a page here: the engine does not know of it, and cannot be told now."""
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
        """It was weighed here, by a former program, and is still to be handed over."""
        self._ids.add(page_id)

    def begin(self, page_id: str) -> None:
        """Write down that its life begins; the page is told when that is done."""
        record = self._context.records.pages.get(page_id)
        if record is None:
            self._context.processes.tell_may_begin(page_id)
            return
        before = self._begun.get(page_id, Begun(0, 0))
        begun = self._begun[page_id] = Begun(life_of(record.version), before.times + 1)
        self._context.processes.journal_writer.begin(page_id, begun)

    async def handed_over(self, page_id: str) -> None:
        """The engine has it: here it needs no process any more."""
        self._ids.discard(page_id)
        self._begun.pop(page_id, None)
        self._context.processes.journal_writer.begin(page_id, None)
        with suppress(NotFound, ProcessExited):
            await self._context.processes.inspectors.terminate_child(page_id)
