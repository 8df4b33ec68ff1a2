"""What outlives a watch's process: its record, and the table that holds all of them.

As with pages, only the process of a watch writes to its record; it is what the journal and the
database keep, and what the next incarnation goes on from. What must not be lost is in it: when the
watch is due, the page that is being weighed for it, and the alerts that nobody has taken yet.
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
from libra.report import Backup, Method
from libra.storage.rows.entries import WatchRow
from libra.weighing.method_choice import Choice
from libra.weighing.options import Viewport

WatchStatus = Literal["quarantined", "failed", "over-budget", "unconfirmed", "new", "ok", "paused"]
"""``new`` until the first weigh-in; ``unconfirmed`` when something is wrong that is told only when more
weigh-ins find it; ``quarantined`` when its process crashes whenever it is started. What needs somebody
most comes first."""

REMEMBERED = 10
"""Weigh-ins, and tries of alerts, that a watch remembers."""


class WeighIn(msgspec.Struct, frozen=True):
    """What a page weighed at one time. Sizes are bytes of transfer size.

    ``total`` and ``change`` are null where the page could not be weighed; ``change`` is since the last
    good weigh-in. ``score`` is the Teledrin score of a page that was weighed.
    """

    page: str
    at: datetime
    total: int | None = None
    complete: bool = False
    change: int | None = None
    breaches: tuple[Breach, ...] = ()
    error: str | None = None
    score: int | None = None


class Delivery(msgspec.Struct, frozen=True):
    """A try to deliver an alert. ``error`` is null if the receiver took it.

    ``to`` is the name of the destination, null for the webhook.
    """

    event: Event
    at: datetime
    error: str | None = None
    given_up: bool = False
    to: str | None = None


class Watch(msgspec.Struct, frozen=True):
    """A URL that is weighed again and again.

    Attributes:
        id: of the watch.
        url: what is weighed.
        every: ``hour``, ``day``, ``week``, an interval such as ``30m``, or a cron expression.
        status: what is known of the page.
        terms: what the page must keep to, and when somebody is told.
        webhook: where alerts go; only the scheme and the host, as the rest may be a secret.
        created_at: when it was made.
        next_at: when it is due next; a paused watch is not.
        page: the page that is being weighed for it now, or null.
        last: the last weigh-in, or null before the first.
        alerts_waiting: alerts that nobody has taken yet.
        delivery: the last try to deliver one, or null.
        version: grows with every change.
        backup: how safe it is.
        error: why it is quarantined, or null.
        secret: what its alerts are signed with; told once, to whoever made the watch.
        name: what people call it; empty for its URL.
        tags: what it belongs to.
        note: what people should know of it.
        paused: whether it rests until somebody resumes it.
        time_zone: what a cron expression is read in.
        method: how its page is weighed; null as the service does.
        viewport: the window that it is weighed for; null as the service does.
        headers: the names of the headers that its page is asked for with; their values are secrets.
        webhook_headers: the names of those that its alerts are sent with.
        destination: the name of the operator's destination that alerts go to, or null.
        public: the id of its public page and badge, or null.
        runs: its last weigh-ins, newest first; empty in lists.
        deliveries: the last tries to deliver alerts, newest first; empty in lists.
        keep: seconds that all of its weigh-ins are kept, before they are thinned; null for as long as
            pages are kept anyway.
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
    """All that a watch knows, as it is stored. See `Watch` for what the fields mean.

    ``choice`` is how its page shall be weighed, and ``method`` how the first weigh-in did it: a watch
    stays with that, else a change would be one of methods.
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
        """Without what is secret in it: a crash is reported with what was at hand."""
        return f"WatchState(id={self.id!r}, every={self.every!r}, page={self.page!r}, ...)"

    @property
    def spread(self) -> float:
        """How far its times are moved, 0 up to 1: see `libra.inspector.records.watches.schedule`."""
        return spread_of(self.id)


class WatchRecord:
    """A watch as far as it must survive its process."""

    __slots__ = ("_life", "backup", "error", "state", "version")

    def __init__(
        self, state: WatchState, version: int | None = None, backup: Backup = "memory"
    ) -> None:
        self.state = state
        self.version = first_version(1) if version is None else version
        # The first change after it came back begins a life: not all that was seen was written down.
        self._life = life_of(self.version) if version is None else life_of(version) + 1
        self.backup: Backup = backup
        self.error: str | None = None

    @property
    def id(self) -> str:
        """The id of the watch."""
        return self.state.id

    @property
    def journal_first(self) -> bool:
        """Whether the database is to have it only after the journal."""
        return True

    @property
    def row_version(self) -> int:
        """The version that its row has."""
        return self.version

    @property
    def spread(self) -> float:
        """How far its times are moved, 0 up to 1: see `libra.inspector.records.watches.schedule`."""
        return spread_of(self.state.id)

    def has_tag(self, tag: str) -> bool:
        """Whether it belongs to this, whatever the case."""
        wanted = tag.casefold()
        return any(one.casefold() == wanted for one in self.state.tags)

    def change(self, **changes: object) -> None:
        """The watch knows something new, which nobody has kept yet.

        As those of a page, versions count the changes of a life, so that a watch that is taken up again
        after ``kill -9`` goes on above everything that may have been stored.
        """
        self.state = msgspec.structs.replace(self.state, **changes)
        self.version = max(self.version + 1, first_version(self._life))
        self.backup = "memory"

    def learn(self, version: int, level: Backup, steps: Callable[[Backup], int]) -> bool:
        """As `PageRecord.learn`; what has changed since is on its way."""
        if version != self.version or (level != "rejected" and steps(level) >= steps(self.backup)):
            return False
        self.backup = level
        return True

    def unlearn(self, level: Backup, _steps: Callable[[Backup], int]) -> bool:
        """As `PageRecord.unlearn`."""
        if self.backup != level:
            return False
        self.backup = "memory"
        return True

    def row(self) -> WatchRow:
        """The row that the database is to hold."""
        return WatchRow(self.id, self.state.url, self.version, msgspec.json.encode(self.state))

    def shown(self, *, whole: bool = False) -> Watch:
        """The watch as it may be shown to people.

        Args:
            whole: with its last weigh-ins and alerts.
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
        """What is known of its page."""
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
    """All watches by their id."""

    def __init__(self) -> None:
        self._by_id: dict[str, WatchRecord] = {}
        self._weighed_for: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[WatchRecord]:
        """All of them as they are now, in no order that means anything."""
        return iter(list(self._by_id.values()))

    def by_status(self) -> Counter[WatchStatus]:
        """How many watches there are of each status; some 2 ms for 10,000."""
        return Counter(record.status for record in self._by_id.values())

    def get(self, watch_id: str) -> WatchRecord | None:
        """The record of a watch, or None."""
        return self._by_id.get(watch_id)

    def add(self, record: WatchRecord) -> None:
        """Enter a record; one with the same id is replaced."""
        before = self._by_id.get(record.id)
        if before is not None and before.state.page is not None:
            self._weighed_for.pop(before.state.page, None)
        self._by_id[record.id] = record
        if record.state.page is not None:
            self._weighed_for[record.state.page] = record.id

    def weighing(self, page_id: str) -> WatchState | None:
        """The watch that came back with this page under way for it, or None.

        What a page is weighed with is kept with the watch, as there are secrets in it.
        """
        record = self._by_id.get(self._weighed_for.get(page_id, ""))
        return record.state if record is not None and record.state.page == page_id else None

    def discard(self, watch_id: str) -> None:
        """Take a record out, if it is there."""
        record = self._by_id.pop(watch_id, None)
        if record is not None and record.state.page is not None:
            self._weighed_for.pop(record.state.page, None)


def restore_watch(row: WatchRow, backup: Backup) -> WatchRecord:
    """The record of a watch from its row.

    Args:
        row: as the database or the journal has it.
        backup: where it comes from, ``stored`` or ``journaled``.

    Raises:
        msgspec.MsgspecError: if what is stored is no watch.
    """
    return WatchRecord(decode_json_as(row.data, WatchState), row.version, backup)
