"""Which processes are running at the moment, and what one may tell those of pages and watches."""

from __future__ import annotations

from collections.abc import Callable

from libra.inspector.admission import Admission
from libra.inspector.records.messages import ClockSet, MayBegin, Safe, Unsafe
from libra.inspector.records.ports import (
    Courier,
    DatabaseWriterPort,
    Durability,
    JournalWriterPort,
    WeighIns,
)
from libra.otp import DynamicSupervisor, GenServer, ProcessExited, Registry
from libra.report import Backup, Method


def _nothing() -> None:
    """To be replaced."""


class LiveProcesses:
    """Every process that others look for by what it does.

    Registry, admission, supervisors and both writers enter themselves in their ``init``, so that after a
    restart everybody finds the new one: as with Erlang's registered names, nobody keeps hold of an old
    handle.

    Attributes:
        registry: page id -> process.
        admission: how many pages are weighed at a time, by method.
        inspectors: the supervisor of the pages.
        watchers: the supervisor of the watches.
        durability: makes safe what a page or a watch has to keep.
        journal_writer: writes the journal.
        database_writer: writes to the database.
        weigh_ins: how a watch has its page weighed.
        courier: how alerts reach the operator's destinations.
        restore_again: has pages and watches brought back as after a start.
    """

    registry: Registry
    inspectors: DynamicSupervisor
    watchers: DynamicSupervisor
    durability: Durability
    journal_writer: JournalWriterPort
    database_writer: DatabaseWriterPort
    weigh_ins: WeighIns
    courier: Courier

    def __init__(self) -> None:
        self.admission: dict[Method, Admission] = {}
        self.restore_again: Callable[[], None] = _nothing

    def tell_may_begin(self, page_id: str) -> bool:
        """Tell a page: that its life begins is written down, or cannot be."""
        return self._tell(page_id, MayBegin())

    def tell_safe(self, entry_id: str, version: int, level: Backup) -> bool:
        """Tell a page or a watch: as of this version it is this safe."""
        return self._tell(entry_id, Safe(version, level))

    def tell_unsafe(self, entry_id: str, level: Backup) -> bool:
        """Tell a page or a watch: where it was this safe it is no more."""
        return self._tell(entry_id, Unsafe(level))

    def tell_clock_set(self, entry_id: str) -> bool:
        """Tell a page or a watch: the wall clock was set, so what is due by it is to be looked at."""
        return self._tell(entry_id, ClockSet())

    def _tell(self, entry_id: str, message: object) -> bool:
        """Send the process of a page or a watch a message; whether it has one at the moment."""
        try:
            process: GenServer | None = self.registry.whereis(entry_id)
            if process is None and (child := self.watchers.child(entry_id)) is not None:
                process = child.process
        except ProcessExited:
            return False
        if process is not None:
            process.send(message)
        return process is not None
