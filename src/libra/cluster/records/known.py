"""The engine's messages about one page."""

from __future__ import annotations

from contextlib import suppress

from libra.cluster.engine.answers import Message
from libra.cluster.engine.errors import UnknownFormat
from libra.cluster.records.layout import parts_of
from libra.cluster.records.page_records import Record, read_record


class Known:
    """The state of a page in the engine.

    Attributes:
        sequence: of the last message of the page; 0 if there never was one.
        message: the message that counts: the tombstone, else the record, else the submission.
    """

    __slots__ = ("message", "sequence")

    def __init__(self, sequence: int, message: Message | None) -> None:
        self.sequence = sequence
        self.message = message

    @property
    def kind(self) -> str | None:
        """``sub``, ``rec`` or ``del``; None if there is nothing."""
        return None if self.message is None else parts_of(self.message.subject)[1]

    @property
    def record(self) -> Record | None:
        """The record, if the message is one that this Libra can read."""
        if self.message is None or self.kind != "rec":
            return None
        with suppress(UnknownFormat):
            return read_record(self.message.data)
        return None


def is_written(known: Known, record: Record) -> bool:
    """Whether the engine already has this write, so only its answer was lost."""
    found = known.record
    return (
        found is not None
        and found.epoch == record.epoch
        and found.life == record.life
        and found.write == record.write
    )
