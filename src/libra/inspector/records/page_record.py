"""The record of a page, which survives a crash of its process.

In Erlang this would be an ETS table with an heir. A `PageInspector` owns its record, and only it
writes to the record. When the process dies, the record stays: the page can still be read, and the
next process continues from the record. Versions live here too, because they must never go back after
a crash.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final, NamedTuple

import msgspec
import zstandard

from libra.ids import new_id
from libra.inspector.records.by_url import Link
from libra.inspector.records.packing import PACK_FROM, pack, unpack, unpacked_size
from libra.report import (
    Backup,
    Method,
    Report,
    Status,
    Summary,
    decode,
    decode_summary,
    encode,
    require_stampable,
    restamp,
    summarize,
    way_of,
)
from libra.storage.rows.entries import Headers, Snapshot
from libra.weighing.method_choice import UNDECIDED
from libra.weighing.options import DESKTOP, Options

#: Bits of a version that count the changes within a life.
CHANGES: Final = 32


def life_of(version: int) -> int:
    """The life of a page or a watch that a version belongs to."""
    return version >> CHANGES


def first_version(life: int) -> int:
    """The first version of a life: higher than any version of an earlier life.

    A page or a watch that comes back after ``kill -9`` begins a new life, because the last versions
    of the life before were never written down. This depends on no clock.
    """
    return life << CHANGES


class Weight(NamedTuple):
    """The transfer size of a page in bytes, and how it was weighed (`libra.report.Summary.way`)."""

    transfer_bytes: int
    way: str


class PageRecord(Link):
    """The part of a page that must survive the process that weighs it.

    While the page is being weighed, the record has only the page's identity. Once it is finished, its
    report rests here as encoded bytes, compressed where that pays. Of the weighing, only the weight is
    kept.

    Attributes:
        weight: the answer of `weighed`; None until somebody asks.
        headers: extra request headers for the page, until it is finished. They are secrets, kept in
            its row and nowhere in its report.
    """

    __slots__ = (
        "_packed",
        "_resting",
        "_shown",
        "backup",
        "chosen",
        "error",
        "expires_at",
        "growing",
        "headers",
        "key",
        "method",
        "options",
        "series",
        "status",
        "stored_version",
        "submitted_at",
        "version",
        "viewport",
        "weight",
    )

    def __init__(
        self, page_id: str, url: str, options: Options | None, submitted_at: datetime
    ) -> None:
        self.id = page_id
        self.url = url
        self.options = options
        self.method: Method = options.method if options else "static"
        self.chosen = UNDECIDED if options and options.auto else None
        self.viewport = options.viewport if options else DESKTOP
        self.headers: Headers = options.headers if options else ()
        self.submitted_at = submitted_at
        self.version = 0
        self.stored_version = 0
        self.status: Status = "queued"
        self.backup: Backup = "memory"
        self.error: str | None = None
        self.expires_at: datetime | None = None
        self.key: str | None = None
        self.growing: bytes | None = None
        self.series: str | None = None
        self._resting: bytes | None = None
        self._packed = False
        self._shown: tuple[int, Backup] | None = None
        self.weight: Weight | None = None
        self.newer = self.older = None

    @classmethod
    def submitted(
        cls, url: str, options: Options | None, now: datetime, key: str | None = None
    ) -> PageRecord:
        """A new page with its own id: a UUIDv7, so ids sort by the time of submission."""
        record = cls(new_id(), url, options, now)
        record.key = key
        return record

    @property
    def finished(self) -> bool:
        """Whether the page has been weighed or has failed, so that its report rests here."""
        return self._resting is not None

    @property
    def stored(self) -> bool:
        """Whether the database has the finished report."""
        return self.finished and self.backup == "stored"

    @property
    def loss_untold(self) -> bool:
        """Whether it has lost a level of safety that it still shows; see `unlearn`."""
        return self._shown is not None

    @property
    def shown_version(self) -> int:
        """The version that clients see."""
        return self.version if self._shown is None else self._shown[0]

    @property
    def may_leave(self) -> bool:
        """Whether the page may leave memory without a loss.

        A stored page may leave, and so may a page that the database refuses, because it cannot become
        safer. A page that is only journaled stays: the database gets it from here.
        """
        return self.finished and self.backup in ("stored", "rejected")

    @property
    def journal_first(self) -> bool:
        """Whether the journal must have it before the database: only for results."""
        return self.finished

    @property
    def row_version(self) -> int:
        """The version of a finished page's row."""
        return self.stored_version

    def begin_life(self) -> None:
        """Begin a life of the page: the first one, or one after a crash or a restart of the program."""
        self._shown = None
        self.version = self.version + 1 if self.version else first_version(1)
        self.status = "queued"
        self.error = None

    def base(self) -> Report:
        """The part of the report that the record knows; the weighing adds the rest."""
        return Report(
            id=self.id,
            url=self.url,
            method=self.method,
            viewport=str(self.viewport),
            status=self.status,
            version=self.version,
            backup=self.backup,
            submitted_at=self.submitted_at,
            expires_at=self.expires_at,
            error=self.error,
            chosen=self.chosen,
        )

    def rest(self, report: Report, steps: int) -> None:
        """Keep a finished report as bytes, and drop the options.

        Args:
            report: the present report, in memory only.
            steps: how many more versions it gets until it is stored, one for each change.
        """
        self.version = report.version
        self.stored_version = report.version + steps
        self.status = report.status
        self.backup = report.backup
        self.error = report.error
        self.expires_at = report.expires_at
        self.options = None
        self.headers = ()
        self.viewport = DESKTOP
        self.rest_encoded(encode(report))
        self.weight = Weight(report.total.transfer_bytes, way_of(report))

    def rest_encoded(self, data: bytes) -> None:
        """Keep the encoding of a finished report."""
        self.weight = None
        self._packed = len(data) >= PACK_FROM
        self._resting = pack(data) if self._packed else data

    def rest_packed(self, packed: bytes) -> None:
        """Keep a report that comes back packed, without unpacking it; see `check`."""
        self.weight = None
        self._packed = True
        self._resting = packed

    def check(self) -> None:
        """Check that the resting report can be read.

        Raises:
            ValueError: it is not a report.
        """
        if self._resting is None:
            return
        try:
            require_stampable(unpack(self._resting) if self._packed else self._resting)
        except zstandard.ZstdError as error:
            raise ValueError(str(error)) from error

    def resting(self) -> bytes | None:
        """The encoded report of a finished page as clients see it; None while it is not finished."""
        return self.stamped(*(self._shown or (self.version, self.backup)))

    def quarantine(self, reason: str) -> None:
        """Note that the page has no process any more; an unfinished page fails with that."""
        self._shown = None
        self.version += 1
        self.error = f"quarantined: {reason}"
        if self._resting is None:
            self.status = "failed"

    def revive(self) -> None:
        """Give the page another chance."""
        self._shown = None
        self.version += 1
        self.error = None
        if self._resting is None:
            self.status = "queued"

    def row(self) -> Snapshot:
        """The row for the database: the page as it will be once it is stored."""
        data = self.stamped(self.stored_version, "stored")
        if data is not None:
            row = Snapshot.of_summary(decode_summary(data), data)
            # Reuse the text of the id: the journal holds it for as long as the page is in memory.
            return msgspec.structs.replace(row, id=self.id, idempotency=self.key)
        submission = msgspec.structs.replace(self.base(), backup="stored")
        if self.error is not None:
            # The page is quarantined and unfinished: somebody may retry it later.
            submission = msgspec.structs.replace(submission, status="queued", error=None)
        row = Snapshot.of(submission)
        return msgspec.structs.replace(row, idempotency=self.key, headers=self.headers)

    def learn(self, version: int, level: Backup, steps: Callable[[Backup], int]) -> bool:
        """Note how safe the page is as of a version; False if that is nothing new.

        Args:
            version: the version that was kept.
            level: how safe that version is.
            steps: how many more times a page at a level is told of a new level until it is stored.
        """
        if self.finished and version < self.stored_version:
            return False  # the submission, or from before a loss; the result is on its way
        if steps(level) >= steps(self.backup) and level != "rejected":
            return False  # the page is as safe already, or safer
        if level == "stored":
            self.mark(level, self.stored_version if self.finished else self.version + 1)
        else:
            self.mark(level, self.version + 1)
            if level == "rejected":
                # If the database accepts it after all, that is one more version.
                self.stored_version = self.version + steps(level)
        return True

    def unlearn(
        self, level: Backup, steps: Callable[[Backup], int], *, until_journaled: bool = False
    ) -> bool:
        """Note that a level of safety is lost; False if the page did not have that level.

        If the database comes back after ``kill -9``, its row has the version from before the loss. So
        nobody may have seen a higher version that is nowhere but in memory.

        Args:
            level: what is lost.
            steps: how many more times a page at a level is told of a new level until it is stored.
            until_journaled: whether a finished page shows its former level and version until it is
                journaled again, or until `tell_loss`.
        """
        if self.backup != level:
            return False
        shown = self.version, self.backup
        self.mark("memory", self.version + 1)
        self.stored_version = self.version + steps("memory")
        if until_journaled and self.finished:
            self._shown = shown
        return True

    def tell_loss(self) -> bool:
        """Show what `unlearn` has noted; False if it shows already."""
        shown, self._shown = self._shown, None
        return shown is not None

    def mark(self, backup: Backup, version: int) -> None:
        """Set the level of safety as of a version; a version never goes back."""
        self._shown = None
        self.version = max(version, self.version)
        self.backup = backup

    def stamped(self, version: int, backup: Backup) -> bytes | None:
        """The encoded report of a finished page, with another version and level, for the database."""
        if self._resting is None:
            return None
        data = unpack(self._resting) if self._packed else self._resting
        return restamp(data, version, backup)

    def encoded(self) -> bytes:
        """The report as far as the record knows it, as JSON."""
        return self.resting() or self.growing or encode(self.base())

    def grow(self, version: int, status: Status, data: bytes) -> None:
        """Keep the present report, as JSON, of a page that another node weighs."""
        self.version, self.status, self.growing = version, status, data

    def summary(self) -> Summary:
        """The summary of the report as far as the record knows it."""
        if self._resting is None:
            return summarize(self.base()) if self.growing is None else decode_summary(self.growing)
        data = unpack(self._resting) if self._packed else self._resting
        version, backup = self._shown or (self.version, self.backup)
        return msgspec.structs.replace(decode_summary(data), version=version, backup=backup)

    def weighed(self) -> Weight | None:
        """The weight of the page and how it was weighed; None if it was not weighed."""
        if self.status != "weighed":
            return None
        if self.weight is None:
            summary = self.summary()
            self.weight = Weight(summary.total.transfer_bytes, summary.way)
        return self.weight

    @property
    def report_bytes(self) -> int:
        """Bytes of a finished page's unpacked report, as far as known; otherwise 0."""
        if self._resting is None:
            return 0
        return unpacked_size(self._resting) if self._packed else len(self._resting)

    def report(self) -> Report:
        """The report as far as the record knows it."""
        data = self.resting()
        return self.base() if data is None else decode(data)
