"""Whether the database is available: the one process of a node that finds out.

It stands where a single node has its writer. Every process that meets an unavailable database tells the
prober. While the database is known to be down, only the prober tries it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from enum import Enum, auto
from typing import Any, Final

from libra.inspector.availability import Outage
from libra.inspector.context import Context
from libra.inspector.records.messages import DatabaseBacklog, Lost
from libra.inspector.records.ports import DatabaseWriterPort
from libra.otp import Continue, TaskDone, TaskFailed, TaskRef, Timer
from libra.storage import Breaker, Store, Unavailable
from libra.storage.history import HistoryLost
from libra.wording import count

log = logging.getLogger("libra.cluster")

#: Seconds between two probes of an available database.
IDLE: Final = 5.0


class ProberStep(Enum):
    """Messages that the prober sends to itself."""

    PROBE = auto()


class Prober(DatabaseWriterPort):
    """Opens the database, probes it, and publishes whether it is available."""

    __slots__ = (
        "_breaker",
        "_context",
        "_migrate",
        "_on_lost",
        "_opened",
        "_store",
        "_task",
        "_timer",
    )

    def init(
        self,
        context: Context,
        store: Store,
        *,
        migrate: bool,
        on_lost: Callable[[HistoryLost], None],
    ) -> Continue:
        """Begin with a probe.

        Args:
            context: the state that the processes of this node share.
            store: the database.
            migrate: whether to bring its schema up to date first.
            on_lost: called if it is another database or has gone back; must make the store accept that.
        """
        self._on_lost = on_lost
        self._context = context
        self._store = store
        self._migrate = migrate
        self._opened = False
        self._breaker = Breaker(now=self.runtime.clock.time())
        self._task: TaskRef | None = None
        self._timer: Timer | None = None
        context.processes.database_writer = self
        return Continue()

    @property
    def breaker(self) -> str:
        """The state of the breaker, in words. Other processes may read it."""
        failed = count(self._breaker.failures, "attempt")
        return f"{self._breaker.state}, {failed} failed"

    def state(self, *, also: AbstractSet[str] = frozenset()) -> DatabaseBacklog:
        """Report no entries of its own: those not yet stored are in the engine."""
        return DatabaseBacklog(len(also), None)

    def handle_continue(self, token: Any) -> None:
        """Probe."""
        self._probe()

    def handle_cast(self, message: Any) -> None:
        """Another process met an unavailable database."""
        match message:
            case Lost(HistoryLost()):
                pass  # a save finds the same, and handles it
            case Lost(error) if self._context.availability.outage is None:
                self._failed(error)

    def handle_info(self, message: Any) -> None:
        """A probe has ended, or is due."""
        match message:
            case ProberStep.PROBE:
                self._timer = None
                if self._task is None:
                    self._probe()
            case TaskDone():
                self._task = None
                self._opened = True
                self._succeeded()
            case TaskFailed(_, _, HistoryLost() as error):
                self._task = None
                self._on_lost(error)
                self._probe()
            case TaskFailed(_, _, Unavailable() as error):
                self._task = None
                self._failed(error)
            case TaskFailed(_, _, error):
                raise error

    def _probe(self) -> None:
        self._task = self.start_task(self._store.ping() if self._opened else self._open())

    async def _open(self) -> None:
        if self._migrate and (await self._store.schema()).state in ("missing", "behind"):
            await self._store.migrate()
        await self._store.open()

    def _failed(self, error: Unavailable) -> None:
        now, context = self.runtime.clock.time(), self._context
        if context.availability.outage is None:
            log.warning("the database is unavailable; Libra continues without it: %s", error)
            context.availability.available_since = None
        context.availability.outage = Outage(
            context.services.now()
            if context.availability.outage is None
            else context.availability.outage.since,
            str(error),
        )
        self._breaker.failed(now)
        context.availability.opened.set()
        self._after(max(0.0, self._breaker.retry_at - now))

    def _succeeded(self) -> None:
        context = self._context
        self._breaker.succeeded(self.runtime.clock.time())
        if context.availability.outage is not None:
            since = (context.services.now() - context.availability.outage.since).total_seconds()
            log.warning("the database is back after %.1f s", since)
        context.availability.outage = None
        context.availability.available_since = (
            context.availability.available_since or context.services.now()
        )
        context.availability.opened.set()
        self._after(IDLE)

    def _after(self, delay: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.send_after(delay, ProberStep.PROBE)
