"""A page that an inspector has taken, from the first write of its life to the last."""

from __future__ import annotations

import asyncio

from libra.cluster.engine.pulling import PulledMessage
from libra.cluster.records.page_records import Record
from libra.inspector.records.page_record import PageRecord


class Lease:
    """A page that is being weighed here.

    Attributes:
        record: the record as it was last written.
        sequence: the sequence of the page's last message.
        delivery: the delivery of the queue, to be acknowledged at the end.
        page: the page in memory.
        finishing: the task that writes its outcome, or passes it on.
        begun: whether the start of its life is written.
    """

    __slots__ = ("begun", "delivery", "finishing", "page", "record", "sequence")

    def __init__(
        self, record: Record, sequence: int, delivery: PulledMessage, page: PageRecord
    ) -> None:
        self.record = record
        self.sequence = sequence
        self.delivery = delivery
        self.page = page
        self.begun = False
        self.finishing: asyncio.Task[None] | None = None

    @property
    def is_finishing(self) -> bool:
        """Whether its last work is under way: a task that was cancelled or crashed begins again."""
        return self.finishing is not None and not self.finishing.done()
