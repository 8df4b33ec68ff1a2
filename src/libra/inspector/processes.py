"""The running processes, and the messages to those of pages and watches."""

from __future__ import annotations

from collections.abc import Callable

from libra.inspector.admission import Admission
from libra.inspector.records.messages import ClockSet, MayBegin, Safe, TellLoss, Unsafe
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
    """A placeholder, to be replaced."""


class LiveProcesses:
    """Every process that others look up by its role.

    The registry, the admissions, the supervisors and both writers enter themselves in their ``init``. So
    after a restart everybody finds the new process. As with Erlang's registered names, nobody keeps
    an old handle.

    Attributes:
        registry: page id -> process.
        admission: limits how many pages are weighed at the same time, by method.
        inspectors: the supervisor of the pages.
        watchers: the supervisor of the watches.
        durability: makes pages and watches safe.
        journal_writer: writes the journal.
        database_writer: writes to the database.
        weigh_ins: lets a watch have its page weighed.
        courier: delivers alerts to the operator's destinations.
        restore_again: restores pages and watches as after a start.
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
        """Tell a page that the beginning of its life is written down, or cannot be."""
        return self._tell(page_id, MayBegin())

    def tell_safe(self, entry_id: str, version: int, level: Backup) -> bool:
        """Tell a page or a watch how safe it is as of this version."""
        return self._tell(entry_id, Safe(version, level))

    def tell_unsafe(self, entry_id: str, level: Backup, *, until_journaled: bool) -> bool:
        """Tell a page or a watch that it has lost this level of safety."""
        return self._tell(entry_id, Unsafe(level, until_journaled))

    def tell_loss(self, page_id: str) -> bool:
        """Tell a page to show what it has lost."""
        return self._tell(page_id, TellLoss())

    def tell_clock_set(self, entry_id: str) -> bool:
        """Tell a page or a watch that the wall clock was set, so that it sets its timer again."""
        return self._tell(entry_id, ClockSet())

    def _tell(self, entry_id: str, message: object) -> bool:
        """Send a message to the process of a page or a watch; return whether it has one."""
        try:
            process: GenServer | None = self.registry.whereis(entry_id)
            if process is None and (child := self.watchers.child(entry_id)) is not None:
                process = child.process
        except ProcessExited:
            return False
        if process is not None:
            process.send(message)
        return process is not None
