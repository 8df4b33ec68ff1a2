"""The record of a watch, which survives its process, and the table of all watches.

As with pages, only the process of a watch writes to its record. The journal and the database keep the
record, and the next process continues from it. It holds all that must not be lost: when the watch is
due, the page that is being weighed for it, and the undelivered alerts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Literal

import msgspec

from libra.budgets.alarms import FAILED, Event, Standing, Terms
from libra.decoding import decode_json_as
from libra.inspector.records.page_record import first_version, life_of
from libra.inspector.records.watches.alerts import Alert, Breach
from libra.inspector.records.watches.schedule import spread_of
from libra.inspector.records.watches.webhook import Headers, shown
from libra.report import Backup, Bound, Method
from libra.storage.rows.entries import WatchRow
from libra.weighing.method_choice import Choice
from libra.weighing.options import Viewport

WatchStatus = Literal["quarantined", "failed", "over-budget", "unconfirmed", "new", "ok", "paused"]
"""``new`` until the first weigh-in; ``unconfirmed`` while a problem needs more weigh-ins before an
alert is sent; ``quarantined`` when its process crashes at every start. The most urgent comes first."""

REMEMBERED = 10
"""The limit of weigh-ins, and of tries to deliver alerts, that a watch remembers."""


class WeighIn(msgspec.Struct, frozen=True):
    """The result of one weigh-in. Sizes are bytes of transfer size.

    ``total`` and ``change`` are null if the page could not be weighed; ``change`` is relative to the
    last good weigh-in. ``score`` is the Teledrin score of a weighed page. ``bound`` is that of the
    report's score: with ``at_most`` the page weighs at least ``total``.
    """

    page: str
    at: datetime
    total: int | None = None
    complete: bool = False
    change: int | None = None
    breaches: tuple[Breach, ...] = ()
    error: str | None = None
    score: int | None = None
    bound: Bound = "exact"

    @property
    def whole(self) -> bool:
        """Whether ``total`` is the weight of the whole page."""
        return self.complete and self.bound == "exact"


class Delivery(msgspec.Struct, frozen=True):
    """A try to deliver an alert. ``error`` is null if the receiver accepted it.

    ``to`` is the name of the destination, or null for the webhook.
    """

    event: Event
    at: datetime
    error: str | None = None
    given_up: bool = False
    to: str | None = None


class Watch(msgspec.Struct, frozen=True):
    """A URL that Libra weighs on a schedule.

    Attributes:
        id: the id of the watch.
        url: the URL to weigh.
        every: ``hour``, ``day``, ``week``, an interval such as ``30m``, or a cron expression.
        status: the state of the page.
        terms: the limits of the page, and when alerts are sent.
        webhook: the receiver of alerts; only the scheme and the host, because the rest may be a secret.
        created_at: when it was made.
        next_at: when it is due next; a paused watch is not due.
        page: the page that is being weighed for it now, or null.
        last: the last weigh-in, or null before the first.
        alerts_waiting: the number of undelivered alerts.
        delivery: the last try to deliver an alert, or null.
        version: grows with every change.
        backup: how safe the watch is.
        error: why it is quarantined, or null.
        secret: the key that signs its alerts; shown once, to the client that made the watch.
        name: a name for people; empty for its URL.
        tags: the groups to which the watch belongs.
        note: a note for people.
        paused: whether it is paused until somebody resumes it.
        time_zone: the time zone of a cron expression.
        method: how its page is weighed; null for the service's default.
        viewport: the viewport of the weighing; null for the service's default.
        headers: the names of the extra request headers for its page; their values are secrets.
        webhook_headers: the names of the headers that are sent with its alerts.
        destination: the name of the operator's destination for alerts, or null.
        public: the id of its public page and badge, or null.
        runs: its last weigh-ins, newest first; empty in lists.
        deliveries: the last tries to deliver alerts, newest first; empty in lists.
        keep: seconds for which all of its weigh-ins are kept before they are thinned; null for the same
            time as other pages.
    """

    id: str
    url: str
    every: str
    status: WatchStatus
    terms: Terms
    webhook: str | None
    created_at: datetime
    next_at: datetime
    page: str | None
    last: WeighIn | None
    alerts_waiting: int
    delivery: Delivery | None
    version: int
    backup: Backup
    error: str | None = None
    secret: str | None = None
    name: str = ""
    tags: tuple[str, ...] = ()
    note: str = ""
    paused: bool = False
    time_zone: str = "UTC"
    method: Choice | None = None
    viewport: str | None = None
    headers: tuple[str, ...] = ()
    webhook_headers: tuple[str, ...] = ()
    destination: str | None = None
    public: str | None = None
    runs: tuple[WeighIn, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    keep: float | None = None


class WatchState(msgspec.Struct, frozen=True):
    """The whole stored state of a watch. See `Watch` for the meaning of the fields.

    ``choice`` is the requested method, and ``method`` is the method of the first weigh-in. A watch keeps
    that method, because otherwise a change of weight could be a change of method.
    """

    id: str
    url: str
    every: str
    created_at: datetime
    next_at: datetime
    terms: Terms = Terms()
    webhook: str | None = None
    webhook_headers: Headers = ()
    method: Method | None = None
    secret: str | None = None
    page: str | None = None
    last: WeighIn | None = None
    standing: Standing = Standing()
    alerts: tuple[Alert, ...] = ()
    delivery: Delivery | None = None
    name: str = ""
    tags: tuple[str, ...] = ()
    note: str = ""
    paused: bool = False
    time_zone: str = "UTC"
    choice: Choice | None = None
    viewport: Viewport | None = None
    headers: Headers = ()
    destination: str | None = None
    public: str | None = None
    runs: tuple[WeighIn, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    keep: float | None = None

    def __repr__(self) -> str:
        """Show no secrets: a crash report contains this."""
        return f"WatchState(id={self.id!r}, every={self.every!r}, page={self.page!r}, ...)"

    @property
    def spread(self) -> float:
        """The spread of its times, 0 up to 1: see `libra.inspector.records.watches.schedule`."""
        return spread_of(self.id)


class WatchRecord:
    """The part of a watch that must survive its process."""

    __slots__ = ("_life", "backup", "error", "state", "version")

    def __init__(
        self, state: WatchState, version: int | None = None, backup: Backup = "memory"
    ) -> None:
        self.state = state
        self.version = first_version(1) if version is None else version
        # The first change after a return begins a life, because not every version was written down.
        self._life = life_of(self.version) if version is None else life_of(version) + 1
        self.backup: Backup = backup
        self.error: str | None = None

    @property
    def id(self) -> str:
        """The id of the watch."""
        return self.state.id

    @property
    def journal_first(self) -> bool:
        """Whether the journal must have it before the database."""
        return True

    @property
    def row_version(self) -> int:
        """The version of its row."""
        return self.version

    @property
    def spread(self) -> float:
        """The spread of its times, 0 up to 1: see `libra.inspector.records.watches.schedule`."""
        return spread_of(self.state.id)

    def has_tag(self, tag: str) -> bool:
        """Whether it has this tag; upper and lower case are equal."""
        wanted = tag.casefold()
        return any(one.casefold() == wanted for one in self.state.tags)

    def change(self, **changes: object) -> None:
        """Change the state of the watch, which is then only in memory.

        As for a page, versions count the changes of a life. So a watch that comes back after ``kill -9``
        continues above everything that may have been stored.
        """
        self.state = msgspec.structs.replace(self.state, **changes)
        self.version = max(self.version + 1, first_version(self._life))
        self.backup = "memory"

    def learn(self, version: int, level: Backup, steps: Callable[[Backup], int]) -> bool:
        """Like `PageRecord.learn`; a later change is on its way."""
        if version != self.version or (level != "rejected" and steps(level) >= steps(self.backup)):
            return False
        self.backup = level
        return True

    def unlearn(
        self, level: Backup, _steps: Callable[[Backup], int], *, until_journaled: bool = False
    ) -> bool:
        """Like `PageRecord.unlearn`; it shows a loss at once, as that is no new version of it."""
        if self.backup != level:
            return False
        self.backup = "memory"
        return True

    def row(self) -> WatchRow:
        """The row for the database."""
        return WatchRow(self.id, self.state.url, self.version, msgspec.json.encode(self.state))

    def shown(self, *, whole: bool = False) -> Watch:
        """The watch without its secrets.

        Args:
            whole: whether to include its last weigh-ins and deliveries.
        """
        state = self.state
        return Watch(
            id=state.id,
            url=state.url,
            every=state.every,
            status=self.status,
            terms=state.terms,
            webhook=None if state.webhook is None else shown(state.webhook),
            created_at=state.created_at,
            next_at=state.next_at,
            page=state.page,
            last=state.last,
            alerts_waiting=len(state.alerts),
            delivery=state.delivery,
            version=self.version,
            backup=self.backup,
            error=self.error,
            name=state.name,
            tags=state.tags,
            note=state.note,
            paused=state.paused,
            time_zone=state.time_zone,
            method=state.choice,
            viewport=None if state.viewport is None else str(state.viewport),
            headers=tuple(name for name, _ in state.headers),
            webhook_headers=tuple(name for name, _ in state.webhook_headers),
            destination=state.destination,
            public=state.public,
            runs=state.runs if whole else (),
            deliveries=state.deliveries if whole else (),
            keep=state.keep,
        )

    @property
    def status(self) -> WatchStatus:
        """The state of its page."""
        if self.error is not None:
            return "quarantined"
        if self.state.paused:
            return "paused"
        if self.state.last is None:
            return "new"
        standing = self.state.standing
        if FAILED in standing.trouble:
            return "failed"
        if standing.trouble:
            return "over-budget"
        return "unconfirmed" if standing.suspected else "ok"


class WatchRecords:
    """All watches, by their id."""

    def __init__(self) -> None:
        self._by_id: dict[str, WatchRecord] = {}
        self._weighed_for: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[WatchRecord]:
        """All watches as of now, in no particular order."""
        return iter(list(self._by_id.values()))

    def by_status(self) -> Counter[WatchStatus]:
        """How many watches there are of each status; some 2 ms for 10,000."""
        return Counter(record.status for record in self._by_id.values())

    def get(self, watch_id: str) -> WatchRecord | None:
        """The record of a watch, or None."""
        return self._by_id.get(watch_id)

    def add(self, record: WatchRecord) -> None:
        """Add a record; replace one with the same id."""
        before = self._by_id.get(record.id)
        if before is not None and before.state.page is not None:
            self._weighed_for.pop(before.state.page, None)
        self._by_id[record.id] = record
        if record.state.page is not None:
            self._weighed_for[record.state.page] = record.id

    def weighing(self, page_id: str) -> WatchState | None:
        """The restored watch for which this unfinished page is weighed, or None.

        The options of such a page are kept with the watch, because some are secrets.
        """
        record = self._by_id.get(self._weighed_for.get(page_id, ""))
        return record.state if record is not None and record.state.page == page_id else None

    def discard(self, watch_id: str) -> None:
        """Remove a record, if there is one."""
        record = self._by_id.pop(watch_id, None)
        if record is not None and record.state.page is not None:
            self._weighed_for.pop(record.state.page, None)


def restore_watch(row: WatchRow, backup: Backup) -> WatchRecord:
    """The record of a watch from its row.

    Args:
        row: the row from the database or the journal.
        backup: the source of the row: ``stored`` or ``journaled``.

    Raises:
        msgspec.MsgspecError: the stored data is not a watch.
    """
    return WatchRecord(decode_json_as(row.data, WatchState), row.version, backup)
